"""What shop systems and trackers sent, what became of it, and trying it again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.checkout import try_again
from kaquan.connectors import (
    RECEIPT_FILTERS,
    Receipt,
    ReceiptStatus,
    get_receipt,
    get_source,
    list_receipts,
    list_sources,
    process_again,
)
from kaquan.console.language import N_
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListShape
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.sources import SOURCES_PATH
from kaquan.console.pages.webhooks import say
from kaquan.console.pages.words_of_webhooks import RECEIPT_STATES
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of
from kaquan.runtime import InvalidInput, compile_filter, utc_now

RECEIPTS_PATH = f"{SOURCES_PATH}/receipts"
_ONE = f"{RECEIPTS_PATH}/{{receipt_id:str}}"
_LARGEST_SHOWN = 64 * 1024
_MOST_SOURCES = 100
SHAPE = ListShape(
    columns=(
        Column(key="topic", label=N_("What")),
        Column(key="source", label=N_("Source")),
        Column(key="status", label=N_("Status")),
        Column(key="why", label=N_("Why")),
        Column(key="at", label=N_("When")),
    ),
    filters=(
        Filter(
            name="status",
            label=N_("Status"),
            choices=tuple(
                Choice(value=status.value, label=badge.word)
                for status, badge in RECEIPT_STATES.items()
            ),
        ),
    ),
    search_label=N_("Search by what it is about"),
)

AnyRequest = Request[Any, Any, Any]


@get(RECEIPTS_PATH, include_in_schema=False)
async def show_receipts(request: AnyRequest) -> Response[str]:
    """What came in from all sources, the latest first; ``source`` in the address names one."""
    query = SHAPE.read(page_of(request).query)
    one_source = dict(page_of(request).query).get("source", "")[:64]
    asked = {
        "status": ("$is", query.filters.get("status", "")),
        "topic": ("$contains", query.search),
        "source_id": ("$is", one_source),
    }
    wanted = {
        name: {"conditions": {operator: value}}
        for name, (operator, value) in asked.items()
        if value
    }
    number = page_number(query.cursor)
    async with page_snapshot(request) as tx:
        found = await list_receipts(
            tx,
            condition=compile_filter(wanted, RECEIPT_FILTERS, now=utc_now()),
            limit=PAGE_SIZE,
            page=number,
        )
        sources = await list_sources(tx, limit=_MOST_SOURCES)
    listing = Listing(
        shape=SHAPE,
        query=query,
        rows=[(one, RECEIPT_STATES[one.status]) for one in found.items],
        count=Count(value=found.total),
        next_cursor=str(number + 1) if number * PAGE_SIZE < found.total else None,
    )
    return render(
        request,
        "pages/receipts.html",
        listing=listing,
        names={one.id: one.name for one in sources.items},
    )


@get(_ONE, include_in_schema=False)
async def show_receipt(request: AnyRequest, receipt_id: FromPath[str]) -> Response[str]:
    """One receipt with what was sent."""
    return await _show(request, receipt_id)


@post(f"{_ONE}/retry", include_in_schema=False)
async def carry_out_again(request: AnyRequest, receipt_id: FromPath[str]) -> Response[str]:
    """Carry out what was sent once more, with the source's mapping as it is now."""

    async def attempt() -> Receipt:
        async with page_transaction(request) as tx:
            return await process_again(tx, receipt_id, by=person_of(request).actor, now=utc_now())

    try:
        receipt = await try_again(attempt)
    except InvalidInput as error:
        return await _show(request, receipt_id, error=error)
    failed = receipt.status is ReceiptStatus.FAILED
    notice = N_("It failed again.") if failed else N_("It was carried out.")
    return redirect(f"{RECEIPTS_PATH}/{receipt_id}", notice=say(request, notice))


async def _show(
    request: AnyRequest, receipt_id: str, *, error: InvalidInput | None = None
) -> Response[str]:
    async with page_snapshot(request) as tx:
        receipt = await get_receipt(tx, receipt_id)
        source = None if receipt.source_id is None else await get_source(tx, receipt.source_id)
    return render(
        request,
        "pages/receipt.html",
        status_code=HTTPStatus.OK if error is None else HTTPStatus.UNPROCESSABLE_ENTITY,
        receipt=receipt,
        badge=RECEIPT_STATES[receipt.status],
        source=source,
        body=_write(receipt.body),
        error=None if error is None else error.message,
    )


def _write(body: bytes) -> str:
    """What was sent, as people read it: its beginning, as JSON where it is that."""
    try:
        text = msgspec.json.format(body, indent=2)
    except msgspec.DecodeError:
        text = body
    return text[:_LARGEST_SHOWN].decode(errors="replace")
