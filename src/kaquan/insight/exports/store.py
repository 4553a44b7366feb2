"""SQL of exports, and the reading of what they hold."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from kaquan.customers import unseal_rows
from kaquan.insight.exports.model import Export, ExportSource, ExportStatus
from kaquan.runtime import Condition, NotFound, Page, Tx

_COLUMNS: LiteralString = (
    "id, exported_object, parameters, channel, user_id, status, file_id, row_count, error,"
    " created_at, updated_at"
)
_ORDERS = {"created_at": "created_at", "status": "status", "exported_object": "exported_object"}
MOST_KEYS = 200


async def insert_export(tx: Tx, export: Export) -> None:
    """Store an export that was just asked for."""
    await tx.execute(
        "insert into export (id, exported_object, parameters, channel, user_id, status, file_id,"
        " created_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            export.id,
            export.exported_object,
            Jsonb(msgspec.to_builtins(export.parameters)),
            export.channel,
            export.user_id,
            export.status,
            export.file_id,
            export.created_at,
        ),
    )


async def get_export(tx: Tx, export_id: str) -> Export:
    """Return an export; raises NotFound."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"select {_COLUMNS} from export where id = %s", (export_id,))
        row = await cursor.fetchone()
    if row is None:
        raise NotFound("export", export_id)
    return msgspec.convert(row, Export)


async def list_exports(
    tx: Tx, *, order: str = "-created_at", limit: int, page: int = 1
) -> Page[Export]:
    """Return a page of exports, ordered by created_at, status or exported_object."""
    column = _ORDERS[order.removeprefix("-")]
    direction = "desc" if order.startswith("-") else "asc"
    query = sql.SQL(
        "select {columns} from export order by {column} {direction}, id {direction}"
        " limit %(limit)s offset %(offset)s"
    ).format(columns=sql.SQL(_COLUMNS), column=sql.Identifier(column), direction=sql.SQL(direction))
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, {"limit": limit, "offset": (page - 1) * limit})
        rows = await cursor.fetchall()
    counted = await tx.execute("select count(*) from export")
    total = await counted.fetchone()
    assert total is not None
    return Page([msgspec.convert(row, Export) for row in rows], total=total[0])


async def update_export(
    tx: Tx,
    export_id: str,
    *,
    status: ExportStatus,
    row_count: int,
    error: str | None = None,
    now: datetime,
) -> None:
    """Say how far an export is."""
    await tx.execute(
        "update export set status = %s, row_count = %s, error = %s, updated_at = %s where id = %s",
        (status, row_count, error, now, export_id),
    )


async def update_export_file(tx: Tx, export_id: str, file_id: str) -> None:
    """Let an export that is begun anew write into another file."""
    await tx.execute("update export set file_id = %s where id = %s", (file_id, export_id))


async def delete_export_row(tx: Tx, export_id: str) -> None:
    """Remove an export."""
    await tx.execute("delete from export where id = %s", (export_id,))


async def list_metadata_keys(tx: Tx, source: ExportSource, condition: Condition) -> list[str]:
    """Return the metadata keys that the rows to be exported have, at most 200, by name."""
    assert source.metadata is not None
    query = sql.SQL(
        "select distinct jsonb_object_keys({metadata}) as key from {source} where {condition}"
        " order by key limit %(most)s"
    ).format(
        metadata=sql.SQL(source.metadata),
        source=sql.SQL(source.source),
        condition=condition.sql,
    )
    cursor = await tx.execute(query, {**condition.parameters, "most": MOST_KEYS})
    return [row[0] for row in await cursor.fetchall()]


async def stream_rows(
    tx: Tx,
    source: ExportSource,
    columns: Sequence[str],
    condition: Condition,
    *,
    order: str,
    rows_a_part: int,
) -> AsyncGenerator[list[tuple[Any, ...]]]:
    """Yield the rows of an export part by part, from a cursor on the server.

    A column is a field of the source, or ``metadata.`` and a key.
    """
    parameters = dict(condition.parameters)
    parts: list[sql.Composable] = []
    for number, column in enumerate(columns):
        if column in source.fields:
            parts.append(sql.SQL(source.fields[column]))
            continue
        assert source.metadata is not None
        name = f"key_{number}"
        parameters[name] = column.partition(".")[2]
        parts.append(
            sql.SQL("{} ->> {}::text").format(sql.SQL(source.metadata), sql.Placeholder(name))
        )
    sealed = any(column in source.sealed for column in columns)
    if sealed:
        person = sql.SQL(source.person)
        parts += [sql.SQL("{}.id").format(person), sql.SQL("{}.data_key").format(person)]
    query = sql.SQL(
        "select {columns} from {source} where {condition} order by {order} {direction},"
        " {key} {direction}"
    ).format(
        columns=sql.SQL(", ").join(parts),
        source=sql.SQL(source.source),
        condition=condition.sql,
        order=sql.SQL(source.orders[order.removeprefix("-")]),
        key=sql.SQL(source.key),
        direction=sql.SQL("desc" if order.startswith("-") else "asc"),
    )
    async with tx.cursor(name="export") as cursor:
        await cursor.execute(query, parameters)
        while rows := await cursor.fetchmany(rows_a_part):
            yield await _unseal(tx, source, columns, rows) if sealed else rows


async def _unseal(
    tx: Tx, source: ExportSource, columns: Sequence[str], rows: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Return rows, which end with the customer's id and data key, with what is sealed readable."""
    places = {
        number: source.sealed[one] for number, one in enumerate(columns) if one in source.sealed
    }
    found: list[tuple[Any, ...]] = []
    people: list[dict[str, Any]] = []
    for row in rows:
        person: dict[str, Any] = {"id": row[-2], "data_key": row[-1], "address": {}}
        for number, place in places.items():
            field, _, part = place.partition(".")
            if part:
                person["address"][part] = row[number]
            else:
                person[field] = row[number]
        people.append(person)
    for row, person in zip(rows, await unseal_rows(tx, people), strict=True):
        cells = list(row[:-2])
        for number, place in places.items():
            field, _, part = place.partition(".")
            cells[number] = person["address"][part] if part else person[field]
        found.append(tuple(cells))
    return found
