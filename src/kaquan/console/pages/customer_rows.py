"""The rows behind more of a customer's figures: their vouchers, and the days of their visits."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.campaigns import Voucher, list_vouchers, voucher_usage
from kaquan.console import formats
from kaquan.console.language import N_, translations
from kaquan.console.listing import Choice, Column, Filter, ListQuery, ListShape
from kaquan.console.pages.listed_rows import Listed, ListedRow, list_rows, rows_wanted
from kaquan.console.pages.names import campaigns_by_id
from kaquan.console.pages.paging import page_number
from kaquan.console.pages.words import voucher_badge
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.customers import Customer, get_customer, list_visit_days
from kaquan.runtime import Page, Tx

VOUCHERS = ListShape(
    columns=(
        Column(key="code", label=N_("Voucher"), sortable=True),
        Column(key="campaign", label=N_("Campaign")),
        Column(key="state", label=N_("State")),
        Column(key="left", label=N_("Uses left"), numeric=True),
        Column(key="created_at", label=N_("Created"), sortable=True),
    ),
    filters=(
        Filter(
            name="active",
            label=N_("State"),
            choices=(
                Choice(value="yes", label=N_("Switched on")),
                Choice(value="no", label=N_("Switched off")),
            ),
        ),
    ),
    searchable=False,
    default_sort="-created_at",
)
VISIT_COLUMNS = (
    Column(key="day", label=N_("Day")),
    Column(key="store", label=N_("Store")),
    Column(key="times", label=N_("Visits"), numeric=True),
)

READ_AT_ONCE = 100
AnyRequest = Request[Any, Any, Any]


@get("/console/customers/{customer_id:str}/vouchers", include_in_schema=False)
async def show_customer_vouchers(request: AnyRequest, customer_id: FromPath[str]) -> Response[str]:
    """All vouchers that a customer holds."""
    page = page_of(request)
    query = VOUCHERS.read(page.query)
    say = translations(page.language).gettext
    async with page_snapshot(request) as tx:
        customer = await get_customer(tx, customer_id)
        found = await _read_vouchers(tx, customer.id, query, most=rows_wanted(page))
        usage = await voucher_usage(tx, found.items)
        campaigns = await campaigns_by_id(tx, [one.campaign_id for one in found.items])
    rows: list[ListedRow] = []
    for voucher in found.items:
        campaign = campaigns.get(voucher.campaign_id or "")
        left = usage[voucher.id].left
        badge = voucher_badge(voucher, usage[voucher.id], campaign, now=page.now)
        cells = {
            "code": voucher.code,
            "campaign": campaign.name if campaign else say(N_("On its own")),
            "state": say(badge.word),
            "left": say(N_("any number of uses")) if left is None else formats.number(left),
            "created_at": formats.moment(
                voucher.created_at, language=page.language, zone=page.zone
            ),
        }
        rows.append(ListedRow(cells, f"/console/campaigns/{campaign.id}" if campaign else ""))
    listed = list_rows(
        VOUCHERS, query, rows, page=page, total=found.total, next_cursor=found.next_cursor
    )
    return _render(request, listed=listed, customer=customer, title=N_("Vouchers of %(person)s"))


async def _read_vouchers(tx: Tx, holder_id: str, query: ListQuery, *, most: int) -> Page[Voucher]:
    active = query.filters.get("active")
    items: list[Voucher] = []
    cursor, total = query.cursor or None, 0
    while len(items) < most:
        found = await list_vouchers(
            tx,
            holder_id=holder_id,
            active=None if active is None else active == "yes",
            order=("-" if query.descending else "") + query.sort,
            cursor=cursor,
            limit=min(READ_AT_ONCE, most - len(items)),
        )
        items += found.items
        cursor, total = found.next_cursor, found.total
        if cursor is None:
            break
    return Page(items, total, cursor)


@get("/console/customers/{customer_id:str}/visits", include_in_schema=False)
async def show_visits(request: AnyRequest, customer_id: FromPath[str]) -> Response[str]:
    """The days on which a customer was seen in stores, all or one of them (`store`)."""
    page = page_of(request)
    store = dict(page.query).get("store")
    async with page_snapshot(request) as tx:
        customer = await get_customer(tx, customer_id)
        found = await list_visit_days(
            tx,
            customer.id,
            zone=page.zone.key,
            name=store or None,
            page=page_number(dict(page.query).get("cursor", "")),
            limit=rows_wanted(page),
        )
    shape = ListShape(columns=VISIT_COLUMNS, searchable=False)
    rows = [
        ListedRow(
            {
                "day": formats.day(one.day, language=page.language, zone=page.zone),
                "store": one.name,
                "times": formats.number(one.times),
            }
        )
        for one in found.items
    ]
    listed = list_rows(
        shape,
        shape.read(page.query),
        rows,
        page=page,
        total=found.total,
        next_cursor=found.next_cursor,
    )
    title = N_("Store visits of %(person)s")
    return _render(request, listed=listed, customer=customer, title=title, about=store or "")


def _render(
    request: AnyRequest, *, listed: Listed, customer: Customer, title: str, about: str = ""
) -> Response[str]:
    name = customer.name or customer.source_id or customer.id
    return render(
        request,
        "pages/listed_rows.html",
        area="customers",
        title=translations(page_of(request).language).gettext(title) % {"person": name},
        about=about,
        back=f"/console/customers/{customer.id}",
        back_label=name,
        listing=listed.listing,
        sheet=listed.sheet,
    )
