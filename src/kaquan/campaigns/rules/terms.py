"""Working rules and recurring windows into offers, so that a checkout reads one offer only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.campaigns.checks import check_offer
from kaquan.campaigns.define import update_campaign
from kaquan.campaigns.model import Campaign, CampaignChange, CampaignKind, Voucher
from kaquan.campaigns.rules.applicable import apply_selected, read_applicable
from kaquan.campaigns.rules.compile import compile_rules
from kaquan.campaigns.rules.goods import KnownGoods, list_goods_names
from kaquan.campaigns.rules.model import OwnerKind, RuleNotSupported, Terms, ValidationRule
from kaquan.campaigns.rules.windows import window_of
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.rules import (
    find_terms,
    list_rules_of,
    put_terms,
)
from kaquan.campaigns.store.vouchers import (
    get_any_voucher,
    list_vouchers_with_offers,
    update_voucher_row,
)
from kaquan.customers import list_products_named, list_skus_named
from kaquan.engine import AllOf, condition_to_data, parse_condition
from kaquan.runtime import Tx


async def set_terms(
    tx: Tx,
    kind: OwnerKind,
    owner_id: str,
    *,
    offer: dict[str, Any] | UnsetType | None = UNSET,
    said: dict[str, Any] | UnsetType = UNSET,
    now: datetime,
) -> None:
    """Keep what was said of an object's offer, and make its offer anew from that and its rules.

    ``offer`` is what was stated just now and is stored with the object already; what is UNSET
    stays as it was said before. Raises InvalidInput and RuleNotSupported, naming the place.
    """
    known = await find_terms(tx, owner_id)
    if known is None and not said:
        await settle_offer(tx, kind, owner_id, now=now)
        return
    if known is None:
        stated = await _find_offer(tx, kind, owner_id) if offer is UNSET else offer
        known = Terms(owner_id=owner_id, owner_kind=kind, offer=stated or None)
    elif not isinstance(offer, UnsetType):
        known = msgspec.structs.replace(known, offer=offer)
    if not isinstance(said, UnsetType):
        known = msgspec.structs.replace(known, said=said)
    await put_terms(tx, known)
    await settle_offer(tx, kind, owner_id, now=now)


async def _find_offer(tx: Tx, kind: OwnerKind, owner_id: str) -> dict[str, Any] | None:
    if kind is OwnerKind.CAMPAIGN:
        return (await get_campaign(tx, owner_id)).offer
    return (await get_any_voucher(tx, owner_id)).offer


async def settle_offer(tx: Tx, kind: OwnerKind, owner_id: str, *, now: datetime) -> None:
    """Make an object's offer anew from what was said of it and the rules that hold for it.

    A campaign's vouchers and tiers that have an offer of their own follow. What nothing was said
    of stays as it is.
    """
    if kind is OwnerKind.CAMPAIGN:
        await _settle_campaign(tx, await get_campaign(tx, owner_id), now=now)
    else:
        await _settle_voucher(tx, await get_any_voucher(tx, owner_id), kind, now=now)


async def _settle_campaign(tx: Tx, campaign: Campaign, *, now: datetime) -> None:
    terms = await find_terms(tx, campaign.id)
    rules = await list_rules_of(tx, campaign.id)
    if terms is None:
        if not rules:
            return
        terms = Terms(
            owner_id=campaign.id, owner_kind=OwnerKind.CAMPAIGN, offer=campaign.offer or None
        )
        await put_terms(tx, terms)
    if campaign.kind is not CampaignKind.PROMOTION:
        since = campaign.starts_at or campaign.created_at
        offer = await _work(tx, terms, rules, since=since)
        await update_campaign(tx, campaign.id, CampaignChange(offer=offer), now=now)
    for voucher_id in await list_vouchers_with_offers(tx, campaign.id):
        voucher = await get_any_voucher(tx, voucher_id)
        kind = OwnerKind.PROMOTION_TIER if voucher.tier else OwnerKind.VOUCHER
        await _settle_voucher(tx, voucher, kind, now=now)


async def _settle_voucher(tx: Tx, voucher: Voucher, kind: OwnerKind, *, now: datetime) -> None:
    terms = await find_terms(tx, voucher.id)
    own = await list_rules_of(tx, voucher.id)
    campaign = None if voucher.campaign_id is None else await get_campaign(tx, voucher.campaign_id)
    above = None if campaign is None else await find_terms(tx, campaign.id)
    inherited = [] if campaign is None else await list_rules_of(tx, campaign.id)
    if terms is None:
        if not own and (voucher.offer is None or not (inherited or above)):
            return
        terms = Terms(owner_id=voucher.id, owner_kind=kind, offer=voucher.offer)
        await put_terms(tx, terms)
    offer = None
    if terms.offer is not None or own or terms.said:
        since = voucher.starts_at or (campaign and campaign.starts_at) or voucher.created_at
        whole = _combine(terms, above, campaign)
        offer = await _work(tx, whole, _once([*inherited, *own]), since=since)
        offer = check_offer(offer, voucher.id)
    await update_voucher_row(tx, msgspec.structs.replace(voucher, offer=offer), now=now)


def _combine(terms: Terms, above: Terms | None, campaign: Campaign | None) -> Terms:
    """A voucher's terms with what it has from its campaign; its own words go before."""
    said = terms.said if above is None else {**above.said, **terms.said}
    if terms.offer is not None:
        return msgspec.structs.replace(terms, said=said)
    assert campaign is not None, "a voucher without an offer has its campaign's"
    if above is None:
        return msgspec.structs.replace(terms, offer=campaign.offer, said=said)
    return msgspec.structs.replace(terms, offer=above.offer or campaign.offer, said=said)


async def _work(
    tx: Tx, terms: Terms, rules: Sequence[ValidationRule], *, since: datetime
) -> dict[str, Any]:
    """Return the offer with rules and windows in it, as the engine's JSON."""
    base = terms.offer
    assert base is not None, "only what has an offer is worked on"
    known = await _look_up(tx, rules)
    effect = base["effect"]
    nodes = [parse_condition(base.get("condition"))]
    for rule in rules:
        compiled = compile_rules(rule, known)
        nodes.append(compiled.condition)
        selected = read_applicable(rule.applicable_to, compiled.discounted, known)
        if selected is None:
            continue
        if effect != base["effect"]:
            message = "Two sets of rules cannot both say which goods a discount is for."
            raise RuleNotSupported(message, field="applicable_to")
        effect = apply_selected(effect, selected)
    asked = [node for node in nodes if node != AllOf()]
    condition = asked[0] if len(asked) == 1 else AllOf(tuple(asked))
    return {
        **base,
        "effect": effect,
        "condition": condition_to_data(condition),
        "window": {**(base.get("window") or {}), **window_of(terms.said, since=since)},
    }


async def _look_up(tx: Tx, rules: Sequence[ValidationRule]) -> KnownGoods:
    """Return by every name of goods in the rules what an order may call them."""
    names = set[str]().union(
        *(list_goods_names([rule.rules, rule.applicable_to or {}]) for rule in rules)
    )
    if not names:
        return {}
    found: dict[str, set[str]] = {}
    for goods in (
        *await list_products_named(tx, sorted(names)),
        *await list_skus_named(tx, sorted(names)),
    ):
        both = {name for name in (goods.id, goods.source_id) if name is not None}
        for name in both & names:
            found.setdefault(name, set()).update(both)
    return {name: frozenset(others) for name, others in found.items()}


def _once(rules: Sequence[ValidationRule]) -> list[ValidationRule]:
    return list({rule.id: rule for rule in rules}.values())
