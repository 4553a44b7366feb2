"""The list of customers: searched, or narrowed by a rule that may be kept, and exported."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from kaquan.console import formats
from kaquan.console.language import N_, translations
from kaquan.console.listing import Column, Count, Listing, ListQuery, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.customers import CustomerRow
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.rules import RuleLine, rule_lines
from kaquan.console.pages.segment_faults import Fault, fault_of, read_definition
from kaquan.console.render import SECURITY_HEADERS, page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of, read_form
from kaquan.customers import list_customer_summaries, list_customers
from kaquan.runtime import Duplicate, InvalidInput, Tx, minor_digits
from kaquan.segments import (
    FOR_EVERYBODY,
    SavedFilter,
    check_definition,
    count_audience,
    delete_filter,
    get_filter,
    get_segment,
    list_audience_page,
    list_filters,
    list_segments,
    parse_definition,
    save_filter,
    walk_audience,
)
from kaquan.trust import Ability

CUSTOMERS_PATH = "/console/customers"
EXPORTED_AT_ONCE = 500
EVERYBODY: Mapping[str, Any] = {"all": []}
COLUMNS = (
    Column(key="name", label=N_("Customer")),
    Column(key="email", label=N_("E-mail")),
    Column(key="phone", label=N_("Phone")),
    Column(key="city", label=N_("City")),
    Column(key="birth_date", label=N_("Date of birth")),
    Column(key="created_at", label=N_("Entered"), sortable=True),
    Column(key="order_count", label=N_("Orders"), sortable=True, numeric=True),
    Column(key="spend", label=N_("Spent"), sortable=True, numeric=True),
    Column(key="average", label=N_("Per order"), numeric=True),
    Column(key="last_order_at", label=N_("Last order"), sortable=True),
)
USUAL = ("name", "email", "order_count", "spend", "last_order_at")
DEFAULT_SORT = "-spend"

AnyRequest = Request[Any, Any, Any]


class Narrowing(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that a list is narrowed by, and where it is from."""

    definition: Mapping[str, Any]
    lines: list[RuleLine]
    name: str
    saved: SavedFilter | None

    @property
    def written(self) -> str:
        """The rule as text."""
        return json.dumps(self.definition, ensure_ascii=False)

    @property
    def builder_href(self) -> str:
        """Where the rule is changed."""
        return "/console/segments/new?" + urlencode({"definition": self.written})


@get(CUSTOMERS_PATH, include_in_schema=False)
async def show_customers(request: AnyRequest) -> Response[str]:
    """The list of customers."""
    return await _show(request)


@post(f"{CUSTOMERS_PATH}/filters", include_in_schema=False)
async def keep_filter(request: AnyRequest) -> Response[str]:
    """Keep a rule with its columns and order, for oneself or for everybody."""
    page = page_of(request)
    given = await read_form(request, "name", "definition", "columns", "sort", "for")
    owner = FOR_EVERYBODY if given["for"] == "everybody" else person_of(request).id
    try:
        definition = read_definition(given["definition"])
        async with page_transaction(request) as tx:
            saved = await save_filter(
                tx,
                given["name"],
                definition,
                owner=owner,
                columns=_known_columns(given["columns"].split(",")),
                sort=given["sort"],
                now=page.now,
            )
    except (InvalidInput, Duplicate) as error:
        return await _show(request, fault=fault_of(error, page), definition=given["definition"])
    return redirect(
        f"{CUSTOMERS_PATH}?filter={saved.id}", notice=_say(page, N_("The filter is kept."))
    )


@post(f"{CUSTOMERS_PATH}/filters/{{filter_id:str}}/delete", include_in_schema=False)
async def forget_filter(request: AnyRequest, filter_id: FromPath[str]) -> Response[str]:
    """Forget a kept filter; the customers stay."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        await delete_filter(tx, filter_id, owner=person_of(request).id)
    return redirect(CUSTOMERS_PATH, notice=_say(page, N_("The filter is forgotten.")))


@get(f"{CUSTOMERS_PATH}/export", include_in_schema=False)
async def export_list(request: AnyRequest) -> Stream:
    """All customers of the list, with its columns, as CSV."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        narrowing = await _narrowing(tx, request)
    rule = narrowing.definition if narrowing else EVERYBODY
    columns = _columns(page, narrowing)
    return Stream(
        _csv_parts(request, rule, columns),
        media_type="text/csv; charset=utf-8",
        headers={
            **SECURITY_HEADERS,
            "Content-Disposition": 'attachment; filename="customers.csv"',
            "Cache-Control": "no-store",
        },
    )


async def _show(
    request: AnyRequest, *, fault: Fault | None = None, definition: str = ""
) -> Response[str]:
    page = page_of(request)
    async with page_snapshot(request) as tx:
        try:
            narrowing = await _narrowing(tx, request, definition=definition)
        except InvalidInput as error:
            narrowing, fault = None, fault_of(error, page)
        columns = _columns(page, narrowing)
        shape = _shape(columns, narrowing)
        query = shape.read(page.query)
        listing = await _read_list(tx, shape, query, narrowing=narrowing, page=page)
        filters = await list_filters(tx, owner=person_of(request).id)
    return render(
        request,
        "pages/customers.html",
        status_code=422 if fault else 200,
        listing=listing,
        narrowing=narrowing,
        filters=filters,
        fault=fault,
        all_columns=COLUMNS,
        columns=columns,
        sort=("-" if query.descending else "") + query.sort,
        export_query=urlencode([pair for pair in page.query if pair[0] != "cursor"]),
        manages=person_of(request).may(Ability.MANAGE),
    )


async def _narrowing(tx: Tx, request: AnyRequest, *, definition: str = "") -> Narrowing | None:
    """The rule that the address names: a kept filter's, a segment's, or one written out."""
    page = page_of(request)
    given = dict(page.query)
    saved: SavedFilter | None = None
    name = ""
    if "filter" in given:
        saved = await get_filter(tx, given["filter"], owner=person_of(request).id)
        rule: Mapping[str, Any] = saved.definition
        name = saved.name
    elif "segment" in given:
        segment = await get_segment(tx, given["segment"])
        rule = {"attribute": "segment", "operator": "is", "value": segment.id}
        name = segment.name
    elif text := definition or given.get("definition", ""):
        rule = await check_definition(tx, read_definition(text))
    else:
        return None
    names = {one.id: one.name for one in await list_segments(tx)}
    lines = rule_lines(parse_definition(rule), page=page, segments=names)
    return Narrowing(definition=rule, lines=lines, name=name, saved=saved)


def _known_columns(keys: Sequence[str]) -> list[str]:
    return [one.key for one in COLUMNS if one.key in keys or one.key == "name"]


def _columns(page: PageView, narrowing: Narrowing | None) -> list[str]:
    asked = [value for name, value in page.query if name == "column"]
    kept = narrowing.saved.columns if narrowing and narrowing.saved else ()
    return _known_columns(asked or kept or USUAL)


def _shape(columns: list[str], narrowing: Narrowing | None) -> ListShape:
    kept = narrowing.saved.sort if narrowing and narrowing.saved else ""
    offered = {one.key for one in COLUMNS if one.sortable}
    return ListShape(
        columns=tuple(one for one in COLUMNS if one.key in columns),
        search_label=N_("Search by name, e-mail, phone or your own id"),
        searchable=narrowing is None,
        default_sort=kept if kept.removeprefix("-") in offered else DEFAULT_SORT,
    )


async def _read_list(
    tx: Tx, shape: ListShape, query: ListQuery, *, narrowing: Narrowing | None, page: PageView
) -> Listing[CustomerRow]:
    order = ("-" if query.descending else "") + query.sort
    if narrowing is None:
        found = await list_customers(
            tx,
            search=query.search or None,
            order=order,
            cursor=query.cursor or None,
            limit=PAGE_SIZE,
        )
        people, count, following = found.items, Count(value=found.total), found.next_cursor
    else:
        number = page_number(query.cursor)
        ids = await list_audience_page(
            tx, narrowing.definition, order=order, limit=PAGE_SIZE, page=number, now=page.now
        )
        size = await count_audience(tx, narrowing.definition, now=page.now)
        known = await list_customers(tx, ids=ids, limit=PAGE_SIZE)
        by_id = {one.id: one for one in known.items}
        people = [by_id[one] for one in ids]
        count = Count(value=size.count, exact=size.exact)
        following = str(number + 1) if len(ids) == PAGE_SIZE else None
    summaries = await list_customer_summaries(tx, [one.id for one in people])
    return Listing(
        shape=shape,
        query=query,
        rows=[CustomerRow(one, summaries[one.id]) for one in people],
        count=count,
        next_cursor=following,
    )


async def _csv_parts(
    request: AnyRequest, rule: Mapping[str, Any], columns: list[str]
) -> AsyncGenerator[bytes]:
    """The rows in parts, all of one moment; the mark in front tells spreadsheets the encoding."""
    page = page_of(request)
    labels = {one.key: _say(page, one.label) for one in COLUMNS}
    head = ["id", "source_id", *(labels[key] for key in columns)]
    yield b"\xef\xbb\xbf" + _csv([head])
    async with page_snapshot(request) as tx:
        after = ""
        while ids := await walk_audience(
            tx, rule, after=after, limit=EXPORTED_AT_ONCE, now=page.now
        ):
            found = await list_customers(tx, ids=ids, order="created_at", limit=len(ids))
            summaries = await list_customer_summaries(tx, ids)
            rows = [CustomerRow(one, summaries[one.id]) for one in found.items]
            yield _csv(
                [
                    [
                        row.customer.id,
                        row.customer.source_id or "",
                        *(_cell(_READERS[key](row), page) for key in columns),
                    ]
                    for row in rows
                ]
            )
            after = ids[-1]


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[formats.inert(cell) for cell in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: object, page: PageView) -> str:
    """A value as a spreadsheet reads it; decimals are amounts in minor units."""
    match value:
        case None:
            return ""
        case datetime():
            return value.astimezone(page.zone).isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value.scaleb(-minor_digits(page.currency)):f}"
        case _:
            return str(value)


def _average(row: CustomerRow) -> Decimal | None:
    count = row.summary.order_count
    return Decimal(row.summary.spend_minor // count) if count else None


_READERS: Mapping[str, Callable[[CustomerRow], object]] = {
    "name": lambda row: row.customer.name,
    "email": lambda row: row.customer.email,
    "phone": lambda row: row.customer.phone,
    "city": lambda row: (row.customer.address or {}).get("city"),
    "birth_date": lambda row: row.customer.birth_date,
    "created_at": lambda row: row.customer.created_at,
    "order_count": lambda row: row.summary.order_count,
    "spend": lambda row: Decimal(row.summary.spend_minor),
    "average": _average,
    "last_order_at": lambda row: row.summary.last_order_at,
}


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
