"""Columns of Arrow tables on their way into the database: cast, checked as a whole, named by row.

Whatever fails raises InvalidInput with the column and the row, such as ``quantity[17]``.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from kaquan.runtime import LONGEST_TEXT, MAX_MINOR, InvalidInput, check_metadata

Integers: TypeAlias = npt.NDArray[np.int64]
Array: TypeAlias = Any
"""An Arrow array: the published types of pyarrow leave its element type open."""

_ARROW: Any = pa
_KERNELS: Any = pc
_CSV: Any = csv
_ROWS_A_PART = 8_192
_ELEMENTS_KEPT = 65_536
_PLAIN_LIST = re.compile(r"[\w.:@/+,-]+", re.ASCII)
_PLAIN = re.compile(r"[\w.:@/+-]+", re.ASCII)


def require_columns(table: pa.Table, *, required: Sequence[str], optional: Sequence[str]) -> None:
    """Refuse a table that lacks a column or has one that means nothing here."""
    names = set(table.column_names)
    for name in required:
        if name not in names:
            raise InvalidInput("This column is missing.", field=name)
    for name in sorted(names - {*required, *optional}):
        known = ", ".join([*required, *optional])
        message = f"This column means nothing here; known are {known}."
        raise InvalidInput(message, field=name[:60])


def text_column(
    table: pa.Table, name: str, *, required: bool = False, longest: int = LONGEST_TEXT
) -> Array:
    """Return a column of texts (numbers are written out); an empty text counts as missing."""
    column = _cast(table, name, _ARROW.string())
    refuse_where(_KERNELS.match_substring_regex(column, r"[\x00-\x08]"), name, "Not valid text.")
    too_long = _KERNELS.greater(_KERNELS.utf8_length(column), longest)
    refuse_where(too_long, name, f"At most {longest} characters are accepted.")
    missing = _KERNELS.equal(column, "")
    column = _KERNELS.if_else(_KERNELS.fill_null(missing, True), None, column)
    if required:
        refuse_where(_KERNELS.is_null(column), name, "This may not be missing.")
    return column


def unique_text_column(table: pa.Table, name: str, *, longest: int) -> Array:
    """Return a column of texts of which none is missing and none stands twice."""
    column = text_column(table, name, required=True, longest=longest)
    if _KERNELS.count_distinct(column).as_py() != len(column):
        seen: set[str] = set()
        for row, value in enumerate(column.to_pylist()):
            if value in seen:
                message = f"'{value}' stands twice."
                raise InvalidInput(message, field=f"{name}[{row}]")
            seen.add(value)
    return column


def number_column(
    table: pa.Table, name: str, *, least: int = 0, default: int | None = None
) -> Integers:
    """Return whole numbers from ``least`` to 2^53-1; ``default`` stands in for missing ones."""
    column = _cast(table, name, _ARROW.int64())
    if default is not None:
        column = _KERNELS.fill_null(column, default)
    refuse_where(_KERNELS.is_null(column), name, "This may not be missing.")
    outside = _KERNELS.or_(_KERNELS.less(column, least), _KERNELS.greater(column, MAX_MINOR))
    refuse_where(outside, name, f"This must be a whole number from {least} to {MAX_MINOR}.")
    return column.to_numpy(zero_copy_only=False)


def optional_number_column(table: pa.Table, name: str) -> Array:
    """Return whole numbers from 0 to 2^53-1, some of which may be missing."""
    column = _cast(table, name, _ARROW.int64())
    outside = _KERNELS.or_(_KERNELS.less(column, 0), _KERNELS.greater(column, MAX_MINOR))
    refuse_where(outside, name, f"This must be a whole number from 0 to {MAX_MINOR}.")
    return column


def filled_numbers(stated: Array, otherwise: Integers) -> Integers:
    """Return the stated numbers, and the others where none is stated."""
    filled = _KERNELS.coalesce(stated, _ARROW.array(otherwise, _ARROW.int64()))
    return filled.to_numpy(zero_copy_only=False)


def time_column(table: pa.Table, name: str, *, required: bool = False) -> Array:
    """Return moments in UTC; the column's type must say its zone."""
    if name in table.column_names:
        schema: Any = table.schema
        kind = schema.field(name).type
        if not _ARROW.types.is_timestamp(kind) or kind.tz is None:
            raise InvalidInput("This must be a column of times with a time zone.", field=name)
    column = _cast(table, name, _ARROW.timestamp("us", "UTC"))
    if required:
        refuse_where(_KERNELS.is_null(column), name, "This may not be missing.")
    years = _KERNELS.year(column)
    outside = _KERNELS.or_(_KERNELS.less(years, 1900), _KERNELS.greater(years, 2999))
    refuse_where(outside, name, "A time lies between the years 1900 and 3000.")
    return column


def date_column(table: pa.Table, name: str) -> Array:
    """Return dates, which no time zone can shift."""
    return _cast(table, name, _ARROW.date32())


def json_column(
    table: pa.Table,
    name: str,
    *,
    missing: str | None,
    check: Callable[[object, str], object] = check_metadata,
) -> Array:
    """Return JSON objects, written out as texts; ``missing`` stands in for a missing one."""
    column = _cast(table, name, _ARROW.string())
    for row, text in enumerate(column.to_pylist()):
        if text is None:
            continue
        field = f"{name}[{row}]"
        try:
            value = msgspec.json.decode(text)
        except msgspec.MsgspecError as error:
            raise InvalidInput("This is not JSON.", field=field) from error
        check(value, field)
    return column if missing is None else _KERNELS.fill_null(column, missing)


def refuse_where(mask: Any, name: str, message: str) -> None:
    """Raise InvalidInput for the first row in which the mask is true."""
    row = _KERNELS.index(mask, _ARROW.scalar(True)).as_py()
    if row >= 0:
        raise InvalidInput(message, field=f"{name}[{row}]")


def check_each(column: Array, name: str, check: Callable[[Any, str], object]) -> None:
    """Apply a check to every value that is there."""
    for row, value in enumerate(column.to_pylist()):
        if value is not None:
            check(value, f"{name}[{row}]")


def row_of(values: Array, known: Array, *, name: str, message: str) -> Integers:
    """Return for each value its row among ``known``; refuse one that is not there."""
    rows = _KERNELS.index_in(values, value_set=known)
    refuse_where(_KERNELS.is_null(rows), name, message)
    return rows.to_numpy(zero_copy_only=False).astype(np.int64)


def refuse_unknown(given: Array, found: Array, *, name: str, kind: str) -> None:
    """Refuse the first reference to which nothing was found."""
    unknown = _KERNELS.and_(_KERNELS.is_valid(given), _KERNELS.is_null(found))
    refuse_where(unknown, name, f"There is no such {kind}.")


def distinct(column: Array) -> list[str]:
    """Return the different values of a column, without the missing ones."""
    return _KERNELS.unique(column).drop_null().to_pylist()


def replaced(column: Array, names: Mapping[str, str | None]) -> Array:
    """Return the column with each value replaced by what it is mapped to (None: missing)."""
    known = _ARROW.array(list(names), _ARROW.string())
    values = _ARROW.array(list(names.values()), _ARROW.string())
    return _KERNELS.take(values, _KERNELS.index_in(column, value_set=known))


def array_literals(column: Array, offsets: Integers) -> Array:
    """Return PostgreSQL array literals of the runs of a column that ``offsets`` bound.

    Texts must have gone through array_elements.
    """
    parts = _KERNELS.fill_null(column.cast(_ARROW.string()), "NULL")
    runs = _ARROW.ListArray.from_arrays(_ARROW.array(offsets, _ARROW.int32()), parts)
    joined = _KERNELS.binary_join(runs, ",")
    return _KERNELS.binary_join_element_wise("{", joined, "}", "")


def array_elements(column: Array) -> Array:
    """Return texts as elements of array literals, quoted only where they must be."""
    plain = _KERNELS.and_(
        _KERNELS.match_substring_regex(column, rf"\A{_PLAIN.pattern}\z"),
        _KERNELS.not_equal(_KERNELS.ascii_upper(column), "NULL"),
    )
    if _KERNELS.all(_KERNELS.fill_null(plain, True)).as_py():
        return column
    return replaced(column, {text: array_element(text) for text in distinct(column)})


@lru_cache(_ELEMENTS_KEPT)
def array_element(text: str) -> str:
    """Return a text as an element of an array literal, quoted only where it must be."""
    if _PLAIN.fullmatch(text) and text.upper() != "NULL":
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def array_of(texts: Sequence[str]) -> str:
    """Return texts as one array literal; for many, quicker than handing over a list."""
    joined = ",".join(texts)
    is_plain = _PLAIN_LIST.fullmatch(joined) and joined.count(",") == len(texts) - 1
    if not is_plain or "" in texts or "NULL" in joined.upper():
        joined = ",".join(map(array_element, texts))
    return f"{{{joined}}}"


def in_order_of(columns: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the columns with their rows sorted by one of them."""
    table = _ARROW.table(columns)
    ordered = table.take(_KERNELS.sort_indices(table.column(name)))
    return dict(zip(ordered.column_names, ordered.columns, strict=True))


def csv_parts(columns: Mapping[str, Any]) -> Iterator[tuple[bytes, int]]:
    """Yield a table of these columns as CSV for COPY, in parts, with the rows handed out so far."""
    table = _ARROW.table(columns)
    options = _CSV.WriteOptions(include_header=False)
    rows = 0
    for batch in table.to_batches(max_chunksize=_ROWS_A_PART):
        buffer = io.BytesIO()
        _CSV.write_csv(batch, buffer, options)
        rows += batch.num_rows
        yield buffer.getvalue(), rows


def _cast(table: pa.Table, name: str, kind: Any) -> Array:
    if name not in table.column_names:
        return _ARROW.nulls(table.num_rows, kind)
    try:
        given: Any = table.column(name)
        column = given.cast(kind)
    except (_ARROW.ArrowInvalid, _ARROW.ArrowNotImplementedError) as error:
        message = f"This cannot be read as {kind}: {str(error)[:120]}"
        raise InvalidInput(message, field=name) from error
    return column.combine_chunks()
