"""Storing what other systems tell of orders, refunds and customers, in whatever order it comes."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from msgspec import UNSET, UnsetType, structs

from kaquan.checkout import (
    GoodsBack,
    OfOrder,
    Refused,
    ReturnRefusal,
    ReturnRefused,
    ReturnRequest,
    return_goods,
    store_order,
)
from kaquan.connectors.model import Applied, ToldGoods, ToldOrder, ToldRefund
from kaquan.connectors.store.told import (
    advance_told_until,
    find_told_until,
    has_refund,
    insert_refund,
)
from kaquan.customers import (
    NEXT_STATUSES,
    Customer,
    CustomerDraft,
    Order,
    OrderDraft,
    OrderStatus,
    find_customer,
    find_order_by,
    upsert_customer,
)
from kaquan.runtime import InvalidInput, Tx

_AHEAD = timedelta(days=1)
_SETTLED = frozenset(
    {OrderStatus.CANCELED, OrderStatus.PARTIALLY_RETURNED, OrderStatus.RETURNED},
)


async def apply_order(tx: Tx, told: ToldOrder, *, now: datetime) -> Applied:
    """Store an order as it was told, with its refunds.

    What is older than what was told before adds what is missing and takes nothing back; a status
    never goes backwards. The amounts of an order that carries a discount, or of which something
    came back, stay as they are. Raises InvalidInput with the field, and Contended.
    """
    known = await find_order_by(tx, source_id=told.source_id, lock=True)
    subject = f"order {told.source_id}"
    until = (await find_told_until(tx, [subject])).get(subject)
    stale = until is not None and told.at < until
    customer_id = await _find_buyer(tx, told, now=now)
    draft = _draft_order(told, known, customer_id=customer_id, stale=stale)
    status = told.status
    if status is OrderStatus.RETURNED and (known is None or known.status is OrderStatus.CREATED):
        # Only what was paid can come back.
        await _store(tx, structs.replace(draft, status=OrderStatus.PAID), now=now)
        draft = OrderDraft(source_id=told.source_id, status=OrderStatus.RETURNED)
    order = await _store(tx, draft, now=now)
    await advance_told_until(tx, {subject: min(told.at, now + _AHEAD)})
    returned = [await apply_refund(tx, refund, now=now) for refund in told.refunds]
    return Applied(
        order_id=order.id,
        customer_id=order.customer_id,
        return_ids=tuple(one for done in returned for one in done.return_ids),
    )


async def apply_refund(tx: Tx, told: ToldRefund, *, now: datetime) -> Applied:
    """Return what was refunded, once; of what was settled before nothing is left to return.

    Raises InvalidInput for an order that is unknown or not paid, and for goods that it has not.
    """
    order = await find_order_by(tx, source_id=told.order_id, lock=True)
    if order is None:
        message = f"There is no order '{told.order_id[:100]}' to refund."
        raise InvalidInput(message, field="order_id", key="unknown_order")
    applied = Applied(order_id=order.id, customer_id=order.customer_id)
    if await has_refund(tx, order.id, told.refund):
        return applied
    return_id = None
    if order.status not in (OrderStatus.CANCELED, OrderStatus.RETURNED):
        done = await return_goods(tx, OfOrder(order.id), _request(told, order), now=now)
        if not isinstance(done, ReturnRefused):
            return_id = done.id
        elif done.refusal is not ReturnRefusal.ALL_RETURNED:
            message = f"This cannot be refunded: the order is {order.status}."
            if done.refusal is ReturnRefusal.TOO_MUCH:
                message = "More was refunded than is left of the order."
            raise InvalidInput(message, field=done.field or "refund", key=done.refusal.value)
    await insert_refund(tx, order.id, told.refund, return_id=return_id, now=now)
    return structs.replace(applied, return_ids=() if return_id is None else (return_id,))


async def apply_customer(tx: Tx, draft: CustomerDraft, *, at: datetime, now: datetime) -> Applied:
    """Store what was told of a customer; what is older than what was told before only adds."""
    subject = f"source customer {draft.source_id}"
    until = (await find_told_until(tx, [subject])).get(subject)
    if until is not None and at < until:
        known = await find_customer(tx, str(draft.source_id))
        if known is None:
            # They were deleted since; what was told before that does not bring them back.
            return Applied()
        draft = only_missing(draft, known)
    customer = await upsert_customer(tx, draft, now=now)
    await advance_told_until(tx, {subject: min(at, now + _AHEAD)})
    return Applied(customer_id=customer.id)


def only_missing(draft: CustomerDraft, known: Customer) -> CustomerDraft:
    """Return of a draft what the customer does not have yet: it tells of an earlier moment."""
    gone: dict[str, Any] = {
        name: UNSET
        for name in ("name", "email", "phone", "description", "birth_date", "address")
        if getattr(known, name) is not None or getattr(draft, name) is None
    }
    metadata = draft.metadata
    if isinstance(metadata, dict):
        fresh = {k: v for k, v in metadata.items() if k not in known.metadata and v is not None}
        gone["metadata"] = fresh or UNSET
    return structs.replace(draft, **gone)


async def _find_buyer(tx: Tx, told: ToldOrder, *, now: datetime) -> str | None:
    if told.customer is None or not isinstance(told.customer.source_id, str):
        return told.customer_id
    return (await apply_customer(tx, told.customer, at=told.at, now=now)).customer_id


def _draft_order(
    told: ToldOrder, known: Order | None, *, customer_id: str | None, stale: bool
) -> OrderDraft:
    draft = OrderDraft(
        source_id=told.source_id,
        customer_id=UNSET if customer_id is None else customer_id,
        status=told.status,
        amount_minor=told.amount_minor,
        discount_minor=told.discount_minor,
        shipping_minor=told.shipping_minor,
        lines=told.lines,
        metadata=told.metadata,
        placed_at=told.placed_at,
        currency=told.currency,
    )
    if known is None:
        return draft
    discounted = known.discount_minor + known.items_discount_minor > 0
    if discounted or known.status in _SETTLED or (stale and known.lines):
        draft = structs.replace(
            draft, amount_minor=UNSET, discount_minor=UNSET, shipping_minor=UNSET, lines=UNSET
        )
    follows = told.status is known.status or told.status in NEXT_STATUSES[known.status]
    if stale or isinstance(told.status, UnsetType) or not follows:
        draft = structs.replace(draft, status=UNSET)
    if stale and isinstance(told.metadata, dict):
        missing = {k: v for k, v in told.metadata.items() if k not in known.metadata}
        draft = structs.replace(draft, metadata=missing)
    if stale and known.customer_id is not None:
        draft = structs.replace(draft, customer_id=UNSET)
    return draft


async def _store(tx: Tx, draft: OrderDraft, *, now: datetime) -> Order:
    stored = await store_order(tx, draft, now=now)
    if isinstance(stored, Refused):
        message = "The coupons that this order was going to use do not apply any more."
        raise InvalidInput(message, field="status", key="redemption_refused")
    return stored


def _request(told: ToldRefund, order: Order) -> ReturnRequest:
    metadata = {"refund": told.refund}
    if told.goods:
        goods = tuple(_goods(one, order, index) for index, one in enumerate(told.goods))
        return ReturnRequest(goods=goods, reason=told.reason, metadata=metadata)
    paid = told.amount_minor
    if paid is None or paid >= order.total_minor:
        return ReturnRequest(reason=told.reason, metadata=metadata)
    # What was paid back is after discounts, what comes back is counted before them.
    gross = Fraction(paid * order.amount_minor, order.total_minor)
    return ReturnRequest(
        amount_minor=max(int(gross + Fraction(1, 2)), 1), reason=told.reason, metadata=metadata
    )


def _goods(told: ToldGoods, order: Order, index: int) -> GoodsBack:
    for position, line in enumerate(order.lines):
        if told.line_id is not None and line.details.get("line_id") == told.line_id:
            return GoodsBack(line=position, quantity=told.quantity)
    if told.source_id is None:
        message = f"The order has no line '{told.line_id}'."
        raise InvalidInput(message, field=f"goods[{index}]", key="unknown_line")
    return GoodsBack(source_id=told.source_id, quantity=told.quantity)
