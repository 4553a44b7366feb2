"""A list of plain cells behind a figure: paged on the page, whole as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from kaquan.console.download import MOST_ROWS, Sheet, wanted_name
from kaquan.console.language import translations
from kaquan.console.listing import Count, Listing, ListQuery, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.paging import PAGE_SIZE

SHEET = "rows"


class ListedRow(msgspec.Struct, frozen=True):
    """A row's texts by column, and where it leads; '' for nowhere."""

    cells: Mapping[str, str]
    href: str = ""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What the page of such a list shows."""

    listing: Listing[ListedRow]
    sheet: Sheet


def rows_wanted(page: PageView) -> int:
    """How many rows are read: those of a page, or all for a file."""
    return MOST_ROWS if wanted_name(page) == SHEET else PAGE_SIZE


def list_rows(
    shape: ListShape,
    query: ListQuery,
    rows: Sequence[ListedRow],
    *,
    page: PageView,
    total: int,
    next_cursor: str | None,
) -> Listed:
    """Put a list together."""
    say = translations(page.language).gettext
    return Listed(
        listing=Listing(
            shape=shape, query=query, rows=rows, count=Count(value=total), next_cursor=next_cursor
        ),
        sheet=Sheet(
            name=SHEET,
            headings=tuple(say(column.label) for column in shape.columns),
            rows=tuple(tuple(row.cells[one.key] for one in shape.columns) for row in rows),
        ),
    )
