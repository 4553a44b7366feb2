"""SQL of endpoints."""

from collections.abc import Collection
from datetime import datetime
from typing import LiteralString

import msgspec

from kaquan.runtime import NotFound, Page, Tx, struct_row
from kaquan.webhooks.model import DisabledReason, Endpoint

_COLUMNS: LiteralString = (
    "id, url, description, events, active, format, ordered, secret, former_secret, former_until,"
    " disabled_reason, failing_since, created_at, updated_at"
)


async def insert_endpoint(tx: Tx, endpoint: Endpoint) -> None:
    """Store a new endpoint, and let the project's events be numbered from here on."""
    await tx.execute(
        f"insert into webhook_endpoint ({_COLUMNS})"
        " values (%(id)s, %(url)s, %(description)s, %(events)s, %(active)s, %(format)s,"
        " %(ordered)s, %(secret)s, %(former_secret)s, %(former_until)s, %(disabled_reason)s,"
        " %(failing_since)s, %(created_at)s, %(updated_at)s)",
        msgspec.structs.asdict(endpoint) | {"events": list(endpoint.events)},
    )
    await tx.execute("insert into webhook_feed default values on conflict do nothing")


async def update_endpoint_row(tx: Tx, endpoint: Endpoint) -> None:
    """Write back what may change of an endpoint."""
    await tx.execute(
        "update webhook_endpoint set url = %(url)s, description = %(description)s,"
        " events = %(events)s, active = %(active)s, format = %(format)s, ordered = %(ordered)s,"
        " secret = %(secret)s, former_secret = %(former_secret)s,"
        " former_until = %(former_until)s, disabled_reason = %(disabled_reason)s,"
        " failing_since = %(failing_since)s, updated_at = %(updated_at)s where id = %(id)s",
        msgspec.structs.asdict(endpoint) | {"events": list(endpoint.events)},
    )


async def delete_endpoint_row(tx: Tx, endpoint_id: str) -> None:
    """Drop an endpoint with its log."""
    await tx.execute("delete from webhook_endpoint where id = %s", (endpoint_id,))


async def get_endpoint(tx: Tx, endpoint_id: str, *, lock: bool = False) -> Endpoint:
    """Return an endpoint by id; raises NotFound."""
    found = await find_endpoint(tx, endpoint_id, lock=lock)
    if found is None:
        raise NotFound("webhook", endpoint_id)
    return found


async def find_endpoint(tx: Tx, endpoint_id: str, *, lock: bool = False) -> Endpoint | None:
    """Return an endpoint by id; ``lock`` keeps others from changing it."""
    query: LiteralString = f"select {_COLUMNS} from webhook_endpoint where id = %s"
    async with tx.cursor(row_factory=struct_row(Endpoint)) as cursor:
        await cursor.execute(query + (" for update" if lock else ""), (endpoint_id,))
        return await cursor.fetchone()


async def list_endpoints(tx: Tx, *, limit: int = 1_000, offset: int = 0) -> Page[Endpoint]:
    """Return a page of the endpoints, the oldest first, and how many there are."""
    async with tx.cursor(row_factory=struct_row(Endpoint)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS} from webhook_endpoint order by created_at, id limit %s offset %s",
            (limit, offset),
        )
        items = await cursor.fetchall()
    row = await (await tx.execute("select count(*) from webhook_endpoint")).fetchone()
    assert row is not None
    return Page(items, row[0])


async def list_ids_with_due(tx: Tx, *, now: datetime) -> list[str]:
    """Return the active endpoints that messages are due for."""
    cursor = await tx.execute(
        "select id from webhook_endpoint e where active and exists ("
        "  select from webhook_delivery d where d.project_id = e.project_id"
        "   and d.endpoint_id = e.id and d.status = 'pending' and d.due_at <= %s"
        "   and (not e.ordered or d.position = (select min(w.position) from webhook_delivery w"
        "    where w.project_id = e.project_id and w.endpoint_id = e.id"
        "     and w.status = 'pending'))) order by id",
        (now,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def note_health(
    tx: Tx, endpoint_id: str, *, succeeded: bool, failed: bool, now: datetime
) -> None:
    """Keep since when an endpoint has only been failing."""
    await tx.execute(
        "update webhook_endpoint set failing_since = case when %(succeeded)s then null"
        " else coalesce(failing_since, %(now)s) end where id = %(id)s"
        " and (%(succeeded)s and failing_since is not null"
        "   or %(failed)s and not %(succeeded)s and failing_since is null)",
        {"id": endpoint_id, "succeeded": succeeded, "failed": failed, "now": now},
    )


async def disable_endpoints(
    tx: Tx, endpoint_ids: Collection[str], *, reason: DisabledReason, now: datetime
) -> None:
    """Stop sending to endpoints; those disabled before keep their reason."""
    await tx.execute(
        "update webhook_endpoint set active = false, disabled_reason = %s, updated_at = %s"
        " where id = any(%s) and active",
        (reason, now, list(endpoint_ids)),
    )


async def list_feeds(tx: Tx) -> list[int]:
    """Return the projects that have or had subscribers; ``tx`` with ``lookup=WEBHOOK_FEEDS``."""
    cursor = await tx.execute("select project_id from webhook_feed order by project_id")
    return [row[0] for row in await cursor.fetchall()]
