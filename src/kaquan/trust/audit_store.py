"""SQL of the audit chain; what adds to it are triggers in the database."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import msgspec
from psycopg import sql

from kaquan.runtime import (
    Condition,
    FilterField,
    FilterFields,
    FilterKind,
    Page,
    Tx,
    all_of,
    struct_row,
)

AUDIT_FILTERS = FilterFields(
    named={
        "actor": FilterField("actor"),
        "action": FilterField("action"),
        "object": FilterField("object"),
        "object_id": FilterField("object_id"),
        "request_id": FilterField("request_id"),
        "created_at": FilterField("at", FilterKind.TIME),
    }
)


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One change: who (``user:…``, ``key:…`` or ``system``) did what to which object.

    ``was`` and ``became`` hold the members that changed; secrets are named and hidden, what is
    longer than 16 KiB is told by its SHA-256. ``hash`` is over the record and ``previous``.
    """

    seq: int
    at: datetime
    actor: str
    action: str
    object: str
    object_id: str
    was: dict[str, Any] | None
    became: dict[str, Any] | None
    request_id: str
    previous: bytes
    hash: bytes


class ChainLink(msgspec.Struct, frozen=True, kw_only=True):
    """A record as its hash is worked out of it."""

    seq: int
    text: str
    previous: bytes
    hash: bytes


_RECORD = sql.SQL(
    "seq, at, actor, action, object, object_id, was, became, request_id, previous, hash"
)


async def list_audit_records(
    tx: Tx,
    *,
    condition: Condition | None = None,
    descending: bool = True,
    limit: int,
    page: int = 1,
) -> Page[AuditRecord]:
    """Return a part of the project's chain that fits the condition, by its place in it."""
    chosen = condition or all_of([])
    query = sql.SQL(
        "select {columns} from audit_record where {condition} order by seq {direction}"
        " limit %(limit)s offset %(offset)s"
    ).format(
        columns=_RECORD,
        condition=chosen.sql,
        direction=sql.SQL("desc" if descending else "asc"),
    )
    parameters = {**chosen.parameters, "limit": limit, "offset": (page - 1) * limit}
    async with tx.cursor(row_factory=struct_row(AuditRecord)) as cursor:
        await cursor.execute(query, parameters)
        found = await cursor.fetchall()
    counted = await tx.execute(
        sql.SQL("select count(*) from audit_record where {}").format(chosen.sql),
        dict(chosen.parameters),
    )
    total = await counted.fetchone()
    assert total is not None
    return Page(found, total=total[0])


async def stream_chain(tx: Tx) -> AsyncGenerator[ChainLink]:
    """Yield the project's chain from its beginning, without holding all of it."""
    async with tx.cursor(name="audit_chain", row_factory=struct_row(ChainLink)) as cursor:
        await cursor.execute(
            "select seq, audit_text(a) as text, previous, hash from audit_record a order by seq"
        )
        async for link in cursor:
            yield link
