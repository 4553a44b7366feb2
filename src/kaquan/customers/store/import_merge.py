"""SQL of mapped imports: staged rows merged into what is known, and records looked up in bulk."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from kaquan.customers.columns import array_of
from kaquan.customers.model import Order
from kaquan.customers.store.bulk import Column, sealed_parts
from kaquan.customers.store.orders import ORDER_ROW_COLUMNS, read_order_row
from kaquan.runtime import Tx

_OBJECTS = ("address", "attributes", "metadata")


async def merge_given(
    tx: Tx, table: LiteralString, columns: Sequence[Column], *, now: datetime
) -> tuple[int, int]:
    """Insert the staged rows, or add what they say to those whose merchant's id exists.

    A null leaves what is known; objects are merged key by key. Returns how many were added and
    how many were changed; rows that say nothing new are left as they are.
    """
    fields = [
        name for name, _ in columns if name not in ("id", "source_id", "created_at", "data_key")
    ]
    key, own = sealed_parts(table, alias="t")
    names = sql.SQL(", ").join(map(sql.Identifier, fields))
    old = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in fields)
    merged = [_merged(name) for name in fields]
    values = sql.SQL(", ").join(
        sql.SQL("coalesce({}, '{{}}')").format(sql.Identifier(name))
        if name in ("attributes", "metadata")
        else sql.Identifier(name)
        for name in fields
    )
    on_conflict = (
        sql.SQL(
            "do update set updated_at = %(now)s, {updates}"
            " where {own}({old}) is distinct from ({merged})"
        ).format(
            updates=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), value)
                for name, value in zip(fields, merged, strict=True)
            ),
            own=own,
            old=old,
            merged=sql.SQL(", ").join(merged),
        )
        if fields
        else sql.SQL("do nothing")
    )
    query = sql.SQL(
        "with written as ("
        "  insert into {table} as t (id, source_id, created_at{key}{comma}{names})"
        "  select id, source_id, coalesce(created_at, %(now)s){key}{comma}{values} from staging"
        "   order by source_id"
        "  on conflict (project_id, source_id) {on_conflict}"
        "  returning xmax = 0 as added)"
        " select count(*) filter (where added), count(*) filter (where not added) from written"
    ).format(
        table=sql.Identifier(table),
        key=key,
        comma=sql.SQL(", " if fields else ""),
        names=names,
        values=values,
        on_conflict=on_conflict,
    )
    cursor = await tx.execute(query, {"now": now})
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


async def list_orders_by_source(tx: Tx, source_ids: Sequence[str]) -> dict[str, Order]:
    """Lock and return the orders with these merchant's ids, by those."""
    query: LiteralString = (
        f"select {ORDER_ROW_COLUMNS} from orders where source_id = any(%s::text[])"
        " order by id for update"
    )
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, (array_of(source_ids),))
        found = [read_order_row(row) for row in await cursor.fetchall()]
    return {order.source_id: order for order in found if order.source_id is not None}


async def list_own_ids(tx: Tx, table: LiteralString, ids: Sequence[str]) -> set[str]:
    """Return which of these are ids of ours."""
    cursor = await tx.execute(
        sql.SQL("select id from {} where id = any(%s::text[])").format(sql.Identifier(table)),
        (array_of(ids),),
    )
    return {row[0] for row in await cursor.fetchall()}


def _merged(name: str) -> sql.Composable:
    column = sql.Identifier(name)
    if name in _OBJECTS:
        return sql.SQL("coalesce(t.{0} || excluded.{0}, t.{0}, excluded.{0})").format(column)
    return sql.SQL("coalesce(excluded.{0}, t.{0})").format(column)
