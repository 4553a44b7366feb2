"""Who entered and left a segment: the rows behind its trend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.console import formats
from kaquan.console.language import N_, translations
from kaquan.console.listing import Choice, Column, Filter, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.listed_rows import ListedRow, list_rows, rows_wanted
from kaquan.console.pages.names import customers_by_id
from kaquan.console.pages.paging import page_number
from kaquan.console.pages.segment_builder import SEGMENTS_PATH
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.segments import SegmentChange, get_segment, list_latest_changes

TREND_DAYS = 30
SHAPE = ListShape(
    columns=(
        Column(key="customer", label=N_("Customer")),
        Column(key="move", label=N_("What happened")),
        Column(key="at", label=N_("When")),
    ),
    filters=(
        Filter(
            name="move",
            label=N_("What happened"),
            choices=(
                Choice(value="entered", label=N_("Entered the segment")),
                Choice(value="left", label=N_("Left the segment")),
            ),
        ),
        Filter(
            name="days",
            label=N_("Time"),
            choices=(
                Choice(value="7", label=N_("Last 7 days")),
                Choice(value="30", label=N_("Last 30 days")),
            ),
        ),
    ),
    searchable=False,
)


def changes_href(segment_id: str, *, days: int, entered: bool | None = None) -> str:
    """Where the changes of the last days are listed."""
    move = "" if entered is None else f"&move={'entered' if entered else 'left'}"
    return f"{SEGMENTS_PATH}/{segment_id}/changes?days={days}{move}"


@get(f"{SEGMENTS_PATH}/{{segment_id:str}}/changes", include_in_schema=False)
async def show_segment_changes(
    request: Request[Any, Any, Any], segment_id: FromPath[str]
) -> Response[str]:
    """Who entered and left a segment in the days of its trend, the latest first."""
    page = page_of(request)
    query = SHAPE.read(page.query)
    move = query.filters.get("move")
    days = int(query.filters.get("days", str(TREND_DAYS)))
    first = page.now.astimezone(page.zone) - timedelta(days=days - 1)
    async with page_snapshot(request) as tx:
        segment = await get_segment(tx, segment_id)
        found = await list_latest_changes(
            tx,
            segment.id,
            entered=None if move is None else move == "entered",
            since=first.replace(hour=0, minute=0, second=0, microsecond=0),
            page=page_number(query.cursor),
            limit=rows_wanted(page),
        )
        people = await customers_by_id(tx, [one.customer_id for one in found.items])
    names = {one.id: one.name or one.source_id or one.id for one in people.values()}
    rows = [_row(one, names.get(one.customer_id, one.customer_id), page) for one in found.items]
    listed = list_rows(
        SHAPE, query, rows, page=page, total=found.total, next_cursor=found.next_cursor
    )
    return render(
        request,
        "pages/listed_rows.html",
        area="segments",
        title=translations(page.language).gettext(N_("Who came into “%(name)s” and went out"))
        % {"name": segment.name},
        about="",
        back=f"{SEGMENTS_PATH}/{segment.id}",
        back_label=segment.name,
        listing=listed.listing,
        sheet=listed.sheet,
    )


def _row(change: SegmentChange, name: str, page: PageView) -> ListedRow:
    word = N_("Entered the segment") if change.entered else N_("Left the segment")
    return ListedRow(
        {
            "customer": name,
            "move": translations(page.language).gettext(word),
            "at": formats.moment(change.at, language=page.language, zone=page.zone),
        },
        f"/console/customers/{change.customer_id}",
    )
