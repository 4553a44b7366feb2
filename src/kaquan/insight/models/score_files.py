"""Predictions of all customers as one CSV or XLSX file, written as it is read."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from tempfile import TemporaryFile
from typing import Any

import xlsxwriter  # pyright: ignore[reportMissingTypeStubs]

from kaquan.insight.models.score_store import stream_score_rows
from kaquan.runtime import Database, InvalidInput, Tx, words
from kaquan.segments import list_prediction_names

_XLSX: Any = xlsxwriter
ROWS_A_PART = 5_000
ROWS_A_SHEET = 1_000_000
"""Customers on a sheet of an XLSX file; those beyond are on further sheets."""
_PIECE_BYTES = 1 << 20
_MARK = "\ufeff"
_RISKY = ("=", "@", "\t", "\r")


class ScoreFormat(StrEnum):
    """The kinds of file that predictions are written to."""

    CSV = "csv"
    XLSX = "xlsx"


SCORE_MEDIA_TYPES = {
    ScoreFormat.CSV: "text/csv; charset=utf-8",
    ScoreFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


async def check_score_names(tx: Tx, names: Sequence[str]) -> tuple[str, ...]:
    """Return the predictions that are asked for, all that there are without any named.

    Raises InvalidInput for one that no customer has.
    """
    known = await list_prediction_names(tx)
    for name in names:
        if name not in known:
            message = words(
                "No customer has a prediction '%(name)s'; there are: %(known)s.",
                name=name,
                known=", ".join(known) or "–",
            )
            raise InvalidInput(message, field="prediction", key="invalid_query_params")
    return tuple(dict.fromkeys(names)) or tuple(known)


async def stream_scores(
    database: Database, project_id: int, names: Sequence[str], *, form: ScoreFormat
) -> AsyncGenerator[bytes]:
    """Yield a file of predictions, all from one moment of the data; a row a customer.

    ``names`` come from `check_score_names`. A value is what rules compare ``score.<name>`` with:
    money is in minor units. Memory does not grow with the customers: CSV begins at once, XLSX is
    put together on disk first, as its format needs.
    """
    async with database.snapshot(project_id) as tx:
        # With no prediction there is no row, only the headings of who a row would be of.
        rows = stream_score_rows(tx, names, rows_a_part=ROWS_A_PART) if names else _nothing()
        writing = _write_csv(rows, names) if form is ScoreFormat.CSV else _write_xlsx(rows, names)
        async for piece in writing:
            yield piece


async def _nothing() -> AsyncGenerator[list[tuple[Any, ...]]]:
    return
    yield []


def _headings(names: Sequence[str]) -> list[str]:
    pairs = [(f"score.{name}", f"score.{name} as of") for name in names]
    return ["customer_id", "source_id", *(one for pair in pairs for one in pair)]


async def _write_csv(
    parts: AsyncGenerator[list[tuple[Any, ...]]], names: Sequence[str]
) -> AsyncGenerator[bytes]:
    # Excel takes a CSV without a mark for the machine's own character set.
    yield (_MARK + _lines([_headings(names)])).encode()
    async for part in parts:
        yield _lines([[_cell(value) for value in row] for row in part]).encode()


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


async def _write_xlsx(
    parts: AsyncGenerator[list[tuple[Any, ...]]], names: Sequence[str]
) -> AsyncGenerator[bytes]:
    with TemporaryFile() as file:
        book = _Book(file, _headings(names))
        async for part in parts:
            await asyncio.to_thread(book.write, part)
        await asyncio.to_thread(book.close)
        file.seek(0)
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece


class _Book:
    """An XLSX file whose rows go to disk as they come."""

    def __init__(self, file: Any, headings: Sequence[str]) -> None:
        settings = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book: Any = _XLSX.Workbook(file, settings)
        self._headings = headings
        self._begin_sheet()

    def _begin_sheet(self) -> None:
        self._sheet: Any = self._book.add_worksheet()
        self._sheet.write_row(0, 0, self._headings)
        self._sheet.freeze_panes(1, 0)
        self._row = 1

    def write(self, part: Sequence[Sequence[Any]]) -> None:
        for row in part:
            if self._row > ROWS_A_SHEET:
                self._begin_sheet()
            self._sheet.write_row(self._row, 0, [_cell(value) for value in row])
            self._row += 1

    def close(self) -> None:
        self._book.close()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    # Spreadsheets must not take an id for a formula (OWASP, CSV injection).
    if isinstance(value, str) and value.startswith(_RISKY):
        return "'" + value
    return value
