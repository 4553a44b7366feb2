"""Earning rules and tiers on the wire."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.periods import PeriodBody, read_period, refuse_later
from kaquan.api.points_terms import (
    ExpiryBody,
    PendingBody,
    read_days,
    read_expiry,
    view_days,
    view_expiry,
)
from kaquan.api.problems import NotSupported
from kaquan.api.values import Count, Identifier, Metadata, Minor, ShortText, merge_metadata
from kaquan.loyalty import (
    ORDER_PAID,
    Basis,
    EarningRule,
    EarningRuleChange,
    EarningRuleDraft,
    EarningTerms,
    Goods,
    LoyaltyTier,
    LoyaltyTierDraft,
    PointsMapping,
)
from kaquan.runtime import InvalidInput, Tx

_PLACES: dict[Basis, tuple[str, str]] = {
    Basis.ORDER_AMOUNT: ("order", "amount"),
    Basis.ORDER_TOTAL_AMOUNT: ("order", "total_amount"),
    Basis.ORDER_METADATA: ("order", "metadata"),
    Basis.ORDER_ITEMS_QUANTITY: ("order_items", "quantity"),
    Basis.ORDER_ITEMS_AMOUNT: ("order_items", "amount"),
    Basis.ORDER_ITEMS_SUBTOTAL_AMOUNT: ("order_items", "subtotal_amount"),
    Basis.CUSTOMER_METADATA: ("customer", "metadata"),
    Basis.CUSTOM_EVENT_METADATA: ("custom_event", "metadata"),
}
"""In which member of which member a calculation is told."""

_LATER_EVENTS = ("customer.segment.", "customer.loyalty.tier.")


class GoodsBody(msgspec.Struct, frozen=True):
    """A product, a variant or a collection."""

    object: Literal["products_collection", "product", "sku"]
    id: Identifier


class StepBody(msgspec.Struct, frozen=True, kw_only=True):
    """``points`` for each full ``every``; of goods, only on those named."""

    every: Count | None = None
    points: Count | None = None
    points_formula: ShortText | None = None
    property: Identifier | None = None
    object: Literal["products_collection", "product", "sku"] | None = None
    id: Identifier | None = None
    applicable_to: Annotated[list[GoodsBody], Meta(max_length=100)] | None = None


class EarningBody(msgspec.Struct, frozen=True, kw_only=True):
    """How points are reckoned: a fixed number, or in proportion to something."""

    type: Literal["FIXED", "PROPORTIONAL"]
    points: Count | None = None
    points_formula: ShortText | None = None
    calculation_type: (
        Literal[
            "ORDER_AMOUNT",
            "ORDER_TOTAL_AMOUNT",
            "ORDER_METADATA",
            "ORDER_ITEMS_QUANTITY",
            "ORDER_ITEMS_AMOUNT",
            "ORDER_ITEMS_SUBTOTAL_AMOUNT",
            "CUSTOMER_METADATA",
            "CUSTOM_EVENT_METADATA",
        ]
        | None
    ) = None
    order: dict[str, StepBody | None] | None = None
    order_items: dict[str, StepBody | None] | None = None
    customer: dict[str, StepBody | None] | None = None
    custom_event: dict[str, StepBody | None] | None = None


class BannerBody(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about the rule to people."""

    banner: ShortText | None = None


class SchemaBody(msgspec.Struct, frozen=True, kw_only=True):
    """The custom event's schema."""

    schema_id: Identifier | None = None


class RuleBody(PeriodBody, frozen=True, kw_only=True):
    """What a caller says about an earning rule; a member left out stays."""

    event: Identifier | None = None
    loyalty: EarningBody | None = None
    source: BannerBody | None = None
    custom_event: SchemaBody | None = None
    active: bool | None = None
    metadata: Metadata | UnsetType | None = UNSET
    validation_rule_id: Identifier | None = None
    pending_points: PendingBody | UnsetType | None = UNSET
    expiration_rules: ExpiryBody | UnsetType | None = UNSET
    segment: dict[str, Any] | None = None
    loyalty_tier: dict[str, Any] | None = None


_LATER = (
    "validation_rule_id",
    "segment",
    "loyalty_tier",
    "validity_timeframe",
    "validity_day_of_week",
    "validity_hours",
)


class SourceView(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about the rule, and whose it is."""

    banner: str | None
    object_id: str
    object_type: Literal["campaign"] = "campaign"


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """An earning rule as answered."""

    id: str
    created_at: datetime
    updated_at: datetime | None
    loyalty: dict[str, Any]
    event: str
    custom_event: SchemaBody | UnsetType = UNSET
    source: SourceView
    active: bool
    start_date: datetime | None
    expiration_date: datetime | None
    pending_points: PendingBody | None
    expiration_rules: dict[str, Any] | None
    metadata: Metadata
    validation_rule_id: None = None
    object: Literal["earning_rule"] = "earning_rule"


class RuleList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the earning rules."""

    data: list[RuleView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_rule(rule: EarningRule) -> RuleView:
    """Map an earning rule to the wire."""
    return RuleView(
        id=rule.id,
        created_at=rule.created_at,
        updated_at=rule.updated_at,
        loyalty=_view_terms(rule.terms),
        event=rule.event,
        custom_event=UNSET if rule.schema_id is None else SchemaBody(schema_id=rule.schema_id),
        source=SourceView(banner=rule.banner, object_id=rule.campaign_id),
        active=rule.active,
        start_date=rule.starts_at,
        expiration_date=rule.expires_at,
        pending_points=view_days(rule.pending_days),
        expiration_rules=view_expiry(rule.expiry),
        metadata=rule.metadata,
    )


def _view_terms(terms: EarningTerms) -> dict[str, Any]:
    if terms.basis is Basis.FIXED:
        return {"type": "FIXED", "points": terms.points}
    step: dict[str, Any] = {"every": terms.every, "points": terms.points}
    if terms.property is not None:
        step["property"] = terms.property
    if terms.goods:
        goods = [{"object": one.object, "id": one.id} for one in terms.goods]
        step |= goods[0] | {"applicable_to": goods}
    outer, inner = _PLACES[terms.basis]
    return {
        "type": "PROPORTIONAL",
        "calculation_type": terms.basis.value,
        outer: {inner: step},
    }


async def draft_rule(tx: Tx, body: RuleBody, *, field: str) -> EarningRuleDraft:
    """Map what a caller says of a new rule. Raises InvalidInput and NotSupported."""
    refuse_later(body, _LATER)
    if body.event is None or body.loyalty is None:
        missing = "event" if body.event is None else "loyalty"
        message = f"An earning rule needs '{missing}'."
        raise InvalidInput(message, field=f"{field}{missing}")
    if body.event.startswith(_LATER_EVENTS):
        message = f"Points for '{body.event[:64]}' are not supported yet."
        raise NotSupported(message, field=f"{field}event")
    starts_at, expires_at = await read_period(tx, body)
    is_custom = body.event not in ORDER_PAID
    schema = None if body.custom_event is None else body.custom_event.schema_id
    return EarningRuleDraft(
        event=body.event,
        terms=_read_terms(body.loyalty, field=f"{field}loyalty"),
        schema_id=schema if is_custom else None,
        pending_days=read_days(body.pending_points) or None,
        expiry=read_expiry(body.expiration_rules) or None,
        banner=None if body.source is None else body.source.banner,
        active=body.active is not False,
        starts_at=starts_at or None,
        expires_at=expires_at or None,
        metadata=merge_metadata({}, body.metadata),
    )


async def draft_rule_change(tx: Tx, body: RuleBody, known: EarningRule) -> EarningRuleChange:
    """Map what a caller says of a rule that is there."""
    refuse_later(body, _LATER)
    if body.event not in (None, known.event):
        message = "The event of a rule stays."
        raise InvalidInput(message, field="event")
    starts_at, expires_at = await read_period(tx, body)
    return EarningRuleChange(
        terms=UNSET if body.loyalty is None else _read_terms(body.loyalty, field="loyalty"),
        pending_days=read_days(body.pending_points),
        expiry=read_expiry(body.expiration_rules),
        banner=UNSET if body.source is None else body.source.banner,
        active=UNSET if body.active is None else body.active,
        starts_at=starts_at,
        expires_at=expires_at,
        metadata=merge_metadata(known.metadata, body.metadata),
    )


def _read_terms(body: EarningBody, *, field: str) -> EarningTerms:
    if body.points_formula:
        message = "Points by a formula are not supported yet."
        raise NotSupported(message, field=f"{field}.points_formula")
    if body.type == "FIXED":
        if body.points is None:
            raise InvalidInput("Say how many points.", field=f"{field}.points")
        return EarningTerms(basis=Basis.FIXED, points=body.points)
    if body.calculation_type is None:
        message = "Say what the points are in proportion to."
        raise InvalidInput(message, field=f"{field}.calculation_type")
    basis = Basis(body.calculation_type)
    outer, inner = _PLACES[basis]
    path = f"{field}.{outer}.{inner}"
    told: dict[str, StepBody | None] = getattr(body, outer) or {}
    step = told.get(inner)
    if step is not None and step.points_formula:
        message = "Points by a formula are not supported yet."
        raise NotSupported(message, field=f"{path}.points_formula")
    if step is None or step.every is None or step.points is None:
        raise InvalidInput("Say 'points' for each 'every'.", field=path)
    return EarningTerms(
        basis=basis,
        points=step.points,
        every=step.every,
        property=step.property,
        goods=_read_goods(step, field=path) if outer == "order_items" else (),
    )


def _read_goods(step: StepBody, *, field: str) -> tuple[Goods, ...]:
    if step.applicable_to:
        return tuple(Goods(one.object, one.id) for one in step.applicable_to)
    if (step.object is None) != (step.id is None):
        raise InvalidInput("'object' and 'id' go together.", field=field)
    return () if step.object is None or step.id is None else (Goods(step.object, step.id),)


class RangeBody(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """From how many points to how many, both included; without an end, or more."""

    from_: Minor
    to: Minor | None = None


class MappingBody(msgspec.Struct, frozen=True, kw_only=True):
    """Another number of points, or so many times as many."""

    type: Literal["CUSTOM", "MULTIPLY"]
    points: Count | None = None
    multiplier: Decimal | None = None


class TierBody(msgspec.Struct, frozen=True, kw_only=True):
    """A tier; mappings are by the id of an earning rule, or of a reward."""

    name: Identifier
    points: RangeBody
    earning_rules: dict[str, MappingBody] | None = None
    rewards: dict[str, MappingBody] | None = None
    metadata: Metadata | None = None


class RangeView(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """From how many points to how many; null is or more."""

    from_: int
    to: int | None


class ConfigView(msgspec.Struct, frozen=True):
    """The tier's points once more, as the dialect has them."""

    points: RangeView


class TierView(msgspec.Struct, frozen=True, kw_only=True):
    """A tier as answered."""

    id: str
    name: str
    campaign_id: str
    points: RangeView
    config: ConfigView
    earning_rules: dict[str, dict[str, Any]]
    rewards: dict[str, dict[str, Any]]
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None
    object: Literal["loyalty_tier"] = "loyalty_tier"


class TierList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the tiers."""

    data: list[TierView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_tier(tier: LoyaltyTier) -> TierView:
    """Map a tier to the wire."""
    points = RangeView(from_=tier.from_points, to=tier.to_points)
    return TierView(
        id=tier.id,
        name=tier.name,
        campaign_id=tier.campaign_id,
        points=points,
        config=ConfigView(points),
        earning_rules={name: _view_mapping(one) for name, one in tier.earning_rules.items()},
        rewards={name: _view_mapping(one) for name, one in tier.rewards.items()},
        metadata=tier.metadata,
        created_at=tier.created_at,
        updated_at=tier.updated_at,
    )


def draft_tier(body: TierBody) -> LoyaltyTierDraft:
    """Map what a caller says of a new tier."""
    return LoyaltyTierDraft(
        name=body.name,
        from_points=body.points.from_,
        to_points=body.points.to,
        earning_rules=_read_mappings(body.earning_rules),
        rewards=_read_mappings(body.rewards),
        metadata=merge_metadata({}, body.metadata or {}),
    )


def view_number(value: Decimal) -> int | float:
    """Map an exact number to the one that JSON has for it."""
    return int(value) if value == value.to_integral_value() else float(value)


def _view_mapping(mapping: PointsMapping) -> dict[str, Any]:
    shown: dict[str, Any] = {"type": mapping.type}
    if mapping.points is not None:
        shown["points"] = mapping.points
    if mapping.multiplier is not None:
        shown["multiplier"] = view_number(mapping.multiplier)
    return shown


def _read_mappings(bodies: dict[str, MappingBody] | None) -> dict[str, PointsMapping]:
    return {
        name: PointsMapping(type=one.type, points=one.points, multiplier=one.multiplier)
        for name, one in (bodies or {}).items()
    }
