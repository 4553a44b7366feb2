"""CSV files: told by their first line, read some lines at a time.

Lines without quotes are split by Arrow; wherever it could read anything else than the csv module
does, the csv module reads.
"""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Generator, Sequence
from typing import Any, BinaryIO, TextIO

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from kaquan.customers.imports.files.model import Cells, Chunk, FileFormat, FileShape
from kaquan.customers.imports.reading import find_encoding, find_separator, read_headers
from kaquan.runtime import InvalidInput, Sentence, words

_BLOCK = 1 << 20
_LONGEST_FIELD = 1 << 20
_LONGEST_LINE = 4 << 20
_LARGEST_SPLIT = 64 << 20
_ODD_SPACES = b"\t\x0b\x0c\x1c\x1d\x1e\x1f"
"""What a text is stripped of besides spaces and the ends of lines, of ASCII."""

_ARROW: Any = pa
_CSV: Any = arrow_csv


def describe_csv(file: BinaryIO, size: int) -> FileShape:
    """Return encoding, separator and columns of a CSV file, and how many rows it has at most."""
    encoding = find_encoding(file)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        line = text.readline(_LONGEST_LINE)
        separator = find_separator(line)
        columns = tuple(name for name in read_headers(line, separator) if name)
    finally:
        text.detach()
    file.seek(0)
    ends = _count_line_ends(file, encoding)
    return FileShape(
        format=FileFormat.CSV,
        columns=columns,
        row_count=max(0, ends - 1),
        byte_count=size,
        encoding="utf-8" if encoding == "utf-8-sig" else encoding,
        separator=separator,
    )


def read_csv_chunks(
    file: BinaryIO, shape: FileShape, *, rows: int, only: str | None = None
) -> Generator[Chunk]:
    """Yield the rows of a CSV file, about ``rows`` lines at a time; blank ones are passed over."""
    encoding = "utf-8-sig" if shape.encoding == "utf-8" else shape.encoding
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        separator = shape.separator or ","
        headers = read_headers(text.readline(), separator)
        if tuple(name for name in headers if name) != shape.columns:
            raise InvalidInput("The file's columns have changed meanwhile.", field="file")
        number, line = 0, 2
        while lines := list(itertools.islice(text, rows)):
            chunk = _split_lines(lines, headers, separator, place=(number, line), only=only)
            line += len(lines)
            if chunk is None:
                start = line - len(lines)
                chunk, more = _parse_lines(lines, text, headers, separator, place=(number, start))
                line += more
            if chunk.lines:
                yield chunk
            number += len(chunk.lines)
    finally:
        text.detach()


def _split_lines(
    lines: Sequence[str],
    headers: list[str],
    separator: str,
    *,
    place: tuple[int, int],
    only: str | None,
) -> Chunk | None:
    """Return lines as a chunk; None where one of them is blank, quoted, or not of the width.

    ``place`` is the number of the first row and of the first line.
    """
    block = "".join(lines)
    if (
        '"' in block
        or "\0" in block
        or block.startswith("\ufeff")
        or block.count("\r") != block.count("\r\n")
        or len(block) > _LARGEST_SPLIT
    ):
        return None
    names = [str(number) for number in range(len(headers))]
    wanted = {
        header: name
        for header, name in zip(headers, names, strict=True)
        if header and only in (None, header)
    }
    content = block.encode("utf-8", "surrogatepass")
    try:
        table = _CSV.read_csv(
            io.BytesIO(content),
            _CSV.ReadOptions(use_threads=False, column_names=names, block_size=len(content) + 1),
            _CSV.ParseOptions(delimiter=separator, quote_char=False, ignore_empty_lines=False),
            _CSV.ConvertOptions(
                column_types=dict.fromkeys(names, _ARROW.string()),
                null_values=[""],
                strings_can_be_null=True,
                include_columns=list(wanted.values()),
            ),
        )
    except _ARROW.ArrowInvalid:
        return None
    if table.num_rows != len(lines):
        return None
    # A line without anything is one without this cell.
    if all(column.null_count for column in table.columns) and _has_blank(block, separator):
        return None
    columns: dict[str, Cells] = {
        header: table.column(name).to_pylist() for header, name in wanted.items()
    }
    if not _is_trim(content, separator):
        columns = {header: _trimmed(cells) for header, cells in columns.items()}
    first, line = place
    return Chunk(first=first, lines=list(range(line, line + len(lines))), columns=columns)


def _has_blank(block: str, separator: str) -> bool:
    """Whether a line has nothing in it but separators."""
    blank = rf"^[{re.escape(separator)}\r]*$"
    return re.search(blank, block.removesuffix("\n"), re.MULTILINE) is not None


def _is_trim(content: bytes, separator: str) -> bool:
    """Whether surely no cell begins or ends with white space."""
    odd = _ODD_SPACES.replace(separator.encode(), b"")
    if not content.isascii() or any(content.find(one) >= 0 for one in odd):
        return False
    letters = np.frombuffer(content, np.uint8)
    spaces = np.flatnonzero(letters == ord(" "))
    edges = np.frombuffer(f"{separator}\r\n".encode(), np.uint8)
    if content.startswith(b" ") or content.endswith(b" "):
        return False
    beside = np.concatenate((letters[spaces - 1], letters[spaces + 1]))
    return not np.isin(beside, edges).any()


def _trimmed(cells: Sequence[str | None]) -> Cells:
    return [cell.strip() or None if cell else None for cell in cells]


def _parse_lines(
    lines: list[str],
    text: TextIO,
    headers: list[str],
    separator: str,
    *,
    place: tuple[int, int],
) -> tuple[Chunk, int]:
    """Return the rows that begin in these lines, and how many lines more the last of them took.

    ``place`` is the number of the first row and of the first line.
    """
    number, line = place
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(itertools.chain(lines, text), delimiter=separator, strict=True)
    part: list[tuple[int, list[str], Sentence | None]] = []
    while reader.line_num < len(lines):
        row = _next_row(reader, len(headers), line)
        if row is not None:
            part.append(row)
    more = max(0, reader.line_num - len(lines))
    if not part:
        return Chunk(first=number, lines=[], columns={name: [] for name in headers if name}), more
    starts, rows, reasons = zip(*part, strict=True)
    columns = {
        name: _trimmed(texts)
        for name, texts in zip(headers, zip(*rows, strict=True), strict=True)
        if name
    }
    broken = {place: reason for place, reason in enumerate(reasons) if reason is not None}
    return Chunk(first=number, lines=list(starts), columns=columns, broken=broken), more


def _next_row(reader: Any, width: int, line: int) -> tuple[int, list[str], Sentence | None] | None:
    """Return line, fields and what is wrong of the next row; None for a blank one."""
    start = line + reader.line_num
    try:
        fields: list[str] = next(reader)
    except csv.Error as error:
        return start, [""] * width, words("Not CSV: %(why)s.", why=str(error))
    if len(fields) == width:
        return (start, fields, None) if any(fields) else None
    if not any(field.strip() for field in fields):
        return None
    extra = fields[width:]
    short = len(fields) < width
    reason = words(
        "The row has %(fields)s fields, and there are %(columns)s columns.",
        fields=len(fields),
        columns=width,
    )
    is_wrong = short or any(field.strip() for field in extra)
    padded = fields[:width] + [""] * (width - len(fields))
    return start, padded, reason if is_wrong else None


def _count_line_ends(file: BinaryIO, encoding: str) -> int:
    """Return how many lines there are; blank ones, and ends within quotes, count as well."""
    decoder = codecs.getincrementaldecoder("utf-16")() if encoding == "utf-16" else None
    ends, is_open = 0, False
    while block := file.read(_BLOCK):
        if decoder is not None:
            block = decoder.decode(block).encode("utf-8", "replace")
        ends, is_open = ends + block.count(b"\n"), not block.endswith(b"\n")
    return ends + is_open
