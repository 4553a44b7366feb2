"""``/v1/redemptions`` and a voucher's redemptions."""

from typing import Annotated, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.baskets import view_closing, view_steps
from kaquan.api.call import CurrentCall
from kaquan.api.customers import view_simple_customer
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, refuse, succeed
from kaquan.api.orders import OrderView, store_overrides, view_order
from kaquan.api.problems import AnyRequest, NotSupported, Problem
from kaquan.api.redemption_views import (
    RedemptionView,
    Surroundings,
    load_redemptions,
    view_redemption,
)
from kaquan.api.refusals import problem_of_refusal
from kaquan.api.request_id import request_id_of
from kaquan.api.routes import reads, writes
from kaquan.api.validations import (
    CheckoutBody,
    RedeemableView,
    read_checkout,
    view_refused,
)
from kaquan.api.vouchers import view_voucher
from kaquan.campaigns import get_campaign, get_voucher, voucher_usage
from kaquan.checkout import (
    Redeemed,
    Redemption,
    RedemptionResult,
    Refused,
    get_redemption,
    list_redemptions,
    redeem,
)
from kaquan.customers import get_customer, get_order
from kaquan.engine import Applied, Rejected
from kaquan.runtime import Answer, Tx

_LATER_ORDERS = {
    f"{sign}{name}" for name in ("voucher_code", "tracking_id", "customer_id") for sign in ("", "-")
}


class RedeemedView(msgspec.Struct, frozen=True, kw_only=True):
    """Redemptions that took place; ``parent_redemption`` when there were several redeemables."""

    redemptions: list[RedemptionView]
    parent_redemption: RedemptionView | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET
    inapplicable_redeemables: list[RedeemableView] | UnsetType = UNSET
    skipped_redeemables: list[RedeemableView] | UnsetType = UNSET


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


async def view_redeemed(tx: Tx, redeemed: Redeemed, *, request_id: str) -> RedeemedView:
    """Map what took place, each redemption with the order after its own step."""
    parent = redeemed.parent
    children = list(redeemed.redemptions)
    around = await _surroundings(tx, redeemed)
    steps = view_steps(redeemed.validation)
    attempts = redeemed.validation.attempts
    applied = [a for a in attempts if isinstance(a.result, Applied)]
    closing = _store_names(view_closing(redeemed.validation), redeemed)
    refused = [
        view_refused(attempt, project=redeemed.validation.project, request_id=request_id)
        for attempt in attempts
        if not isinstance(attempt.result, Applied)
    ]
    return RedeemedView(
        redemptions=[
            view_redemption(
                row,
                around,
                order=_store_names(steps.get(attempt.redeemable.id, UNSET), redeemed),
            )
            for attempt, row in zip(applied, children, strict=True)
        ],
        parent_redemption=UNSET
        if parent is None
        else view_redemption(parent, around, order=closing, children=children),
        order=_name_redemptions(closing, redeemed),
        inapplicable_redeemables=[one for one in refused if one.status == "INAPPLICABLE"] or UNSET,
        skipped_redeemables=[one for one in refused if one.status == "SKIPPED"] or UNSET,
    )


async def _surroundings(tx: Tx, redeemed: Redeemed) -> Surroundings:
    """What the redemptions refer to, from what the checkout looked up already."""
    coupons = [a.coupon for a in redeemed.validation.attempts if a.coupon is not None]
    usages = await voucher_usage(tx, [coupon.voucher for coupon in coupons])
    customer = redeemed.customer
    return Surroundings(
        orders={},
        customers={} if customer is None else {customer.id: view_simple_customer(customer)},
        vouchers={
            one.voucher.id: view_voucher(one.voucher, usages[one.voucher.id], one.campaign)
            for one in coupons
        },
    )


def _store_names(view: OrderView | UnsetType, redeemed: Redeemed) -> OrderView | UnsetType:
    """Give the calculated order what it got when it was stored: id, state, customer."""
    if redeemed.order is None or isinstance(view, UnsetType):
        return view
    stored = view_order(redeemed.order)
    return msgspec.structs.replace(
        view,
        id=stored.id,
        source_id=stored.source_id,
        status=stored.status,
        created_at=stored.created_at,
        updated_at=stored.updated_at,
        customer=stored.customer,
        customer_id=stored.customer_id,
    )


def _name_redemptions(view: OrderView | UnsetType, redeemed: Redeemed) -> OrderView | UnsetType:
    if isinstance(view, UnsetType):
        return view
    top = redeemed.parent or redeemed.redemptions[0]
    stacked = {"stacked": [row.id for row in redeemed.redemptions]} if redeemed.parent else {}
    return msgspec.structs.replace(
        view,
        redemptions={
            top.id: {
                "date": top.created_at,
                "related_object_type": "redemption" if redeemed.parent else "voucher",
                "related_object_id": top.voucher_id or top.id,
                **stacked,
            }
        },
    )


async def answer_redeem(
    tx: Tx, body: CheckoutBody, *, call: CurrentCall, request_id: str
) -> Answer:
    """Redeem and map the outcome; a refusal is an answer, whose failed attempts are kept."""
    if body.order is not None:
        await store_overrides(tx, body.order.items, call=call)
    checkout = await read_checkout(tx, body)
    outcome = await redeem(tx, checkout, now=call.now)
    if isinstance(outcome, Refused):
        return refuse(_refusal_problem(outcome, request_id=request_id))
    return succeed(await view_redeemed(tx, outcome, request_id=request_id))


def _refusal_problem(refused: Refused, *, request_id: str) -> Problem:
    attempts = refused.validation.attempts
    culprit = next((a for a in attempts if isinstance(a.result, Rejected)), attempts[0])
    return problem_of_refusal(
        refused.reason,
        culprit.reasons,
        voucher_code=culprit.redeemable.id,
        project=refused.validation.project,
        request_id=request_id,
    )


@writes("POST", "/redemptions", "Redeem stackable discounts")
async def redeem_redeemables(
    request: AnyRequest, data: JSONBody[CheckoutBody], call: CurrentCall, key: IdempotencyKey = None
) -> Response[RedeemedView]:
    """Redeem vouchers on an order: all, or none and a problem that says why."""
    request_id = request_id_of(request.scope)
    return await move_value(
        request,
        call,
        key,
        produce=lambda tx: answer_redeem(tx, data, call=call, request_id=request_id),
    )


@reads("/redemptions/{redemption_id:str}", "Get redemption")
async def read_redemption(redemption_id: FromPath[str], call: CurrentCall) -> RedemptionView:
    """Get a redemption or rollback by id."""
    async with call.transaction() as tx:
        row = await get_redemption(tx, redemption_id)
        return (await load_redemptions(tx, [row]))[0]


@reads("/redemptions", "List redemptions")
async def read_redemptions(
    call: CurrentCall,
    paging: CurrentPaging,
    campaign: Annotated[str | None, QueryParameter(max_length=255)] = None,
    customer: Annotated[str | None, QueryParameter(max_length=255)] = None,
    order_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
    result: Annotated[list[RedemptionResult] | None, QueryParameter(max_items=2)] = None,
) -> RedemptionList:
    """List redemptions and rollbacks, newest first unless ``order`` says otherwise.

    ``result`` may be repeated; ``order_id`` is our own parameter.
    """
    if paging.order in _LATER_ORDERS:
        message = f"Redemptions cannot be listed by {paging.order.removeprefix('-')} yet."
        raise NotSupported(message, field="order")
    wanted = set(result or ())
    async with call.transaction() as tx:
        found = await list_redemptions(
            tx,
            campaign_id=None if campaign is None else (await get_campaign(tx, campaign)).id,
            customer_id=None if customer is None else (await get_customer(tx, customer)).id,
            order_id=None if order_id is None else (await get_order(tx, order_id)).id,
            result=wanted.pop() if len(wanted) == 1 else None,
            order=paging.order or "-created_at",
            limit=paging.limit,
            page=paging.page,
        )
        views = await load_redemptions(tx, list[Redemption](found.items))
    return RedemptionList(redemptions=views, total=found.total)


@reads("/vouchers/{code:str}/redemption", "Get voucher's redemptions")
async def read_voucher_redemptions(
    code: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> VoucherRedemptions:
    """Get how often a voucher was used, and its redemptions and rollbacks, newest first."""
    async with call.transaction() as tx:
        voucher = await get_voucher(tx, code)
        usage = (await voucher_usage(tx, [voucher]))[voucher.id]
        found = await list_redemptions(
            tx, voucher_id=voucher.id, limit=paging.limit, page=paging.page
        )
        entries = await load_redemptions(tx, found.items)
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
