"""Points follow orders and events: given once when a rule says so, taken back with the goods.

What happened is queued by the database's triggers, so it does not matter who wrote it. An order is
locked before its queue is taken, so each happening counts once and in its order.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import structs

from kaquan.customers import (
    Order,
    OrderLine,
    OrderStatus,
    find_customer,
    find_order_by,
    list_collections_of,
)
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    Movement,
    issue,
    lock_accounts,
    post_transfers,
    withdraw,
)
from kaquan.loyalty.model import (
    ORDER_PAID,
    EarningRule,
    EventSeen,
    Goods,
    LoyaltyTier,
    PointEarning,
)
from kaquan.loyalty.pending import hold_back, take_from_pending
from kaquan.loyalty.programmes import read_points
from kaquan.loyalty.reckon import find_tier, points_of_returned, reckon_points
from kaquan.loyalty.store.pending import lock_pending_of_order
from kaquan.loyalty.store.points import (
    insert_earning,
    list_earnings,
    take_due,
    update_earning_row,
)
from kaquan.loyalty.store.rewards import is_gift_order
from kaquan.loyalty.store.rules import list_rules_for, list_tiers
from kaquan.runtime import Tx, new_id

_PAID = frozenset({OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.PARTIALLY_RETURNED})
_UNDONE = frozenset({OrderStatus.CANCELED, OrderStatus.RETURNED})


async def settle_points(tx: Tx, subject_id: str, *, now: datetime) -> int:
    """Give and take back what follows from what happened to an order, or from an event.

    Returns how many happenings were settled; said again it settles nothing.
    """
    order = await find_order_by(tx, order_id=subject_id, lock=True)
    due = await take_due(tx, subject_id)
    for one in due:
        if one.event is not None:
            await _earn_by_event(tx, subject_id, one.event, now=now)
        if order is None:
            continue
        if one.paid and order.status in _PAID:
            await _earn_by_order(tx, order, now=now)
        if one.returned_minor or order.status in _UNDONE:
            await _take_back(tx, order, one.returned_minor, now=now)
    return len(due)


async def _earn_by_order(tx: Tx, order: Order, *, now: datetime) -> None:
    if order.customer_id is None or await is_gift_order(tx, order.id):
        return
    rules = await list_rules_for(tx, sorted(ORDER_PAID), customer_id=order.customer_id)
    moment = order.updated_at or order.placed_at
    standing = [(rule, card) for rule, card in rules if _holds(rule, moment)]
    if not standing:
        return
    collections = await _find_collections(tx, order, [rule for rule, _ in standing], now=now)
    customer = await find_customer(tx, order.customer_id)
    for rule, card_id in standing:
        tier = await _find_tier(tx, rule, card_id)
        points = reckon_points(
            rule.terms,
            None if tier is None else tier.earning_rules.get(rule.id),
            order=order,
            covers=_covers(rule.terms.goods, collections),
            customer=None if customer is None else customer.metadata,
        )
        earning = _earning(rule, card_id, tier, subject_id=order.id, points=points, now=now)
        earning = structs.replace(earning, order_id=order.id)
        await _give(tx, earning, days=rule.pending_days, now=now)


async def _earn_by_event(tx: Tx, event_id: str, seen: EventSeen, *, now: datetime) -> None:
    rules = await list_rules_for(tx, [seen.name], customer_id=seen.customer_id)
    customer = await find_customer(tx, seen.customer_id) if rules else None
    for rule, card_id in rules:
        if not _holds(rule, seen.at):
            continue
        tier = await _find_tier(tx, rule, card_id)
        points = reckon_points(
            rule.terms,
            None if tier is None else tier.earning_rules.get(rule.id),
            customer=None if customer is None else customer.metadata,
            event=seen.metadata,
        )
        earning = _earning(rule, card_id, tier, subject_id=event_id, points=points, now=now)
        await _give(tx, earning, now=now)


def _holds(rule: EarningRule, moment: datetime) -> bool:
    """Whether the rule was there and in its period; history that is loaded earns nothing."""
    if moment < rule.created_at or (rule.starts_at is not None and moment < rule.starts_at):
        return False
    return rule.expires_at is None or moment < rule.expires_at


def _earning(
    rule: EarningRule,
    card_id: str,
    tier: LoyaltyTier | None,
    *,
    subject_id: str,
    points: int,
    now: datetime,
) -> PointEarning:
    return PointEarning(
        id=new_id("pe"),
        rule_id=rule.id,
        campaign_id=rule.campaign_id,
        voucher_id=card_id,
        subject_id=subject_id,
        order_id=None,
        loyalty_tier_id=None if tier is None else tier.id,
        points=points,
        created_at=now,
    )


async def _give(tx: Tx, earning: PointEarning, *, days: int | None = None, now: datetime) -> None:
    if earning.points <= 0 or not await insert_earning(tx, earning):
        return
    if days is not None:
        await hold_back(tx, earning, days=days, now=now)
    else:
        movement = issue(
            earning.voucher_id, AccountKind.POINTS, earning.points, cause_id=earning.id
        )
        await post_transfers(tx, [movement], now=now)


async def _take_back(tx: Tx, order: Order, returned_minor: int, *, now: datetime) -> None:
    """Take back the returned goods' share, of points that wait out of those.

    Points that were spent since stay spent.
    """
    waited = await lock_pending_of_order(tx, order.id)
    whole = max(order.amount_minor, sum(line.amount_minor for line in order.lines))
    for earning in await list_earnings(tx, order.id):
        returned = earning.returned_minor + returned_minor
        undone = order.status in _UNDONE
        target = earning.points if undone else points_of_returned(earning.points, returned, whole)
        wanted = max(target - earning.taken_back, 0)
        changed = structs.replace(
            earning, returned_minor=returned, taken_back=earning.taken_back + wanted
        )
        if changed != earning:
            await update_earning_row(tx, changed)
        state, waiting = waited.get(earning.id, ("activated", 0))
        if state == "pending":
            await take_from_pending(tx, earning.id, waiting=waiting, wanted=wanted, now=now)
        elif state == "activated":
            movement = await _withdraw(tx, earning, wanted)
            await post_transfers(tx, movement, now=now)


async def _withdraw(tx: Tx, earning: PointEarning, wanted: int) -> list[Movement]:
    key = AccountKey(earning.voucher_id, AccountKind.POINTS)
    account = (await lock_accounts(tx, [key])).get(key)
    amount = min(wanted, 0 if account is None else account.available)
    return [withdraw(key.owner, key.kind, amount, cause_id=earning.id)] if amount else []


async def _find_tier(tx: Tx, rule: EarningRule, card_id: str) -> LoyaltyTier | None:
    tiers = await list_tiers(tx, rule.campaign_id)
    return find_tier(tiers, await read_points(tx, card_id)) if tiers else None


async def _find_collections(
    tx: Tx, order: Order, rules: list[EarningRule], *, now: datetime
) -> dict[str, frozenset[str]]:
    """Return the collections that the order's goods are in, if a rule asks for any."""
    if not any(one.object == "products_collection" for rule in rules for one in rule.terms.goods):
        return {}
    ids = {one for line in order.lines for one in _names(line)}
    return await list_collections_of(tx, sorted(ids), now=now) if ids else {}


def _covers(
    goods: tuple[Goods, ...], collections: dict[str, frozenset[str]]
) -> Callable[[OrderLine], bool]:
    wanted = {one.id for one in goods}

    def covers(line: OrderLine) -> bool:
        names = _names(line)
        inside = {one for name in names for one in collections.get(name, frozenset())}
        return not wanted or bool(wanted & (names | inside))

    return covers


def _names(line: OrderLine) -> set[str]:
    named = (line.product_id, line.details.get("sku_id"))
    return {one for one in named if isinstance(one, str)}
