"""Entering and changing orders; their customers' summaries follow in the same transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import psycopg
from msgspec import UNSET, UnsetType, structs

from kaquan.customers.catalogue import find_location
from kaquan.customers.checks import check_amount, merge_metadata
from kaquan.customers.lines import price_lines
from kaquan.customers.model import NEXT_STATUSES, Order, OrderDraft, OrderLine, OrderStatus
from kaquan.customers.people import find_customer, refresh_summaries
from kaquan.customers.store.customers import add_to_summary_rows, refresh_summary_rows
from kaquan.customers.store.orders import (
    find_order_by,
    insert_order,
    insert_order_rows,
    lock_order,
    update_order_row,
)
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    NotFound,
    SchemaChecker,
    Tx,
    check_metadata,
    check_reference,
    check_time,
    get_project,
    load_checker,
    new_id,
    words,
)

T = TypeVar("T")


async def create_order(tx: Tx, draft: OrderDraft, *, now: datetime) -> Order:
    """Store an order. One with the same id or source_id is updated instead, as update_order does.

    A new order is CREATED and placed now unless the draft says otherwise, and has the amount
    stated or that of its lines. Raises InvalidInput with the field that cannot be accepted, and
    NotFound for an unknown id.
    """
    await _check_draft(tx, draft)
    if draft.id is not None:
        known = await find_order_by(tx, order_id=draft.id, lock=True)
        if known is None:
            raise NotFound("order", draft.id)
        return await _change(tx, known, draft, now=now)
    source_id = draft.source_id if isinstance(draft.source_id, str) else None
    known = source_id and await find_order_by(tx, source_id=source_id, lock=True)
    if not known:
        await _check_metadata(tx, draft, new=True)
        order = await _build(tx, draft, now=now)
        if await insert_order(tx, order):
            await _recount(tx, order)
            return order
        # Somebody else has just stored the same source_id; their transaction has ended by now.
        known = await find_order_by(tx, source_id=source_id, lock=True)
        assert known is not None
    return await _change(tx, known, draft, now=now)


async def update_order(tx: Tx, reference: str, draft: OrderDraft, *, now: datetime) -> Order:
    """Store what the draft says about the order with this id (ours or the merchant's).

    Lines, when given, replace all lines. The amounts and discounts of an order that carries a
    discount stay as they are until the discount is taken back. Raises InvalidInput (also for a
    status that cannot follow the present one), NotFound, and Duplicate for a taken source_id.
    """
    await _check_draft(tx, draft)
    return await _change(tx, await lock_order(tx, reference), draft, now=now)


async def apply_discounts(
    tx: Tx,
    reference: str,
    *,
    discount_minor: int,
    line_discounts_minor: Sequence[int],
    status: OrderStatus | None = None,
    lines: Sequence[OrderLine] | None = None,
    now: datetime,
) -> Order:
    """Set what is off an order in all: as a whole, and item-level money per line in line order.

    The figures replace those stored (zeros take every discount back); ``status`` moves the order
    on at the same time. ``lines``, if given, are the goods from now on, and what they cost more or
    less goes into the order's amount. Raises InvalidInput when more would come off than there is.
    """
    known = await lock_order(tx, reference)
    goods = known.lines if lines is None else tuple(lines)
    if len(line_discounts_minor) != len(goods):
        message = words(
            "The order has %(lines)s lines, not %(given)s.",
            lines=len(goods),
            given=len(line_discounts_minor),
        )
        raise InvalidInput(message, field="items")
    grown = sum(line.amount_minor for line in goods) - sum(x.amount_minor for x in known.lines)
    discounted = tuple(
        structs.replace(line, discount_minor=check_amount(off, f"items[{index}].discount_amount"))
        for index, (line, off) in enumerate(zip(goods, line_discounts_minor, strict=True))
    )
    changed = structs.replace(
        known,
        amount_minor=known.amount_minor + grown,
        discount_minor=check_amount(discount_minor, "discount_amount"),
        lines=discounted,
        status=known.status if status is None else status,
        updated_at=now,
    )
    return await _write(tx, known, changed)


async def store_priced_orders(tx: Tx, orders: Sequence[tuple[Order, Order | None]]) -> None:
    """Store orders whose values the caller has worked out and checked; no look-up is repeated.

    Beside each stands the order as the caller has locked it, None for a new one; the caller has
    locked their customers too. Nothing waits for an answer, so it is fit for a pipeline, in which
    the database's refusal of a taken source_id comes out at the end.
    """
    fresh = [order for order, known in orders if known is None]
    if fresh:
        await insert_order_rows(tx, fresh)
        bought = [order.id for order in fresh if order.customer_id is not None]
        if bought:
            await add_to_summary_rows(tx, bought)
    changed = [(order, known) for order, known in orders if known is not None]
    for order, _ in changed:
        await update_order_row(tx, order)
    owners = {o.customer_id for pair in changed for o in pair if o.customer_id is not None}
    if owners:
        await refresh_summary_rows(tx, sorted(owners))


def check_order(draft: OrderDraft, *, field: str = "") -> None:
    """Raise InvalidInput for values that no order can have; ``field`` leads to the order."""
    check_reference(draft.id, f"{field}id")
    check_reference(draft.source_id, f"{field}source_id")
    check_reference(draft.customer_id, f"{field}customer_id")
    check_reference(draft.location_id, f"{field}location_id")
    if not isinstance(draft.amount_minor, UnsetType):
        check_amount(draft.amount_minor, f"{field}amount")
    if not isinstance(draft.discount_minor, UnsetType):
        check_amount(draft.discount_minor, f"{field}discount_amount")
    if not isinstance(draft.shipping_minor, UnsetType):
        check_amount(draft.shipping_minor, f"{field}shipping_minor")
    if draft.metadata is not UNSET:
        check_metadata(draft.metadata, f"{field}metadata")
    if isinstance(draft.placed_at, datetime):
        check_time(draft.placed_at, f"{field}placed_at")


def check_next_status(known: OrderStatus, status: OrderStatus, *, field: str = "status") -> None:
    """Raise InvalidInput (invalid_order_status) for a state that cannot follow ``known``."""
    if status is not known and status not in NEXT_STATUSES[known]:
        message = words(
            "An order that is %(known)s cannot become %(status)s.", known=known, status=status
        )
        raise InvalidInput(message, field=field, key="invalid_order_status")


async def _check_draft(tx: Tx, draft: OrderDraft) -> None:
    check_order(draft)
    if draft.currency is not None:
        currency = (await get_project(tx)).currency
        if draft.currency != currency:
            message = words(
                "This project's currency is %(currency)s, not '%(said)s'.",
                currency=currency,
                said=draft.currency[:10],
            )
            raise InvalidInput(message, field="currency", key="invalid_currency")


def check_order_metadata(
    draft: OrderDraft, checker: SchemaChecker, *, new: bool, field: str = ""
) -> None:
    """Raise InvalidInput where the order's or a line's metadata breaks the project's schemas.

    Of a ``new`` order every required key must be there. ``field`` leads to the order.
    """
    if new or draft.metadata is not UNSET:
        given = {} if draft.metadata is UNSET else draft.metadata
        checker.check("order", given, new=new, field=f"{field}metadata")
    for index, line in enumerate(() if isinstance(draft.lines, UnsetType) else draft.lines):
        given = line.details.get("metadata", {})
        checker.check("order_item", given, new=True, field=f"{field}items[{index}].metadata")


async def _check_metadata(tx: Tx, draft: OrderDraft, *, new: bool) -> None:
    lines = () if isinstance(draft.lines, UnsetType) else draft.lines
    if new or draft.metadata is not UNSET or lines:
        check_order_metadata(draft, await load_checker(tx), new=new)


async def _build(tx: Tx, draft: OrderDraft, *, now: datetime) -> Order:
    lines = () if isinstance(draft.lines, UnsetType) else await price_lines(tx, draft.lines)
    if not lines and isinstance(draft.amount_minor, UnsetType):
        raise InvalidInput("An order needs an amount or lines.", field="amount")
    order = Order(
        id=new_id("ord"),
        source_id=_or(draft.source_id, None),
        customer_id=await _customer_id(tx, draft, None),
        location_id=await _location_id(tx, draft, None),
        status=_or(draft.status, OrderStatus.CREATED),
        amount_minor=_or(draft.amount_minor, _sum_of(lines) + _or(draft.shipping_minor, 0)),
        shipping_minor=_or(draft.shipping_minor, 0),
        discount_minor=_or(draft.discount_minor, 0),
        items_discount_minor=0,
        total_minor=0,
        lines=lines,
        metadata=merge_metadata({}, draft.metadata),
        placed_at=_or(draft.placed_at, now),
        created_at=now,
        updated_at=None,
    )
    return _totalled(order)


async def _change(tx: Tx, known: Order, draft: OrderDraft, *, now: datetime) -> Order:
    await _check_metadata(tx, draft, new=False)
    lines = known.lines
    shipping = _or(draft.shipping_minor, known.shipping_minor)
    amount = _or(draft.amount_minor, known.amount_minor - known.shipping_minor + shipping)
    if not isinstance(draft.lines, UnsetType):
        lines = await price_lines(tx, draft.lines)
        amount = _or(draft.amount_minor, _sum_of(lines) + shipping)
        if _same_goods(lines, known.lines) and not any(line.discount_minor for line in lines):
            lines = _with_discounts_of(known.lines, lines)
    changed = structs.replace(
        known,
        source_id=_or(draft.source_id, known.source_id),
        customer_id=await _customer_id(tx, draft, known.customer_id),
        location_id=await _location_id(tx, draft, known.location_id),
        status=_or(draft.status, known.status),
        amount_minor=amount,
        shipping_minor=shipping,
        discount_minor=_or(draft.discount_minor, known.discount_minor),
        lines=lines,
        metadata=merge_metadata(known.metadata, draft.metadata),
        placed_at=_or(draft.placed_at, known.placed_at),
        updated_at=now,
    )
    is_discounted = known.discount_minor + known.items_discount_minor > 0
    if is_discounted and _money(_totalled(changed)) != _money(known):
        message = "The order carries a discount; its amounts stay until that is taken back."
        raise InvalidInput(message, field="amount", key="order_discounted")
    return await _write(tx, known, changed)


async def _write(tx: Tx, known: Order, changed: Order) -> Order:
    check_next_status(known.status, changed.status)
    order = _totalled(changed)
    await _update_row(tx, known, order)
    await _recount(tx, known, order)
    return order


async def _update_row(tx: Tx, known: Order, order: Order) -> None:
    if order.source_id == known.source_id:
        await update_order_row(tx, order)
        return
    try:
        async with tx.transaction():
            await update_order_row(tx, order)
    except psycopg.errors.UniqueViolation as error:
        message = words("Another order has the id '%(said)s' already.", said=order.source_id)
        raise Duplicate(message, field="source_id") from error


async def _recount(tx: Tx, *orders: Order) -> None:
    await refresh_summaries(tx, {o.customer_id for o in orders if o.customer_id is not None})


async def _customer_id(tx: Tx, draft: OrderDraft, known: str | None) -> str | None:
    if isinstance(draft.customer_id, str):
        customer = await find_customer(tx, draft.customer_id)
        if customer is None:
            message = words("There is no customer '%(said)s'.", said=draft.customer_id)
            raise InvalidInput(message, field="customer_id")
        return customer.id
    return _or(draft.customer_id, known)


async def _location_id(tx: Tx, draft: OrderDraft, known: str | None) -> str | None:
    if isinstance(draft.location_id, str):
        location = await find_location(tx, draft.location_id)
        if location is None:
            message = words("There is no location '%(said)s'.", said=draft.location_id)
            raise InvalidInput(message, field="location_id")
        return location.id
    return _or(draft.location_id, known)


def _totalled(order: Order) -> Order:
    """Return the order with its sums worked out; refuse a discount that exceeds what it is off."""
    for index, line in enumerate(order.lines):
        if line.discount_minor > line.amount_minor:
            message = "A line's discount cannot be more than its amount."
            raise InvalidInput(message, field=f"items[{index}].discount_amount")
    items_discount = sum(line.discount_minor for line in order.lines)
    total = order.amount_minor - order.discount_minor - items_discount
    if total < 0:
        message = "The discounts cannot be more than the order's amount."
        raise InvalidInput(message, field="discount_amount")
    if order.shipping_minor > order.amount_minor:
        message = "Delivery cannot cost more than the order."
        raise InvalidInput(message, field="shipping_minor")
    return structs.replace(order, items_discount_minor=items_discount, total_minor=total)


def _sum_of(lines: tuple[OrderLine, ...]) -> int:
    return check_amount(sum(line.amount_minor for line in lines), "amount")


def _money(order: Order) -> tuple[object, ...]:
    return (
        order.amount_minor,
        order.discount_minor,
        order.shipping_minor,
        tuple((line.quantity, line.amount_minor, line.discount_minor) for line in order.lines),
    )


def _same_goods(lines: tuple[OrderLine, ...], known: tuple[OrderLine, ...]) -> bool:
    def goods(of: tuple[OrderLine, ...]) -> list[tuple[object, ...]]:
        return [(x.product_id, x.source_id, x.quantity, x.amount_minor) for x in of]

    return goods(lines) == goods(known)


def _with_discounts_of(
    known: tuple[OrderLine, ...], lines: tuple[OrderLine, ...]
) -> tuple[OrderLine, ...]:
    return tuple(
        structs.replace(line, discount_minor=before.discount_minor)
        for line, before in zip(lines, known, strict=True)
    )


def _or(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value
