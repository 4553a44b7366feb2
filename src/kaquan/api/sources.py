"""``/v1/kaquan/sources``: our own addition, shop systems that post to us, and what they sent."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    Paging,
    conditions_of,
    merge_filters,
    read_condition,
    read_unordered_paging,
)
from kaquan.api.routes import reads, removes, writes
from kaquan.api.source_views import (
    ReceiptDetail,
    ReceiptList,
    ReceiptView,
    SourceBody,
    SourceKindList,
    SourceList,
    SourceView,
    draft_source,
    view_kind,
    view_receipt,
    view_receipt_detail,
    view_source,
)
from kaquan.checkout import try_again
from kaquan.connectors import (
    RECEIPT_FILTERS,
    Cart,
    Receipt,
    SeenProduct,
    SourceKind,
    create_source,
    delete_source,
    get_receipt,
    get_source,
    list_carts,
    list_receipts,
    list_seen,
    list_sources,
    process_again,
    read_preset,
    update_source,
)
from kaquan.customers import BrowsingSession, get_customer, list_sessions
from kaquan.runtime import InvalidInput

StatusText = Annotated[
    str | None, QueryParameter(max_length=20, description="done, ignored, duplicate or failed")
]
TopicText = Annotated[
    str | None, QueryParameter(max_length=200, description="Only receipts of this topic")
]
SourceText = Annotated[
    str | None, QueryParameter(max_length=64, description="Only receipts of this source")
]
SESSIONS_SHOWN = 100
_ORDERS = {"received_at": False, "-received_at": True}


class CartView(msgspec.Struct, frozen=True, kw_only=True):
    """A cart: what was told of each product in it, by the shop's id."""

    cart_id: str
    items: dict[str, dict[str, Any]]
    changed_at: datetime


class BrowsingView(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer looked at, carts that hold something, sessions; the latest first."""

    seen: list[SeenProduct]
    carts: list[CartView]
    sessions: list[BrowsingSession]
    object: Literal["browsing"] = "browsing"


@reads("/kinds", "List kinds of sources")
async def read_kinds(call: CurrentCall) -> SourceKindList:
    """List how each kind of source signs and what its posts mean, unless told otherwise."""
    kinds = [
        view_kind(kind, read_preset(kind).signing, read_preset(kind).mapping) for kind in SourceKind
    ]
    return SourceKindList(data=kinds, total=len(kinds))


@writes("POST", "/", "Create source")
async def create_one(data: JSONBody[SourceBody], call: CurrentCall) -> SourceView:
    """Add a shop system that posts to ``path``; signing and mapping are its kind's unless told."""
    if not isinstance(data.kind, str):
        raise InvalidInput("'kind' is missing.", field="kind")
    async with call.transaction() as tx:
        source = await create_source(tx, SourceKind(data.kind), draft_source(data), now=call.now)
    return view_source(source)


@reads("/", "List sources", paging=read_unordered_paging)
async def read_sources(call: CurrentCall, paging: CurrentPaging) -> SourceList:
    """List sources, the oldest first."""
    async with call.transaction() as tx:
        found = await list_sources(tx, limit=paging.limit, page=paging.page)
    return SourceList(
        data=list(map(view_source, found.items)),
        total=found.total,
        has_more=paging.has_more(found.total),
    )


@reads("/{source_id:str}", "Get source")
async def read_source(source_id: FromPath[str], call: CurrentCall) -> SourceView:
    """Get a source."""
    async with call.transaction() as tx:
        return view_source(await get_source(tx, source_id))


@writes("PUT", "/{source_id:str}", "Update source")
async def change_source(
    source_id: FromPath[str], data: JSONBody[SourceBody], call: CurrentCall
) -> SourceView:
    """Change what is said of a source; its kind stays."""
    async with call.transaction() as tx:
        stored = await get_source(tx, source_id)
        if isinstance(data.kind, str) and data.kind != stored.kind:
            raise InvalidInput("A source keeps its kind.", field="kind")
        source = await update_source(tx, source_id, draft_source(data), now=call.now)
    return view_source(source)


@removes("/{source_id:str}", "Delete source")
async def remove_source(source_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a source with its receipts; orders and customers that it told of stay."""
    async with call.transaction() as tx:
        await delete_source(tx, source_id)


@reads("/{source_id:str}/receipts", "List a source's receipts")
async def read_source_receipts(
    source_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    status: StatusText = None,
    topic: TopicText = None,
) -> ReceiptList:
    """List what a source sent, the latest first unless ``order`` says otherwise."""
    given = conditions_of(
        source_id=("$is", source_id), status=("$is", status), topic=("$is", topic)
    )
    async with call.transaction() as tx:
        await get_source(tx, source_id)
    return await _list(call, paging, merge_filters(filters, given))


@reads("/", "List receipts")
async def read_receipts(
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    status: StatusText = None,
    topic: TopicText = None,
    source_id: SourceText = None,
) -> ReceiptList:
    """List what came in from all sources, and what the tracking API refused."""
    given = conditions_of(
        source_id=("$is", source_id), status=("$is", status), topic=("$is", topic)
    )
    return await _list(call, paging, merge_filters(filters, given))


@reads("/{receipt_id:str}", "Get receipt")
async def read_receipt(receipt_id: FromPath[str], call: CurrentCall) -> ReceiptDetail:
    """Get a receipt with what was sent."""
    async with call.transaction() as tx:
        return view_receipt_detail(await get_receipt(tx, receipt_id))


@writes("POST", "/{receipt_id:str}/retry", "Process a receipt again")
async def retry_receipt(receipt_id: FromPath[str], call: CurrentCall) -> ReceiptView:
    """Carry out what was sent once more, with the source's mapping as it is now."""

    async def attempt() -> Receipt:
        async with call.transaction() as tx:
            return await process_again(tx, receipt_id, by=call.caller.actor, now=call.now)

    return view_receipt(await try_again(attempt))


@reads("/{customer_id:str}/browsing", "Get a customer's views and carts")
async def read_browsing(customer_id: FromPath[str], call: CurrentCall) -> BrowsingView:
    """Get what a customer (by id or source id) looked at lately, and what is in their carts."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        seen = await list_seen(tx, customer.id)
        carts = await list_carts(tx, customer.id)
        sessions = await list_sessions(tx, customer.id, limit=SESSIONS_SHOWN)
    return BrowsingView(seen=seen, carts=list(map(_view_cart, carts)), sessions=sessions)


async def _list(call: CurrentCall, paging: Paging, given: dict[str, Any]) -> ReceiptList:
    order = paging.order or "-received_at"
    if order not in _ORDERS:
        message = "Receipts can be ordered by received_at; a minus reverses it."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        found = await list_receipts(
            tx,
            condition=await read_condition(tx, given, RECEIPT_FILTERS, now=call.now),
            newest_first=_ORDERS[order],
            limit=paging.limit,
            page=paging.page,
        )
    return ReceiptList(
        data=list(map(view_receipt, found.items)),
        total=found.total,
        has_more=paging.has_more(found.total),
    )


def _view_cart(cart: Cart) -> CartView:
    return CartView(cart_id=cart.cart, items=cart.items, changed_at=cart.changed_at)


def sources_router() -> Router:
    """Routes of sources."""
    return Router(
        path="/kaquan/sources",
        route_handlers=[
            read_kinds,
            create_one,
            read_sources,
            read_source,
            change_source,
            remove_source,
            read_source_receipts,
        ],
        tags=["Sources"],
    )


def receipts_router() -> Router:
    """Routes of receipts, and of what customers looked at."""
    return Router(
        path="/kaquan",
        route_handlers=[
            Router(path="/receipts", route_handlers=[read_receipts, read_receipt, retry_receipt]),
            Router(path="/customers", route_handlers=[read_browsing]),
        ],
        tags=["Sources"],
    )
