"""SQL of sources and of what they sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.connectors.model import Receipt, Source
from kaquan.runtime import (
    Condition,
    FilterField,
    FilterFields,
    FilterKind,
    NotFound,
    Page,
    Tx,
    struct_row,
)

_SOURCE: LiteralString = (
    "id, name, kind, active, secret, public_keys, signing, mapping, refused_count, refused_at,"
    " refusal, created_at, updated_at"
)
_RECEIPT: LiteralString = (
    "id, source_id, delivery, topic, body, digest, status, error_key, error_field, error, outcome,"
    " attempts, received_at, processed_at"
)
RECEIPT_FILTERS = FilterFields(
    named={
        "source_id": FilterField("source_id"),
        "status": FilterField("status"),
        "topic": FilterField("topic"),
        "delivery": FilterField("delivery"),
        "error_key": FilterField("error_key"),
        "attempts": FilterField("attempts", FilterKind.NUMBER),
        "received_at": FilterField("received_at", FilterKind.TIME),
        "processed_at": FilterField("processed_at", FilterKind.TIME),
    }
)
"""What receipts may be filtered by."""


async def insert_source(tx: Tx, source: Source) -> None:
    """Store a new source."""
    await tx.execute(
        f"insert into source ({_SOURCE})"
        " values (%(id)s, %(name)s, %(kind)s, %(active)s, %(secret)s, %(public_keys)s,"
        " %(signing)s, %(mapping)s, %(refused_count)s, %(refused_at)s, %(refusal)s,"
        " %(created_at)s, %(updated_at)s)",
        _source_values(source),
    )


async def update_source_row(tx: Tx, source: Source) -> None:
    """Write back what may change of a source."""
    await tx.execute(
        "update source set name = %(name)s, active = %(active)s, secret = %(secret)s,"
        " public_keys = %(public_keys)s, signing = %(signing)s, mapping = %(mapping)s,"
        " updated_at = %(updated_at)s where id = %(id)s",
        _source_values(source),
    )


async def delete_source_row(tx: Tx, source_id: str) -> None:
    """Drop a source with its receipts."""
    await tx.execute("delete from source where id = %s", (source_id,))


async def find_source_project(tx: Tx, source_id: str) -> int | None:
    """Return whose a source is; ``tx`` was opened with the id as its lookup."""
    cursor = await tx.execute("select project_id from source where id = %s", (source_id,))
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def get_source(tx: Tx, source_id: str, *, lock: bool = False) -> Source:
    """Return a source by id; raises NotFound."""
    query: LiteralString = f"select {_SOURCE} from source where id = %s"
    async with tx.cursor(row_factory=struct_row(Source)) as cursor:
        await cursor.execute(query + (" for update" if lock else ""), (source_id,))
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("source", source_id)
    return found


async def list_sources(tx: Tx, *, limit: int = 10, page: int = 1) -> Page[Source]:
    """Return a page of the sources, the oldest first."""
    async with tx.cursor(row_factory=struct_row(Source)) as cursor:
        await cursor.execute(
            f"select {_SOURCE} from source order by created_at, id limit %s offset %s",
            (limit, (page - 1) * limit),
        )
        items = await cursor.fetchall()
    row = await (await tx.execute("select count(*) from source")).fetchone()
    assert row is not None
    return Page(items, row[0])


async def note_refusal(tx: Tx, source_id: str, reason: str, *, now: datetime) -> None:
    """Count a request that was not signed as it should be."""
    await tx.execute(
        "update source set refused_count = refused_count + 1, refused_at = %s, refusal = %s"
        " where id = %s",
        (now, reason, source_id),
    )


async def insert_receipt(tx: Tx, receipt: Receipt) -> bool:
    """Store what came in; False when this delivery is there already."""
    cursor = await tx.execute(
        f"insert into source_receipt ({_RECEIPT})"
        " values (%(id)s, %(source_id)s, %(delivery)s, %(topic)s, %(body)s, %(digest)s,"
        " %(status)s, %(error_key)s, %(error_field)s, %(error)s, %(outcome)s, %(attempts)s,"
        " %(received_at)s, %(processed_at)s)"
        " on conflict (project_id, source_id, delivery) do nothing returning id",
        _receipt_values(receipt),
    )
    return await cursor.fetchone() is not None


async def insert_rejects(tx: Tx, receipts: Sequence[Receipt]) -> None:
    """Store messages of the tracking API that were refused, each once however often it comes."""
    for receipt in receipts:
        await tx.execute(
            f"insert into source_receipt ({_RECEIPT})"
            " select %(id)s, null, %(delivery)s, %(topic)s, %(body)s, %(digest)s, %(status)s,"
            " %(error_key)s, %(error_field)s, %(error)s, %(outcome)s, %(attempts)s,"
            " %(received_at)s, %(processed_at)s"
            " where not exists (select from source_receipt r"
            "                    where r.source_id is null and r.digest = %(digest)s)",
            _receipt_values(receipt),
        )


async def update_receipt(tx: Tx, receipt: Receipt) -> None:
    """Write back what became of a receipt."""
    await tx.execute(
        "update source_receipt set status = %(status)s, topic = %(topic)s,"
        " error_key = %(error_key)s, error_field = %(error_field)s, error = %(error)s,"
        " outcome = %(outcome)s, attempts = %(attempts)s, processed_at = %(processed_at)s"
        " where id = %(id)s",
        _receipt_values(receipt),
    )


async def find_delivery(tx: Tx, source_id: str, delivery: str) -> Receipt | None:
    """Return what came in under a delivery's id, locked."""
    async with tx.cursor(row_factory=struct_row(Receipt)) as cursor:
        await cursor.execute(
            f"select {_RECEIPT} from source_receipt where source_id = %s and delivery = %s"
            " for update",
            (source_id, delivery),
        )
        return await cursor.fetchone()


async def has_body(tx: Tx, receipt: Receipt) -> bool:
    """Say whether the same body was carried out for the same topic, under another delivery."""
    cursor = await tx.execute(
        "select from source_receipt where source_id = %s and digest = %s and topic = %s"
        " and id <> %s and status = 'done' limit 1",
        (receipt.source_id, receipt.digest, receipt.topic, receipt.id),
    )
    return await cursor.fetchone() is not None


async def get_receipt(tx: Tx, receipt_id: str, *, lock: bool = False) -> Receipt:
    """Return a receipt by id; raises NotFound."""
    query: LiteralString = f"select {_RECEIPT} from source_receipt where id = %s"
    async with tx.cursor(row_factory=struct_row(Receipt)) as cursor:
        await cursor.execute(query + (" for update" if lock else ""), (receipt_id,))
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("receipt", receipt_id)
    return found


async def list_receipts(
    tx: Tx,
    *,
    condition: Condition | None = None,
    newest_first: bool = True,
    limit: int = 10,
    page: int = 1,
) -> Page[Receipt]:
    """Return a page of receipts in the order in which they came, with the exact total."""
    where = sql.SQL("true") if condition is None else condition.sql
    given: dict[str, Any] = {} if condition is None else dict(condition.parameters)
    ordering: LiteralString = "received_at desc, id desc" if newest_first else "received_at, id"
    query = sql.SQL(
        f"select {_RECEIPT} from source_receipt where {{}} order by {ordering}"
        " limit %(the_limit)s offset %(the_offset)s"
    ).format(where)
    bounds = {"the_limit": limit, "the_offset": (page - 1) * limit}
    async with tx.cursor(row_factory=struct_row(Receipt)) as cursor:
        await cursor.execute(query, given | bounds)
        items = await cursor.fetchall()
    counting = sql.SQL("select count(*) from source_receipt where {}").format(where)
    row = await (await tx.execute(counting, given)).fetchone()
    assert row is not None
    return Page(items, row[0])


async def delete_old_receipts(tx: Tx, *, before: datetime) -> int:
    """Drop receipts from before a moment; returns how many."""
    cursor = await tx.execute("delete from source_receipt where received_at < %s", (before,))
    return cursor.rowcount


def _source_values(source: Source) -> dict[str, Any]:
    values = msgspec.structs.asdict(source)
    return values | {"signing": Jsonb(source.signing), "mapping": Jsonb(source.mapping)}


def _receipt_values(receipt: Receipt) -> dict[str, Any]:
    return msgspec.structs.asdict(receipt) | {"outcome": Jsonb(receipt.outcome)}
