"""Tables of the pages in docs/algorithms, as rows by column title."""

from collections.abc import Iterator
from pathlib import Path

Row = dict[str, str]

_PAGES = Path(__file__).parents[2] / "docs" / "algorithms"


def rows_of(page: str, first_column: str) -> list[Row]:
    """The rows of the page's table that begins with this column."""
    return list(_rows(page, first_column))


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def numbers(text: str) -> list[float]:
    return [number(part) for part in text.split()]


def _rows(page: str, first_column: str) -> Iterator[Row]:
    titles: list[str] | None = None
    for line in (_PAGES / page).read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == first_column:
            titles = cells
        elif titles is not None and not line.startswith("|"):
            return
        elif titles is not None and not line.startswith("|---"):
            yield dict(zip(titles, cells, strict=True))
