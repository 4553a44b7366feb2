"""A copy of what rules ask about, as Parquet files, for engines other than PostgreSQL.

A file a table: customer, consent, member and score, one a kind of deed, and product. A JSON
object, such as metadata, becomes columns by the type of its values: ``…_text``, ``…_number``,
``…_flag``, ``…_day`` and ``…_items`` are maps by key, ``…_keys`` lists the keys that have a value.
Numbers have nine decimal places; a day is the first ten characters of a text that begins so.
"""

import re
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec
import pyarrow as pa
from pyarrow import csv, parquet

from kaquan.customers import COUNTED_STATUSES
from kaquan.runtime import Tx, get_project
from kaquan.segments.store.lake import COLUMNS, ColumnType, copy_table

ARROW: Any = pa
CSV: Any = csv
PARQUET: Any = parquet

PURCHASES = tuple(status.value for status in COUNTED_STATUSES)
LARGEST_NUMBER = Decimal(10) ** 18
_FINEST = Decimal("1e-9")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:\Z|[T ])")
_CHUNK_BYTES = 16 << 20
_EMPTY = ("{}", "")

_DECIMAL: Any = ARROW.decimal128(38, 9)
_SIMPLE: Mapping[ColumnType, Any] = {
    ColumnType.TEXT: ARROW.string(),
    ColumnType.WHOLE: ARROW.int64(),
    ColumnType.NUMBER: _DECIMAL,
    ColumnType.FLAG: ARROW.bool_(),
    ColumnType.DATE: ARROW.date32(),
    ColumnType.TIME: ARROW.timestamp("us", tz="UTC"),
}
_SPREAD: Mapping[str, Any] = {
    "text": ARROW.map_(ARROW.string(), ARROW.string()),
    "number": ARROW.map_(ARROW.string(), _DECIMAL),
    "flag": ARROW.map_(ARROW.string(), ARROW.bool_()),
    "day": ARROW.map_(ARROW.string(), ARROW.string()),
    "items": ARROW.map_(ARROW.string(), ARROW.list_(ARROW.string())),
    "keys": ARROW.list_(ARROW.string()),
}


def lake_schema(table: str) -> Any:
    """Return the Arrow schema of a table's file."""
    fields: list[Any] = []
    for name, kind in COLUMNS[table].items():
        if kind is ColumnType.OBJECT:
            fields += [ARROW.field(f"{name}_{part}", of) for part, of in _SPREAD.items()]
        else:
            fields.append(ARROW.field(name, _SIMPLE[kind]))
    return ARROW.schema(fields)


async def extract_tables(
    tx: Tx, folder: Path, *, tables: frozenset[str] = frozenset(COLUMNS)
) -> dict[str, int]:
    """Write the transaction's project into the folder, a Parquet file a table; returns rows.

    Rows stream through in parts of 16 MB. ``tx`` should be a snapshot, for the tables to be of one
    moment. Days of moments are those of the project's time zone.
    """
    zone = (await get_project(tx)).zone.key
    counts: dict[str, int] = {}
    for table in sorted(tables):
        schema, counts[table] = lake_schema(table), 0
        with PARQUET.ParquetWriter(folder / f"{table}.parquet", schema) as writer:
            async for part in _parts(copy_table(tx, table, zone=zone)):
                batch = _read_part(table, part, schema)
                writer.write_table(batch)
                counts[table] += batch.num_rows
    return counts


def spread_object(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON object's values by their type, as the columns of the copy hold them."""
    spread: dict[str, Any] = {"keys": [key for key, value in given.items() if value is not None]}
    for key, value in given.items():
        match value:
            case bool():
                spread.setdefault("flag", []).append((key, value))
            case str():
                spread.setdefault("text", []).append((key, value))
                if _DAY.match(value):
                    spread.setdefault("day", []).append((key, value[:10]))
            case Decimal() if abs(value) < LARGEST_NUMBER:
                spread.setdefault("number", []).append((key, _rounded(value)))
            case list():
                texts = [item for item in cast("list[object]", value) if isinstance(item, str)]
                spread.setdefault("items", []).append((key, texts))
            case _:
                pass
    return spread


def _rounded(number: Decimal) -> Decimal:
    # As PostgreSQL rounds: halves away from zero.
    return number.quantize(_FINEST, rounding="ROUND_HALF_UP")


async def _parts(rows: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    part = bytearray()
    async for row in rows:
        part += row
        if len(part) >= _CHUNK_BYTES:
            yield bytes(part)
            part.clear()
    if part:
        yield bytes(part)


def _read_part(table: str, part: bytes, schema: Any) -> Any:
    columns = COLUMNS[table]
    types = {
        name: ARROW.int64()
        if kind is ColumnType.TIME
        else ARROW.string()
        if kind is ColumnType.OBJECT
        else _SIMPLE[kind]
        for name, kind in columns.items()
    }
    read = CSV.read_csv(
        ARROW.BufferReader(part),
        read_options=CSV.ReadOptions(column_names=list(columns), block_size=len(part) + 1),
        parse_options=CSV.ParseOptions(newlines_in_values=True),
        convert_options=CSV.ConvertOptions(
            column_types=types,
            null_values=[""],
            true_values=["t"],
            false_values=["f"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    arrays: list[Any] = []
    for name, kind in columns.items():
        if kind is ColumnType.OBJECT:
            arrays += _spread_column(read.column(name))
        else:
            arrays.append(read.column(name).cast(_SIMPLE[kind]))
    return ARROW.table(arrays, schema=schema)


def _spread_column(texts: Any) -> list[Any]:
    decoder = msgspec.json.Decoder(float_hook=Decimal)
    columns: dict[str, list[Any]] = {part: [] for part in _SPREAD}
    for text in texts.to_pylist():
        spread = (
            {} if text is None or text in _EMPTY else spread_object(_numbers(decoder.decode(text)))
        )
        for part, column in columns.items():
            column.append(spread.get(part, []))
    return [ARROW.array(column, type=_SPREAD[part]) for part, column in columns.items()]


def _numbers(given: Any) -> Mapping[str, Any]:
    """Return a decoded object with its whole numbers as Decimal, as its fractions are."""
    if not isinstance(given, dict):
        return {}
    return {
        key: Decimal(value) if type(value) is int else value
        for key, value in cast("dict[str, Any]", given).items()
    }
