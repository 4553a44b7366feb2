"""SQL of bulk loads: COPY into a temporary table, then one statement under the row policies."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg import sql

from kaquan.customers.columns import array_of
from kaquan.customers.model import COUNTED_STATUSES, LoadCounts
from kaquan.customers.store.customers import ADD_TO_SUMMARY
from kaquan.customers.store.merging import find_survivors
from kaquan.runtime import Duplicate, Tx

Column = tuple[LiteralString, LiteralString]
"""A column's name and its type in SQL."""

_ORDERS: LiteralString = """
insert into orders (id, source_id, customer_id, location_id, status, amount_minor,
                    discount_minor, items_discount_minor, line_product_ids, line_source_ids,
                    line_quantities, line_unit_prices, line_amounts, line_discounts, metadata,
                    placed_at, created_at)
select id, source_id, customer_id, location_id, status, amount_minor, discount_minor,
       items_discount_minor, line_product_ids, line_source_ids, line_quantities,
       line_unit_prices, line_amounts, line_discounts, metadata, placed_at, %(now)s
  from staging
"""
_NEW_ORDERS: LiteralString = f"""{_ORDERS}
 where not exists (select from orders known where known.source_id = staging.source_id)
"""
_ORDERS_AND_SUMS: LiteralString = f"""
with stored as ({_ORDERS} returning customer_id, status, total_minor, placed_at)
insert into customer_summary as s
       (customer_id, order_count, spend_minor, first_order_at, last_order_at)
select o.customer_id, count(*), least(sum(o.total_minor), 9223372036854775807)::bigint,
       min(o.placed_at), max(o.placed_at)
  from stored o
 where o.status = any(%(counted)s) and o.customer_id = any(%(living)s)
 group by o.customer_id order by o.customer_id
{ADD_TO_SUMMARY}"""
ORDER_COLUMNS: tuple[Column, ...] = (
    ("id", "text"),
    ("source_id", "text"),
    ("customer_id", "text"),
    ("location_id", "text"),
    ("status", "text"),
    ("amount_minor", "bigint"),
    ("discount_minor", "bigint"),
    ("items_discount_minor", "bigint"),
    ("line_product_ids", "text[]"),
    ("line_source_ids", "text[]"),
    ("line_quantities", "bigint[]"),
    ("line_unit_prices", "bigint[]"),
    ("line_amounts", "bigint[]"),
    ("line_discounts", "bigint[]"),
    ("metadata", "jsonb"),
    ("placed_at", "timestamptz"),
)


async def stage_rows(
    tx: Tx,
    columns: Sequence[Column],
    parts: Iterator[tuple[bytes, int]],
    *,
    progress: Callable[[int], None],
) -> None:
    """COPY parts of CSV into the temporary table ``staging``; tell how many rows were handed over."""
    await tx.execute(
        sql.SQL("create temp table staging ({}) on commit drop").format(
            sql.SQL(", ").join(
                sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
                for name, kind in columns
            )
        )
    )
    async with (
        tx.cursor() as cursor,
        cursor.copy("copy staging from stdin (format csv)") as copy,
    ):
        # The next part is written out while the server takes this one.
        waiting = asyncio.to_thread(next, parts, None)
        while (part := await waiting) is not None:
            following = asyncio.create_task(asyncio.to_thread(next, parts, None))
            await copy.write(part[0])
            progress(part[1])
            waiting = following


async def list_raced(tx: Tx) -> set[str]:
    """Return the merchant's ids of staged customers whom another transaction entered meanwhile.

    What was staged of them is sealed with a key that is not theirs, and was not stored.
    """
    cursor = await tx.execute(
        "select s.source_id from staging s join customer c on c.source_id = s.source_id"
        " where c.data_key is distinct from s.data_key"
    )
    return {row[0] for row in await cursor.fetchall()}


async def drop_staging(tx: Tx) -> None:
    """Make room for the next load of the same transaction."""
    await tx.execute("drop table staging")


async def merge_staged(
    tx: Tx, table: LiteralString, columns: Sequence[Column], *, given: int, now: datetime
) -> LoadCounts:
    """Insert the staged rows, or update those whose merchant's id exists and that differ.

    Metadata is merged key by key. ``created_at``, where staged, is used for new rows only. Rows
    of customers who were merged into others are passed over: the survivor's record holds.
    """
    if table == "customer":
        await tx.execute("delete from staging s using customer_alias a where a.alias = s.source_id")
    fields = [
        name for name, _ in columns if name not in ("id", "source_id", "created_at", "data_key")
    ]
    sealed = sealed_parts(table, alias=table)
    old = sql.SQL(", ").join(
        sql.SQL("{}.{}").format(sql.Identifier(table), sql.Identifier(name)) for name in fields
    )
    merged = [
        sql.SQL("{}.metadata || excluded.metadata").format(sql.Identifier(table))
        if name == "metadata"
        else sql.SQL("excluded.{}").format(sql.Identifier(name))
        for name in fields
    ]
    names = sql.SQL(", ").join(map(sql.Identifier, fields))
    query = sql.SQL(
        "with written as ("
        "  insert into {table} (id, source_id, created_at{key}, {names})"
        "  select id, source_id, coalesce(created_at, %(now)s){key}, {names} from staging"
        "   order by source_id"
        "  on conflict (project_id, source_id) do update set updated_at = %(now)s, {updates}"
        "  where {own}({old}) is distinct from ({merged})"
        "  returning xmax = 0 as added)"
        " select count(*) filter (where added), count(*) filter (where not added) from written"
    ).format(
        table=sql.Identifier(table),
        key=sealed[0],
        own=sealed[1],
        names=names,
        updates=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), value)
            for name, value in zip(fields, merged, strict=True)
        ),
        old=old,
        merged=sql.SQL(", ").join(merged),
    )
    cursor = await tx.execute(query, {"now": now})
    row = await cursor.fetchone()
    assert row is not None
    return LoadCounts(given=given, added=row[0], changed=row[1])


def sealed_parts(table: str, *, alias: str) -> tuple[sql.SQL, sql.Composable]:
    """Return what else a merge inserts, and on which condition it updates.

    A customer's columns are sealed with the data key that is staged with them, so they go only
    into the row that has this key.
    """
    if table != "customer":
        return sql.SQL(""), sql.SQL("")
    own = sql.SQL("{}.data_key = excluded.data_key and ").format(sql.Identifier(alias))
    return sql.SQL(", data_key"), own


async def insert_staged_orders(tx: Tx, *, now: datetime) -> int:
    """Insert the staged orders whose merchant's id is new; returns how many.

    Raises Duplicate when somebody else stores one of them at the same time. (ON CONFLICT would
    not, but takes a fifth longer for every load.)
    """
    return await _insert_orders(tx, _NEW_ORDERS, {"now": now})


async def insert_orders_and_sums(tx: Tx, living: Sequence[str], *, now: datetime) -> None:
    """Insert the staged orders, all of them new, and add them to the summaries of their customers.

    ``living`` are those of the customers who are not erased; all of them are locked. Raises
    Duplicate as insert_staged_orders.
    """
    asked: dict[str, object] = {
        "now": now,
        "counted": list(COUNTED_STATUSES),
        "living": list(living),
    }
    await _insert_orders(tx, _ORDERS_AND_SUMS, asked)


async def _insert_orders(tx: Tx, query: LiteralString, values: dict[str, object]) -> int:
    try:
        cursor = await tx.execute(query, values)
    except psycopg.errors.UniqueViolation as error:
        message = "Some of these orders are being stored by somebody else; load them again."
        raise Duplicate(message, field="source_id") from error
    return cursor.rowcount


async def ids_by_source(
    tx: Tx, table: LiteralString, source_ids: Sequence[str]
) -> dict[str, str | None]:
    """Return our id for each of the merchant's; None for one that is not known."""
    cursor = await tx.execute(
        sql.SQL(
            "select wanted.source_id, t.id from unnest(%s::text[]) as wanted (source_id)"
            " left join {} t on t.source_id = wanted.source_id"
        ).format(sql.Identifier(table)),
        (array_of(source_ids),),
    )
    found: dict[str, str | None] = dict(await cursor.fetchall())
    if table == "customer" and (unknown := [one for one, id_ in found.items() if id_ is None]):
        found |= await find_survivors(tx, unknown)
    return found
