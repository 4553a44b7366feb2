"""SQL of who matches, and of members as they are stored."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql

from kaquan.runtime import Tx
from kaquan.segments.columns import SHOWN
from kaquan.segments.model import SegmentKind

_SHOWN = sql.SQL(SHOWN)


async def replace_members(
    tx: Tx,
    segment_id: str,
    wanted: sql.Composed,
    *,
    parameters: Mapping[str, Any],
    tell: bool,
    now: datetime,
) -> int:
    """Make those whom the query ``wanted`` gives the members; who stays keeps their ``since``.

    With ``tell``, who enters and who leaves is recorded for others to read.
    """
    given = dict(parameters) | {"segment_id": segment_id, "evaluated_at": now, "tell": tell}
    create = sql.SQL("create temp table segment_wanted (customer_id) on commit drop as {}")
    async with reading_all(tx):
        await tx.execute(create.format(wanted), given)
    await tx.execute(
        "with gone as ("
        " delete from segment_member m where m.segment_id = %(segment_id)s"
        "   and not exists (select from segment_wanted w where w.customer_id = m.customer_id)"
        " returning m.customer_id"
        ") insert into segment_change (segment_id, customer_id, entered, at)"
        " select %(segment_id)s, customer_id, false, %(evaluated_at)s from gone"
        " where %(tell)s order by customer_id",
        given,
    )
    await tx.execute(
        "with came as ("
        " insert into segment_member (segment_id, customer_id, since)"
        " select %(segment_id)s, customer_id, %(evaluated_at)s from segment_wanted"
        " on conflict do nothing returning customer_id"
        ") insert into segment_change (segment_id, customer_id, entered, at)"
        " select %(segment_id)s, customer_id, true, %(evaluated_at)s from came"
        " where %(tell)s order by customer_id",
        given,
    )
    count = await _count(tx, "select count(*) from segment_wanted", {})
    await tx.execute("drop table segment_wanted")
    await tx.execute(
        "update segment set member_count = %s, evaluated_at = %s where id = %s",
        (count, now, segment_id),
    )
    return count


def matching_query(source: sql.Composable, condition: sql.Composable) -> sql.Composed:
    """Return the query of the ids of all who meet a condition."""
    return sql.SQL("select c.id from {} where {} and {}").format(source, _SHOWN, condition)


def listed_query(references: sql.Composable) -> sql.Composed:
    """Return the query of the ids of customers who are named by our id or the merchant's."""
    return sql.SQL(
        "select c.id from customer c where {shown} and (c.id = any({ids}::text[])"
        " or c.source_id = any({ids}::text[]))"
    ).format(shown=_SHOWN, ids=references)


async def list_unknown_references(tx: Tx, references: Collection[str], *, limit: int) -> list[str]:
    """Return some of the ids that name nobody, in the order of the ids."""
    cursor = await tx.execute(
        "select given.id from (select distinct unnest(%s::text[]) as id) given"
        " where not exists (select from customer c where c.erased_at is null"
        "   and c.id = given.id)"
        " and not exists (select from customer c where c.erased_at is null"
        "   and c.source_id = given.id)"
        ' order by given.id collate "C" limit %s',
        (list(references), limit),
    )
    return [row[0] for row in await cursor.fetchall()]


async def count_matching(
    tx: Tx, source: sql.Composable, condition: sql.Composable, *, parameters: Mapping[str, Any]
) -> int:
    """Return how many customers meet the condition."""
    query = sql.SQL("select count(*) from {} where {} and {}").format(source, _SHOWN, condition)
    async with reading_all(tx):
        return await _count(tx, query, parameters)


async def count_customers_roughly(tx: Tx) -> int:
    """Return about how many customers all projects have, as the planner last counted."""
    return await _count(
        tx,
        "select greatest(reltuples, 0)::bigint from pg_class where oid = 'customer'::regclass",
        {},
    )


SAMPLED: LiteralString = "customer c tablesample system (%(percent)s) repeatable (20260301)"
"""What to select from in order to read a share of the table's pages."""


async def list_matching(
    tx: Tx,
    customer_ids: Sequence[str],
    *,
    source: sql.Composable,
    conditions: Mapping[str, sql.Composable],
    parameters: Mapping[str, Any],
) -> dict[str, list[str]]:
    """Return, for each of these customers, the keys of the conditions they meet, by one query."""
    names = {f"k{index}": key for index, key in enumerate(conditions)}
    query = sql.SQL(
        "select c.id, array_remove(array[{cases}]::text[], null) from {source}"
        " where c.id = any(%(customer_ids)s) and {shown}"
    ).format(
        cases=sql.SQL(", ").join(
            sql.SQL("case when {} then {} end").format(condition, sql.Placeholder(name))
            for name, condition in zip(names, conditions.values(), strict=True)
        ),
        source=source,
        shown=_SHOWN,
    )
    given = dict(parameters) | names | {"customer_ids": list(customer_ids)}
    cursor = await tx.execute(query, given)
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def read_values(
    tx: Tx,
    customer_id: str,
    *,
    source: sql.Composable,
    values: Sequence[sql.Composable],
    parameters: Mapping[str, Any],
) -> list[Any] | None:
    """Return values of one customer as JSON, or None when there is no such customer."""
    query = sql.SQL("select array[{}]::jsonb[] from {} where c.id = %(customer_id)s and {}").format(
        sql.SQL(", ").join(values), source, _SHOWN
    )
    cursor = await tx.execute(query, dict(parameters) | {"customer_id": customer_id})
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def list_ids(tx: Tx, query: sql.Composed, parameters: Mapping[str, Any]) -> list[str]:
    """Return the ids that a query gives."""
    cursor = await tx.execute(query, parameters)
    return [row[0] for row in await cursor.fetchall()]


async def list_source_ids(
    tx: Tx, source: sql.Composable, condition: sql.Composable, *, parameters: Mapping[str, Any]
) -> list[str]:
    """Return the merchant's ids (ours where there is none) of all who meet a condition, sorted."""
    query = sql.SQL(
        "select coalesce(c.source_id, c.id) as named from {} where {} and {} order by named"
    ).format(source, _SHOWN, condition)
    async with reading_all(tx):
        return await list_ids(tx, query, parameters)


async def list_static_memberships(tx: Tx, customer_id: str) -> list[str]:
    """Return the static segments that a customer is a member of."""
    cursor = await tx.execute(
        "select m.segment_id from segment_member m join segment g on g.project_id = m.project_id"
        " and g.id = m.segment_id where m.customer_id = %s and g.kind = %s",
        (customer_id, SegmentKind.STATIC),
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_member_ids(
    tx: Tx, segment_id: str, *, after: str = "", limit: int = 10_000
) -> list[str]:
    """Return up to ``limit`` members as of the last evaluation, ordered by id.

    To walk through all of them, pass the last id of each part as ``after`` until a part is empty.
    """
    cursor = await tx.execute(
        "select customer_id from segment_member where segment_id = %s and customer_id > %s"
        " order by customer_id limit %s",
        (segment_id, after, limit),
    )
    return [row[0] for row in await cursor.fetchall()]


@asynccontextmanager
async def reading_all(tx: Tx) -> AsyncGenerator[None]:
    """Join all customers with facts by hashing.

    After an import the planner does not know yet how many there are, and would compare each
    customer with each fact.
    """
    await tx.execute("set local enable_nestloop = off")
    yield
    await tx.execute("set local enable_nestloop = on")


async def _count(tx: Tx, query: LiteralString | sql.Composed, parameters: Mapping[str, Any]) -> int:
    cursor = await tx.execute(query, parameters)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]
