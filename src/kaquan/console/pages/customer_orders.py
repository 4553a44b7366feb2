"""The rows behind a customer's figures: their orders, and the events of a session."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.console.language import N_
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListShape
from kaquan.console.pages.paging import PAGE_SIZE
from kaquan.console.pages.words import ORDER_STATES, Badge
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.customers import (
    COUNTED_STATUSES,
    Order,
    OrderStatus,
    get_customer,
    get_customer_summary,
    list_events_of_session,
    list_orders,
)
from kaquan.runtime import NotFound

ORDERS = ListShape(
    columns=(
        Column(key="placed_at", label=N_("Placed"), sortable=True),
        Column(key="id", label=N_("Order")),
        Column(key="status", label=N_("State")),
        Column(key="lines", label=N_("Lines"), numeric=True),
        Column(key="amount", label=N_("Before discounts"), sortable=True, numeric=True),
        Column(key="discount", label=N_("Off"), numeric=True),
        Column(key="total", label=N_("To pay"), sortable=True, numeric=True),
    ),
    filters=(
        Filter(
            name="status",
            label=N_("State"),
            choices=tuple(
                Choice(value=state.value, label=badge.word) for state, badge in ORDER_STATES.items()
            ),
        ),
    ),
    searchable=False,
    default_sort="-placed_at",
)


class OrderListRow(msgspec.Struct, frozen=True):
    """An order of the list; `counts` says whether the customer's sums hold it."""

    order: Order
    badge: Badge
    counts: bool


@get("/console/customers/{customer_id:str}/orders", include_in_schema=False)
async def show_customer_orders(
    request: Request[Any, Any, Any], customer_id: FromPath[str]
) -> Response[str]:
    """A customer's orders, which their sums are made of."""
    query = ORDERS.read(page_of(request).query)
    status = query.filters.get("status")
    async with page_snapshot(request) as tx:
        customer = await get_customer(tx, customer_id)
        summary = await get_customer_summary(tx, customer.id)
        found = await list_orders(
            tx,
            customer_id=customer.id,
            status=OrderStatus(status) if status else None,
            order=("-" if query.descending else "") + query.sort,
            cursor=query.cursor or None,
            limit=PAGE_SIZE,
        )
    listing = Listing(
        shape=ORDERS,
        query=query,
        rows=[
            OrderListRow(one, ORDER_STATES[one.status], one.status in COUNTED_STATUSES)
            for one in found.items
        ],
        count=Count(value=found.total),
        next_cursor=found.next_cursor,
    )
    return render(
        request, "pages/customer_orders.html", customer=customer, summary=summary, listing=listing
    )


@get("/console/customers/{customer_id:str}/sessions/{session_id:str}", include_in_schema=False)
async def show_session(
    request: Request[Any, Any, Any], customer_id: FromPath[str], session_id: FromPath[str]
) -> Response[str]:
    """The events that a session of browsing is made of."""
    after = dict(page_of(request).query).get("after")
    async with page_snapshot(request) as tx:
        customer = await get_customer(tx, customer_id)
        session, events = await list_events_of_session(tx, session_id, after=after)
        if session.customer_id != customer.id:
            raise NotFound("session", session_id)
    return render(
        request, "pages/customer_session.html", customer=customer, session=session, events=events
    )
