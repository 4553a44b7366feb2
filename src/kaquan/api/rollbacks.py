"""``/v1/redemptions/{id}/rollback`` and ``/rollbacks``: undoing redemptions."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import Call, CurrentCall
from kaquan.api.once import IdempotencyKey, move_value, refuse, succeed
from kaquan.api.orders import OrderView, view_order
from kaquan.api.problems import AnyRequest, Problem, problem_of
from kaquan.api.redemption_views import RedemptionView, load_redemptions
from kaquan.api.request_id import request_id_of
from kaquan.api.routes import writes
from kaquan.api.values import Identifier, ShortText
from kaquan.checkout import RollBack, RollBackRefusal, RollBackRefused, roll_back
from kaquan.runtime import Answer, Tx

_SENTENCES = {
    RollBackRefusal.NOT_A_REDEMPTION: "This is not a redemption that can be rolled back here.",
    RollBackRefusal.CHILD: "This is a part of a redemption; roll its parent back.",
    RollBackRefusal.ALREADY: "This redemption was rolled back before.",
}


class RollbackBody(msgspec.Struct, frozen=True, kw_only=True):
    """Why a redemption is undone; the query may say so instead."""

    reason: ShortText | None = None
    tracking_id: Identifier | None = None


class RollbacksView(msgspec.Struct, frozen=True, kw_only=True):
    """Rollbacks that took place; ``parent_rollback`` when several redemptions were undone."""

    rollbacks: list[RedemptionView]
    parent_rollback: RedemptionView | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET


async def _view_single(tx: Tx, done: RollBack) -> msgspec.Struct:
    return (await load_redemptions(tx, [done.rollbacks[0]]))[0]


async def _view_all(tx: Tx, done: RollBack) -> msgspec.Struct:
    parent = [] if done.parent is None else await load_redemptions(tx, [done.parent])
    return RollbacksView(
        rollbacks=await load_redemptions(tx, list(done.rollbacks)),
        parent_rollback=parent[0] if parent else UNSET,
        order=UNSET if done.order is None else view_order(done.order),
    )


def _problem(refused: RollBackRefused, request_id: str) -> Problem:
    sentence = _SENTENCES[refused.refusal]
    return problem_of(400, refused.refusal.value, sentence, request_id=request_id)


async def _undo(
    request: AnyRequest,
    call: Call,
    key: str | None,
    *,
    redemption_id: FromPath[str],
    body: RollbackBody,
    single: bool,
    view: Callable[[Tx, RollBack], Awaitable[msgspec.Struct]],
) -> Response[Any]:
    async def produce(tx: Tx) -> Answer:
        done = await roll_back(
            tx,
            redemption_id,
            now=call.now,
            reason=body.reason,
            single=single,
            tracking_id=body.tracking_id,
        )
        if isinstance(done, RollBackRefused):
            return refuse(_problem(done, request_id_of(request.scope)))
        return succeed(await view(tx, done))

    return await move_value(request, call, key, produce=produce)


Reason = Annotated[str | None, QueryParameter(max_length=1_000)]
TrackingId = Annotated[str | None, QueryParameter(max_length=255)]


@writes("POST", "/{redemption_id:str}/rollback", "Rollback redemption")
async def roll_back_redemption(
    request: AnyRequest,
    redemption_id: FromPath[str],
    call: CurrentCall,
    key: IdempotencyKey = None,
    reason: Reason = None,
    tracking_id: TrackingId = None,
    data: JSONBody[RollbackBody | None] = None,
) -> Response[RedemptionView]:
    """Undo a redemption of one voucher; its order is canceled, unless the rules leave it."""
    return await _undo(
        request,
        call,
        key,
        redemption_id=redemption_id,
        body=_choose(data, reason, tracking_id),
        single=True,
        view=_view_single,
    )


@writes("POST", "/{redemption_id:str}/rollbacks", "Rollback stackable redemptions")
async def roll_back_redemptions(
    request: AnyRequest,
    redemption_id: FromPath[str],
    call: CurrentCall,
    key: IdempotencyKey = None,
    reason: Reason = None,
    tracking_id: TrackingId = None,
    data: JSONBody[RollbackBody | None] = None,
) -> Response[RollbacksView]:
    """Undo a redemption as a whole, of one voucher or of several.

    Its order is canceled, unless the rules leave it as it is.
    """
    return await _undo(
        request,
        call,
        key,
        redemption_id=redemption_id,
        body=_choose(data, reason, tracking_id),
        single=False,
        view=_view_all,
    )


def _choose(
    data: JSONBody[RollbackBody | None], reason: str | None, tracking_id: str | None
) -> RollbackBody:
    body = data or RollbackBody()
    return RollbackBody(reason=body.reason or reason, tracking_id=body.tracking_id or tracking_id)


def rollbacks_router() -> Router:
    """Routes of rollbacks."""
    return Router(
        path="/redemptions",
        route_handlers=[roll_back_redemption, roll_back_redemptions],
        tags=["Redemptions"],
    )
