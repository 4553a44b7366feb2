"""Promotions: offers that need no code, one a tier, and stacks of tiers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from kaquan.campaigns.checks import check_offer, check_title, check_window, intersect
from kaquan.campaigns.issue import open_accounts
from kaquan.campaigns.kinds import balance_kind_of
from kaquan.campaigns.model import Campaign, CampaignKind, Window
from kaquan.campaigns.promotion_model import (
    PromotionStack,
    PromotionTier,
    StackChange,
    StackDraft,
    TierChange,
    TierDraft,
)
from kaquan.campaigns.stacking import check_categories
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.promotions import (
    delete_stack_rows,
    find_last_hierarchy,
    get_promotion_stack,
    get_promotion_tier,
    insert_stack,
    insert_tier_row,
    list_tiers_by_id,
    update_stack_row,
    update_tier_row,
)
from kaquan.campaigns.store.vouchers import (
    VoucherPattern,
    get_tier,
    insert_vouchers,
    update_voucher_row,
)
from kaquan.engine import parse_offer
from kaquan.runtime import (
    InvalidInput,
    NotFound,
    Tx,
    check_metadata,
    check_name,
    check_text,
    check_whole_number,
    new_id,
)

MOST_IN_A_STACK = 30
HIGHEST = 10**6


async def create_tier(
    tx: Tx, campaign_id: str, draft: TierDraft, *, now: datetime
) -> PromotionTier:
    """Add an offer to a promotion.

    Raises NotFound, and InvalidInput naming the field: a campaign that is no promotion, an offer
    that pays from a balance.
    """
    campaign = await get_campaign(tx, campaign_id, lock=True)
    _check_promotion(campaign)
    hierarchy = draft.hierarchy
    if hierarchy is None:
        hierarchy = await find_last_hierarchy(tx, campaign.id) + 1
    tier_id = new_id("promo")
    tier = _checked(
        PromotionTier(
            id=tier_id,
            campaign_id=campaign.id,
            name=draft.name,
            banner=draft.banner,
            hierarchy=hierarchy,
            category_ids=draft.category_ids,
            offer=draft.offer,
            active=draft.active,
            starts_at=draft.starts_at,
            expires_at=draft.expires_at,
            metadata=draft.metadata,
            created_at=now,
            updated_at=None,
        ),
        campaign,
    )
    await check_categories(tx, tier.category_ids)
    pattern = VoucherPattern(
        campaign_id=campaign.id,
        offer=tier.offer,
        active=tier.active,
        tier=True,
        starts_at=tier.starts_at,
        expires_at=tier.expires_at,
        category_ids=tier.category_ids,
        metadata=tier.metadata,
        created_at=now,
    )
    await insert_vouchers(tx, [tier_id], [tier_id], pattern=pattern)
    await open_accounts(tx, [tier_id], pattern)
    await insert_tier_row(tx, tier)
    return tier


async def update_tier(tx: Tx, tier_id: str, change: TierChange, *, now: datetime) -> PromotionTier:
    """Change a tier. Raises NotFound, InvalidInput."""
    voucher = await get_tier(tx, tier_id, lock=True)
    before = await get_promotion_tier(tx, tier_id)
    given: dict[str, Any] = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    campaign = await get_campaign(tx, before.campaign_id)
    after = _checked(msgspec.structs.replace(before, **given, updated_at=now), campaign)
    if after.category_ids != before.category_ids:
        await check_categories(tx, after.category_ids)
    shared = {
        name: getattr(after, name)
        for name in ("offer", "active", "starts_at", "expires_at", "category_ids", "metadata")
    }
    await update_voucher_row(tx, msgspec.structs.replace(voucher, **shared), now=now)
    await update_tier_row(tx, after)
    return after


async def create_stack(
    tx: Tx, campaign_id: str, draft: StackDraft, *, now: datetime
) -> PromotionStack:
    """Put tiers of a promotion together. Raises NotFound, InvalidInput."""
    campaign = await get_campaign(tx, campaign_id)
    _check_promotion(campaign)
    stack = await _checked_stack(
        tx,
        PromotionStack(
            id=new_id("stack"),
            campaign_id=campaign.id,
            name=draft.name,
            tier_ids=draft.tier_ids,
            category_id=draft.category_id,
            created_at=now,
            updated_at=None,
        ),
    )
    await insert_stack(tx, stack)
    return stack


async def update_stack(
    tx: Tx, campaign_id: str, stack_id: str, change: StackChange, *, now: datetime
) -> PromotionStack:
    """Change a stack of a promotion. Raises NotFound, InvalidInput."""
    campaign = await get_campaign(tx, campaign_id)
    before = await get_promotion_stack(tx, stack_id, campaign_id=campaign.id, lock=True)
    given: dict[str, Any] = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    stack = await _checked_stack(tx, msgspec.structs.replace(before, **given, updated_at=now))
    await update_stack_row(tx, stack)
    return stack


async def delete_stack(tx: Tx, campaign_id: str, stack_id: str) -> None:
    """Delete a stack of a promotion; its tiers stay. Raises NotFound."""
    campaign = await get_campaign(tx, campaign_id)
    stack = await get_promotion_stack(tx, stack_id, campaign_id=campaign.id)
    await delete_stack_rows(tx, stack_id=stack.id, campaign_id=campaign.id)


def _check_promotion(campaign: Campaign) -> None:
    if campaign.kind is not CampaignKind.PROMOTION:
        message = f"The campaign '{campaign.name}' is no promotion."
        raise InvalidInput(message, field="campaign_id", key="invalid_campaign_params")


def _checked(tier: PromotionTier, campaign: Campaign) -> PromotionTier:
    window = Window(tier.starts_at, tier.expires_at)
    check_window(window)
    if intersect(window, campaign.window).is_empty:
        message = "The tier could never be used: its period lies outside its promotion's."
        raise InvalidInput(message, field="expires_at")
    check_whole_number(tier.hierarchy, "hierarchy", least=0, most=HIGHEST)
    offer = check_offer(tier.offer, tier.id)
    if balance_kind_of(parse_offer(offer)) is not None:
        message = "A promotion takes something off; it does not pay from a balance."
        raise InvalidInput(message, field="offer", key="invalid_offer")
    return msgspec.structs.replace(
        tier,
        name=check_title(tier.name),
        banner=check_text(tier.banner, "banner"),
        offer=offer,
        metadata=check_metadata(tier.metadata, "metadata"),
    )


async def _checked_stack(tx: Tx, stack: PromotionStack) -> PromotionStack:
    name = check_name(stack.name, "name")
    if not name:
        raise InvalidInput("A stack needs a name.", field="name")
    await _check_tiers(tx, stack.tier_ids, stack.campaign_id)
    if stack.category_id is not None:
        await check_categories(tx, [stack.category_id])
    return msgspec.structs.replace(stack, name=name)


async def _check_tiers(tx: Tx, tier_ids: Sequence[str], campaign_id: str) -> None:
    if not 1 <= len(tier_ids) <= MOST_IN_A_STACK:
        message = f"A stack has 1 to {MOST_IN_A_STACK} tiers."
        raise InvalidInput(message, field="tiers.ids")
    known = {
        tier.id for tier in await list_tiers_by_id(tx, tier_ids) if tier.campaign_id == campaign_id
    }
    for index, tier_id in enumerate(tier_ids):
        if tier_id not in known:
            raise NotFound("promotion tier", tier_id)
        if tier_id in tier_ids[:index]:
            message = f"The tier '{tier_id}' is named twice."
            raise InvalidInput(message, field=f"tiers.ids[{index}]")
