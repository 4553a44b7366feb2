"""The living style page: every component with sample content, in the reader's language and theme."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get

from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.language import N_, translations
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListShape
from kaquan.console.page import PageView
from kaquan.console.render import page_of, render


class SampleCampaign(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the sample list."""

    name: str
    live: bool
    published: int
    discount_minor: int


SAMPLE_SHAPE = ListShape(
    columns=(
        Column(key="name", label=N_("Campaign"), sortable=True),
        Column(key="status", label=N_("Status")),
        Column(key="published", label=N_("Published"), sortable=True, numeric=True),
        Column(key="discount", label=N_("Discount given"), sortable=True, numeric=True),
    ),
    filters=(
        Filter(
            name="status",
            label=N_("Status"),
            choices=(
                Choice(value="live", label=N_("Live")),
                Choice(value="ended", label=N_("Ended")),
            ),
        ),
    ),
    search_label=N_("Search campaigns"),
    default_sort="-published",
)
_ROWS = (
    SampleCampaign(name="满200减30", live=True, published=1204, discount_minor=342_000),
    SampleCampaign(name="Welcome back", live=True, published=886, discount_minor=118_850),
    SampleCampaign(name="新客首单立减", live=False, published=97, discount_minor=48_500),
)


@get("/console/style", include_in_schema=False, sync_to_thread=False)
def show_style(request: Request[Any, Any, Any]) -> Response[str]:
    """Every component once; language and theme are switched at the top as on any page."""
    page = page_of(request)
    query = SAMPLE_SHAPE.read(page.query)
    wanted = {"live": True, "ended": False}.get(query.filters.get("status", ""))
    rows = [
        row
        for row in _ROWS
        if query.search.lower() in row.name.lower() and wanted in {None, row.live}
    ]
    listing = Listing(
        shape=SAMPLE_SHAPE,
        query=query,
        rows=rows,
        count=Count(value=len(rows)),
        next_cursor="sample",
    )
    return render(
        request,
        "pages/style.html",
        listing=listing,
        charts=sample_charts(page),
        entries=sample_entries(page),
    )


def sample_entries(page: PageView) -> list[dict[str, Any]]:
    """A short timeline ending now."""
    say = translations(page.language).gettext
    return [
        {
            "at": page.now - timedelta(minutes=25),
            "icon": "scan",
            "title": say("Voucher redeemed"),
            "detail": "KQ-7H2M-9XPT",
            "href": "#",
            "tone": "green",
        },
        {
            "at": page.now - timedelta(days=3),
            "icon": "ticket",
            "title": say("Voucher published"),
            "detail": "满200减30",
            "href": "",
            "tone": "",
        },
    ]


def sample_charts(page: PageView) -> list[Chart]:
    """One chart of each kind."""
    say = translations(page.language).gettext
    weeks = tuple(f"W{week}" for week in range(1, 11))
    week = say("Week")
    return [
        Chart(
            name="sample-bar",
            kind=ChartKind.BAR,
            title=say("Revenue by week"),
            text=say("Revenue rose in eight of ten weeks."),
            categories=weeks,
            category_label=week,
            unit=Unit.MONEY,
            series=(
                Series(
                    name=say("Revenue"),
                    values=tuple(900_000.0 + 210_000 * (n % 4) + 90_000 * n for n in range(10)),
                ),
            ),
        ),
        Chart(
            name="sample-line",
            kind=ChartKind.LINE,
            title=say("Orders by week"),
            text=say("Members order more often than guests."),
            categories=weeks,
            category_label=week,
            series=(
                Series(name=say("Members"), values=tuple(120.0 + 9 * n for n in range(10))),
                Series(name=say("Guests"), values=tuple(100.0 + 2 * n for n in range(10))),
            ),
        ),
        Chart(
            name="sample-funnel",
            kind=ChartKind.FUNNEL,
            title=say("From hand to till"),
            text=say("Of 1,204 vouchers, 224 were redeemed."),
            categories=(say("Published"), say("Viewed"), say("Redeemed")),
            category_label=say("Step"),
            series=(Series(name=say("Vouchers"), values=(1204, 640, 224)),),
        ),
        Chart(
            name="sample-whisker",
            kind=ChartKind.WHISKER,
            title=say("Incremental margin per customer"),
            text=say(
                "The interval of the first campaign lies above zero, the second one's does not."
            ),
            categories=("满200减30", "Welcome back"),
            category_label=say("Campaign"),
            unit=Unit.MONEY,
            series=(
                Series(
                    name=say("Margin"),
                    values=(284.0, 90.0),
                    low=(75.0, -130.0),
                    high=(493.0, 310.0),
                ),
            ),
        ),
    ]
