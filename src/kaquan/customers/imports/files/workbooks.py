"""Workbooks of Excel: one sheet's rows as texts, dates as ISO 8601."""

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO

import python_calamine

from kaquan.customers.imports.files.model import Cells
from kaquan.runtime import InvalidInput, words

_CALAMINE: Any = python_calamine
LARGEST_CONTENT = 512 * 1024 * 1024
"""How many bytes a workbook may hold unpacked: unlike the other formats it is read as a whole."""


def list_sheet_rows(file: BinaryIO, sheet: str | None) -> tuple[str, tuple[str, ...], int]:
    """Return the sheet's name, its columns and how many rows it has.

    Without a name it is the first that has any rows. Raises InvalidInput.
    """
    book = _open(file)
    names: list[str] = list(book.sheet_names)
    if sheet is not None and sheet not in names:
        message = words(
            "There is no sheet '%(sheet)s'; there are %(sheets)s.",
            sheet=sheet[:60],
            sheets=", ".join(names)[:200],
        )
        raise InvalidInput(message, field="sheet")
    for name in [sheet] if sheet is not None else names:
        rows = _sheet_rows(book, name)
        header = next(rows, None)
        if header is not None:
            columns = _columns(header[1])
            return name, columns, sum(1 for _ in rows)
    raise InvalidInput("The workbook has no rows.", field="file")


def read_sheet(file: BinaryIO, sheet: str | None) -> Iterator[tuple[int, Cells]]:
    """Yield line and cells of every row below the header that is not blank."""
    book = _open(file)
    rows = _sheet_rows(book, sheet or book.sheet_names[0])
    header = next(rows, None)
    named = [place for place, cell in enumerate(header[1] if header else []) if cell]
    for line, cells in rows:
        yield line, [cells[place] for place in named]


def _open(file: BinaryIO) -> Any:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > LARGEST_CONTENT:
            message = "The workbook is too large to be read as a whole; save it as CSV."
            raise InvalidInput(message, field="file")
        file.seek(0)
        return _CALAMINE.CalamineWorkbook.from_filelike(file)
    except (_CALAMINE.CalamineError, zipfile.BadZipFile) as error:
        message = words("Not a workbook of Excel: %(why)s", why=str(error)[:120])
        raise InvalidInput(message, field="file") from error


def _sheet_rows(book: Any, name: str) -> Iterator[tuple[int, Cells]]:
    sheet = book.get_sheet_by_name(name)
    for line, row in enumerate(sheet.iter_rows(), start=1):
        cells = [_text(cell) for cell in row]
        if any(cells):
            yield line, cells


def _columns(header: Cells) -> tuple[str, ...]:
    names = [cell for cell in header if cell]
    for name in names:
        if [one.lower() for one in names].count(name.lower()) > 1:
            message = words("The column '%(name)s' stands twice.", name=name[:60])
            raise InvalidInput(message, field="file")
    return tuple(names)


def _text(cell: Any) -> str | None:
    if isinstance(cell, str):
        return cell.strip() or None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return None if cell is None else str(cell)
