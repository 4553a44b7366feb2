"""Giving points for a reward: points, stock, and what is given go in one transaction."""

from datetime import datetime
from fractions import Fraction
from math import ceil, floor

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.campaigns import (
    Campaign,
    Voucher,
    adjust_balance,
    effective_window,
    publish_voucher,
)
from kaquan.customers import (
    Order,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    apply_discounts,
    create_order,
)
from kaquan.ledger import (
    Account,
    AccountKey,
    AccountKind,
    lock_accounts,
    post_transfers,
    take,
    tally,
)
from kaquan.loyalty.errors import PointsExceeded, RewardRefused
from kaquan.loyalty.model import (
    Reward,
    RewardKind,
    RewardRedemption,
    RewardRequest,
)
from kaquan.loyalty.programmes import find_member_tier, get_member, read_points
from kaquan.loyalty.rewards import price_in
from kaquan.loyalty.store.rewards import (
    get_reward,
    insert_reward_redemption,
    list_assignments,
)
from kaquan.runtime import (
    InvalidInput,
    NotFound,
    Project,
    Tx,
    check_metadata,
    check_whole_number,
    get_project,
    minor_digits,
    new_id,
)

CHANNEL = "LOYALTY"


class _Given(msgspec.Struct, frozen=True):
    """What was given, and for how many points."""

    points: int
    voucher_id: str | None = None
    order_id: str | None = None


async def redeem_reward(
    tx: Tx, member_id: str, request: RewardRequest, *, programme: str | None = None, now: datetime
) -> RewardRedemption:
    """Give a member a reward that the programme offers, for points of the card.

    A campaign's voucher is published to the holder; goods become a paid order of one line that
    costs nothing; coin takes money off ``request.order``, which is then paid. The card is locked
    first and so is the reward: of two at once that do not both fit, one is refused. Raises
    NotFound, InvalidInput, PointsExceeded, RewardRefused, and NothingToPublish.
    """
    voucher, campaign = await get_member(tx, member_id, programme=programme, lock=True)
    holder_id = _check_card(voucher, campaign, now)
    offered = (
        await list_assignments(tx, reward_id=request.reward_id, campaign_id=campaign.id, limit=1)
    ).items
    if not offered:
        raise NotFound("reward", request.reward_id)
    (assignment,) = offered
    reward = await get_reward(tx, assignment.reward_id, lock=True)
    if not reward.in_stock:
        message = f"Nothing is left of the reward '{reward.name}'."
        raise RewardRefused("reward_stock_exceeded", message, field="reward.id")
    tier = await find_member_tier(tx, voucher)
    price = None if assignment.points is None else price_in(tier, reward.id, assignment.points)
    redemption_id = new_id("rwr")
    given = await _give(tx, reward, voucher, request, price=price, source_id=redemption_id, now=now)
    await _pay(tx, voucher, reward, given.points, cause_id=redemption_id, now=now)
    redemption = RewardRedemption(
        id=redemption_id,
        reward_id=reward.id,
        reward_name=reward.name,
        reward_kind=reward.kind,
        assignment_id=assignment.id,
        campaign_id=campaign.id,
        voucher_id=voucher.id,
        customer_id=holder_id,
        loyalty_tier_id=None if tier is None else tier.id,
        points=given.points,
        given_voucher_id=given.voucher_id,
        order_id=given.order_id,
        metadata=check_metadata(request.metadata, "metadata"),
        created_at=now,
    )
    await insert_reward_redemption(tx, redemption)
    return redemption


def _check_card(voucher: Voucher, campaign: Campaign, now: datetime) -> str:
    """Return who holds the card, which must be usable."""
    if voucher.holder_id is None:
        message = f"The card '{voucher.code}' has no holder."
        raise RewardRefused("loyalty_card_without_holder", message, field="member_id")
    window = effective_window(voucher, campaign)
    refusals = (
        (not voucher.active or not campaign.active, "voucher_disabled", "switched off"),
        (window.has_ended(now), "voucher_expired", "over"),
        (not window.has_started(now), "voucher_not_active", "not valid yet"),
    )
    for refused, key, word in refusals:
        if refused:
            message = f"The card '{voucher.code}' or its programme is {word}."
            raise RewardRefused(key, message, field="member_id")
    return voucher.holder_id


async def _give(
    tx: Tx,
    reward: Reward,
    card: Voucher,
    request: RewardRequest,
    *,
    price: int | None,
    source_id: str,
    now: datetime,
) -> _Given:
    assert card.holder_id is not None
    if reward.kind is RewardKind.COIN:
        return await _take_off(tx, reward, card, request, price=price, now=now)
    assert price is not None, "what is no coin has a price"
    if request.points not in (None, price):
        message = f"This reward costs {price} points."
        raise InvalidInput(message, field="reward.points")
    # Before anything is given: publishing to whoever cannot pay would draw from the pool in vain.
    await _check_points(tx, card, price)
    if reward.kind is RewardKind.MATERIAL:
        order = await _order_goods(tx, reward, card.holder_id, now=now)
        return _Given(price, order_id=order.id)
    assert reward.campaign_id is not None
    publication = await publish_voucher(
        tx,
        campaign_id=reward.campaign_id,
        customer_id=card.holder_id,
        source_id=source_id,
        join_once=False,
        channel=CHANNEL,
        paid=True,
        now=now,
    )
    if reward.balance is not None:
        await adjust_balance(tx, publication.voucher_id, reward.balance, now=now)
    return _Given(price, voucher_id=publication.voucher_id)


async def _order_goods(tx: Tx, reward: Reward, holder_id: str, *, now: datetime) -> Order:
    details = {} if reward.sku_id is None else {"sku_id": reward.sku_id}
    line = OrderLineDraft(product_id=reward.product_id, details=details)
    draft = OrderDraft(customer_id=holder_id, lines=(line,), metadata={"reward_id": reward.id})
    order = await create_order(tx, draft, now=now)
    return await apply_discounts(
        tx,
        order.id,
        discount_minor=0,
        line_discounts_minor=[one.amount_minor for one in order.lines],
        status=OrderStatus.PAID,
        now=now,
    )


async def _take_off(
    tx: Tx,
    reward: Reward,
    card: Voucher,
    request: RewardRequest,
    *,
    price: int | None,
    now: datetime,
) -> _Given:
    """Take what points are worth off an order, as many as are named, or as help."""
    if request.order is None:
        message = "To pay with points, an order is needed."
        raise InvalidInput(message, field="order")
    status = request.order.status
    if not isinstance(status, UnsetType) and status not in (OrderStatus.CREATED, OrderStatus.PAID):
        message = "Only an order that is not paid yet is paid with points."
        raise InvalidInput(message, field="order.status", key="invalid_order_status")
    draft = msgspec.structs.replace(request.order, customer_id=card.holder_id, status=UNSET)
    order = await create_order(tx, draft, now=now)
    if order.status is not OrderStatus.CREATED:
        message = f"The order is {order.status} already."
        raise InvalidInput(message, field="order.id", key="invalid_order_status")
    worth = _worth_minor(reward, await get_project(tx))
    available = await read_points(tx, card.id)
    if request.points is None:
        points = min(ceil(order.total_minor / worth), available)
    else:
        points = check_whole_number(request.points, "reward.points", least=1)
    if price is not None and points < price:
        message = f"This reward takes at least {price} points."
        raise InvalidInput(message, field="reward.points")
    await _check_points(tx, card, max(points, 1))
    off = min(floor(points * worth), order.total_minor)
    if off < 1:
        message = "So many points are worth nothing on this order."
        raise InvalidInput(message, field="reward.points")
    # The fewest points that are worth the money: nobody pays more than the order takes.
    points = ceil(off / worth)
    paid = await apply_discounts(
        tx,
        order.id,
        discount_minor=order.discount_minor + off,
        line_discounts_minor=[line.discount_minor for line in order.lines],
        status=OrderStatus.PAID,
        now=now,
    )
    return _Given(points, order_id=paid.id)


def _worth_minor(reward: Reward, project: Project) -> Fraction:
    """Return what one point is worth in minor units, exactly."""
    assert reward.exchange_ratio is not None
    assert reward.points_ratio is not None
    digits = minor_digits(project.currency)
    return Fraction(reward.exchange_ratio) * 10**digits / reward.points_ratio


async def _check_points(tx: Tx, card: Voucher, wanted: int) -> Account:
    key = AccountKey(card.id, AccountKind.POINTS)
    account = (await lock_accounts(tx, [key])).get(key)
    available = 0 if account is None else account.available
    if account is None or available < wanted:
        message = f"The card has {available} points; {wanted} are needed."
        raise PointsExceeded(message, field="reward.points")
    return account


async def _pay(
    tx: Tx, card: Voucher, reward: Reward, points: int, *, cause_id: str, now: datetime
) -> None:
    await _check_points(tx, card, points)
    given = (
        tally(reward.id, 1, cause_id=cause_id)
        if reward.stock is None
        else take(reward.id, AccountKind.USES, 1, cause_id=cause_id)
    )
    spent = take(card.id, AccountKind.POINTS, points, cause_id=cause_id)
    await post_transfers(tx, [spent, given], now=now)
