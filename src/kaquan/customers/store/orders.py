"""SQL of orders. Lines are parallel arrays of the order's row, replaced as a whole."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, cast

import msgspec
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Json, Jsonb

from kaquan.customers.model import Order, OrderLine, OrderStatus
from kaquan.customers.store.listing import Listing, ListRequest, Sort, list_page
from kaquan.runtime import Condition, FilterField, FilterFields, FilterKind, NotFound, Page, Tx

ORDER_ROW_COLUMNS: LiteralString = (
    "id, source_id, customer_id, location_id, status, amount_minor, discount_minor,"
    " items_discount_minor, shipping_minor, total_minor, line_product_ids, line_source_ids, line_quantities,"
    " line_unit_prices, line_amounts, line_discounts, line_details, metadata, placed_at,"
    " created_at, updated_at"
)
"""What read_order_row makes an order of."""

_LISTING = Listing(
    columns=ORDER_ROW_COLUMNS,
    source="orders",
    key="id",
    sorts={
        "placed_at": Sort("placed_at", datetime),
        "created_at": Sort("created_at", datetime),
        "updated_at": Sort("coalesce(updated_at, created_at)", datetime),
        "amount": Sort("amount_minor", int),
        "total": Sort("total_minor", int),
    },
)
ORDER_FILTERS = FilterFields(
    named={
        "id": FilterField("id"),
        "source_id": FilterField("source_id"),
        "status": FilterField("status"),
        "customer_id": FilterField("customer_id"),
        "amount": FilterField("amount_minor", FilterKind.NUMBER),
        "total_amount": FilterField("total_minor", FilterKind.NUMBER),
        "discount_amount": FilterField("discount_minor", FilterKind.NUMBER),
        "items_discount_amount": FilterField("items_discount_minor", FilterKind.NUMBER),
        "total_discount_amount": FilterField("amount_minor - total_minor", FilterKind.NUMBER),
        "created_at": FilterField("placed_at", FilterKind.TIME),
        "updated_at": FilterField("updated_at", FilterKind.TIME),
    },
    objects={"metadata": "metadata"},
)
"""What lists and exports of orders may be filtered by; the dialect's created_at is the purchase."""

_WRITTEN: LiteralString = (
    "id, source_id, customer_id, location_id, status, amount_minor, discount_minor,"
    " items_discount_minor, shipping_minor, line_product_ids, line_source_ids, line_quantities,"
    " line_unit_prices, line_amounts, line_discounts, line_details, metadata, placed_at,"
    " created_at, updated_at"
)
_INSERT: LiteralString = (
    f"insert into orders ({_WRITTEN})"
    f" select {_WRITTEN} from json_populate_recordset(null::orders, %s)"
)
_UPDATE: LiteralString = (
    "update orders set source_id = %(source_id)s, customer_id = %(customer_id)s,"
    " location_id = %(location_id)s, status = %(status)s,"
    " amount_minor = %(amount_minor)s, discount_minor = %(discount_minor)s,"
    " items_discount_minor = %(items_discount_minor)s, shipping_minor = %(shipping_minor)s,"
    " line_product_ids = %(line_product_ids)s::text[],"
    " line_source_ids = %(line_source_ids)s::text[],"
    " line_quantities = %(line_quantities)s::bigint[],"
    " line_unit_prices = %(line_unit_prices)s::bigint[],"
    " line_amounts = %(line_amounts)s::bigint[],"
    " line_discounts = %(line_discounts)s::bigint[],"
    " line_details = %(line_details)s, metadata = %(metadata)s,"
    " placed_at = %(placed_at)s, updated_at = %(updated_at)s where id = %(id)s"
)


async def find_order(tx: Tx, reference: str) -> Order | None:
    """Return an order by our id, else by the merchant's, or None."""
    return await find_order_by(tx, order_id=reference, source_id=reference)


async def get_order(tx: Tx, reference: str) -> Order:
    """Return an order by our id, else by the merchant's; raises NotFound."""
    order = await find_order(tx, reference)
    if order is None:
        raise NotFound("order", reference)
    return order


async def lock_order(tx: Tx, reference: str) -> Order:
    """Lock and return an order by our id, else by the merchant's; raises NotFound."""
    order = await find_order_by(tx, order_id=reference, source_id=reference, lock=True)
    if order is None:
        raise NotFound("order", reference)
    return order


async def find_order_by(
    tx: Tx, *, order_id: str | None = None, source_id: str | None = None, lock: bool = False
) -> Order | None:
    """Return the order with our id or, if there is none, with the merchant's.

    ``lock`` keeps others from changing it until the end of the transaction.
    """
    query: LiteralString = (
        f"select {ORDER_ROW_COLUMNS} from orders where id = %(id)s or source_id = %(source_id)s"
        " order by id = %(id)s desc nulls last limit 1"
    )
    parameters = {"id": order_id, "source_id": source_id}
    async with tx.cursor(row_factory=dict_row) as cursor:
        if lock:
            await cursor.execute(query + " for update", parameters)
        else:
            await cursor.execute(query, parameters)
        row = await cursor.fetchone()
    return None if row is None else read_order_row(row)


async def list_orders(
    tx: Tx,
    *,
    customer_id: str | None = None,
    status: OrderStatus | None = None,
    condition: Condition | None = None,
    limit: int = 50,
    order: str = "-placed_at",
    cursor: str | None = None,
    page: int = 1,
) -> Page[Order]:
    """Return a page of orders with the exact total.

    ``condition`` is of ORDER_FILTERS. ``order`` is placed_at, created_at, updated_at, amount or
    total, with ``-`` in front for descending. Raises InvalidInput for an unknown order or a foreign cursor.
    """
    conditions: list[sql.Composable] = []
    parameters: dict[str, Any] = {}
    if customer_id is not None:
        conditions.append(sql.SQL("customer_id = %(customer_id)s"))
        parameters["customer_id"] = customer_id
    if status is not None:
        conditions.append(sql.SQL("status = %(status)s"))
        parameters["status"] = status
    if condition is not None:
        conditions.append(condition.sql)
        parameters |= condition.parameters
    result = await list_page(
        tx,
        _LISTING,
        ListRequest(limit=limit, order=order, cursor=cursor, page=page),
        conditions=conditions,
        parameters=parameters,
        row=dict_row,
    )
    return Page([read_order_row(row) for row in result.items], result.total, result.next_cursor)


async def list_orders_by_id(tx: Tx, order_ids: Sequence[str]) -> list[Order]:
    """Return those of these orders that exist, by our ids."""
    query: LiteralString = f"select {ORDER_ROW_COLUMNS} from orders where id = any(%s) order by id"
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, (list(order_ids),))
        return [read_order_row(row) for row in await cursor.fetchall()]


async def insert_order(tx: Tx, order: Order) -> bool:
    """Store a new order; False when another transaction just stored its merchant's id."""
    cursor = await tx.execute(
        _INSERT + " on conflict (project_id, source_id) do nothing", (Json([_values(order)]),)
    )
    return cursor.rowcount == 1


async def insert_order_rows(tx: Tx, orders: Sequence[Order]) -> None:
    """Store new orders in one statement; the database refuses a merchant's id that is taken."""
    await tx.execute(_INSERT, (Json([_values(order) for order in orders]),))


async def update_order_row(tx: Tx, order: Order) -> None:
    """Write a locked order back; the database refuses a merchant's id that is taken."""
    await tx.execute(_UPDATE, _parameters(order))


def _parameters(order: Order) -> dict[str, Any]:
    values = _values(order)
    details = values["line_details"]
    return values | {
        "line_details": None if details is None else Jsonb(details),
        "metadata": Jsonb(order.metadata),
    }


def _values(order: Order) -> dict[str, Any]:
    lines = order.lines
    details = [line.details for line in lines]
    return {
        "id": order.id,
        "source_id": order.source_id,
        "customer_id": order.customer_id,
        "location_id": order.location_id,
        "status": order.status,
        "amount_minor": order.amount_minor,
        "discount_minor": order.discount_minor,
        "items_discount_minor": order.items_discount_minor,
        "shipping_minor": order.shipping_minor,
        "line_product_ids": [line.product_id for line in lines],
        "line_source_ids": [line.source_id for line in lines],
        "line_quantities": [line.quantity for line in lines],
        "line_unit_prices": [line.unit_price_minor for line in lines],
        "line_amounts": [line.amount_minor for line in lines],
        "line_discounts": [line.discount_minor for line in lines],
        "line_details": details if any(details) else None,
        "metadata": order.metadata,
        "placed_at": order.placed_at,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


def read_order_row(row: dict[str, Any]) -> Order:
    """Make an order of its row, which may come as JSON (times are texts then)."""
    nothing: list[dict[str, Any]] = [{}] * len(row["line_quantities"])
    details = cast("list[dict[str, Any]] | None", row["line_details"])
    lines = tuple(
        OrderLine(
            product_id=product_id,
            source_id=source_id,
            quantity=quantity,
            unit_price_minor=unit_price,
            amount_minor=amount,
            discount_minor=discount,
            details=detail,
        )
        for product_id, source_id, quantity, unit_price, amount, discount, detail in zip(
            row["line_product_ids"],
            row["line_source_ids"],
            row["line_quantities"],
            row["line_unit_prices"],
            row["line_amounts"],
            row["line_discounts"],
            details or nothing,
            strict=True,
        )
    )
    return msgspec.convert(row | {"lines": lines}, Order)
