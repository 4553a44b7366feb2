"""SQL of segments, their members and RFM scores."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.runtime import Duplicate, NotFound, Tx, struct_row
from kaquan.segments.compile import SOURCE
from kaquan.segments.model import RfmScore, Segment, SegmentKind

_COLUMNS: LiteralString = (
    "id, name, kind, definition, metadata, member_count, evaluated_at, created_at, updated_at"
)
_SCORES: LiteralString = (
    "customer_id, recency_days, frequency, monetary_minor, recency_score, frequency_score,"
    " monetary_score, band, as_of"
)


async def find_segment(tx: Tx, reference: str) -> Segment | None:
    """Return a segment by id, else by name, or None."""
    async with tx.cursor(row_factory=struct_row(Segment)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from segment"
            " where id = %(reference)s or name = %(reference)s"
            " order by id = %(reference)s desc limit 1",
            {"reference": reference},
        )
        return await cursor.fetchone()


async def get_segment(tx: Tx, reference: str) -> Segment:
    """Return a segment by id, else by name; raises NotFound."""
    segment = await find_segment(tx, reference)
    if segment is None:
        raise NotFound("segment", reference)
    return segment


async def list_segments(
    tx: Tx, *, search: str | None = None, limit: int | None = None, page: int = 1
) -> list[Segment]:
    """Return segments ordered by name; ``search`` is a part of the name, in any case of letters."""
    async with tx.cursor(row_factory=struct_row(Segment)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from segment where strpos(lower(name), lower(%(search)s)) > 0"
            " order by lower(name), id limit %(limit)s offset %(offset)s",
            {
                "search": (search or "").replace("\0", ""),
                "limit": limit,
                "offset": 0 if limit is None else (page - 1) * limit,
            },
        )
        return await cursor.fetchall()


async def count_segments(tx: Tx) -> int:
    """Return how many segments the project has."""
    return await _count(tx, "select count(*) from segment", {})


async def lock_definitions(tx: Tx) -> None:
    """Keep others from changing how segments refer to each other until this transaction ends."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(current_project() || ' segments', 0))"
    )


async def insert_segment(tx: Tx, segment: Segment) -> None:
    """Store a new segment; raises Duplicate for a taken name."""
    await _write(
        tx,
        "insert into segment (id, name, kind, definition, metadata, created_at)"
        " values (%(id)s, %(name)s, %(kind)s, %(definition)s, %(metadata)s, %(created_at)s)",
        segment,
    )


async def update_segment_row(tx: Tx, segment: Segment) -> None:
    """Write a segment's name, definition and metadata back; raises Duplicate for a taken name."""
    await _write(
        tx,
        "update segment set name = %(name)s, definition = %(definition)s,"
        " metadata = %(metadata)s, updated_at = %(updated_at)s where id = %(id)s",
        segment,
    )


async def delete_segment_row(tx: Tx, segment_id: str) -> bool:
    """Delete a segment and its members; False when something was sent to it."""
    try:
        async with tx.transaction():
            await tx.execute("delete from segment where id = %s", (segment_id,))
    except psycopg.errors.ForeignKeyViolation:
        return False
    return True


async def replace_members(
    tx: Tx,
    segment_id: str,
    condition: sql.Composable,
    *,
    parameters: Mapping[str, Any],
    now: datetime,
) -> int:
    """Make those who meet the condition the members; who stays keeps their ``since``."""
    await tx.execute("select from segment where id = %s for no key update", (segment_id,))
    wanted = dict(parameters) | {"segment_id": segment_id, "evaluated_at": now}
    await tx.execute(
        sql.SQL(
            "create temp table segment_wanted on commit drop as"
            " select c.id as customer_id from {source} where c.erased_at is null and {condition}"
        ).format(source=sql.SQL(SOURCE), condition=condition),
        wanted,
    )
    await tx.execute(
        "delete from segment_member m where m.segment_id = %(segment_id)s"
        " and not exists (select from segment_wanted w where w.customer_id = m.customer_id)",
        wanted,
    )
    await tx.execute(
        "insert into segment_member (segment_id, customer_id, since)"
        " select %(segment_id)s, customer_id, %(evaluated_at)s from segment_wanted"
        " on conflict do nothing",
        wanted,
    )
    count = await _count(tx, "select count(*) from segment_wanted", {})
    await tx.execute("drop table segment_wanted")
    await tx.execute(
        "update segment set member_count = %s, evaluated_at = %s where id = %s",
        (count, now, segment_id),
    )
    return count


async def count_matching(
    tx: Tx, condition: sql.Composable, *, parameters: Mapping[str, Any]
) -> int:
    """Return how many customers meet the condition."""
    query = sql.SQL("select count(*) from {} where c.erased_at is null and {}").format(
        sql.SQL(SOURCE), condition
    )
    return await _count(tx, query, parameters)


async def list_matching(
    tx: Tx,
    customer_id: str,
    *,
    conditions: Mapping[str, sql.Composable],
    parameters: Mapping[str, Any],
) -> list[str]:
    """Return the keys of those conditions that one customer meets, by one query."""
    names = {f"k{index}": key for index, key in enumerate(conditions)}
    query = sql.SQL(
        "select array_remove(array[{cases}]::text[], null) from {source}"
        " where c.id = %(customer_id)s and c.erased_at is null"
    ).format(
        cases=sql.SQL(", ").join(
            sql.SQL("case when {} then {} end").format(condition, sql.Placeholder(name))
            for name, condition in zip(names, conditions.values(), strict=True)
        ),
        source=sql.SQL(SOURCE),
    )
    cursor = await tx.execute(query, dict(parameters) | names | {"customer_id": customer_id})
    row = await cursor.fetchone()
    return [] if row is None else row[0]


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


async def count_members(tx: Tx, segment_id: str) -> int:
    """Return how many members a segment has as of its last evaluation."""
    query: LiteralString = "select count(*) from segment_member where segment_id = %(id)s"
    return await _count(tx, query, {"id": segment_id})


# Quintiles: ntile cuts the ranking into five, and equal figures share the lowest of their
# tiles, so that two customers who did the same never get different scores.
_SCORE: LiteralString = """
with bought as (
    select o.customer_id, max(o.placed_at) as latest, count(*) as frequency,
           sum(o.total_minor) as monetary
      from orders o join customer c on c.project_id = o.project_id and c.id = o.customer_id
     where o.status = any(%(counted)s) and o.placed_at <= %(as_of)s and c.erased_at is null
     group by o.customer_id
), tiled as (
    select *, ntile(5) over (order by latest, customer_id) as recency_tile,
           ntile(5) over (order by frequency, customer_id) as frequency_tile,
           ntile(5) over (order by monetary, customer_id) as monetary_tile
      from bought
), scored as (
    select *, min(recency_tile) over (partition by latest) as r,
           min(frequency_tile) over (partition by frequency) as f,
           min(monetary_tile) over (partition by monetary) as m
      from tiled
)
insert into rfm_score as k (customer_id, recency_days, frequency, monetary_minor,
                            recency_score, frequency_score, monetary_score, band, as_of)
select customer_id, floor(extract(epoch from %(as_of)s - latest) / 86400), frequency,
       least(monetary, 9223372036854775807), r, f, m,
       (%(bands)s::text[])[(r - 1) * 5 + (f + m + 1) / 2], %(as_of)s
  from scored order by customer_id
on conflict (project_id, customer_id) do update
   set recency_days = excluded.recency_days, frequency = excluded.frequency,
       monetary_minor = excluded.monetary_minor, recency_score = excluded.recency_score,
       frequency_score = excluded.frequency_score, monetary_score = excluded.monetary_score,
       band = excluded.band, as_of = excluded.as_of
"""


async def replace_scores(
    tx: Tx, *, as_of: datetime, counted: Sequence[str], bands: Sequence[str]
) -> int:
    """Score every customer who had bought by ``as_of``; returns how many.

    ``bands`` holds 25 codes: five for each recency score from 1 to 5.
    """
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(current_project() || ' rfm', 0))"
    )
    await tx.execute("delete from rfm_score")
    cursor = await tx.execute(
        _SCORE, {"as_of": as_of, "counted": list(counted), "bands": list(bands)}
    )
    return cursor.rowcount


async def find_score(tx: Tx, customer_id: str) -> RfmScore | None:
    """Return a customer's scores, or None for one who was not scored."""
    async with tx.cursor(row_factory=struct_row(RfmScore)) as cursor:
        await cursor.execute(
            f"select {_SCORES} from rfm_score where customer_id = %s", (customer_id,)
        )
        return await cursor.fetchone()


async def count_bands(tx: Tx) -> dict[str, int]:
    """Return how many customers stand in each band that has any."""
    cursor = await tx.execute("select band, count(*) from rfm_score group by band")
    return {row[0]: row[1] for row in await cursor.fetchall()}


async def _count(tx: Tx, query: LiteralString | sql.Composed, parameters: Mapping[str, Any]) -> int:
    cursor = await tx.execute(query, parameters)
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def _write(tx: Tx, statement: LiteralString, segment: Segment) -> None:
    try:
        async with tx.transaction():
            await tx.execute(
                statement,
                {
                    "id": segment.id,
                    "name": segment.name,
                    "kind": segment.kind,
                    "definition": Jsonb(segment.definition),
                    "metadata": Jsonb(segment.metadata),
                    "created_at": segment.created_at,
                    "updated_at": segment.updated_at,
                },
            )
    except psycopg.errors.UniqueViolation as error:
        message = f"There is a segment named '{segment.name}' already."
        raise Duplicate(message, field="name") from error
