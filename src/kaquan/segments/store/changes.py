"""SQL of live membership: what changed, whom it may move, and who entered and left."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql

from kaquan.runtime import Page, Tx, struct_row
from kaquan.segments.model import DailyChange, SegmentChange, TakenChanges, Upkeep


async def lock_upkeep(tx: Tx) -> None:
    """Let no other transaction of the project move members until this one ends."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(current_project() || ' members', 0))"
    )


async def replace_topics(tx: Tx, segment_id: str, topics: Collection[str]) -> None:
    """Note which changes can touch a segment, and that its members have to be settled."""
    await tx.execute("delete from segment_topic where segment_id = %s", (segment_id,))
    await tx.execute(
        "insert into segment_topic (root, topic, segment_id)"
        " select split_part(topic, '.', 1), topic, %s from unnest(%s::text[]) as t (topic)",
        (segment_id, sorted(topics)),
    )
    await tx.execute(
        "insert into segment_upkeep (segment_id, kept_to) values (%s, null)"
        " on conflict (project_id, segment_id) do update set kept_to = null",
        (segment_id,),
    )


async def list_upkeep(tx: Tx) -> list[Upkeep]:
    """Return to when each live segment is kept."""
    async with tx.cursor(row_factory=struct_row(Upkeep)) as cursor:
        await cursor.execute("select segment_id, kept_to from segment_upkeep order by segment_id")
        return await cursor.fetchall()


async def update_kept_to(tx: Tx, segment_ids: Collection[str], *, kept_to: datetime) -> None:
    """Note that segments' members are right as of a moment."""
    await tx.execute(
        "update segment_upkeep set kept_to = %(kept_to)s where segment_id = any(%(ids)s)",
        {"kept_to": kept_to, "ids": list(segment_ids)},
    )
    await tx.execute(
        "update segment set evaluated_at = greatest(evaluated_at, %(kept_to)s)"
        " where id = any(%(ids)s)",
        {"kept_to": kept_to, "ids": list(segment_ids)},
    )


async def list_topics(tx: Tx) -> dict[str, set[str]]:
    """Return the topics of each live segment."""
    cursor = await tx.execute("select segment_id, topic from segment_topic")
    found: dict[str, set[str]] = {}
    for segment_id, topic in await cursor.fetchall():
        found.setdefault(segment_id, set()).add(topic)
    return found


async def note_members_changed(tx: Tx, segment_id: str) -> None:
    """Have the live segments settled anew that refer to one whose stored members changed."""
    await tx.execute(
        "update segment_upkeep u set kept_to = null from segment_topic t"
        " where t.project_id = u.project_id and t.segment_id = u.segment_id"
        " and t.root = 'segment' and t.topic = %s",
        (f"segment.{segment_id}",),
    )


async def take_changes(tx: Tx, *, limit: int) -> TakenChanges:
    """Take the oldest changes from the queue."""
    cursor = await tx.execute(
        "delete from customer_change where (project_id, id) in"
        " (select project_id, id from customer_change order by id limit %s)"
        " returning customer_id, topics",
        (limit,),
    )
    found: dict[str, set[str]] = {}
    for customer_id, topics in await cursor.fetchall():
        found.setdefault(customer_id, set()).update(topics)
    return TakenChanges(taken=cursor.rowcount, topics=found)


async def list_memberships(
    tx: Tx, customer_ids: Sequence[str], *, segment_ids: Collection[str]
) -> set[tuple[str, str]]:
    """Return which of these customers are members of which of these segments."""
    cursor = await tx.execute(
        "select segment_id, customer_id from segment_member"
        " where customer_id = any(%s) and segment_id = any(%s)",
        (list(customer_ids), list(segment_ids)),
    )
    return {(row[0], row[1]) for row in await cursor.fetchall()}


async def move_members(
    tx: Tx,
    *,
    entered: Sequence[tuple[str, str]],
    left: Sequence[tuple[str, str]],
    now: datetime,
) -> None:
    """Let (segment, customer) pairs enter and leave, and record it for others to read."""
    await tx.execute(
        "with pair as (select * from unnest("
        "   %(segments)s::text[], %(customers)s::text[], %(entered)s::boolean[])"
        "   with ordinality as given (segment_id, customer_id, entered, place)"
        "), came as ("
        " insert into segment_member (segment_id, customer_id, since)"
        " select segment_id, customer_id, %(now)s from pair where entered"
        "), gone as ("
        " delete from segment_member m using pair where not pair.entered"
        "   and m.segment_id = pair.segment_id and m.customer_id = pair.customer_id"
        "), counted as ("
        " update segment g set member_count = g.member_count + moved.by from ("
        "   select segment_id, sum(case when entered then 1 else -1 end) as by"
        "     from pair group by segment_id) moved where g.id = moved.segment_id"
        ") insert into segment_change (segment_id, customer_id, entered, at)"
        " select segment_id, customer_id, entered, %(now)s from pair order by place",
        {
            "segments": [pair[0] for pair in (*entered, *left)],
            "customers": [pair[1] for pair in (*entered, *left)],
            "entered": [True] * len(entered) + [False] * len(left),
            "now": now,
        },
    )


async def list_crossing(
    tx: Tx, queries: Sequence[sql.Composable], *, parameters: Mapping[str, Any]
) -> list[str]:
    """Return the customers whom any of the queries gives."""
    query = sql.SQL("select distinct * from ({}) crossed")
    cursor = await tx.execute(query.format(sql.SQL(" union all ").join(queries)), parameters)
    return sorted(row[0] for row in await cursor.fetchall())


async def list_segment_changes(
    tx: Tx, *, after: int = 0, segment_id: str | None = None, limit: int = 1_000
) -> list[SegmentChange]:
    """Return who entered and left, in order, from the change after ``after`` on.

    A reader that keeps the id of the last change it handled misses none.
    """
    async with tx.cursor(row_factory=struct_row(SegmentChange)) as cursor:
        await cursor.execute(
            "select id, segment_id, customer_id, entered, at from segment_change"
            " where id > %(after)s and (%(segment)s::text is null or segment_id = %(segment)s)"
            " order by id limit %(limit)s",
            {"after": after, "segment": segment_id, "limit": limit},
        )
        return await cursor.fetchall()


async def list_latest_changes(
    tx: Tx,
    segment_id: str,
    *,
    entered: bool | None = None,
    since: datetime,
    page: int = 1,
    limit: int,
) -> Page[SegmentChange]:
    """Return who entered (or only left) a segment from a moment on, the latest first, and the total."""
    asked = {"segment": segment_id, "entered": entered, "since": since}
    which = (
        " from segment_change where segment_id = %(segment)s and at >= %(since)s"
        " and (%(entered)s::boolean is null or entered = %(entered)s)"
    )
    counted = await (await tx.execute("select count(*)" + which, asked)).fetchone()
    assert counted is not None
    async with tx.cursor(row_factory=struct_row(SegmentChange)) as cursor:
        await cursor.execute(
            "select id, segment_id, customer_id, entered, at"
            + which
            + " order by id desc limit %(limit)s offset %(offset)s",
            asked | {"limit": limit, "offset": (page - 1) * limit},
        )
        found = await cursor.fetchall()
    more = str(page + 1) if page * limit < counted[0] else None
    return Page(found, total=counted[0], next_cursor=more)


async def list_daily_changes(
    tx: Tx, *, segment_ids: Sequence[str], since: datetime, zone: str
) -> list[DailyChange]:
    """Return how many entered and left these segments from a moment on, a row a day."""
    async with tx.cursor(row_factory=struct_row(DailyChange)) as cursor:
        await cursor.execute(
            "select segment_id, (at at time zone %(zone)s)::date as day,"
            "       count(*) filter (where entered) as entered,"
            '       count(*) filter (where not entered) as "left"'
            "  from segment_change where segment_id = any(%(ids)s) and at >= %(since)s"
            " group by 1, 2 order by 1, 2",
            {"ids": list(segment_ids), "since": since, "zone": zone},
        )
        return await cursor.fetchall()


async def delete_segment_changes(tx: Tx, *, before: datetime) -> int:
    """Forget changes from before a moment; returns how many."""
    cursor = await tx.execute("delete from segment_change where at < %s", (before,))
    return cursor.rowcount
