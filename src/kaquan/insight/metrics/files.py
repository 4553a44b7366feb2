"""Figures and facts as files: CSV, XLSX or Parquet."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from io import BytesIO
from typing import Any, BinaryIO

import ibis
import pyarrow as pa
import xlsxwriter  # pyright: ignore[reportMissingTypeStubs]
from pyarrow import compute, csv, parquet

from kaquan.insight.lake import TABLES
from kaquan.insight.metrics.engine import Engine
from kaquan.insight.metrics.model import Answer, Question
from kaquan.runtime import InvalidInput, NotFound, words

IBIS: Any = ibis
ARROW: Any = pa
COMPUTE: Any = compute
CSV: Any = csv
PARQUET: Any = parquet
XLSX: Any = xlsxwriter
MOST_SHEET_ROWS = 1_048_575
"""Rows below the heading that a sheet of an XLSX file can have."""


class FileFormat(StrEnum):
    """The kinds of file that figures are written to."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


def answer_table(answers: Sequence[Answer]) -> Any:
    """Return figures as an Arrow table, a row a figure; money stays in minor units."""
    rows = [
        {
            "metric": answer.metric.id,
            "unit": answer.metric.unit.value,
            "bucket": one.bucket,
            "key": one.key,
            "label": one.label,
            "value": None if one.value is None else Decimal(one.value),
            "reason": None if one.silence is None else one.silence.value,
        }
        for answer in answers
        for one in answer.points
    ]
    text = ("metric", "unit", "bucket", "key", "label", "value", "reason")
    fields = [(name, ARROW.string()) for name in text]
    fields[5] = ("value", ARROW.decimal128(38, 6))
    return ARROW.Table.from_pylist(rows, schema=ARROW.schema(fields))


def fact_table(engine: Engine, name: str, question: Question | None) -> Any:
    """Return a table of the lake, of the question's window only where it has days.

    Raises NotFound for a table that the lake does not have.
    """
    if name not in TABLES:
        raise NotFound("table", name)
    rows = engine.table(name)
    if question is not None and "day" in rows.columns:
        since, until = IBIS.literal(question.since), IBIS.literal(question.until)
        rows = rows.filter((rows["day"] >= since) & (rows["day"] <= until))
    return engine.arrow(rows)


def write_table(table: Any, target: BinaryIO, *, form: FileFormat, sheet: str) -> int:
    """Write an Arrow table and return its rows. Raises InvalidInput when a sheet cannot hold it."""
    match form:
        case FileFormat.CSV:
            CSV.write_csv(_disarmed(table), target)
        case FileFormat.PARQUET:
            PARQUET.write_table(table, target)
        case FileFormat.XLSX:
            _write_sheet(table, target, sheet)
    return int(table.num_rows)


def table_bytes(table: Any, *, form: FileFormat, sheet: str) -> bytes:
    """Return an Arrow table as a file's content."""
    target = BytesIO()
    write_table(table, target, form=form, sheet=sheet)
    return target.getvalue()


def _disarmed(table: Any) -> Any:
    """Keep spreadsheets from taking a text for a formula (OWASP, CSV injection)."""
    columns: list[Any] = []
    for column in table.columns:
        if column.type == ARROW.string():
            risky = COMPUTE.match_substring_regex(column, "^[=@\t\r]")
            marked = COMPUTE.binary_join_element_wise("'", column, "")
            columns.append(COMPUTE.if_else(risky, marked, column))
        else:
            columns.append(column)
    return ARROW.table(columns, names=table.column_names)


def _write_sheet(table: Any, target: BinaryIO, sheet: str) -> None:
    if table.num_rows > MOST_SHEET_ROWS:
        message = words(
            "A sheet holds %(most)s rows, these are %(count)s: use csv.",
            most=f"{MOST_SHEET_ROWS:,}",
            count=f"{table.num_rows:,}",
        )
        raise InvalidInput(message, field="format")
    book = XLSX.Workbook(target, {"strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet(sheet[:31])
    page.write_row(0, 0, table.column_names)
    page.freeze_panes(1, 0)
    for place, row in enumerate(table.to_pylist(), start=1):
        page.write_row(place, 0, [_cell(value) for value in row.values()])
    book.close()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if not isinstance(value, int | float | Decimal | None) else value
