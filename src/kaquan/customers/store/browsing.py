"""SQL of sessions of browsing: built from events, rebuilt where events came, moved or went."""

from datetime import datetime, timedelta
from typing import Any, LiteralString

import msgspec
from psycopg.types.json import Json

from kaquan.customers.model import BrowsingSession, Event
from kaquan.runtime import NotFound, Tx, struct_row

_COLUMNS: LiteralString = (
    "id, customer_id, started_at, ended_at, event_count, page_count, product_count, added_count"
)


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when a customer's sessions are built anew; no other session reaches into it."""

    customer_id: str
    first_at: datetime
    last_at: datetime


async def lock_browsing(tx: Tx) -> None:
    """Let nobody else build this project's sessions until the transaction ends."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended(current_project() || ' browsing', 0))"
    )


async def take_stretches(tx: Tx, *, silence: timedelta, limit: int) -> tuple[list[Stretch], bool]:
    """Take stretches off the queue and remove the sessions in reach of them.

    Returns the stretches, wide enough for the sessions removed, and whether more are waiting.
    """
    parameters = {"silence": silence, "limit": limit}
    cursor = await tx.execute(
        "with taken as (delete from browsing_change where id in"
        "   (select id from browsing_change order by id limit %(limit)s)"
        "   returning customer_id, first_at, last_at),"
        " reach as (select customer_id, min(first_at) - %(silence)s as first_at,"
        "   max(last_at) + %(silence)s as last_at, count(*) as changes"
        "   from taken group by customer_id),"
        " gone as (delete from browsing_session s using reach r"
        "   where s.customer_id = r.customer_id and s.started_at <= r.last_at"
        "     and s.ended_at >= r.first_at returning s.customer_id, s.started_at, s.ended_at)"
        " select r.customer_id, least(r.first_at, min(g.started_at)),"
        "        greatest(r.last_at, max(g.ended_at)), r.changes"
        "   from reach r left join gone g on g.customer_id = r.customer_id"
        "  group by r.customer_id, r.first_at, r.last_at, r.changes",
        parameters,
    )
    rows = await cursor.fetchall()
    found = [Stretch(customer_id=row[0], first_at=row[1], last_at=row[2]) for row in rows]
    return found, sum(row[3] for row in rows) == limit


async def insert_sessions(tx: Tx, stretches: list[Stretch], *, silence: timedelta) -> int:
    """Build the sessions of stretches that have none; returns how many there are now."""
    cursor = await tx.execute(
        "with told as (select e.customer_id, e.id, e.at, e.name,"
        "   e.metadata ->> 'product_id' as product, w.first_at,"
        "   coalesce(e.at - lag(e.at) over life > %(silence)s, true) as begins"
        "   from json_to_recordset(%(stretches)s) as"
        "        w (customer_id text, first_at timestamptz, last_at timestamptz)"
        "   join event e on e.customer_id = w.customer_id and e.at between w.first_at and w.last_at"
        "  where is_browsing(e.name) window life as (partition by e.customer_id order by e.at, e.id)),"
        " numbered as (select *, count(*) filter (where begins)"
        "     over (partition by customer_id order by at, id) as number from told)"
        f" insert into browsing_session ({_COLUMNS})"
        " select 'bs_' || (array_agg(id order by at, id))[1], customer_id, min(at), max(at), count(*),"
        "   count(*) filter (where name in ('Page Viewed', 'Screen Viewed')),"
        "   count(distinct product) filter (where name = 'Product Viewed'),"
        "   count(*) filter (where name = 'Product Added')"
        "   from numbered group by customer_id, number",
        {"silence": silence, "stretches": Json([msgspec.to_builtins(one) for one in stretches])},
    )
    return cursor.rowcount


async def list_sessions(tx: Tx, customer_id: str, *, limit: int) -> list[BrowsingSession]:
    """Return a customer's latest sessions, newest first."""
    async with tx.cursor(row_factory=struct_row(BrowsingSession)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from browsing_session where customer_id = %s"
            " order by started_at desc, id desc limit %s",
            (customer_id, limit),
        )
        return await cursor.fetchall()


async def get_session(tx: Tx, session_id: str) -> BrowsingSession:
    """Return a session. Raises NotFound."""
    async with tx.cursor(row_factory=struct_row(BrowsingSession)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from browsing_session where id = %s", (session_id,)
        )
        row = await cursor.fetchone()
    if row is None:
        raise NotFound("session", session_id)
    return row


async def list_session_events(
    tx: Tx, session: BrowsingSession, *, after: tuple[datetime, str] | None, limit: int
) -> list[Event]:
    """Return the events that a session is made of, in order, from after a moment and id."""
    parameters: dict[str, Any] = {
        "customer_id": session.customer_id,
        "first_at": session.started_at,
        "last_at": session.ended_at,
        "at": session.started_at if after is None else after[0],
        "id": "" if after is None else after[1],
        "limit": limit,
    }
    async with tx.cursor(row_factory=struct_row(Event)) as cursor:
        await cursor.execute(
            "select id, customer_id, name, source_id, metadata, at, created_at from event"
            " where customer_id = %(customer_id)s and at between %(first_at)s and %(last_at)s"
            "   and (at, id) > (%(at)s, %(id)s) and is_browsing(name)"
            " order by at, id limit %(limit)s",
            parameters,
        )
        return await cursor.fetchall()
