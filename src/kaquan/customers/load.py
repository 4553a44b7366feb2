"""Loading many customers, products, locations or orders at once, from Arrow tables.

A load may be repeated: rows are known by the merchant's id. All of it or, when a value cannot be
accepted, nothing of it is stored.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, LiteralString, TypeAlias

import msgspec
import pyarrow as pa

from kaquan.customers.checks import check_attributes, check_birth_date, check_email, check_phone
from kaquan.customers.columns import (
    check_each,
    csv_parts,
    date_column,
    distinct,
    in_order_of,
    json_column,
    optional_number_column,
    require_columns,
    text_column,
    time_column,
    unique_text_column,
)
from kaquan.customers.model import LoadCounts
from kaquan.customers.order_columns import read_orders
from kaquan.customers.people import refresh_summaries
from kaquan.customers.sealing import SEALED_TYPES, seal_rows, sealed_columns
from kaquan.customers.store.bulk import (
    ORDER_COLUMNS,
    Column,
    drop_staging,
    ids_by_source,
    insert_staged_orders,
    list_raced,
    merge_staged,
    stage_rows,
)
from kaquan.runtime import (
    LONGEST_NAME,
    LONGEST_REFERENCE,
    Duplicate,
    Tx,
    check_name,
    new_ids,
)

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many rows were handed to the database so far, and how many there are."""


def no_progress(done: int, total: int) -> None:
    """Tell nobody."""


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    """A table that loads merge into, the prefix of its ids and the columns a load may bring."""

    table: LiteralString
    prefix: str
    columns: tuple[Column, ...]


_CUSTOMERS = _Target(
    table="customer",
    prefix="cust",
    columns=(
        ("name", "text"),
        ("email", "text"),
        ("phone", "text"),
        ("description", "text"),
        ("birth_date", "date"),
        ("address", "jsonb"),
        ("metadata", "jsonb"),
    ),
)
_PRODUCTS = _Target(
    table="product",
    prefix="prod",
    columns=(
        ("name", "text"),
        ("price_minor", "bigint"),
        ("image_url", "text"),
        ("attributes", "jsonb"),
        ("metadata", "jsonb"),
    ),
)
_LOCATIONS = _Target(
    table="location", prefix="loc", columns=(("name", "text"), ("metadata", "jsonb"))
)


async def load_customers(
    tx: Tx, table: pa.Table, *, now: datetime, progress: Progress = no_progress
) -> LoadCounts:
    """Enter or update customers by ``source_id``.

    Other columns, all optional: name, email, phone, birth_date (date), description, address and
    metadata (JSON objects as text), created_at (time with zone). A column that is not there
    leaves that field as it is. Raises InvalidInput with column and row.
    """
    values = {
        "name": text_column(table, "name", longest=LONGEST_NAME),
        "email": text_column(table, "email"),
        "phone": text_column(table, "phone"),
        "description": text_column(table, "description"),
        "birth_date": date_column(table, "birth_date"),
        "address": json_column(table, "address", missing=None),
        "metadata": json_column(table, "metadata", missing="{}"),
    }
    check_each(values["name"], "name", check_name)
    check_each(values["email"], "email", check_email)
    check_each(values["phone"], "phone", check_phone)
    check_each(
        values["birth_date"],
        "birth_date",
        lambda value, field: check_birth_date(value, field, now=now),
    )
    return await _merge(tx, _CUSTOMERS, table, values=values, now=now, progress=progress)


async def load_products(
    tx: Tx, table: pa.Table, *, now: datetime, progress: Progress = no_progress
) -> LoadCounts:
    """Enter or update products by ``source_id``.

    Other columns, all optional: name, price_minor, image_url, attributes and metadata (JSON
    objects as text), created_at. Otherwise as load_customers.
    """
    values = {
        "name": text_column(table, "name", longest=LONGEST_NAME),
        "price_minor": optional_number_column(table, "price_minor"),
        "image_url": text_column(table, "image_url"),
        "attributes": json_column(table, "attributes", missing="{}", check=check_attributes),
        "metadata": json_column(table, "metadata", missing="{}"),
    }
    check_each(values["name"], "name", check_name)
    return await _merge(tx, _PRODUCTS, table, values=values, now=now, progress=progress)


async def load_locations(
    tx: Tx, table: pa.Table, *, now: datetime, progress: Progress = no_progress
) -> LoadCounts:
    """Enter or update locations by ``source_id``, with their name (required), metadata (JSON
    objects as text) and created_at. Otherwise as load_customers.
    """
    values = {
        "name": text_column(table, "name", required=True, longest=LONGEST_NAME),
        "metadata": json_column(table, "metadata", missing="{}"),
    }
    check_each(values["name"], "name", check_name)
    return await _merge(tx, _LOCATIONS, table, values=values, now=now, progress=progress)


async def load_orders(
    tx: Tx,
    orders: pa.Table,
    lines: pa.Table,
    *,
    now: datetime,
    progress: Progress = no_progress,
) -> LoadCounts:
    """Enter orders whose ``source_id`` is new, with their lines; known ones stay as they are.

    ``orders``: source_id and placed_at (time with zone); optional customer_source_id and
    location_source_id (must be known), status (default FULFILLED), amount_minor (default: of the
    lines), discount_minor, metadata (JSON object as text). ``lines``, a row a line in the order of
    each order's lines: order_source_id, product_source_id (need not be known), quantity,
    unit_price_minor; optional amount_minor (default: quantity times price) and discount_minor.
    Progress counts lines. The summaries of the customers follow. Raises InvalidInput with column
    and row, the lines' columns written as ``lines.quantity[17]``, and Duplicate when somebody
    else stores one of the orders at the same time.
    """
    checked = read_orders(orders, lines)
    customers = await ids_by_source(tx, "customer", distinct(checked.customers))
    locations = await ids_by_source(tx, "location", distinct(checked.locations))
    products = await ids_by_source(tx, "product", distinct(checked.products))
    columns = checked.columns(customers=customers, locations=locations, products=products)
    count, total = orders.num_rows, lines.num_rows
    # Stored in the order of time under ascending ids, every index but one grows at its end.
    parts = csv_parts({"id": sorted(new_ids("ord", count)), **in_order_of(columns, "placed_at")})
    await stage_rows(
        tx, ORDER_COLUMNS, parts, progress=lambda rows: progress(rows * total // count, total)
    )
    added = await insert_staged_orders(tx, now=now)
    await drop_staging(tx)
    if added:
        await refresh_summaries(tx, {found for found in customers.values() if found})
    return LoadCounts(given=orders.num_rows, added=added)


async def _merge(
    tx: Tx,
    target: _Target,
    table: pa.Table,
    *,
    values: dict[str, Any],
    now: datetime,
    progress: Progress,
) -> LoadCounts:
    known = [name for name, _ in target.columns]
    require_columns(table, required=["source_id"], optional=[*known, "created_at"])
    count = table.num_rows
    staged: dict[str, Any] = {
        "id": new_ids(target.prefix, count),
        "source_id": unique_text_column(table, "source_id", longest=LONGEST_REFERENCE),
        "created_at": time_column(table, "created_at"),
    }
    # Metadata goes along always: an empty object merges into what is there without a change.
    given = tuple(
        column for column in target.columns if column[0] in ("metadata", *table.column_names)
    )
    columns: tuple[Column, ...] = (
        ("id", "text"),
        ("source_id", "text"),
        ("created_at", "timestamptz"),
        *given,
    )
    staged |= {name: values[name] for name, _ in given}
    if target.table == "customer":
        personal = {name: staged[name].to_pylist() for name in SEALED_TYPES if name in staged}
        if "address" in personal:
            personal["address"] = [
                None if text is None else msgspec.json.decode(text) for text in personal["address"]
            ]
        staged |= await seal_rows(tx, staged["source_id"].to_pylist(), personal)
        columns = tuple(sealed_columns(columns))
    staged = {name: staged[name] for name, _ in columns}
    await stage_rows(tx, columns, csv_parts(staged), progress=lambda rows: progress(rows, count))
    counts = await merge_staged(tx, target.table, columns, given=count, now=now)
    raced = await list_raced(tx) if target.table == "customer" else set[str]()
    await drop_staging(tx)
    if raced:
        message = "Some of these customers are being entered by somebody else; load them again."
        raise Duplicate(message, field="source_id")
    return counts
