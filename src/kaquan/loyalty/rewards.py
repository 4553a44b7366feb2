"""Rewards and which programmes offer them."""

from datetime import datetime

import msgspec
from msgspec import UNSET

from kaquan.campaigns import Campaign, CampaignKind, Voucher, get_campaign
from kaquan.customers import get_product, get_sku
from kaquan.ledger import (
    Account,
    AccountKey,
    AccountKind,
    issue,
    lock_accounts,
    post_transfers,
    withdraw,
)
from kaquan.loyalty.model import (
    LoyaltyTier,
    OfferedReward,
    Reward,
    RewardAssignment,
    RewardChange,
    RewardDraft,
    RewardKind,
)
from kaquan.loyalty.programmes import find_member_tier, get_programme, read_points
from kaquan.loyalty.reckon import is_exact, reckon_price
from kaquan.loyalty.store.rewards import (
    delete_assignment_row,
    delete_reward_row,
    get_reward,
    insert_assignment,
    insert_reward,
    list_assignments,
    list_rewards_by_id,
    update_assignment_row,
    update_reward_row,
)
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    NotFound,
    Tx,
    check_metadata,
    check_name,
    check_text,
    check_whole_number,
    new_id,
)

MOST_OFFERED = 1000
LARGEST_STOCK = 10**9
LARGEST_RATIO = 10**9


async def create_reward(tx: Tx, draft: RewardDraft, *, now: datetime) -> Reward:
    """Create a reward, with an account of its stock. Raises InvalidInput and NotFound."""
    fields = {name: getattr(draft, name) for name in draft.__struct_fields__}
    reward = Reward(
        **fields,
        id=new_id("rew"),
        kind=_find_kind(draft),
        campaign_kind=None,
        redeemed=0,
        created_at=now,
        updated_at=None,
    )
    reward = await _checked(tx, reward)
    await insert_reward(tx, reward)
    await _set_stock(tx, reward, now=now)
    return await get_reward(tx, reward.id)


async def update_reward(tx: Tx, reward_id: str, change: RewardChange, *, now: datetime) -> Reward:
    """Change a reward. Raises NotFound and InvalidInput."""
    known = await get_reward(tx, reward_id, lock=True)
    given = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    reward = await _checked(tx, msgspec.structs.replace(known, **given, updated_at=now))
    if _find_kind(reward) is not known.kind:
        message = f"The reward stays of the kind {known.kind}."
        raise InvalidInput(message, field="parameters")
    await update_reward_row(tx, reward)
    if "stock" in given:
        await _set_stock(tx, reward, now=now)
    return await get_reward(tx, reward.id)


async def delete_reward(tx: Tx, reward_id: str, *, now: datetime) -> None:
    """Delete a reward; nobody offers it any longer, what was given stays. Raises NotFound."""
    reward = await get_reward(tx, reward_id, lock=True)
    await _set_stock(tx, msgspec.structs.replace(reward, stock=None), now=now)
    await delete_reward_row(tx, reward.id)


async def assign_reward(
    tx: Tx, reward_id: str, programme: str, *, points: int | None, now: datetime
) -> RewardAssignment:
    """Let a programme (id or name) offer a reward for so many points.

    Only money off an order needs no price. Raises NotFound, InvalidInput, and Duplicate when the
    programme offers it already.
    """
    reward = await get_reward(tx, reward_id, lock=True)
    campaign = await get_programme(tx, programme)
    assignment = RewardAssignment(
        id=new_id("rewa"),
        reward_id=reward.id,
        campaign_id=campaign.id,
        points=_check_price(reward, points),
        created_at=now,
        updated_at=None,
    )
    if not await insert_assignment(tx, assignment):
        message = f"The programme '{campaign.name}' offers this reward already."
        raise Duplicate(message, field="reward")
    return assignment


async def get_assignment(
    tx: Tx, assignment_id: str, *, reward_id: str | None = None, campaign_id: str | None = None
) -> RewardAssignment:
    """Return an assignment, of a reward or a programme if that is said. Raises NotFound."""
    found = await list_assignments(
        tx, reward_id=reward_id, campaign_id=campaign_id, assignment_id=assignment_id, limit=1
    )
    if not found.items:
        raise NotFound("reward assignment", assignment_id)
    return found.items[0]


async def update_assignment(
    tx: Tx, assignment: RewardAssignment, *, points: int | None, now: datetime
) -> RewardAssignment:
    """Change what a reward costs in a programme. Raises InvalidInput."""
    reward = await get_reward(tx, assignment.reward_id)
    changed = msgspec.structs.replace(
        assignment, points=_check_price(reward, points), updated_at=now
    )
    await update_assignment_row(tx, changed)
    return changed


async def delete_assignment(tx: Tx, assignment: RewardAssignment) -> None:
    """Let a programme offer a reward no longer."""
    await delete_assignment_row(tx, assignment.id)


async def list_offered(
    tx: Tx, campaign_id: str, *, tier: LoyaltyTier | None
) -> list[OfferedReward]:
    """Return what a programme offers, with the prices of a tier, the cheapest first."""
    assignments = (await list_assignments(tx, campaign_id=campaign_id, limit=MOST_OFFERED)).items
    named = await list_rewards_by_id(tx, [one.reward_id for one in assignments])
    rewards = {one.id: one for one in named}
    offered = [
        OfferedReward(
            reward=rewards[one.reward_id],
            assignment=one,
            points=None if one.points is None else price_in(tier, one.reward_id, one.points),
        )
        for one in assignments
    ]
    return sorted(offered, key=lambda one: (one.points or 0, one.assignment.id))


async def list_member_rewards(
    tx: Tx, voucher: Voucher, campaign: Campaign, *, affordable: bool
) -> list[OfferedReward]:
    """Return what a member may have for points: all, or what the card's points suffice for.

    What is out of stock is nothing to have.
    """
    tier = await find_member_tier(tx, voucher)
    points = await read_points(tx, voucher.id)
    return [
        one
        for one in await list_offered(tx, campaign.id, tier=tier)
        if one.reward.in_stock and (not affordable or (one.points or 1) <= points)
    ]


def price_in(tier: LoyaltyTier | None, reward_id: str, points: int) -> int:
    """Return what a reward of ``points`` costs a member of a tier."""
    return reckon_price(points, None if tier is None else tier.rewards.get(reward_id))


def _find_kind(said: RewardDraft | Reward) -> RewardKind:
    kinds = [
        kind
        for kind, value in (
            (RewardKind.CAMPAIGN, said.campaign_id),
            (RewardKind.MATERIAL, said.product_id or said.sku_id),
            (RewardKind.COIN, said.exchange_ratio or said.points_ratio),
        )
        if value is not None
    ]
    if len(kinds) != 1:
        message = "A reward is one of 'campaign', 'product' or 'coin'."
        raise InvalidInput(message, field="parameters")
    return kinds[0]


async def _checked(tx: Tx, reward: Reward) -> Reward:
    name = check_name(reward.name, "name")
    if not name:
        raise InvalidInput("A reward needs a name.", field="name")
    if reward.stock is not None:
        check_whole_number(reward.stock, "stock", least=0, most=LARGEST_STOCK)
    if reward.kind is RewardKind.CAMPAIGN:
        reward = await _with_campaign(tx, reward)
    elif reward.balance is not None:
        message = "Only a reward of a campaign has a balance."
        raise InvalidInput(message, field="parameters.campaign.balance")
    if reward.kind is RewardKind.MATERIAL:
        reward = await _with_goods(tx, reward)
    if reward.kind is RewardKind.COIN:
        if not is_exact(reward.exchange_ratio, most=LARGEST_RATIO):
            message = f"Points are worth more than 0 and at most {LARGEST_RATIO}, to 6 decimals."
            raise InvalidInput(message, field="parameters.coin.exchange_ratio")
        ratio = 0 if reward.points_ratio is None else reward.points_ratio
        check_whole_number(ratio, "parameters.coin.points_ratio", least=1, most=LARGEST_RATIO)
    return msgspec.structs.replace(
        reward,
        name=name,
        image_url=check_text(reward.image_url, "attributes.image_url"),
        description=check_text(reward.description, "attributes.description"),
        metadata=check_metadata(reward.metadata, "metadata"),
    )


async def _with_campaign(tx: Tx, reward: Reward) -> Reward:
    assert reward.campaign_id is not None
    campaign = await get_campaign(tx, reward.campaign_id)
    if campaign.kind in (CampaignKind.PROMOTION, CampaignKind.REFERRAL_PROGRAM):
        message = f"The campaign '{campaign.name}' has no vouchers to give."
        raise InvalidInput(message, field="parameters.campaign.id")
    if reward.balance is not None:
        check_whole_number(reward.balance, "parameters.campaign.balance", least=1)
        if campaign.kind is CampaignKind.DISCOUNT_COUPONS:
            message = "Coupons have no balance."
            raise InvalidInput(message, field="parameters.campaign.balance")
    return msgspec.structs.replace(reward, campaign_id=campaign.id)


async def _with_goods(tx: Tx, reward: Reward) -> Reward:
    product_id = reward.product_id
    if reward.sku_id is not None:
        sku = await get_sku(tx, reward.sku_id)
        if product_id is not None and (await get_product(tx, product_id)).id != sku.product_id:
            message = "The variant is one of another product."
            raise InvalidInput(message, field="parameters.product.sku_id")
        return msgspec.structs.replace(reward, product_id=sku.product_id, sku_id=sku.id)
    assert product_id is not None
    return msgspec.structs.replace(reward, product_id=(await get_product(tx, product_id)).id)


def _check_price(reward: Reward, points: int | None) -> int | None:
    field = "parameters.loyalty.points"
    if points is None:
        if reward.kind is RewardKind.COIN:
            return None
        raise InvalidInput("Say what the reward costs.", field=field)
    return check_whole_number(points, field, least=1)


async def _set_stock(tx: Tx, reward: Reward, *, now: datetime) -> None:
    """Let as many be left as the stock less what was given, by issuing or taking back."""
    key = AccountKey(reward.id, AccountKind.USES)
    account: Account | None = (await lock_accounts(tx, [key])).get(key)
    left = 0 if account is None else account.balance
    wanted = 0 if reward.stock is None else max(reward.stock - reward.redeemed, 0)
    change = wanted - left
    if change:
        move = issue if change > 0 else withdraw
        movement = move(key.owner, key.kind, abs(change), cause_id=reward.id)
        await post_transfers(tx, [movement], now=now)
