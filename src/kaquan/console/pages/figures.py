"""Figures: what a window brought beside the one before, its course, the funnel, and cohorts."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast

import msgspec
from litestar import Request, Response, get

from kaquan.console import formats
from kaquan.console.chart import Chart
from kaquan.console.download import Sheet
from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.figure_charts import course_chart, figure_funnel, name_of
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, project_of
from kaquan.customers import list_orders
from kaquan.insight.metrics import (
    FUNNEL,
    METRICS,
    Answer,
    Engine,
    FileFormat,
    Grain,
    Question,
    Silence,
    Source,
    Unit,
    answer_funnel,
    answer_metrics,
    answer_table,
    read_source,
    retention_cohorts,
    table_bytes,
    usual_window,
    work_out,
)
from kaquan.runtime import Settings, Unavailable, format_money

PATH = "/console/figures"
WINDOWS = (7, 30, 90, 365)
USUAL = 30
COHORT_MONTHS = 12
EARLIEST = date(1970, 1, 1)
SHOWN = (
    "revenue", "orders", "order_value", "margin", "coupon_orders", "order_value_with",
    "discount", "return_on_discount", "usage_rate", "breakage", "liability", "time_to_redeem",
    "buyers", "repeat_rate", "new_buyers", "acquisition_cost", "customer_value",
)  # fmt: skip
COURSES = ("revenue", "redeemed", "discount")
WELCOME = frozenset(
    ("revenue", "orders", "order_value", "margin", "coupon_orders", "buyers", "repeat_rate")
)
SILENCES = {
    Silence.EMPTY: N_("Nothing of the kind happened in this time."),
    Silence.NO_MARGIN: N_("The project has no margin rate (setting margin_rate_bps)."),
    Silence.NOT_RECORDED: N_("Nobody has recorded this yet."),
    Silence.NOTHING_TO_DIVIDE: N_("There is nothing to divide by."),
}
_MEDIA_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """A figure as written, how it changed, and what is to be said of it."""

    label: str
    figure: str
    unit: str
    change: str
    tone: str
    note: str
    href: str


class CohortRow(msgspec.Struct, frozen=True, kw_only=True):
    """A month's new buyers: how many, and by month the share that bought, with its shade 0-10."""

    month: str
    customers: int
    cells: list[tuple[str, int]]


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    now: dict[str, Answer]
    before: dict[str, Answer]
    course: dict[str, Answer]
    funnel: list[Answer]


@get(PATH, include_in_schema=False)
async def show_figures(request: Request[Any, Any, Any]) -> Response[str]:
    """The figures of the last days, beside those of as many days before."""
    page = page_of(request)
    days = _days(page)
    question = _window(request, page, days)
    source = await read_lake(request)
    found = None
    if source is not None:
        found = await work_out(settings_of(request), source, lambda one: _ask(one, question))
    is_empty = found is not None and not found.now["orders"].point.value
    return render(
        request,
        "pages/figures.html",
        days=days,
        until=dict(page.query).get("until") and question.until,
        last_day=await _find_last_day(request, question) if is_empty else None,
        windows=WINDOWS,
        question=question,
        as_of=None if source is None else source.as_of,
        tiles=[] if found is None else [_tile(found, name, question, page) for name in SHOWN],
        charts=[] if found is None else _charts(found, page),
        traces=[
            (name_of(METRICS[name], page), rows_address(name, question))
            for name in dict.fromkeys((*FUNNEL, *COURSES))
        ],
    )


@get(f"{PATH}/cohorts", include_in_schema=False)
async def show_cohorts(request: Request[Any, Any, Any]) -> Response[str]:
    """By month of the first purchase, the share of customers who bought in later months."""
    page = page_of(request)
    source = await read_lake(request)
    rows: list[CohortRow] = []
    found: list[tuple[str, list[int]]] = []
    question = _cohort_window(request, page)
    if source is not None:
        found = await work_out(
            settings_of(request), source, lambda one: retention_cohorts(one, question)
        )
        rows = shade_cohorts(found)
    return render(
        request,
        "pages/cohorts.html",
        rows=rows,
        last_day=None if found or source is None else await _find_last_day(request, question),
        sheet=_cohort_sheet(found, page),
        width=max((len(row.cells) for row in rows), default=0),
        as_of=None if source is None else source.as_of,
    )


def _cohort_sheet(found: list[tuple[str, list[int]]], page: PageView) -> Sheet:
    """By month of the first purchase, how many customers bought in each later month."""
    width = max((len(counts) for _, counts in found), default=0)
    say = translations(page.language).gettext
    return Sheet(
        name="cohorts",
        headings=(say("First bought in"), *(f"+{later}" for later in range(width))),
        rows=tuple((month, *counts, *([None] * (width - len(counts)))) for month, counts in found),
    )


@get(f"{PATH}/download", include_in_schema=False)
async def download_figures(
    request: Request[Any, Any, Any],
) -> Response[bytes] | Response[str]:
    """Every metric by day in the window, as CSV or XLSX."""
    page = page_of(request)
    days = _days(page)
    question = msgspec.structs.replace(_window(request, page, days), grain=Grain.DAY)
    source = await read_lake(request)
    if source is None:
        return redirect(PATH)
    form = FileFormat.XLSX if dict(page.query).get("format") == "xlsx" else FileFormat.CSV

    def ask(engine: Engine) -> bytes:
        answers = answer_metrics(engine, list(METRICS.values()), question)
        return table_bytes(answer_table(list(answers.values())), form=form, sheet="figures")

    content = await work_out(settings_of(request), source, ask)
    name = f"figures-{question.since}-{question.until}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=_MEDIA_TYPES[form], headers=headers)


async def read_lake(request: Request[Any, Any, Any]) -> Source | None:
    """What figures are worked out on; None before the lake's first copy."""
    try:
        async with page_snapshot(request) as tx:
            return await read_source(tx)
    except Unavailable:
        return None


def settings_of(request: Request[Any, Any, Any]) -> Settings:
    """The server's settings."""
    return cast("Settings", request.app.state.settings)


def _days(page: PageView) -> int:
    given = dict(page.query).get("days", "")
    return int(given) if given in {str(days) for days in WINDOWS} else USUAL


def _window(request: Request[Any, Any, Any], page: PageView, days: int) -> Question:
    last = _last(request, page)
    return Question(since=last - timedelta(days=days - 1), until=last)


def _last(request: Request[Any, Any, Any], page: PageView) -> date:
    """The last day shown: the one that the address names, or today."""
    today = usual_window(project_of(request), now=page.now).until
    with suppress(ValueError):
        return max(EARLIEST, min(today, date.fromisoformat(dict(page.query).get("until", ""))))
    return today


async def _find_last_day(request: Request[Any, Any, Any], question: Question) -> date | None:
    """The day of the last order, if that is before the days that are shown."""
    async with page_snapshot(request) as tx:
        latest = (await list_orders(tx, limit=1)).items
    if not latest:
        return None
    day = latest[0].placed_at.astimezone(project_of(request).zone).date()
    return day if day < question.since else None


def _cohort_window(request: Request[Any, Any, Any], page: PageView) -> Question:
    last = _last(request, page)
    month = last.year * 12 + last.month - COHORT_MONTHS
    return Question(since=date(month // 12, month % 12 + 1, 1), until=last)


def _ask(engine: Engine, question: Question) -> _Found:
    shown = [METRICS[name] for name in SHOWN]
    grain = Grain.DAY if (question.until - question.since).days < 100 else Grain.WEEK
    by_day = msgspec.structs.replace(question, grain=grain)
    return _Found(
        now=answer_metrics(engine, shown, question),
        before=answer_metrics(engine, shown, question.before()),
        course=answer_metrics(engine, [METRICS[name] for name in COURSES], by_day),
        funnel=answer_funnel(engine, question),
    )


def _charts(found: _Found, page: PageView) -> list[Chart]:
    charts = [course_chart(found.course[name], page) for name in COURSES]
    return [charts[0], figure_funnel(found.funnel, page), *charts[1:]]


def rows_address(metric_id: str, question: Question) -> str:
    """Where the rows of a figure of these days are listed."""
    return f"{PATH}/of/{metric_id}?since={question.since}&until={question.until}"


def _tile(found: _Found, name: str, question: Question, page: PageView) -> Tile:
    answer, before = found.now[name], found.before[name].point.value
    value, silence = answer.point.value, answer.point.silence
    say = translations(page.language).gettext
    change = ""
    # A share of what was negative, such as a margin, has the wrong sign.
    if value is not None and before is not None and before > 0:
        change = f"{(Decimal(value) / Decimal(before) - 1) * 100:+.1f}%"
    rose = not change.startswith("-")
    flat = change in ("", "+0.0%", "-0.0%")
    tone = "" if flat or name not in WELCOME else "good" if rose else "bad"
    return Tile(
        label=name_of(answer.metric, page),
        figure="–" if value is None else written(value, answer.metric.unit, page),
        unit=say(N_("days")) if value is not None and answer.metric.unit is Unit.DAYS else "",
        change=change,
        tone=tone,
        note="" if silence is None else say(SILENCES[silence]),
        href=rows_address(name, question),
    )


def written(value: int | Decimal, unit: Unit, page: PageView) -> str:
    """A figure as the page writes it."""
    match unit:
        case Unit.MONEY:
            return format_money(int(value), currency=page.currency, language=page.language)
        case Unit.SHARE:
            return formats.percent(value)
        case Unit.DAYS:
            return formats.number(value, digits=1)
        case Unit.COUNT:
            return formats.number(value)


def shade_cohorts(found: list[tuple[str, list[int]]]) -> list[CohortRow]:
    """Shares shaded from the least to the most of them, the month of the first purchase apart."""
    later = [Decimal(n) / counts[0] for _, counts in found for n in counts[1:]]
    least, most = min(later, default=Decimal(0)), max(later, default=Decimal(0))

    def shade(share: Decimal) -> int:
        return 5 if most == least else 1 + round((share - least) / (most - least) * 9)

    return [
        CohortRow(
            month=month,
            customers=counts[0],
            cells=[
                (formats.percent(share, digits=0), shade(share) if place and share else 0)
                for place, share in enumerate(Decimal(n) / counts[0] for n in counts)
            ],
        )
        for month, counts in found
    ]
