"""``/v1/redemptions`` and a voucher's redemptions."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from kaquan.api.call import Call, CurrentCall
from kaquan.api.dry_run import CurrentDryRun, answer_dry
from kaquan.api.listing import CurrentPaging, read_unordered_paging
from kaquan.api.once import IdempotencyKey, name_once, respond
from kaquan.api.problems import AnyRequest, NotSupported
from kaquan.api.redeeming import RedeemedView, RedeemWork, answer_redemptions
from kaquan.api.redemption_views import RedemptionView, load_redemptions
from kaquan.api.request_id import request_id_of
from kaquan.api.reward_redemptions import load_reward_redemption, load_reward_redemptions
from kaquan.api.routes import Dry, reads, writes
from kaquan.api.validations import CheckoutBody
from kaquan.campaigns import get_campaign, get_voucher, voucher_usage
from kaquan.checkout import (
    Batcher,
    RedemptionResult,
    RedemptionStatus,
    RegisterEntry,
    get_redemption,
    list_redemptions_by_id,
    list_register,
)
from kaquan.customers import get_customer, get_order
from kaquan.loyalty import list_reward_redemptions
from kaquan.runtime import Answer, Tx

_LATER_ORDERS = {
    f"{sign}{name}" for name in ("voucher_code", "tracking_id", "customer_id") for sign in ("", "-")
}


class RedemptionList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the register of redemptions and rollbacks."""

    redemptions: list[RedemptionView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["redemptions"] = "redemptions"


class VoucherRedemptions(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher's uses and its redemptions."""

    quantity: int | None
    redeemed_quantity: int
    redemption_entries: list[RedemptionView]
    total: int
    url: str
    object: Literal["list"] = "list"
    data_ref: Literal["redemption_entries"] = "redemption_entries"


@writes("POST", "/redemptions", "Redeem stackable discounts", dry=Dry.ON_REQUEST)
async def redeem_redeemables(
    request: AnyRequest,
    data: JSONBody[CheckoutBody],
    call: CurrentCall,
    dry: CurrentDryRun,
    key: IdempotencyKey = None,
) -> Response[RedeemedView]:
    """Redeem vouchers on an order: all, or none and a problem that says why.

    With ``dry_run`` the answer is the same and nothing is changed, nor remembered for the key.
    """
    once = await name_once(request, key)
    work = RedeemWork(body=data, call=call, request_id=request_id_of(request.scope), once=once)
    if dry.asked:
        return await answer_dry(call, dry, lambda tx, then: _answer_alone(tx, work, call=then))
    batcher: Batcher[RedeemWork, Answer] = request.app.state.redemptions
    project_id = call.caller.project_id
    answer = await batcher.submit(project_id, work, names=work.names, lone=work.is_lone)
    return respond(answer)


async def _answer_alone(tx: Tx, work: RedeemWork, *, call: Call) -> Answer:
    work = msgspec.structs.replace(work, call=call, once=None)
    (answer,) = await answer_redemptions(tx, [work])
    if isinstance(answer, Exception):
        raise answer
    return answer


@reads("/redemptions/{redemption_id:str}", "Get redemption")
async def read_redemption(redemption_id: FromPath[str], call: CurrentCall) -> RedemptionView:
    """Get a redemption or rollback by id, also points given for a reward."""
    async with call.transaction() as tx:
        given = await list_reward_redemptions(tx, [redemption_id])
        if given:
            return await load_reward_redemption(tx, given[0])
        row = await get_redemption(tx, redemption_id)
        return (await load_redemptions(tx, [row]))[0]


async def _load(tx: Tx, entries: Sequence[RegisterEntry]) -> list[RedemptionView]:
    """Map entries to the wire, in their order: redemptions, and rewards given for points."""
    rewards = [one.id for one in entries if one.reward]
    others = [one.id for one in entries if not one.reward]
    given = await list_reward_redemptions(tx, rewards) if rewards else []
    rows = await list_redemptions_by_id(tx, others) if others else []
    views = await load_reward_redemptions(tx, given) if given else []
    shown = {one.id: one for one in [*views, *(await load_redemptions(tx, rows))]}
    return [shown[one.id] for one in entries]


@reads("/redemptions", "List redemptions")
async def read_redemptions(
    call: CurrentCall,
    paging: CurrentPaging,
    campaign: Annotated[str | None, QueryParameter(max_length=255)] = None,
    customer: Annotated[str | None, QueryParameter(max_length=255)] = None,
    order_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
    result: Annotated[list[RedemptionResult] | None, QueryParameter(max_items=2)] = None,
    status: FromQuery[RedemptionStatus | None] = None,
) -> RedemptionList:
    """List redemptions, rollbacks and rewards, newest first unless ``order`` says otherwise.

    ``result`` may be repeated; ``order_id`` and ``status`` are our own parameters. A redemption of
    which returns took back everything counts as rolled back.
    """
    if paging.order in _LATER_ORDERS:
        message = f"Redemptions cannot be listed by {paging.order.removeprefix('-')} yet."
        raise NotSupported(message, field="order")
    wanted = set(result or ())
    async with call.transaction() as tx:
        found = await list_register(
            tx,
            campaign_id=None if campaign is None else (await get_campaign(tx, campaign)).id,
            customer_id=None if customer is None else (await get_customer(tx, customer)).id,
            order_id=None if order_id is None else (await get_order(tx, order_id)).id,
            result=wanted.pop() if len(wanted) == 1 else None,
            status=status,
            order=paging.order or "-created_at",
            limit=paging.limit,
            page=paging.page,
        )
        views = await _load(tx, found.items)
    return RedemptionList(redemptions=views, total=found.total)


@reads("/vouchers/{code:str}/redemption", "Get voucher's redemptions", paging=read_unordered_paging)
async def read_voucher_redemptions(
    code: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> VoucherRedemptions:
    """Get how often a voucher was used, and its redemptions and rollbacks, newest first."""
    async with call.transaction() as tx:
        voucher = await get_voucher(tx, code)
        usage = (await voucher_usage(tx, [voucher]))[voucher.id]
        found = await list_register(tx, voucher_id=voucher.id, limit=paging.limit, page=paging.page)
        entries = await _load(tx, found.items)
    return VoucherRedemptions(
        quantity=voucher.quantity,
        redeemed_quantity=usage.used,
        redemption_entries=entries,
        total=found.total,
        url=f"/v1/vouchers/{voucher.id}/redemption?page={paging.page}&limit={paging.limit}",
    )


def redemptions_router() -> Router:
    """Routes of redemptions."""
    return Router(
        path="/",
        route_handlers=[
            redeem_redeemables,
            read_redemption,
            read_redemptions,
            read_voucher_redemptions,
        ],
        tags=["Redemptions"],
    )
