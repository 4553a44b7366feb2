"""Promotion tiers and stacks on the wire: shapes, and their mapping to and from the room."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.categories import CategoryView, load_categories, pick_categories, read_category_id
from kaquan.api.discounts import DiscountBody, DiscountView, find_goods, read_offer, view_discount
from kaquan.api.periods import PeriodBody, read_period
from kaquan.api.said import NOTHING_SAID, Said, keep_said, load_said
from kaquan.api.validation_rules import AssignmentList
from kaquan.api.values import Identifier, LongText, Metadata, merge_metadata
from kaquan.campaigns import (
    Campaign,
    OwnerKind,
    PromotionStack,
    PromotionTier,
    TierChange,
    TierDraft,
    create_tier,
    get_promotion_tier,
    list_campaigns,
    list_promotion_tiers,
    update_tier,
)
from kaquan.insight import TierUse, summarise_tiers
from kaquan.runtime import InvalidInput, Tx, check_by_schema

MOST_TIERS = 100

Hierarchy = Annotated[int, Meta(ge=0, le=1_000_000)]


class ActionBody(msgspec.Struct, frozen=True):
    """What a tier does."""

    discount: DiscountBody | None = None


class GivenAssignment(msgspec.Struct, frozen=True):
    """A set of rules, as the dialect's assignments name it."""

    rule_id: Identifier | None = None


class GivenAssignments(msgspec.Struct, frozen=True):
    """Sets of rules that are to hold for a tier."""

    data: list[GivenAssignment] = []


class TierExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: an offer in full."""

    offer: dict[str, Any] | UnsetType = UNSET


class TierBody(PeriodBody, frozen=True, kw_only=True):
    """What a caller says about a tier: a member left out stays, null empties it."""

    name: Identifier | UnsetType | None = UNSET
    banner: LongText | UnsetType | None = UNSET
    action: ActionBody | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    hierarchy: Hierarchy | UnsetType | None = UNSET
    active: bool | UnsetType | None = UNSET
    category: Identifier | UnsetType | None = UNSET
    validation_rule_assignments: GivenAssignments | UnsetType | None = UNSET
    kaquan: TierExtension | UnsetType | None = UNSET


class StackTiers(msgspec.Struct, frozen=True, kw_only=True):
    """The tiers of a stack, in the order in which they are worked out."""

    ids: Annotated[list[Identifier], Meta(min_length=1, max_length=30)]
    hierarchy_mode: Literal["MANUAL"] = "MANUAL"


class StackBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says about a stack."""

    name: Identifier | UnsetType = UNSET
    tiers: StackTiers | UnsetType = UNSET
    category_id: Identifier | UnsetType | None = UNSET


class ActionView(msgspec.Struct, frozen=True):
    """What a tier does."""

    discount: DiscountView | None


class PromotionView(msgspec.Struct, frozen=True, kw_only=True):
    """A tier's promotion, in short."""

    id: str
    start_date: datetime | None
    expiration_date: datetime | None
    validity_timeframe: dict[str, Any] | UnsetType = UNSET
    validity_day_of_week: list[int] | UnsetType = UNSET
    validity_hours: dict[str, Any] | UnsetType = UNSET
    active: bool
    category_id: str | None
    object: Literal["campaign"] = "campaign"


class UsedView(msgspec.Struct, frozen=True):
    """How often a tier was used."""

    total_redeemed: int


class OrdersView(msgspec.Struct, frozen=True):
    """What the orders that a tier was used on came to, in minor units."""

    total_amount: int
    total_discount_amount: int


class UseView(msgspec.Struct, frozen=True):
    """What came of a tier."""

    redemptions: UsedView
    orders: OrdersView


class TierView(msgspec.Struct, frozen=True, kw_only=True):
    """A tier as answered."""

    id: str
    created_at: datetime
    updated_at: datetime | UnsetType = UNSET
    name: str
    banner: str | None
    action: ActionView
    metadata: Metadata
    hierarchy: int
    promotion_id: str
    campaign: PromotionView
    campaign_id: str
    active: bool
    start_date: datetime | UnsetType = UNSET
    expiration_date: datetime | UnsetType = UNSET
    validity_timeframe: dict[str, Any] | UnsetType = UNSET
    validity_day_of_week: list[int] | UnsetType = UNSET
    validity_hours: dict[str, Any] | UnsetType = UNSET
    summary: UseView
    category_id: str | None
    categories: list[CategoryView]
    validation_rule_assignments: AssignmentList
    kaquan: TierExtension
    object: Literal["promotion_tier"] = "promotion_tier"


class TierList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the tiers."""

    tiers: list[TierView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["tiers"] = "tiers"


class StackView(msgspec.Struct, frozen=True, kw_only=True):
    """A stack as answered."""

    id: str
    name: str
    tiers: StackTiers
    campaign_id: str
    category_id: str | None
    categories: list[CategoryView]
    created_at: datetime
    updated_at: datetime | UnsetType = UNSET
    object: Literal["promotion_stack"] = "promotion_stack"


class StackList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the stacks."""

    data: list[StackView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_tier(
    tier: PromotionTier, campaign: Campaign, *, said: Said, above: Said, use: TierUse
) -> TierView:
    """Map a tier to the wire, as it was said."""
    offer = said.offer or tier.offer
    return TierView(
        id=tier.id,
        created_at=tier.created_at,
        updated_at=tier.updated_at or UNSET,
        name=tier.name,
        banner=tier.banner,
        action=ActionView(view_discount(offer)),
        metadata=tier.metadata,
        hierarchy=tier.hierarchy,
        promotion_id=campaign.id,
        campaign=PromotionView(
            id=campaign.id,
            start_date=campaign.starts_at,
            expiration_date=campaign.expires_at,
            validity_timeframe=above.words.validity_timeframe or UNSET,
            validity_day_of_week=above.words.validity_day_of_week or UNSET,
            validity_hours=above.words.validity_hours or UNSET,
            active=campaign.active,
            category_id=campaign.category_ids[0] if campaign.category_ids else None,
        ),
        campaign_id=campaign.id,
        active=tier.active,
        start_date=tier.starts_at or UNSET,
        expiration_date=tier.expires_at or UNSET,
        validity_timeframe=said.words.validity_timeframe or UNSET,
        validity_day_of_week=said.words.validity_day_of_week or UNSET,
        validity_hours=said.words.validity_hours or UNSET,
        summary=UseView(
            UsedView(use.redemptions), OrdersView(use.orders_minor, use.discounts_minor)
        ),
        category_id=tier.category_ids[0] if tier.category_ids else None,
        categories=said.categories,
        validation_rule_assignments=said.assignments,
        kaquan=TierExtension(offer=offer),
    )


async def load_tier_views(tx: Tx, tiers: list[PromotionTier]) -> list[TierView]:
    """Map tiers to the wire with their promotions and what came of them."""
    ids = sorted({tier.campaign_id for tier in tiers})
    found = (await list_campaigns(tx, ids=ids, limit=len(ids))).items if ids else []
    campaigns = {campaign.id: campaign for campaign in found}
    said = await load_said(tx, {one.id: one.category_ids for one in (*tiers, *campaigns.values())})
    uses = await summarise_tiers(tx, [tier.id for tier in tiers])
    return [
        view_tier(
            tier,
            campaigns[tier.campaign_id],
            said=said.get(tier.id, NOTHING_SAID),
            above=said.get(tier.campaign_id, NOTHING_SAID),
            use=uses[tier.id],
        )
        for tier in tiers
    ]


async def load_tier_list(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    available_at: datetime | None = None,
    order: str = "hierarchy",
    page: int = 1,
    limit: int = MOST_TIERS,
) -> TierList:
    """Return a part of the tiers, of one promotion or of all."""
    found = await list_promotion_tiers(
        tx,
        campaign_id=campaign_id,
        available_at=available_at,
        order=order,
        page=page,
        limit=limit,
    )
    return TierList(
        tiers=await load_tier_views(tx, found.items),
        total=found.total,
        has_more=page * limit < found.total,
    )


async def load_stack_views(tx: Tx, stacks: list[PromotionStack]) -> list[StackView]:
    """Map stacks to the wire."""
    known = await load_categories(tx) if any(one.category_id for one in stacks) else {}
    return [
        StackView(
            id=stack.id,
            name=stack.name,
            tiers=StackTiers(ids=list(stack.tier_ids)),
            campaign_id=stack.campaign_id,
            category_id=stack.category_id,
            categories=pick_categories([stack.category_id] if stack.category_id else [], known),
            created_at=stack.created_at,
            updated_at=stack.updated_at or UNSET,
        )
        for stack in stacks
    ]


async def enter_tier(tx: Tx, campaign_id: str, body: TierBody, *, now: datetime) -> PromotionTier:
    """Add a tier to a promotion as a caller says it. Raises InvalidInput, NotSupported."""
    body = _with_rules(body)
    if not isinstance(body.name, str):
        raise InvalidInput("A tier needs a name.", field="name", key="invalid_promotion_tier")
    offer = await _read_offer(tx, body)
    if offer is None:
        message = "A tier needs 'action.discount'."
        raise InvalidInput(message, field="action.discount", key="invalid_promotion_tier")
    await check_by_schema(tx, "promotion_tier", body.metadata or {}, new=True)
    starts_at, expires_at = await read_period(tx, body)
    draft = TierDraft(
        name=body.name,
        offer=offer,
        banner=body.banner or None,
        hierarchy=body.hierarchy if isinstance(body.hierarchy, int) else None,
        category_ids=await read_category_id(tx, body.category_id) or (),
        active=body.active is not False,
        starts_at=starts_at or None,
        expires_at=expires_at or None,
        metadata=merge_metadata({}, body.metadata),
    )
    tier = await create_tier(tx, campaign_id, draft, now=now)
    await keep_said(tx, OwnerKind.PROMOTION_TIER, tier.id, body, offer=tier.offer, now=now)
    return await get_promotion_tier(tx, tier.id)


async def change_tier(tx: Tx, tier_id: str, body: TierBody, *, now: datetime) -> PromotionTier:
    """Change a tier as a caller says. Raises NotFound, InvalidInput, NotSupported."""
    body = _with_rules(body)
    known = await get_promotion_tier(tx, tier_id)
    offer = await _read_offer(tx, body)
    await check_by_schema(tx, "promotion_tier", body.metadata or {}, new=False)
    starts_at, expires_at = await read_period(tx, body)
    change = TierChange(
        name=body.name or UNSET,
        offer=UNSET if offer is None else offer,
        banner=body.banner,
        hierarchy=UNSET if body.hierarchy is None else body.hierarchy,
        category_ids=await read_category_id(tx, body.category_id),
        active=UNSET if body.active is None else body.active,
        starts_at=starts_at,
        expires_at=expires_at,
        metadata=merge_metadata(known.metadata, body.metadata),
    )
    tier = await update_tier(tx, known.id, change, now=now)
    stated = UNSET if offer is None else tier.offer
    await keep_said(tx, OwnerKind.PROMOTION_TIER, tier.id, body, offer=stated, now=now)
    return await get_promotion_tier(tx, tier.id)


async def _read_offer(tx: Tx, body: TierBody) -> dict[str, Any] | None:
    discount = body.action.discount if isinstance(body.action, ActionBody) else None
    own = body.kaquan.offer if isinstance(body.kaquan, TierExtension) else UNSET
    return await find_goods(tx, read_offer(discount, own, field="action.discount"))


def _with_rules(body: TierBody) -> TierBody:
    """Rules may come as the ids of their sets, or as assignments that name them."""
    given = body.validation_rule_assignments
    if given is UNSET or body.validation_rules is not UNSET:
        return body
    named = given.data if isinstance(given, GivenAssignments) else []
    ids = [one.rule_id for one in named if one.rule_id is not None]
    return msgspec.structs.replace(body, validation_rules=ids)
