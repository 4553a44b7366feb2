"""SQL of events: waiting for their number, and numbered."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.runtime import NotFound, Tx, struct_row
from kaquan.webhooks.model import DomainEvent, Happening

_COLUMNS: LiteralString = "position, type, version, entity_id, customer_id, data, at"


async def lock_feed(tx: Tx) -> int | None:
    """Become the project's numberer and return the last number; None when another one is."""
    cursor = await tx.execute("select last_position from webhook_feed for update skip locked")
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def wait_for_feed(tx: Tx) -> int:
    """Become the project's numberer when the other one is done, and return the last number."""
    cursor = await tx.execute("select last_position from webhook_feed for update")
    row = await cursor.fetchone()
    assert row is not None, "a project with an endpoint has a feed"
    return row[0]


async def take_happenings(tx: Tx, *, limit: int) -> list[Happening]:
    """Take the oldest that are committed out of the outbox, in the order in which they happened.

    Of two changes to one object the later one waited for the first one's lock, drew its id after
    that, and is seen only when the first one is: so they come in order.
    """
    async with tx.cursor(row_factory=struct_row(Happening)) as cursor:
        await cursor.execute(
            "with taken as (delete from event_outbox where (project_id, id) in"
            " (select project_id, id from event_outbox order by id limit %s)"
            " returning id, type, entity_id, customer_id, facts, at)"
            " select * from taken order by id",
            (limit,),
        )
        return await cursor.fetchall()


async def insert_events(tx: Tx, events: Sequence[DomainEvent]) -> None:
    """Store numbered events; the last one's number is the feed's from here on."""
    await tx.execute(
        f"insert into domain_event ({_COLUMNS})"
        " select * from jsonb_to_recordset(%s) as e (position bigint, type text,"
        " version smallint, entity_id text, customer_id text, data jsonb, at timestamptz)",
        (Jsonb([msgspec.structs.asdict(event) for event in events]),),
    )
    await tx.execute("update webhook_feed set last_position = %s", (events[-1].position,))


async def get_event(tx: Tx, position: int) -> DomainEvent:
    """Return an event by its position; raises NotFound."""
    found = await list_events(tx, after=position - 1, limit=1)
    if not found or found[0].position != position:
        raise NotFound("event", str(position))
    return found[0]


async def list_events(tx: Tx, *, after: int, limit: int) -> list[DomainEvent]:
    """Return the events behind a position, in order."""
    async with tx.cursor(row_factory=struct_row(DomainEvent)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from domain_event where position > %s order by position limit %s",
            (after, limit),
        )
        return await cursor.fetchall()


async def delete_events(tx: Tx, *, before: datetime) -> int:
    """Forget events from before a moment, with their messages; returns how many."""
    cursor = await tx.execute("delete from domain_event where at < %s", (before,))
    return cursor.rowcount
