"""SQL of messages: taken, noted, listed, sent again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.runtime import (
    Condition,
    FilterField,
    FilterFields,
    FilterKind,
    NotFound,
    Page,
    Tx,
    new_ids,
    struct_row,
)
from kaquan.webhooks.model import Claimed, Delivery, DomainEvent, Endpoint, Note

_COLUMNS: LiteralString = (
    "id, endpoint_id, position, type, status, attempts, due_at, response_status, error, tries,"
    " created_at, updated_at"
)
DELIVERY_FILTERS = FilterFields(
    named={
        "status": FilterField("status"),
        "event": FilterField("type"),
        "position": FilterField("position", FilterKind.NUMBER),
        "attempts": FilterField("attempts", FilterKind.NUMBER),
        "response_status": FilterField("response_status", FilterKind.NUMBER),
        "created_at": FilterField("created_at", FilterKind.TIME),
        "updated_at": FilterField("updated_at", FilterKind.TIME),
    }
)
"""What the log may be filtered by."""

_HEAD: LiteralString = (
    " and position = (select min(w.position) from webhook_delivery w"
    " where w.endpoint_id = %(endpoint)s and w.status = 'pending')"
)


async def insert_deliveries(
    tx: Tx, told: Sequence[tuple[DomainEvent, Endpoint]], *, now: datetime
) -> None:
    """Store a message for each event and endpoint, due at once."""
    await _insert(tx, [(one.id, event.position, event.type) for event, one in told], now=now)


async def claim_deliveries(
    tx: Tx, endpoint: Endpoint, *, limit: int, lease: timedelta, now: datetime
) -> list[Claimed]:
    """Take due messages of an endpoint until ``lease`` is over, in the order of their events.

    Those that another sender has taken are passed over. An ordered endpoint gives out its first
    undelivered message only, and that when it is due.
    """
    head: LiteralString = _HEAD if endpoint.ordered else ""
    async with tx.cursor(row_factory=struct_row(Claimed)) as cursor:
        await cursor.execute(
            "with due as (select project_id, id from webhook_delivery"
            " where endpoint_id = %(endpoint)s and status = 'pending' and due_at <= %(now)s"
            f"{head} order by due_at, position limit %(limit)s for update skip locked"
            "), taken as (update webhook_delivery d set due_at = %(until)s,"
            " attempts = d.attempts + 1 from due"
            " where d.project_id = due.project_id and d.id = due.id"
            " returning d.project_id, d.id, d.attempts, d.created_at, d.position)"
            " select t.id, t.attempts, t.created_at, t.position, e.type, e.version, e.entity_id,"
            " e.customer_id, e.data, e.at from taken t join domain_event e"
            " on e.project_id = t.project_id and e.position = t.position order by t.position",
            {
                "endpoint": endpoint.id,
                "limit": 1 if endpoint.ordered else limit,
                "now": now,
                "until": now + lease,
            },
        )
        return await cursor.fetchall()


async def note_tries(tx: Tx, notes: Sequence[Note], *, now: datetime) -> None:
    """Write down how sending went; what another sender has taken meanwhile is left to it."""
    await tx.execute(
        "update webhook_delivery d set status = n.status, due_at = n.due_at,"
        " response_status = (n.made ->> 'status')::smallint, error = n.made ->> 'error',"
        " tries = d.tries || n.made, updated_at = %s"
        " from jsonb_to_recordset(%s) as n (id text, attempts integer, status text,"
        " due_at timestamptz, made jsonb)"
        " where d.id = n.id and d.attempts = n.attempts and d.status = 'pending'",
        (now, Jsonb(list(notes))),
    )


async def get_delivery(tx: Tx, endpoint_id: str, delivery_id: str) -> Delivery:
    """Return a message to an endpoint; raises NotFound."""
    async with tx.cursor(row_factory=struct_row(Delivery)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from webhook_delivery where id = %s and endpoint_id = %s",
            (delivery_id, endpoint_id),
        )
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("webhook delivery", delivery_id)
    return found


async def list_deliveries(
    tx: Tx,
    endpoint_id: str,
    *,
    condition: Condition | None,
    limit: int,
    offset: int,
    ascending: bool,
) -> Page[Delivery]:
    """Return a page of an endpoint's log in the order of events, and the exact total."""
    where = sql.SQL("endpoint_id = %(endpoint)s")
    parameters: dict[str, Any] = {"endpoint": endpoint_id, "limit": limit, "offset": offset}
    if condition is not None:
        where = sql.SQL("{} and {}").format(where, condition.sql)
        parameters |= condition.parameters
    query = sql.SQL(
        "select {} from webhook_delivery where {} order by position {} limit %(limit)s"
        " offset %(offset)s"
    ).format(sql.SQL(_COLUMNS), where, sql.SQL("asc" if ascending else "desc"))
    async with tx.cursor(row_factory=struct_row(Delivery)) as cursor:
        await cursor.execute(query, parameters)
        items = await cursor.fetchall()
    counted = await tx.execute(
        sql.SQL("select count(*) from webhook_delivery where {}").format(where), parameters
    )
    row = await counted.fetchone()
    assert row is not None
    return Page(items, row[0])


async def reset_deliveries(tx: Tx, delivery_ids: Sequence[str], *, now: datetime) -> None:
    """Let messages be sent again as if they never were, keeping their tries."""
    await tx.execute(
        "update webhook_delivery set status = 'pending', due_at = %(now)s, attempts = 0,"
        " response_status = null, error = null, updated_at = %(now)s where id = any(%(ids)s)",
        {"ids": list(delivery_ids), "now": now},
    )


async def replay_period(
    tx: Tx,
    endpoint: Endpoint,
    *,
    start: datetime,
    end: datetime,
    failed_only: bool,
    limit: int,
    now: datetime,
) -> tuple[int, int]:
    """Send the events of a period again, ``start`` inclusive and ``end`` not.

    Returns how many events there are that the endpoint asks for, and how many messages are sent:
    all, made anew where there were none, or with ``failed_only`` those given up. Nothing is done
    when there are more than ``limit``.
    """
    parameters: dict[str, Any] = {
        "endpoint": endpoint.id,
        "events": list(endpoint.events),
        "start": start,
        "end": end,
        "limit": limit + 1,
    }
    async with tx.cursor(row_factory=struct_row(_Replayed)) as cursor:
        await cursor.execute(
            "select e.position, e.type, d.id, d.status from domain_event e"
            " left join webhook_delivery d on d.project_id = e.project_id"
            "  and d.position = e.position and d.endpoint_id = %(endpoint)s"
            " where e.at >= %(start)s and e.at < %(end)s"
            " and (%(events)s::text[] = '{}' or e.type = any(%(events)s) or d.id is not null)"
            " order by e.position limit %(limit)s",
            parameters,
        )
        found = await cursor.fetchall()
    if len(found) > limit:
        return len(found), 0
    known = [row.id for row in found if row.id and (not failed_only or row.status == "failed")]
    missing = [] if failed_only else [row for row in found if row.id is None]
    await reset_deliveries(tx, known, now=now)
    await _insert(tx, [(endpoint.id, one.position, one.type) for one in missing], now=now)
    return len(found), len(known) + len(missing)


class _Replayed(msgspec.Struct, frozen=True):
    position: int
    type: str
    id: str | None
    status: str | None


async def _insert(tx: Tx, told: Sequence[tuple[str, int, str]], *, now: datetime) -> None:
    """Store messages: to which endpoint, of which position and type."""
    if not told:
        return
    await tx.execute(
        "insert into webhook_delivery"
        " (id, endpoint_id, position, type, status, due_at, created_at, updated_at)"
        " select d.id, d.endpoint_id, d.position, d.type, 'pending', %(now)s, %(now)s, %(now)s"
        " from unnest(%(ids)s::text[], %(endpoints)s::text[], %(positions)s::bigint[],"
        " %(types)s::text[]) as d (id, endpoint_id, position, type)",
        {
            "ids": new_ids("whs", len(told)),
            "endpoints": [endpoint_id for endpoint_id, _, _ in told],
            "positions": [position for _, position, _ in told],
            "types": [event_type for _, _, event_type in told],
            "now": now,
        },
    )
