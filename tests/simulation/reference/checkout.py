"""What checkouts, roll-backs and orders do to the reference shop."""

from datetime import datetime

from simulation.reference.people import enter
from simulation.reference.pricing import COUNTED, Buyer, Verdict, approves, decide
from simulation.reference.returns import take_back
from simulation.reference.sessions import end_free, place_locks, view_of
from simulation.reference.state import Given, Order, Redemption, Shop
from simulation.steps import (
    ChangeOrder,
    Checkout,
    EnterOrder,
    LockSession,
    Outcome,
    Redeem,
    RollBack,
    Validate,
)

NEXT = {
    "CREATED": {"PAID", "FULFILLED", "CANCELED"},
    "PAID": {"FULFILLED", "CANCELED", "PARTIALLY_RETURNED", "RETURNED"},
    "FULFILLED": {"CANCELED", "PARTIALLY_RETURNED", "RETURNED"},
    "PARTIALLY_RETURNED": {"CANCELED", "RETURNED"},
    "CANCELED": set[str](),
    "RETURNED": set[str](),
}
INVALID = Outcome(kind="invalid")
NOT_FOUND = Outcome(kind="not_found")


def play_validate(shop: Shop, step: Validate, given: Given) -> Outcome:
    """Work out what redeeming would come to."""
    read = _read(shop, step, given.now)
    if isinstance(read, Outcome):
        return read
    order, buyer = read
    view = view_of(shop, None, step.codes, given.now)
    verdicts = decide(shop, step.codes, order, buyer=buyer, view=view)
    off = sum(verdict.amount for verdict in verdicts) if approves(verdicts) else 0
    kind = "valid" if approves(verdicts) else "not valid"
    return Outcome(kind=kind, figures=[[v.as_figures() for v in verdicts], order.total - off])


def play_lock(shop: Shop, step: LockSession, given: Given) -> Outcome:
    """Work it out, enter the customer, and reserve what applies."""
    read = _read(shop, step, given.now)
    if isinstance(read, Outcome):
        return read
    order, buyer = read
    if order.id and not NEXT[order.status]:
        return INVALID
    if buyer.id is None and step.customer_source_id is not None:
        buyer = Buyer(enter(shop, step.customer_source_id, given), guest=False)
    view = view_of(shop, step.session, step.codes, given.now)
    verdicts = decide(shop, step.codes, order, buyer=buyer, view=view)
    if approves(verdicts):
        place_locks(shop, step, verdicts, buyer=buyer, given=given)
    kind = "locked" if approves(verdicts) else "not valid"
    return Outcome(kind=kind, figures=[verdict.as_figures() for verdict in verdicts])


def play_redeem(shop: Shop, step: Redeem, given: Given) -> Outcome:
    """Use the codes, or say why not; a refusal enters the customer and leaves failed attempts."""
    read = _read(shop, step, given.now)
    if isinstance(read, Outcome):
        return read
    order, buyer = read
    if order.id and not NEXT[order.status]:
        return INVALID
    if buyer.id is None and step.customer_source_id is not None:
        buyer = Buyer(enter(shop, step.customer_source_id, given), guest=False)
    view = view_of(shop, step.session, step.codes, given.now)
    verdicts = decide(shop, step.codes, order, buyer=buyer, view=view)
    figures = [verdict.as_figures() for verdict in verdicts]
    if not approves(verdicts):
        failed = _record_failures(shop, verdicts)
        return Outcome(kind="refused", figures=[figures, failed])
    end_free(shop, step.session, step.codes, buyer, view)
    order = _store(shop, order, buyer, given=given)
    _record(shop, order, verdicts, buyer=buyer, given=given)
    return Outcome(kind="redeemed", figures=[figures, order.total, order.status])


def play_roll_back(shop: Shop, step: RollBack, given: Given) -> Outcome:
    """Give everything back that a redemption took, once."""
    if step.redemption in shop.rollbacks:
        return Outcome(kind="invalid_redemption")
    if step.redemption not in shop.redemptions:
        return NOT_FOUND
    redemption = shop.redemptions[step.redemption]
    if redemption.parent is not None:
        return Outcome(kind="invalid_redemption_parent")
    if redemption.rolled_back:
        return Outcome(kind="already_rolled_back")
    order = redemption.order
    roll_back(shop, redemption)
    if "CANCELED" in NEXT[order.status]:
        order.status = "CANCELED"
    for rollback in given.names["rollbacks"]:
        shop.rollbacks[rollback] = redemption.id
    return Outcome(kind="rolled back", figures=[order.total, order.status])


def play_enter_order(shop: Shop, step: EnterOrder, given: Given) -> Outcome:
    """Store an order, or change the one that is known."""
    if step.customer is not None and not shop.is_known(step.customer):
        return INVALID
    known = shop.order_by_source.get(step.source_id)
    if known is not None:
        return _change(
            shop, shop.orders[known], lines=step.lines, customer=step.customer, given=given
        )
    order = Order(
        given.names["order"], step.source_id, step.customer, "CREATED", step.lines, given.now
    )
    shop.orders[order.id] = order
    shop.order_by_source[step.source_id] = order.id
    return _stored(order)


def play_change_order(shop: Shop, step: ChangeOrder, given: Given) -> Outcome:
    """Give an order another status or other lines."""
    order = shop.orders[step.order]
    return _change(shop, order, lines=step.lines, status=step.status, given=given)


def totals_of(shop: Shop) -> dict[str, list[int]]:
    """By customer: how many orders count as purchases, and what they came to."""
    totals: dict[str, list[int]] = {}
    for order in shop.orders.values():
        if order.customer is not None and order.status in COUNTED:
            total = totals.setdefault(order.customer, [0, 0])
            total[0] += 1
            total[1] += order.total - order.refunded
    return totals


def _change(
    shop: Shop,
    order: Order,
    *,
    lines: list[tuple[int, int]] | None,
    status: str | None = None,
    customer: str | None = None,
    given: Given,
) -> Outcome:
    if status not in (None, order.status) and status not in NEXT[order.status]:
        return INVALID
    if lines is not None:
        is_fixed = order.status in ("PARTIALLY_RETURNED", "RETURNED")
        if (is_fixed or order.discount + order.items_discount) and lines != order.lines:
            return INVALID
        order.lines = lines
    if status != order.status and status == "CANCELED":
        _cancel(shop, order, given)
    elif status != order.status and status == "RETURNED":
        back = order.back or [0] * len(order.lines)
        pairs = zip(order.lines, back, strict=True)
        take_back(shop, order, [quantity - gone for (quantity, _), gone in pairs])
    order.status = status or order.status
    order.customer = customer or order.customer
    return _stored(order)


def roll_back(shop: Shop, redemption: Redemption) -> None:
    """Give back what a redemption took and no return gave back, and its discount to the order."""
    for undone in [redemption, *(shop.redemptions[child] for child in redemption.children)]:
        _undo(undone)
    redemption.order.discount -= redemption.discount
    redemption.order.items_discount -= redemption.items_discount


def _cancel(shop: Shop, order: Order, given: Given) -> None:
    for redemption in list(shop.redemptions.values()):
        if redemption.order is order and redemption.parent is None and not redemption.rolled_back:
            roll_back(shop, redemption)
    for rollback, undone in given.names["rollbacks"].items():
        shop.rollbacks.setdefault(rollback, undone)


def _stored(order: Order) -> Outcome:
    return Outcome(kind="stored", figures=[order.total, order.status])


def _read(shop: Shop, step: Checkout, now: datetime) -> tuple[Order, Buyer] | Outcome:
    """The order as it would stand before the discounts, and who buys."""
    stored = _find_order(shop, step)
    if step.customer is not None and not shop.is_known(step.customer):
        return NOT_FOUND
    customer = step.customer or shop.customer_by_source.get(step.customer_source_id or "")
    guest = step.customer is None and step.customer_source_id is None
    if stored is None:
        order = Order("", step.basket.source_id, customer, "CREATED", step.basket.lines, now)
        return order, Buyer(customer, guest)
    if guest and stored.customer is not None and shop.is_known(stored.customer):
        customer, guest = stored.customer, False
    if customer is not None and stored.customer not in (None, customer):
        return INVALID
    if step.basket.lines and step.basket.lines != stored.lines:
        if stored.discount + stored.items_discount:
            return INVALID
        lines = step.basket.lines
        changed = Order(
            stored.id, stored.source_id, stored.customer, stored.status, lines, stored.placed_at
        )
        return changed, Buyer(customer, guest)
    return stored, Buyer(customer, guest)


def _find_order(shop: Shop, step: Checkout) -> Order | None:
    order_id = step.basket.order or shop.order_by_source.get(step.basket.source_id or "")
    return None if order_id is None else shop.orders[order_id]


def _record_failures(shop: Shop, verdicts: list[Verdict]) -> int:
    failed = [
        shop.vouchers[verdict.code]
        for verdict in verdicts
        if verdict.code in shop.vouchers
        and verdict.reasons
        and verdict.reasons[0] not in ("preceding_failed", "applied_limit")
    ]
    shop.failures += len(failed)
    return len(failed)


def _store(shop: Shop, order: Order, buyer: Buyer, *, given: Given) -> Order:
    if not order.id:
        order.id = given.names["order"]
        shop.orders[order.id] = order
        if order.source_id is not None:
            shop.order_by_source[order.source_id] = order.id
    stored = shop.orders[order.id]
    stored.lines = order.lines
    stored.customer = stored.customer or buyer.id
    stored.status = "PAID" if stored.status == "CREATED" else stored.status
    return stored


def _record(
    shop: Shop, order: Order, verdicts: list[Verdict], *, buyer: Buyer, given: Given
) -> None:
    applied = [verdict for verdict in verdicts if verdict.status == "applied"]
    made: list[Redemption] = []
    made_up = zip(applied, given.names["redemptions"], given.names["allocations"], strict=True)
    for verdict, redemption_id, allocation in made_up:
        voucher = shop.vouchers[verdict.code]
        is_items = voucher.offer.effect == "items"
        redemption = Redemption(
            redemption_id,
            order,
            buyer.id,
            discount=0 if is_items else verdict.amount,
            items_discount=verdict.amount if is_items else 0,
            voucher=voucher,
            parent=given.names["parent"],
            allocation=allocation,
        )
        if sum(allocation) != verdict.amount:
            message = f"an allocation of {allocation}"
            raise ValueError(message)
        _take(redemption)
        order.discount += redemption.discount
        order.items_discount += redemption.items_discount
        made.append(redemption)
    if given.names["parent"] is not None:
        off, items_off = (sum(r.discount for r in made), sum(r.items_discount for r in made))
        parent = Redemption(given.names["parent"], order, buyer.id, off, items_off)
        parent.children = [redemption.id for redemption in made]
        shop.redemptions[parent.id] = parent
    shop.redemptions |= {redemption.id: redemption for redemption in made}


def _take(redemption: Redemption) -> None:
    voucher = redemption.voucher
    assert voucher is not None
    voucher.used += 1
    campaign = voucher.campaign
    if campaign is None:
        return
    if redemption.customer is not None:
        count = campaign.redeemed_by.get(redemption.customer, 0)
        campaign.redeemed_by[redemption.customer] = count + 1
    if campaign.budget_minor is not None:
        redemption.from_budget = True
        campaign.spent += redemption.discount + redemption.items_discount


def _undo(redemption: Redemption) -> None:
    redemption.rolled_back = True
    voucher = redemption.voucher
    if voucher is None:
        return
    if not redemption.use_returned:
        voucher.used -= 1
        if voucher.campaign is not None and redemption.customer is not None:
            voucher.campaign.redeemed_by[redemption.customer] -= 1
    if voucher.campaign is not None and redemption.from_budget:
        off = redemption.discount + redemption.items_discount
        voucher.campaign.spent -= off - redemption.returned
