"""Tables read from plain files: columns of text, as numbers into a list of distinct texts."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from kaquan.insight.uplift import Flags, Ints
from kaquan.runtime import InvalidInput

_ARROW: Any = pa
_CSV: Any = arrow_csv
_DELIMITERS = ",;\t|"
_ENCODINGS = ("utf-8-sig", "gb18030", "latin-1")


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column: ``codes`` are places in ``levels``, its distinct texts without outer blanks."""

    name: str
    codes: Ints
    levels: list[str]

    @property
    def counts(self) -> Ints:
        """How many rows have each level."""
        return np.bincount(self.codes, minlength=len(self.levels))

    def take(self, rows: Ints | Flags) -> "Column":
        """Return the column of some rows."""
        return msgspec.structs.replace(self, codes=self.codes[rows])

    def texts(self) -> list[str]:
        """Return the texts, one a row."""
        return [self.levels[code] for code in self.codes.tolist()]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A file's columns by name, in its order, and how many rows it has."""

    name: str
    rows: int
    columns: dict[str, Column]

    def take(self, rows: Ints | Flags) -> "Table":
        """Return the table of some rows."""
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        count = int(rows.sum()) if rows.dtype == np.bool_ else len(rows)
        return Table(name=self.name, rows=count, columns=columns)


def make_column(name: str, texts: list[str]) -> Column:
    """Return a column of texts."""
    return _tidy(name, np.arange(len(texts)), texts)


def read_csv(path: Path) -> Table:
    """Read a CSV file with a header, plain or gzipped.

    Comma, semicolon, tab and bar separate; UTF-8, UTF-16, GB 18030 or Latin-1, whichever the
    bytes are. Raises InvalidInput that names the file, for one that is empty, has two columns of
    a name, or rows of another length than the header, and OSError.
    """
    text = _decode(path.read_bytes(), path)
    first = text.lstrip("\r\n").partition("\n")[0]
    if not first.strip():
        message = f"{path.name} is empty: it needs a header line and rows."
        raise InvalidInput(message, field=path.name)
    delimiter = max(_DELIMITERS, key=first.count)
    names = [
        name.strip() or f"column {number}"
        for number, name in enumerate(next(csv.reader([first], delimiter=delimiter)), 1)
    ]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"{path.name} has more than one column named {', '.join(twice)}."
        raise InvalidInput(message, field=path.name)
    return _parse(text, path.name, names=names, delimiter=delimiter)


def _parse(text: str, file: str, *, names: list[str], delimiter: str) -> Table:
    try:
        table = _CSV.read_csv(
            io.BytesIO(text.encode()),
            read_options=_CSV.ReadOptions(column_names=names, skip_rows=_lines_before(text) + 1),
            parse_options=_CSV.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=len(names) > 1
            ),
            convert_options=_CSV.ConvertOptions(
                column_types={name: _ARROW.string() for name in names}, strings_can_be_null=False
            ),
        )
    except _ARROW.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            columns = {name: make_column(name, []) for name in names}
            return Table(name=file, rows=0, columns=columns)
        message = f"{file} cannot be read: {error}"
        raise InvalidInput(message, field=file) from error
    columns: dict[str, Column] = {}
    for name in names:
        encoded = table.column(name).combine_chunks().dictionary_encode()
        codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
        columns[name] = _tidy(name, codes, encoded.dictionary.to_pylist())
    return Table(name=file, rows=table.num_rows, columns=columns)


def _lines_before(text: str) -> int:
    """Blank lines ahead of the header."""
    return text[: len(text) - len(text.lstrip("\r\n"))].count("\n")


def _decode(data: bytes, path: Path) -> str:
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            message = f"{path.name} is a damaged gzip file: {error}"
            raise InvalidInput(message, field=path.name) from error
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else _ENCODINGS
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    message = f"{path.name} is not text in a known encoding."
    raise InvalidInput(message, field=path.name)


def _tidy(name: str, codes: Ints, levels: list[str]) -> Column:
    """Cut blanks around texts; texts that are then alike become one level, in sorted order."""
    stripped = [level.strip() for level in levels]
    distinct = sorted(set(stripped))
    place = {level: number for number, level in enumerate(distinct)}
    mapped = np.array([place[level] for level in stripped], dtype=np.int64)
    return Column(name=name, codes=mapped[codes] if len(codes) else codes, levels=distinct)
