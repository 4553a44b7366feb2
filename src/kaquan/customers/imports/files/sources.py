"""Telling what a file is, and reading it in chunks of rows that never hold the whole of it."""

import io
import itertools
import json
from collections.abc import Generator
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from kaquan.customers.imports.files.csv_files import describe_csv, read_csv_chunks
from kaquan.customers.imports.files.model import Cells, Chunk, FileFormat, FileShape
from kaquan.customers.imports.files.workbooks import list_sheet_rows, read_sheet
from kaquan.runtime import InvalidInput, Sentence, words

ROWS_A_CHUNK = 20_000
_SAMPLED_LINES = 1_000
_BLOCK = 1 << 20
_ARROW: Any = pa
_KERNELS: Any = pc
_PARQUET: Any = parquet


def describe_file(file: BinaryIO, *, sheet: str | None = None) -> FileShape:
    """Return what a file is, by its content. ``sheet`` chooses one of a workbook.

    Raises InvalidInput (field ``file``) for an empty one, one without columns, or of no format.
    """
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(0)
    start = file.read(4096)
    if not start.strip():
        raise InvalidInput("The file is empty.", field="file")
    if start.startswith(b"PK\x03\x04"):
        name, columns, count = list_sheet_rows(file, sheet)
        return FileShape(
            format=FileFormat.XLSX, columns=columns, row_count=count, byte_count=size, sheet=name
        )
    if start.startswith(b"PAR1"):
        return _describe_parquet(file, size)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _describe_json(file, size)
    return describe_csv(file, size)


def read_chunks(
    file: BinaryIO, shape: FileShape, *, rows: int | None = None, only: str | None = None
) -> Generator[Chunk]:
    """Yield the rows from the first one on, ``rows`` (ROWS_A_CHUNK) at a time.

    ``only`` names a column that is enough: others may be left out.
    Raises InvalidInput when the file is no longer what its shape says.
    """
    file.seek(0)
    rows = rows or ROWS_A_CHUNK
    match shape.format:
        case FileFormat.CSV:
            chunks = read_csv_chunks(file, shape, rows=rows, only=only)
        case FileFormat.JSON_LINES:
            chunks = _json_chunks(file, shape, rows=rows)
        case FileFormat.PARQUET:
            chunks = _parquet_chunks(file, shape, rows=rows)
        case FileFormat.XLSX:
            chunks = _sheet_chunks(file, shape, rows=rows)
    yield from chunks


def _describe_json(file: BinaryIO, size: int) -> FileShape:
    file.seek(0)
    columns: dict[str, None] = {}
    for line in itertools.islice(file, _SAMPLED_LINES):
        found = _json_object(line)
        if isinstance(found, dict):
            columns |= dict.fromkeys(found)
    if not columns:
        raise InvalidInput("No line of the file is a JSON object.", field="file")
    file.seek(0)
    count = sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))
    return FileShape(
        format=FileFormat.JSON_LINES,
        columns=tuple(columns),
        row_count=max(1, count),
        byte_count=size,
        encoding="utf-8",
    )


def _json_chunks(file: BinaryIO, shape: FileShape, *, rows: int) -> Generator[Chunk]:
    filled = ((n, line) for n, line in enumerate(file, start=1) if line.strip())
    number = 0
    while part := list(itertools.islice(filled, rows)):
        found = [_json_object(line) for _, line in part]
        objects = [one if isinstance(one, dict) else {} for one in found]
        yield Chunk(
            first=number,
            lines=[line for line, _ in part],
            columns={name: [_text(one.get(name)) for one in objects] for name in shape.columns},
            broken={place: one for place, one in enumerate(found) if isinstance(one, Sentence)},
        )
        number += len(part)


def _json_object(line: bytes) -> dict[str, Any] | Sentence:
    """Return the object of a line, or why it is none."""
    try:
        return msgspec.json.decode(line.removeprefix(b"\xef\xbb\xbf"), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return words("Not a JSON object: %(why)s", why=str(error)[:120])


def _text(value: Any) -> str | None:
    """Return a value of JSON as a cell would have it."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def _describe_parquet(file: BinaryIO, size: int) -> FileShape:
    opened = _open_parquet(file)
    columns = tuple(opened.schema_arrow.names)
    if not columns:
        raise InvalidInput("The file has no columns.", field="file")
    return FileShape(
        format=FileFormat.PARQUET,
        columns=columns,
        row_count=opened.metadata.num_rows,
        byte_count=size,
    )


def _parquet_chunks(file: BinaryIO, shape: FileShape, *, rows: int) -> Generator[Chunk]:
    opened = _open_parquet(file)
    number = 0
    for batch in opened.iter_batches(batch_size=rows):
        if batch.num_rows:
            yield Chunk(
                first=number,
                lines=list(range(number + 1, number + batch.num_rows + 1)),
                columns={name: _texts(batch.column(name)) for name in shape.columns},
            )
        number += batch.num_rows


def _open_parquet(file: BinaryIO) -> Any:
    try:
        return _PARQUET.ParquetFile(file, pre_buffer=False)
    except (_ARROW.ArrowInvalid, OSError) as error:
        msg = words("Not a Parquet file: %(why)s", why=str(error)[:120])
        raise InvalidInput(msg, field="file") from error


def _texts(column: Any) -> Cells:
    """Return an Arrow array as cells."""
    kind = column.type
    if _ARROW.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if _ARROW.types.is_nested(kind) or _ARROW.types.is_binary(kind):
        return [_text(value) for value in column.to_pylist()]
    if _ARROW.types.is_floating(kind):
        column = _KERNELS.if_else(_KERNELS.is_nan(column), None, column)
    texts = column.cast(_ARROW.string()).to_pylist()
    return [(text.strip() or None) if text is not None else None for text in texts]


def _sheet_chunks(file: BinaryIO, shape: FileShape, *, rows: int) -> Generator[Chunk]:
    found = read_sheet(file, shape.sheet)
    number = 0
    while part := list(itertools.islice(found, rows)):
        lines, cells = zip(*part, strict=True)
        columns = dict(zip(shape.columns, map(list, zip(*cells, strict=True)), strict=True))
        yield Chunk(first=number, lines=list(lines), columns=columns)
        number += len(part)
