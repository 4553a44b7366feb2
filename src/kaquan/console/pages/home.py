"""Home: how the last days went, revenue by week, and the campaigns that run."""

from __future__ import annotations

from datetime import date
from typing import Any

from babel.dates import format_date
from litestar import Request, Response, get

from kaquan.console import formats
from kaquan.console.chart import Chart, ChartKind, Series, Unit
from kaquan.console.language import Language, translations
from kaquan.console.page import PageView
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.insight import Dashboard, Week, dashboard, headline
from kaquan.runtime import format_money

_SHORT_DAY = {Language.ZH: "M月d日", Language.EN: "d MMM"}


@get("/console", include_in_schema=False)
async def show_home(request: Request[Any, Any, Any]) -> Response[str]:
    """The project at a glance."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        figures = await dashboard(tx, now=page.now)
    return render(
        request,
        "pages/home.html",
        figures=figures,
        headline=headline(figures, page.language.value),
        chart=weeks_chart(figures, page) if figures.totals.orders else None,
    )


def weeks_chart(figures: Dashboard, page: PageView) -> Chart:
    """Revenue of each week from Monday in the project's zone."""
    say = translations(page.language).gettext
    return Chart(
        name="revenue-by-week",
        kind=ChartKind.BAR,
        title=say("Revenue by week"),
        text=_weeks_in_words(figures, page),
        categories=tuple(_short_day(week.starts_on, page.language) for week in figures.weeks),
        category_label=say("Week from"),
        unit=Unit.MONEY,
        currency=figures.currency,
        series=(
            Series(
                name=say("Revenue"),
                values=tuple(float(week.revenue_minor) for week in figures.weeks),
            ),
        ),
    )


def _weeks_in_words(figures: Dashboard, page: PageView) -> str:
    say = translations(page.language).gettext
    best = max(figures.weeks, key=lambda week: week.revenue_minor)
    last = figures.weeks[-1]
    text = say("Best of %(count)s weeks: %(amount)s in the week from %(day)s.") % {
        "count": len(figures.weeks),
        **_week_facts(best, figures, page),
    }
    if last is best:
        return text
    latest = (
        say("The latest, from %(day)s, brought %(amount)s.")
        if last.complete
        else say("The latest, from %(day)s, has brought %(amount)s so far.")
    )
    return f"{text} {latest % _week_facts(last, figures, page)}"


def _week_facts(week: Week, figures: Dashboard, page: PageView) -> dict[str, str]:
    return {
        "amount": format_money(
            week.revenue_minor, currency=figures.currency, language=page.language
        ),
        "day": formats.day(week.starts_on, language=page.language, zone=page.zone),
    }


def _short_day(day: date, language: Language) -> str:
    return format_date(day, _SHORT_DAY[language], locale=language.value)
