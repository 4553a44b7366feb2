"""What a request has to look up before an offer can be decided on."""

from collections.abc import Iterable, Iterator
from typing import cast

import msgspec

from kaquan.engine.conditions import (
    BirthdayWindow,
    CodeHolder,
    Condition,
    CustomerAttribute,
    CustomerSpend,
    FirstOrder,
    InSegment,
    InTier,
    OrderCount,
    RedemptionCount,
    count_key,
    list_leaves,
)
from kaquan.engine.effects import Effect, FreeUnits
from kaquan.engine.formula import list_names, parse_formula
from kaquan.engine.offer import Offer
from kaquan.engine.scope import Scope


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """Facts that offers ask for; what is not named here need not be looked up.

    `redemption_counts` are keys of `Candidate.redemption_counts`; `catalogue_ids` are products and
    SKUs of which `Context.catalogue` should know the price; `attribute_names` are those of goods
    that scopes name. `code_uses` asks for the count of the code itself, `publication` for what was
    noted when it was given away.
    """

    segment_ids: frozenset[str] = frozenset()
    redemption_counts: frozenset[str] = frozenset()
    catalogue_ids: frozenset[str] = frozenset()
    attribute_names: frozenset[str] = frozenset()
    order_count: bool = False
    spend: bool = False
    tier: bool = False
    birthday: bool = False
    customer_attributes: bool = False
    holder: bool = False
    claim: bool = False
    code_uses: bool = False
    publication: bool = False


_SWITCHES = tuple(
    field.name for field in msgspec.structs.fields(Needs) if isinstance(field.default, bool)
)
MOST_REMEMBERED = 1_000
_LOOKED_AT: dict[tuple[int, int, bool], tuple[Offer, Needs]] = {}


def find_needs(offers: Iterable[Offer]) -> Needs:
    """What all of the offers together ask for."""
    each = [_recall(offer) for offer in offers]
    if len(each) == 1:
        return each[0]
    return Needs(
        segment_ids=frozenset[str]().union(*(one.segment_ids for one in each)),
        redemption_counts=frozenset[str]().union(*(one.redemption_counts for one in each)),
        catalogue_ids=frozenset[str]().union(*(one.catalogue_ids for one in each)),
        attribute_names=frozenset[str]().union(*(one.attribute_names for one in each)),
        **{name: any(getattr(one, name) for one in each) for name in _SWITCHES},
    )


def _recall(offer: Offer) -> Needs:
    """The needs of an offer, remembered for the offers that were looked at last.

    Definitions are parsed once, so most offers are made of the very objects of the last look.
    What is remembered is kept alive, and no other object can take its place in memory.
    """
    place = id(offer.effect), id(offer.condition), offer.window.after_claim is not None
    known = _LOOKED_AT.get(place)
    if known is None:
        while len(_LOOKED_AT) >= MOST_REMEMBERED:
            del _LOOKED_AT[next(iter(_LOOKED_AT))]
        known = _LOOKED_AT[place] = (offer, _look_at(offer))
    return known[1]


def _look_at(offer: Offer) -> Needs:
    leaves = list(list_leaves(offer.condition))
    kinds = {type(leaf) for leaf in leaves}
    parts: tuple[Effect | Condition, ...] = (offer.effect, *leaves)
    scopes = [scope for part in parts for scope in _list_scopes(part)]
    names = {
        name
        for part in parts
        for text in _list_formulas(part)
        for name in list_names(parse_formula(text))
    }
    return Needs(
        segment_ids=frozenset(leaf.segment_id for leaf in leaves if isinstance(leaf, InSegment)),
        redemption_counts=frozenset(
            count_key(leaf.of, leaf.period) for leaf in leaves if isinstance(leaf, RedemptionCount)
        ),
        catalogue_ids=frozenset(
            unit.sku_id or unit.product_id or ""
            for unit in (offer.effect.units if isinstance(offer.effect, FreeUnits) else ())
        ),
        attribute_names=frozenset[str]().union(
            *(scope.attributes.keys() | scope.excluded_attributes.keys() for scope in scopes)
        ),
        order_count=bool(kinds & {FirstOrder, OrderCount}) or "customer_order_count" in names,
        spend=CustomerSpend in kinds or "customer_spend" in names,
        tier=InTier in kinds or "customer_tier" in names,
        birthday=BirthdayWindow in kinds or "customer_birthdate" in names,
        customer_attributes=CustomerAttribute in kinds or "customer_metadata" in names,
        holder=CodeHolder in kinds,
        claim=offer.window.after_claim is not None,
        code_uses="voucher_redeemed_quantity" in names,
        publication="publication_metadata" in names,
    )


def _list_formulas(part: msgspec.Struct) -> Iterator[str]:
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if name.endswith("_formula") and isinstance(value, str):
            yield value
        for inner in _structs_in(value):
            yield from _list_formulas(inner)


def _list_scopes(part: msgspec.Struct) -> Iterator[Scope]:
    for name in part.__struct_fields__:
        for inner in _structs_in(getattr(part, name)):
            if isinstance(inner, Scope):
                yield inner
            else:
                yield from _list_scopes(inner)


def _structs_in(value: object) -> Iterator[msgspec.Struct]:
    if isinstance(value, msgspec.Struct):
        yield value
    elif isinstance(value, tuple):
        members = cast("tuple[object, ...]", value)
        yield from (one for one in members if isinstance(one, msgspec.Struct))
