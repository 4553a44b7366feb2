"""Reading rows out of files as they come: any usual encoding, any usual separator, any length."""

import codecs
import csv
import io
from collections.abc import Generator, Sequence
from typing import Any, BinaryIO

import msgspec

from kaquan.customers.imports.model import SourceRow
from kaquan.runtime import InvalidInput, words

ENCODINGS = ("utf-8", "gb18030")
"""Tried in this order for a file without a byte-order mark; GB 18030 contains GBK and GB 2312."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = ",;\t|"
_BLOCK = 1 << 20
_LONGEST_FIELD = 128 * 1024
MOST_COLUMNS = 500


def read_csv_rows(file: BinaryIO) -> Generator[SourceRow]:
    """Yield the rows of a CSV file with headers, streamed.

    A row that does not have as many fields as there are headers, or that cannot be read, comes
    with a reason. Raises InvalidInput for a file without usable headers or in no known encoding.
    """
    text = io.TextIOWrapper(file, encoding=find_encoding(file), newline="")
    try:
        yield from _csv_rows(text)
    finally:
        text.detach()


def _csv_rows(text: io.TextIOWrapper) -> Generator[SourceRow]:
    header_line = text.readline()
    separator = find_separator(header_line)
    headers = read_headers(header_line, separator)
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(text, delimiter=separator, strict=True)
    number = 0
    while True:
        line = reader.line_num + 2
        try:
            fields = next(reader, None)
        except csv.Error as error:
            number += 1
            yield SourceRow(number=number, line=line, values={}, reason=f"Not CSV: {error}.")
            continue
        if fields is None:
            return
        if not any(field.strip() for field in fields):
            continue
        number += 1
        yield _row(number, line, headers, fields)


def read_json_rows(file: BinaryIO) -> Generator[SourceRow]:
    """Yield the rows of a file with a JSON object a line."""
    for number, line in enumerate(file, start=1):
        yield SourceRow(
            number=number, line=number, values=msgspec.json.decode(line, type=dict[str, Any])
        )


def check_headers(start: bytes, required: Sequence[str]) -> None:
    """Raise InvalidInput when the beginning of a CSV file lacks a column that must be there."""
    file = io.BytesIO(start)
    encoding = find_encoding(file, whole=False)
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    header_line = text.readline()
    headers = {name.lower() for name in read_headers(header_line, find_separator(header_line))}
    for name in required:
        if name not in headers:
            message = words(
                "The file has no column '%(name)s'; it has %(columns)s.",
                name=name,
                columns=", ".join(sorted(headers)[:20]),
            )
            raise InvalidInput(message, field="file")


def find_encoding(file: BinaryIO, *, whole: bool = True) -> str:
    """Return the encoding of a file; by its mark, else the first in which all of it is text.

    With ``whole`` false the file may end within a character. Raises InvalidInput.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    for encoding in ENCODINGS:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            if whole:
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        else:
            return encoding
        finally:
            file.seek(0)
    message = "The file is neither UTF-8 nor UTF-16 nor GBK text."
    raise InvalidInput(message, field="file")


def find_separator(header_line: str) -> str:
    """Return what stands between the headers: comma, semicolon, tab or bar."""
    bare = "".join(header_line.split('"')[::2])
    return max(_SEPARATORS, key=bare.count)


def read_headers(line: str, separator: str) -> list[str]:
    """Return the headers of a CSV file; raises InvalidInput for none, or one that stands twice."""
    try:
        fields = next(csv.reader([line], delimiter=separator), None) or []
    except csv.Error as error:
        message = words("The first line is not CSV: %(why)s.", why=str(error))
        raise InvalidInput(message, field="file") from error
    headers = [field.strip() for field in fields]
    if not any(headers):
        raise InvalidInput("The file's first line must name its columns.", field="file")
    if len(headers) > MOST_COLUMNS:
        message = words("A file has at most %(most)s columns.", most=MOST_COLUMNS)
        raise InvalidInput(message, field="file")
    folded = [header.lower() for header in headers if header]
    for header in folded:
        if folded.count(header) > 1:
            message = words("The column '%(name)s' stands twice.", name=header[:60])
            raise InvalidInput(message, field="file")
    return headers


def _row(number: int, line: int, headers: list[str], fields: list[str]) -> SourceRow:
    values = {header: field for header, field in zip(headers, fields, strict=False) if header}
    reason = None
    if (
        len(fields) != len(headers) and any(field.strip() for field in fields[len(headers) :])
    ) or len(fields) < len(headers):
        reason = f"The row has {len(fields)} fields, and there are {len(headers)} columns."
    return SourceRow(number=number, line=line, values=values, reason=reason)
