"""Storing orders: new ones many at a time, known ones compared and changed where they differ."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import UNSET

from kaquan.customers.columns import csv_parts, distinct, in_order_of
from kaquan.customers.crowd import enter_customers
from kaquan.customers.imports.files.column_readers import Reader
from kaquan.customers.imports.files.model import Mapping, Problem, Repeat, Written
from kaquan.customers.imports.files.order_rows import OrderRows, read_order_rows
from kaquan.customers.imports.files.prepare import Prepared
from kaquan.customers.model import CustomerDraft, Order, OrderDraft, OrderLineDraft, OrderStatus
from kaquan.customers.order_columns import OrderColumns, read_orders
from kaquan.customers.orders import update_order
from kaquan.customers.store.bulk import (
    ORDER_COLUMNS,
    drop_staging,
    ids_by_source,
    insert_orders_and_sums,
    stage_rows,
)
from kaquan.customers.store.customers import lock_living
from kaquan.customers.store.import_merge import list_orders_by_source, list_own_ids
from kaquan.runtime import (
    InvalidInput,
    KaquanError,
    SchemaChecker,
    SchemaScope,
    Tx,
    new_ids,
    words,
)

_ARROW: Any = pa
_LINES = ("quantity", "unit_price_minor", "amount_minor", "discount_minor")


Named = dict[str, str | None]
"""Our id by what a file calls something; None where nothing is known by this name."""

_MOST_REMEMBERED = 200_000


class _Places(msgspec.Struct, frozen=True):
    """Our ids by what the file calls customers, locations and products."""

    customers: Named
    locations: Named
    products: Named


async def write_orders_of_file(
    tx: Tx,
    mapping: Mapping,
    prepared: Prepared,
    *,
    usual: OrderColumns | None = None,
    read: dict[str, Reader],
    goods: Named,
    checker: SchemaChecker,
    now: datetime,
) -> Written:
    """Store a chunk of orders by their ``source_id``.

    ``goods`` remembers the products of earlier chunks, of this import only; ``usual`` is what
    find_usual_orders makes of the chunk. New orders are FULFILLED unless the file says otherwise.
    Of two orders with one id the later holds. An order is stored with all its lines, or none of
    it is.
    """
    if usual is not None and checker.find(SchemaScope.STANDARD, "order") is None:
        enter = mapping.enter_customers
        if await _insert_usual(tx, usual, goods, enter=enter, now=now):
            return Written(
                passed=len(prepared.chunk.lines),
                added=len(usual.customers),
                cleaned=prepared.cleaned,
            )
    orders, problems = read_order_rows(prepared, read=read)
    orders, repeats = _latest(orders, prepared)
    found = await _look_up(tx, orders, goods, enter=mapping.enter_customers, now=now)
    known = await list_orders_by_source(tx, [order.source_id for order in orders])
    fresh: list[OrderRows] = []
    changed = unchanged = 0
    for order in orders:
        try:
            _check_places(order, found)
            _check_schema(order, checker, new=order.source_id not in known)
            if order.source_id not in known:
                fresh.append(order)
            elif _says_nothing_new(order, known[order.source_id], found):
                unchanged += 1
            else:
                async with tx.transaction():
                    await update_order(tx, known[order.source_id].id, _draft(order, found), now=now)
                changed += 1
        except KaquanError as error:
            _refuse(order, error, problems)
    await _insert(tx, fresh, found, now=now)
    return Written(
        passed=len(prepared.chunk.lines),
        added=len(fresh),
        changed=changed,
        unchanged=unchanged,
        problems=sorted(problems.values(), key=lambda one: one.place),
        repeats=repeats,
        cleaned=prepared.cleaned,
    )


def _latest(
    orders: Sequence[OrderRows], prepared: Prepared
) -> tuple[list[OrderRows], list[Repeat]]:
    latest: dict[str, OrderRows] = {}
    repeats: list[Repeat] = []
    for order in orders:
        if latest.pop(order.source_id, None) is not None:
            line = prepared.chunk.lines[order.start]
            repeats.append(Repeat(line=line, source_id=order.source_id))
        latest[order.source_id] = order
    return list(latest.values()), repeats


async def _insert_usual(
    tx: Tx, usual: OrderColumns, goods: Named, *, enter: bool, now: datetime
) -> bool:
    """Store orders that are all new and name nobody and no place that is not known; or say no."""
    customers = await find_people(tx, set(distinct(usual.customers)), enter=enter, now=now)
    locations = await _ids_of(tx, "location", set(distinct(usual.locations)))
    if None in customers.values() or None in locations.values():
        return False
    if await list_orders_by_source(tx, usual.fixed["source_id"].to_pylist()):
        return False
    products = await _find_goods(tx, set(distinct(usual.products)), goods)
    columns = usual.columns(customers=customers, locations=locations, products=products)
    await _store(tx, columns, now=now)
    return True


async def _look_up(
    tx: Tx, orders: Sequence[OrderRows], goods: Named, *, enter: bool, now: datetime
) -> _Places:
    customers = {order.customer for order in orders if order.customer is not None}
    locations = {order.location for order in orders if order.location is not None}
    products = {line.product for order in orders for line in order.lines or ()}
    return _Places(
        await find_people(tx, customers, enter=enter, now=now),
        await _ids_of(tx, "location", locations),
        await _find_goods(tx, {one for one in products if one is not None}, goods),
    )


async def _find_goods(tx: Tx, references: set[str], goods: Named) -> Named:
    """Return our ids of products, asking for those that no earlier chunk named; maybe of more."""
    if len(goods) > _MOST_REMEMBERED:
        goods.clear()
    goods |= await _ids_of(tx, "product", references - goods.keys())
    return goods


async def find_people(tx: Tx, references: set[str], *, enter: bool, now: datetime) -> Named:
    """Return our id of each customer that a file names by the merchant's id or ours.

    With ``enter`` those who are not known are entered under the merchant's id.
    """
    found = await _ids_of(tx, "customer", references)
    unknown = sorted(one for one, row_id in found.items() if row_id is None)
    if enter and unknown:
        drafts = [CustomerDraft(source_id=one) for one in unknown]
        entered = await enter_customers(tx, drafts, now=now)
        for reference, customer in zip(unknown, entered, strict=True):
            if not isinstance(customer, KaquanError):
                found[reference] = customer.id
    return found


async def _ids_of(tx: Tx, table: Any, references: set[str]) -> Named:
    if not references:
        return {}
    found = await ids_by_source(tx, table, sorted(references))
    unknown = [one for one, row_id in found.items() if row_id is None]
    if unknown:
        found |= {one: one for one in await list_own_ids(tx, table, unknown)}
    return found


def _check_places(order: OrderRows, found: _Places) -> None:
    if order.customer is not None and found.customers[order.customer] is None:
        msg = words("There is no customer '%(said)s'.", said=order.customer)
        raise InvalidInput(msg, field="customer")
    if order.location is not None and found.locations[order.location] is None:
        msg = words("There is no location '%(said)s'.", said=order.location)
        raise InvalidInput(msg, field="location")


def _check_schema(order: OrderRows, checker: SchemaChecker, *, new: bool) -> None:
    if checker.find(SchemaScope.STANDARD, "order") is not None and (new or order.metadata):
        checker.check("order", order.metadata, new=new)


def _refuse(order: OrderRows, error: KaquanError, problems: dict[int, Problem]) -> None:
    field = error.field if isinstance(error, InvalidInput) else "source_id"
    for place in range(order.start, order.stop):
        problems[place] = Problem(place=place, field=field, reason=error.sentence)


def _says_nothing_new(order: OrderRows, known: Order, found: _Places) -> bool:
    return (
        order.placed_at == known.placed_at
        and (order.customer is None or found.customers[order.customer] == known.customer_id)
        and (order.location is None or found.locations[order.location] == known.location_id)
        and order.status in (None, known.status)
        and (_amount(order) is None or _amount(order) == known.amount_minor)
        and order.discount_minor in (None, known.discount_minor)
        and all(known.metadata.get(key) == value for key, value in order.metadata.items())
        and (order.lines is None or _has_lines(order, known, found))
    )


def _amount(order: OrderRows) -> int | None:
    if order.amount_minor is None and order.lines is None:
        return None
    return order.sum_minor


def _has_lines(order: OrderRows, known: Order, found: _Places) -> bool:
    given = [
        (
            found.products.get(line.product) if line.product is not None else None,
            line.quantity,
            line.amount_minor,
            line.discount_minor,
        )
        for line in order.lines or ()
    ]
    stored = [
        (line.product_id, line.quantity, line.amount_minor, line.discount_minor)
        for line in known.lines
    ]
    names = [line.product for line in order.lines or ()]
    return given == stored and all(
        line.product_id is not None or line.source_id == name
        for line, name in zip(known.lines, names, strict=True)
    )


def _draft(order: OrderRows, found: _Places) -> OrderDraft:
    lines = tuple(
        OrderLineDraft(
            product_id=found.products.get(line.product) if line.product is not None else None,
            source_id=line.product,
            quantity=line.quantity,
            unit_price_minor=line.unit_price_minor,
            amount_minor=line.amount_minor,
            discount_minor=line.discount_minor,
        )
        for line in order.lines or ()
    )
    amount = _amount(order)
    return OrderDraft(
        customer_id=UNSET if order.customer is None else found.customers[order.customer],
        location_id=UNSET if order.location is None else found.locations[order.location],
        status=UNSET if order.status is None else order.status,
        amount_minor=UNSET if amount is None else amount,
        discount_minor=UNSET if order.discount_minor is None else order.discount_minor,
        lines=UNSET if order.lines is None else lines,
        metadata=order.metadata or UNSET,
        placed_at=order.placed_at,
    )


async def _insert(tx: Tx, orders: Sequence[OrderRows], found: _Places, *, now: datetime) -> None:
    if not orders:
        return
    checked = read_orders(_order_table(orders), _line_table(orders))
    columns = checked.columns(
        customers={own: own for own in found.customers.values() if own is not None},
        locations={own: own for own in found.locations.values() if own is not None},
        products=found.products,
    )
    columns["customer_id"] = _owners(orders, found.customers, "customer")
    columns["location_id"] = _owners(orders, found.locations, "location")
    await _store(tx, columns, now=now)


async def _store(tx: Tx, columns: dict[str, Any], *, now: datetime) -> None:
    bought = sorted(distinct(columns["customer_id"]))
    living = await lock_living(tx, bought) if bought else []
    ids = sorted(new_ids("ord", len(columns["source_id"])))
    parts = csv_parts({"id": ids, **in_order_of(columns, "placed_at")})
    await stage_rows(tx, ORDER_COLUMNS, parts, progress=lambda _: None)
    await insert_orders_and_sums(tx, living, now=now)
    await drop_staging(tx)


def _owners(orders: Sequence[OrderRows], known: dict[str, str | None], name: str) -> Any:
    named = [getattr(order, name) for order in orders]
    return _ARROW.array([None if one is None else known[one] for one in named], _ARROW.string())


def _order_table(orders: Sequence[OrderRows]) -> Any:
    return _ARROW.table(
        {
            "source_id": [order.source_id for order in orders],
            "placed_at": _ARROW.array(
                [order.placed_at for order in orders], _ARROW.timestamp("us", "UTC")
            ),
            "status": [(order.status or OrderStatus.FULFILLED).value for order in orders],
            "amount_minor": _ARROW.array([order.sum_minor for order in orders], _ARROW.int64()),
            "discount_minor": _ARROW.array(
                [order.discount_minor or 0 for order in orders], _ARROW.int64()
            ),
            "metadata": [msgspec.json.encode(order.metadata).decode() for order in orders],
        }
    )


def _line_table(orders: Sequence[OrderRows]) -> Any:
    lines = list(chain.from_iterable(order.lines or () for order in orders))
    counts = [len(order.lines or ()) for order in orders]
    owners = _ARROW.array(np.repeat(np.arange(len(orders)), counts))
    source_ids = _ARROW.array([order.source_id for order in orders], _ARROW.string())
    columns: dict[str, Any] = {
        "order_source_id": source_ids.take(owners),
        "product_source_id": _ARROW.array([line.product for line in lines], _ARROW.string()),
    }
    for name in _LINES:
        columns[name] = _ARROW.array([getattr(line, name) for line in lines], _ARROW.int64())
    return _ARROW.table(columns)
