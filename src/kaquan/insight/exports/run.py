"""Asking for exports, and making them."""

import csv
import io
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from kaquan.customers import country_of, open_index
from kaquan.insight.exports.model import (
    Export,
    ExportedObject,
    ExportParameters,
    ExportSource,
    ExportStatus,
)
from kaquan.insight.exports.sources import SOURCES
from kaquan.insight.exports.store import (
    delete_export_row,
    get_export,
    insert_export,
    list_metadata_keys,
    stream_rows,
    update_export,
    update_export_file,
)
from kaquan.runtime import (
    Condition,
    Database,
    InvalidInput,
    SchemaScope,
    Tx,
    all_of,
    append_to_file,
    compile_filter,
    create_file,
    delete_file,
    find_schema,
    get_project,
    new_id,
)

ROWS_A_PART = 5_000
MOST_FIELDS = 300
_METADATA = "metadata"
_LINES = msgspec.json.Encoder(decimal_format="number")
_WORDS = {"id": "ID", "qr": "QR"}


async def create_export(
    tx: Tx,
    exported: ExportedObject,
    parameters: ExportParameters,
    *,
    channel: str = "API",
    user_id: str | None = None,
    now: datetime,
) -> Export:
    """Record an export that is to be made; a job makes it.

    Raises InvalidInput for an order, a field or a filter that this kind of object has not.
    """
    source = SOURCES[exported]
    checked = _check(source, parameters)
    await _condition(tx, source, checked, now=now)
    export = Export(
        id=new_id("exp"),
        exported_object=exported,
        parameters=checked,
        channel=channel,
        user_id=user_id,
        status=ExportStatus.SCHEDULED,
        file_id=await create_file(tx, f"{exported}.csv", now=now),
        row_count=0,
        error=None,
        created_at=now,
        updated_at=None,
    )
    await insert_export(tx, export)
    return export


async def delete_export(tx: Tx, export_id: str) -> None:
    """Delete an export with its file; raises NotFound."""
    export = await get_export(tx, export_id)
    await delete_export_row(tx, export.id)
    await delete_file(tx, export.file_id)


async def run_export(
    database: Database, project_id: int, export_id: str, *, clock: Callable[[], datetime]
) -> None:
    """Write an export's file from one moment of the data; one begun before is begun anew."""
    async with database.transaction(project_id) as tx:
        export = await get_export(tx, export_id)
        if export.status in (ExportStatus.DONE, ExportStatus.ERROR):
            return
        await delete_file(tx, export.file_id)
        file_id = await create_file(tx, f"{export.exported_object}.csv", now=clock())
        await update_export_file(tx, export_id, file_id)
        await update_export(
            tx, export_id, status=ExportStatus.IN_PROGRESS, row_count=0, now=clock()
        )
    source, count = SOURCES[export.exported_object], 0
    async with database.snapshot(project_id) as reading:
        condition = await _condition(reading, source, export.parameters, now=clock())
        columns = await _columns(reading, source, export.parameters, condition)
        async with database.transaction(project_id) as tx:
            await append_to_file(tx, file_id, _write([[_title(column) for column in columns]]))
        order = export.parameters.order or "-created_at"
        async for rows in stream_rows(
            reading, source, columns, condition, order=order, rows_a_part=ROWS_A_PART
        ):
            count += len(rows)
            async with database.transaction(project_id) as tx:
                await append_to_file(tx, file_id, _write([list(map(_cell, row)) for row in rows]))
                await update_export(
                    tx, export_id, status=ExportStatus.IN_PROGRESS, row_count=count, now=clock()
                )
    async with database.transaction(project_id) as tx:
        await update_export(tx, export_id, status=ExportStatus.DONE, row_count=count, now=clock())


async def check_stream(
    tx: Tx, exported: ExportedObject, parameters: ExportParameters, *, now: datetime
) -> ExportParameters:
    """Return what is to be streamed in full. Raises InvalidInput as ``create_export`` does."""
    source = SOURCES[exported]
    checked = _check(source, parameters)
    await _condition(tx, source, checked, now=now)
    return checked


async def stream_objects(
    database: Database,
    project_id: int,
    exported: ExportedObject,
    checked: ExportParameters,
    *,
    now: datetime,
) -> AsyncGenerator[bytes]:
    """Yield objects as lines of JSON, many lines at a time, all from one moment of the data.

    ``checked`` comes from ``check_stream``. Memory does not grow with the number of objects.
    """
    source = SOURCES[exported]
    async with database.snapshot(project_id) as reading:
        condition = await _condition(reading, source, checked, now=now)
        columns = await _columns(reading, source, checked, condition)
        order = checked.order or "-created_at"
        async for rows in stream_rows(
            reading, source, columns, condition, order=order, rows_a_part=ROWS_A_PART
        ):
            objects = [dict(zip(columns, row, strict=True)) for row in rows]
            yield _LINES.encode_lines(objects)


async def fail_export(tx: Tx, export_id: str, *, now: datetime) -> None:
    """Close an export that cannot be made; the log has why."""
    export = await get_export(tx, export_id)
    await update_export(
        tx,
        export_id,
        status=ExportStatus.ERROR,
        row_count=export.row_count,
        error="An internal error stopped it.",
        now=now,
    )


def _check(source: ExportSource, given: ExportParameters) -> ExportParameters:
    newest = "-created_at" if "created_at" in source.orders else next(iter(source.orders))
    order = given.order or newest
    if order.removeprefix("-") not in source.orders:
        message = f"The export can be ordered by {', '.join(source.orders)}."
        raise InvalidInput(message, field="parameters.order", key="invalid_export_params")
    fields = list(source.usual) if given.fields is None else given.fields
    if not 1 <= len(fields) <= MOST_FIELDS:
        message = f"An export has 1 to {MOST_FIELDS} fields."
        raise InvalidInput(message, field="parameters.fields", key="invalid_export_params")
    allowed = [*source.fields, *([_METADATA] if source.metadata is not None else [])]
    for field in fields:
        spread = source.metadata is not None and field.startswith(f"{_METADATA}.")
        if field not in allowed and not spread:
            message = f"Unsupported field used. Allowed fields: {', '.join(allowed)}"
            raise InvalidInput(message, field="parameters.fields", key="invalid_export_fields")
    if given.campaign_id is not None and source.campaign is None:
        message = "This export is of no campaign."
        raise InvalidInput(message, field="parameters.campaign_id", key="invalid_export_params")
    return msgspec.structs.replace(given, order=order, fields=fields)


async def _condition(
    tx: Tx, source: ExportSource, parameters: ExportParameters, *, now: datetime
) -> Condition:
    project = await get_project(tx)
    zone, index = project.zone, await open_index(tx, country=country_of(project))
    path = "parameters.filters"
    given: Mapping[str, Any] = parameters.filters or {}
    conditions = [
        compile_filter(given, source.filters, now=now, zone=zone, path=path, digest=index.of)
    ]
    if parameters.campaign_id is not None:
        named = {"campaign_id": {"conditions": {"$is": parameters.campaign_id}}}
        conditions.append(
            compile_filter(named, source.filters, now=now, zone=zone, names="campaign")
        )
    return all_of(conditions)


async def _columns(
    tx: Tx, source: ExportSource, parameters: ExportParameters, condition: Condition
) -> list[str]:
    """Return the columns, with a column for each metadata key in the place of ``metadata``."""
    columns: list[str] = []
    for field in parameters.fields or source.usual:
        if field != _METADATA:
            columns.append(field)
            continue
        keys = set(await list_metadata_keys(tx, source, condition))
        if source.subject is not None:
            schema = await find_schema(tx, source.subject, scope=SchemaScope.STANDARD)
            if schema is not None:
                keys |= {name for name, one in schema.properties.items() if not one.deleted}
        columns += [f"{_METADATA}.{key}" for key in sorted(keys)]
    return columns


def _title(column: str) -> str:
    """Return a column's header: words with capitals, as the dialect's files have them."""
    if column.startswith(f"{_METADATA}."):
        return column
    return " ".join(_WORDS.get(word, word.capitalize()) for word in column.split("_"))


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            moment = value.astimezone(UTC).isoformat(timespec="milliseconds")
            return moment.replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case dict() | list():
            return msgspec.json.encode(value).decode()
        case Decimal():
            return f"{value:f}"
        case _:
            return _harmless(str(value))


def _harmless(text: str) -> str:
    """Keep spreadsheets from taking a shopper's text for a formula."""
    return f"'{text}" if text[:1] in ("=", "@", "\t", "\r") else text


def _write(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
