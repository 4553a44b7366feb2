"""``/v1/orders/{id}/returns`` and ``/v1/redemptions/{id}/returns``, with their previews."""

from typing import Any

from litestar import Response, Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import Call, CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, refuse, succeed
from kaquan.api.problems import AnyRequest, answer_problem, problem_of
from kaquan.api.request_id import request_id_of
from kaquan.api.return_views import (
    ReturnBody,
    ReturnList,
    ReturnView,
    read_return,
    sentence_of,
    view_return,
)
from kaquan.api.routes import Dry, reads, writes
from kaquan.checkout import (
    OfOrder,
    OfRedemption,
    ReturnPolicy,
    ReturnRefused,
    get_return,
    get_return_policy,
    list_returns,
    preview_return,
    return_goods,
    set_return_policy,
)
from kaquan.runtime import Answer, Tx


async def _return(
    request: AnyRequest,
    call: Call,
    key: str | None,
    *,
    target: OfOrder | OfRedemption,
    body: ReturnBody,
) -> Response[Any]:
    async def produce(tx: Tx) -> Answer:
        done = await return_goods(tx, target, read_return(body), now=call.now)
        if isinstance(done, ReturnRefused):
            return refuse(_problem(request, done))
        return succeed(view_return(done))

    return await move_value(request, call, key, produce=produce)


async def _preview(
    request: AnyRequest, call: Call, target: OfOrder | OfRedemption, *, body: ReturnBody
) -> Response[Any]:
    async with call.transaction() as tx:
        planned = await preview_return(tx, target, read_return(body), now=call.now)
    if isinstance(planned, ReturnRefused):
        return answer_problem(_problem(request, planned))
    return Response(view_return(planned))


def _problem(request: AnyRequest, refused: ReturnRefused) -> Any:
    return problem_of(
        400,
        refused.refusal.value,
        sentence_of(refused),
        request_id=request_id_of(request.scope),
        field=refused.field,
    )


@writes("POST", "/orders/{order_id:str}/returns", "Return goods of an order")
async def return_order(
    request: AnyRequest,
    order_id: FromPath[str],
    call: CurrentCall,
    key: IdempotencyKey = None,
    data: JSONBody[ReturnBody | None] = None,
) -> Response[ReturnView]:
    """Take goods of an order back; each of its redemptions gives back its stored part."""
    body = data or ReturnBody()
    return await _return(request, call, key, target=OfOrder(order_id), body=body)


@writes(
    "POST", "/orders/{order_id:str}/returns/preview", "Preview the return of goods", dry=Dry.ALWAYS
)
async def preview_order_return(
    request: AnyRequest,
    order_id: FromPath[str],
    call: CurrentCall,
    data: JSONBody[ReturnBody | None] = None,
) -> Response[ReturnView]:
    """Work out what a return would give back; nothing is written."""
    return await _preview(request, call, OfOrder(order_id), body=data or ReturnBody())


@writes("POST", "/redemptions/{redemption_id:str}/returns", "Return goods of a redemption")
async def return_redemption(
    request: AnyRequest,
    redemption_id: FromPath[str],
    call: CurrentCall,
    key: IdempotencyKey = None,
    data: JSONBody[ReturnBody | None] = None,
) -> Response[ReturnView]:
    """Take goods back that one redemption gave a discount for; only it gives back."""
    body = data or ReturnBody()
    return await _return(request, call, key, target=OfRedemption(redemption_id), body=body)


@writes(
    "POST", "/redemptions/{redemption_id:str}/returns/preview", "Preview a return", dry=Dry.ALWAYS
)
async def preview_redemption_return(
    request: AnyRequest,
    redemption_id: FromPath[str],
    call: CurrentCall,
    data: JSONBody[ReturnBody | None] = None,
) -> Response[ReturnView]:
    """Work out what a return would give back; nothing is written."""
    return await _preview(request, call, OfRedemption(redemption_id), body=data or ReturnBody())


@reads("/orders/{order_id:str}/returns", "List returns of an order")
async def read_order_returns(
    order_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> ReturnList:
    """List what came back of an order, newest first unless ``order`` is created_at."""
    return await _list(call, paging, order=order_id)


@reads("/redemptions/{redemption_id:str}/returns", "List returns of a redemption")
async def read_redemption_returns(
    redemption_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> ReturnList:
    """List what a redemption gave back for, newest first unless ``order`` is created_at."""
    return await _list(call, paging, redemption_id=redemption_id)


@reads("/returns", "List returns")
async def read_returns(call: CurrentCall, paging: CurrentPaging) -> ReturnList:
    """List all returns, newest first unless ``order`` is created_at."""
    return await _list(call, paging)


@reads("/returns/{return_id:str}", "Get return")
async def read_one_return(return_id: FromPath[str], call: CurrentCall) -> ReturnView:
    """Get a return by id."""
    async with call.transaction() as tx:
        return view_return(await get_return(tx, return_id))


@reads("/campaigns/{campaign_id:str}/return-policy", "Get return policy")
async def read_return_policy(campaign_id: FromPath[str], call: CurrentCall) -> ReturnPolicy:
    """Get what a campaign, by id or name, does about returns."""
    async with call.transaction() as tx:
        return await get_return_policy(tx, campaign_id)


@writes("PUT", "/campaigns/{campaign_id:str}/return-policy", "Set return policy")
async def change_return_policy(
    campaign_id: FromPath[str], data: JSONBody[ReturnPolicy], call: CurrentCall
) -> ReturnPolicy:
    """Say what a campaign, by id or name, does about returns from now on."""
    async with call.transaction() as tx:
        return await set_return_policy(tx, campaign_id, data, now=call.now)


async def _list(
    call: Call,
    paging: CurrentPaging,
    *,
    order: str | None = None,
    redemption_id: str | None = None,
) -> ReturnList:
    async with call.transaction() as tx:
        found = await list_returns(
            tx,
            order=order,
            redemption_id=redemption_id,
            sort=paging.order or "-created_at",
            limit=paging.limit,
            page=paging.page,
        )
    return ReturnList(returns=list(map(view_return, found.items)), total=found.total)


def returns_router() -> Router:
    """Routes of returns."""
    return Router(
        path="/",
        route_handlers=[
            return_order,
            preview_order_return,
            return_redemption,
            preview_redemption_return,
            read_order_returns,
            read_redemption_returns,
            read_returns,
            read_one_return,
            read_return_policy,
            change_return_policy,
        ],
        tags=["Returns"],
    )
