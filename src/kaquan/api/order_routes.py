"""``/v1/orders``: orders, and how they live with their coupons."""

from decimal import Decimal
from typing import Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import Call, CurrentCall
from kaquan.api.listing import CurrentFilters, CurrentPaging, read_condition
from kaquan.api.once import IdempotencyKey, move_value, refuse, succeed
from kaquan.api.orders import (
    OrderBody,
    OrderCouponBody,
    OrderExtension,
    OrderView,
    draft_order,
    store_customer,
    store_overrides,
    view_order,
)
from kaquan.api.problems import AnyRequest
from kaquan.api.refusals import problem_of_refused
from kaquan.api.request_id import request_id_of
from kaquan.api.routes import reads, writes
from kaquan.api.session_views import SessionBody, read_session
from kaquan.checkout import (
    CouponsWanted,
    Redeemable,
    Refused,
    TtlUnit,
    find_order_coupons,
    store_order,
)
from kaquan.customers import ORDER_FILTERS, Order, OrderDraft, get_order, list_orders
from kaquan.loyalty import settle_points
from kaquan.runtime import Answer, Tx

OWN_LIFE = (Decimal(15), TtlUnit.MINUTES)
"""How long the session of an order lasts unless said otherwise."""


class OrderList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the orders."""

    orders: list[OrderView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["orders"] = "orders"


async def _prepare(
    tx: Tx, body: OrderBody, *, call: Call, order_id: str | None = None
) -> OrderDraft:
    await store_overrides(tx, body.items, call=call)
    customer_id = await store_customer(tx, body.customer, body.customer_id, call=call)
    draft = await draft_order(tx, body, order_id=order_id)
    return msgspec.structs.replace(draft, customer_id=customer_id or UNSET)


@writes("POST", "/", "Create order")
async def record_order(
    request: AnyRequest, data: JSONBody[OrderBody], call: CurrentCall, key: IdempotencyKey = None
) -> Response[OrderView]:
    """Create an order, with its customer if the body brings one.

    One with the same id or source_id is changed instead. What ``kaquan.redeemables`` name is tried
    out, reserved with a ``kaquan.session``, and redeemed when the order is paid.
    """

    async def produce(tx: Tx) -> Answer:
        draft = await _prepare(tx, data, call=call)
        return await _live(request, call, tx, draft=draft, body=data)

    return await move_value(request, call, key, produce=produce)


@reads("/{order_id:str}", "Get order")
async def read_order(order_id: FromPath[str], call: CurrentCall) -> OrderView:
    """Get an order by id or source id."""
    async with call.transaction() as tx:
        return await _load_view(tx, await get_order(tx, order_id))


@writes("PUT", "/{order_id:str}", "Update order")
async def change_order(
    request: AnyRequest,
    order_id: FromPath[str],
    data: JSONBody[OrderBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[OrderView]:
    """Change an order by id or source id; lines, when given, replace all of them.

    Paid, it redeems its coupons; canceled, it lets them go or rolls them back; RETURNED returns
    what did not come back yet.
    """

    async def produce(tx: Tx) -> Answer:
        known = await get_order(tx, order_id)
        draft = await _prepare(tx, data, call=call, order_id=known.id)
        return await _live(request, call, tx, draft=draft, body=data)

    return await move_value(request, call, key, produce=produce)


@reads("/", "List orders")
async def read_orders(
    call: CurrentCall, paging: CurrentPaging, filters: CurrentFilters
) -> OrderList:
    """List orders, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        found = await list_orders(
            tx,
            condition=await read_condition(tx, filters, ORDER_FILTERS, now=call.now),
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
    return OrderList(orders=list(map(view_order, found.items)), total=found.total)


async def _live(
    request: AnyRequest, call: Call, tx: Tx, *, draft: OrderDraft, body: OrderBody
) -> Answer:
    outcome = await store_order(tx, draft, coupons=_read_coupons(body), now=call.now)
    if isinstance(outcome, Refused):
        return refuse(problem_of_refused(outcome, request_id=request_id_of(request.scope)))
    # Points follow at once, where the queue would take some seconds.
    await settle_points(tx, outcome.id, now=call.now)
    return succeed(await _load_view(tx, outcome))


def _read_coupons(body: OrderBody) -> CouponsWanted | None:
    """Map what an order says about its coupons."""
    extension = body.kaquan or OrderExtension()
    if extension.redeemables is None and extension.session is None:
        return None
    redeemables = None
    if extension.redeemables is not None:
        redeemables = tuple(
            Redeemable(id=one.id, face_value_minor=one.face_value_minor, credits=one.credits)
            for one in extension.redeemables
        )
    session = read_session(extension.session, life=OWN_LIFE, field="kaquan.session")
    return CouponsWanted(redeemables=redeemables, session=session)


async def _load_view(tx: Tx, order: Order) -> OrderView:
    """Map an order with what it is going to redeem to the wire."""
    view, coupons = view_order(order), await find_order_coupons(tx, order.id)
    if coupons is None:
        return view
    extension = OrderExtension() if isinstance(view.kaquan, UnsetType) else view.kaquan
    named = [
        OrderCouponBody(id=one.id, credits=one.credits, face_value_minor=one.face_value_minor)
        for one in coupons.redeemables
    ]
    session = None if coupons.session_key is None else SessionBody(key=coupons.session_key)
    return msgspec.structs.replace(
        view, kaquan=msgspec.structs.replace(extension, redeemables=named, session=session)
    )


def orders_router() -> Router:
    """Routes of orders."""
    return Router(
        path="/orders",
        route_handlers=[record_order, read_order, change_order, read_orders],
        tags=["Orders"],
    )
