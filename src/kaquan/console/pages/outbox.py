"""The outbox: messages with their state, and one message as its reader gets it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.params import FromPath

from kaquan.console.language import N_
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListShape
from kaquan.console.pages.names import campaigns_by_id, customers_by_id
from kaquan.console.pages.paging import PAGE_SIZE
from kaquan.console.pages.words import MESSAGE_STATES, Badge
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.customers import Customer, find_customer
from kaquan.outreach import Message, MessageStatus, get_message, list_messages

SHAPE = ListShape(
    columns=(
        Column(key="to", label=N_("To")),
        Column(key="subject", label=N_("Subject")),
        Column(key="status", label=N_("Status")),
        Column(key="at", label=N_("When")),
    ),
    filters=(
        Filter(
            name="status",
            label=N_("Status"),
            choices=tuple(
                Choice(value=status.value, label=badge.word)
                for status, badge in MESSAGE_STATES.items()
            ),
        ),
    ),
    searchable=False,
)
# The letter is other people's HTML: no script, no form, nothing from elsewhere, an origin of none.
_LETTER_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'self'; sandbox"
    ),
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "private, no-cache",
}


class MessageRow(msgspec.Struct, frozen=True):
    """A message of the list."""

    message: Message
    customer: Customer | None
    badge: Badge


@get("/console/outbox", include_in_schema=False)
async def show_outbox(request: Request[Any, Any, Any]) -> Response[str]:
    """Messages, newest first."""
    query = SHAPE.read(page_of(request).query)
    status = query.filters.get("status")
    async with page_snapshot(request) as tx:
        found = await list_messages(
            tx,
            status=MessageStatus(status) if status else None,
            after=query.cursor or None,
            limit=PAGE_SIZE,
        )
        customers = await customers_by_id(tx, [one.customer_id for one in found.items])
    listing = Listing(
        shape=SHAPE,
        query=query,
        rows=[
            MessageRow(one, customers.get(one.customer_id), MESSAGE_STATES[one.status])
            for one in found.items
        ],
        count=Count(value=found.total),
        next_cursor=found.next_cursor,
    )
    return render(request, "pages/outbox.html", listing=listing)


@get("/console/outbox/{message_id:str}", include_in_schema=False)
async def show_message(request: Request[Any, Any, Any], message_id: FromPath[str]) -> Response[str]:
    """One message with its addressee, state and both of its bodies."""
    async with page_snapshot(request) as tx:
        message = await get_message(tx, message_id)
        customer = await find_customer(tx, message.customer_id)
        campaigns = await campaigns_by_id(tx, [message.campaign_id])
    return render(
        request,
        "pages/message.html",
        message=message,
        badge=MESSAGE_STATES[message.status],
        customer=customer,
        campaign=campaigns.get(message.campaign_id or ""),
    )


@get("/console/outbox/{message_id:str}/letter", include_in_schema=False)
async def show_letter(request: Request[Any, Any, Any], message_id: FromPath[str]) -> Response[str]:
    """The HTML of a message, for the frame of its page."""
    async with page_snapshot(request) as tx:
        message = await get_message(tx, message_id)
    return Response(message.html, media_type=MediaType.HTML, headers=_LETTER_HEADERS)
