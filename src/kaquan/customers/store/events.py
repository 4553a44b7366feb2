"""SQL of custom events."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.types.json import Json, Jsonb

from kaquan.customers.model import Event
from kaquan.runtime import Tx, struct_row

_COLUMNS: LiteralString = "id, customer_id, name, source_id, metadata, at, created_at"


async def insert_event(tx: Tx, event: Event) -> bool:
    """Store an event; False when one with the same id of the merchant's is there already."""
    cursor = await tx.execute(
        f"insert into event ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s)"
        " on conflict (project_id, source_id) do nothing",
        (
            event.id,
            event.customer_id,
            event.name,
            event.source_id,
            Jsonb(event.metadata),
            event.at,
            event.created_at,
        ),
    )
    return cursor.rowcount == 1


async def insert_events(tx: Tx, events: Sequence[Event]) -> set[str]:
    """Store events in one statement; returns the ids of those that were not there already.

    Rows go in by the merchant's id, so that two writers never wait for each other in a circle.
    """
    cursor = await tx.execute(
        f"insert into event ({_COLUMNS})"
        f" select {_COLUMNS} from json_populate_recordset(null::event, %s)"
        " order by source_id on conflict (project_id, source_id) do nothing returning id",
        (Json(list(events)),),
    )
    return {row[0] for row in await cursor.fetchall()}


async def find_event_by_source(tx: Tx, source_id: str) -> Event | None:
    """Return the event with this id of the merchant's, or None."""
    async with tx.cursor(row_factory=struct_row(Event)) as cursor:
        await cursor.execute(f"select {_COLUMNS} from event where source_id = %s", (source_id,))
        return await cursor.fetchone()


async def list_events(
    tx: Tx, customer_id: str, *, before: datetime | None = None, limit: int = 100
) -> list[Event]:
    """Return a customer's events, newest first, from before a moment."""
    async with tx.cursor(row_factory=struct_row(Event)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from event where customer_id = %(customer_id)s"
            " and (%(before)s::timestamptz is null or at < %(before)s)"
            " order by at desc, id desc limit %(limit)s",
            {"customer_id": customer_id, "before": before, "limit": limit},
        )
        return await cursor.fetchall()
