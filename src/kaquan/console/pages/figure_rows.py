"""The rows that a figure is made of, and the customers of a cohort's cell."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.console import formats
from kaquan.console.download import MOST_ROWS, Sheet, wanted_name
from kaquan.console.language import N_, Language, translations
from kaquan.console.listing import Column, Count, Listing, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.figures import PATH, read_lake, settings_of
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, project_of
from kaquan.customers import list_customers
from kaquan.insight.metrics import (
    ORDER_FACTS,
    Engine,
    FigureRows,
    Part,
    Question,
    get_metric,
    list_cohort_customers,
    list_figure_rows,
    usual_window,
    work_out,
)
from kaquan.runtime import NotFound, format_money, minor_digits

SHEET = "rows"
MOST_LATER = 60
_LABELS = {
    "at": N_("When"), "given_at": N_("Given"), "used_at": N_("Redeemed"), "expires_on": N_("Expires"),
    "day": N_("Day"), "id": N_("Id"), "order_id": N_("Order"), "voucher_id": N_("Voucher"),
    "customer_id": N_("Customer"), "campaign_id": N_("Campaign"), "product_id": N_("Product"),
    "location_id": N_("Store"), "channel": N_("Channel"), "name": N_("Name"), "kind": N_("Kind"),
    "result": N_("Result"), "failure_code": N_("Why"), "cause": N_("Cause"), "arm": N_("Arm"),
    "claimed": N_("Claimed"), "first": N_("First order"), "repeated": N_("Bought again"),
    "held": N_("Held out"), "used": N_("Used"), "unused": N_("Unused"), "quantity": N_("Quantity"),
    "amount_minor": N_("Before discounts"), "discount_minor": N_("Discount"),
    "net_minor": N_("After discounts"), "total_minor": N_("Revenue"), "value_minor": N_("Revenue"),
    "into_amount": N_("Amount"), "spent": N_("Amount"), "seconds": N_("Days"), "orders": N_("Orders"),
}  # fmt: skip
_MONEY = frozenset(
    (
        *("amount_minor", "discount_minor", "net_minor", "total_minor", "value_minor"),
        *("into_amount", "spent"),
    )
)
_NUMERIC = _MONEY | {"quantity", "seconds", "orders"}
_LINKS = {
    "customer_id": "/console/customers/",
    "order_id": "/console/orders/",
    "campaign_id": "/console/campaigns/",
}
_NAMED_AT_ONCE = 5_000


class Cell(msgspec.Struct, frozen=True):
    """What a cell says, where it leads (empty for nowhere), and whether it keeps to one line."""

    text: str
    href: str = ""
    whole: bool = False


@get(f"{PATH}/of/{{metric_id:str}}", include_in_schema=False)
async def show_figure_rows(
    request: Request[Any, Any, Any], metric_id: FromPath[str]
) -> Response[str]:
    """The rows of one figure in a window of days, the latest first."""
    page, metric = page_of(request), get_metric(metric_id)
    part: Part = "bottom" if metric.bottom and dict(page.query).get("part") == "bottom" else "top"
    question = _window(request, page)

    def ask(engine: Engine, limit: int, number: int) -> FigureRows:
        return list_figure_rows(engine, metric, question, part=part, limit=limit, page=number)

    found = await _ask(request, ask)
    if found is None:
        return redirect(PATH)
    name = metric.name_zh if page.language is Language.ZH else metric.name_en
    return await _show(
        request,
        found,
        title=name,
        about=metric.about_zh if page.language is Language.ZH else metric.about_en,
        formula=metric.formula,
        parts=metric.bottom is not None,
        part=part,
        question=question,
        running=metric.running,
        orders=(metric.bottom or metric.top if part == "bottom" else metric.top).fact
        in ORDER_FACTS,
        back=PATH,
        back_label=N_("Figures"),
    )


@get(f"{PATH}/cohorts/{{month:str}}/{{later:int}}", include_in_schema=False)
async def show_cohort_cell(
    request: Request[Any, Any, Any], month: FromPath[str], later: FromPath[int]
) -> Response[str]:
    """Who first bought in a month and again so many months later."""
    page = page_of(request)
    cohort = _month(month)
    if cohort is None or not 0 <= later <= MOST_LATER:
        raise NotFound("cohort", f"{month} +{later}")

    def ask(engine: Engine, limit: int, number: int) -> FigureRows:
        return list_cohort_customers(engine, cohort, later=later, limit=limit, page=number)

    found = await _ask(request, ask)
    if found is None:
        return redirect(f"{PATH}/cohorts")
    say = translations(page.language).gettext
    title = say("First bought in %(month)s, bought in the month +%(later)s") % {
        "month": month,
        "later": later,
    }
    return await _show(
        request,
        found,
        title=title,
        about=say("Paid orders of that later month, and what they brought."),
        back=f"{PATH}/cohorts",
        back_label=N_("Cohorts"),
    )


async def _ask(
    request: Request[Any, Any, Any], ask: Callable[[Engine, int, int], FigureRows]
) -> FigureRows | None:
    """Look the rows up on the lake; None before its first copy."""
    page = page_of(request)
    source = await read_lake(request)
    if source is None:
        return None
    whole = wanted_name(page) == SHEET
    limit = MOST_ROWS if whole else PAGE_SIZE
    number = 1 if whole else page_number(dict(page.query).get("cursor", ""))
    return await work_out(settings_of(request), source, lambda engine: ask(engine, limit, number))


async def _show(
    request: Request[Any, Any, Any],
    found: FigureRows,
    *,
    title: str,
    about: str,
    back: str,
    back_label: str,
    formula: str = "",
    parts: bool = False,
    part: Part = "top",
    question: Question | None = None,
    running: bool = False,
    orders: bool = False,
) -> Response[str]:
    page = page_of(request)
    people = await _people(request, found)
    shape = ListShape(
        columns=tuple(
            Column(key=name, label=_LABELS[name], numeric=name in _NUMERIC)
            for name in found.columns
        ),
        searchable=False,
    )
    query = shape.read(page.query)
    number = page_number(query.cursor)
    writer = _Writer(found=found, people=people, page=page, orders=orders)
    rows = [{name: writer.write(name, row[name]) for name in found.columns} for row in found.rows]
    return render(
        request,
        "pages/figure_rows.html",
        title=title,
        about=about,
        formula=formula,
        parts=parts,
        part=part,
        question=question,
        running=running,
        back=back,
        back_label=translations(page.language).gettext(back_label),
        listing=Listing(
            shape=shape,
            query=query,
            rows=rows,
            count=Count(value=found.total),
            next_cursor=str(number + 1) if number * PAGE_SIZE < found.total else None,
        ),
        sheet=_sheet(found, people, page),
    )


async def _people(request: Request[Any, Any, Any], found: FigureRows) -> dict[str, str]:
    ids = sorted({row["customer_id"] for row in found.rows if row.get("customer_id")})
    names: dict[str, str] = {}
    async with page_snapshot(request) as tx:
        for start in range(0, len(ids), _NAMED_AT_ONCE):
            part = ids[start : start + _NAMED_AT_ONCE]
            listed = await list_customers(tx, ids=part, limit=len(part))
            names |= {one.id: one.name or one.source_id or one.id for one in listed.items}
    return names


class _Writer(msgspec.Struct, frozen=True, kw_only=True):
    """How cells are written: what customers and campaigns are called, and if ids are of orders."""

    found: FigureRows
    people: dict[str, str]
    page: PageView
    orders: bool

    def write(self, name: str, value: Any) -> Cell:
        """A value of a column."""
        page = self.page
        if value is None:
            return Cell("–")
        if name in ("at", "given_at", "used_at"):
            text = formats.moment(value, language=page.language, zone=page.zone)
            return Cell(text, whole=True)
        if name in _MONEY:
            return Cell(format_money(int(value), currency=page.currency, language=page.language))
        if name == "seconds":
            return Cell(formats.number(Decimal(value) / 86_400, digits=1))
        if isinstance(value, bool):
            return Cell(translations(page.language).gettext(N_("yes") if value else N_("no")))
        return self._name(name, str(value))

    def _name(self, column: str, text: str) -> Cell:
        if column == "customer_id":
            known = text in self.people
            return Cell(self.people.get(text, text), _LINKS[column] + text if known else "")
        if column == "id":
            return Cell(text, _LINKS["order_id"] + text if self.orders else "")
        shown = self.found.names.get(text, text) if column.endswith("_id") else text
        return Cell(shown, _LINKS[column] + text if column in _LINKS else "")


def _sheet(found: FigureRows, people: dict[str, str], page: PageView) -> Sheet:
    """The rows as a file: times as they are, money in major units, customers by name and id."""
    say, scale = translations(page.language).gettext, 10 ** -minor_digits(page.currency)
    named = "customer_id" in found.columns
    headings = (*(say(_LABELS[name]) for name in found.columns), *((say("Name"),) if named else ()))
    rows: list[tuple[str | float | None, ...]] = []
    for row in found.rows:
        cells: list[str | float | None] = [
            _plain(name, row[name], scale=scale) for name in found.columns
        ]
        rows.append((*cells, *((people.get(row["customer_id"] or "", ""),) if named else ())))
    return Sheet(name=SHEET, headings=headings, rows=tuple(rows))


def _plain(name: str, value: Any, *, scale: float) -> str | float | None:
    if value is None:
        return None
    if name in _MONEY:
        return round(int(value) * scale, 4)
    if name in _NUMERIC:
        return float(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _window(request: Request[Any, Any, Any], page: PageView) -> Question:
    """The days that the address names, else the usual ones."""
    usual, given = usual_window(project_of(request), now=page.now), dict(page.query)
    with suppress(ValueError):
        since, until = (date.fromisoformat(given.get(name, "")) for name in ("since", "until"))
        if since <= until:
            return Question(since=since, until=until)
    return usual


def _month(text: str) -> date | None:
    with suppress(ValueError):
        return date.fromisoformat(f"{text}-01") if len(text) == len("2026-01") else None
    return None
