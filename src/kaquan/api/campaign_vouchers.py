"""``/v1/campaigns/{id}/vouchers``: more vouchers for a campaign."""

from typing import Annotated

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.periods import refuse_later
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import writes
from kaquan.api.vouchers import VoucherBody, VoucherView, draft_voucher, load_view
from kaquan.campaigns import add_voucher, get_campaign, request_vouchers
from kaquan.runtime import Answer, Tx

_NOT_FOR_MANY = (
    "code",
    "code_config",
    "category",
    "additional_info",
    "metadata",
    "redemption",
    "start_date",
    "expiration_date",
)
"""Many vouchers at once are made from the campaign's template only."""

NO_WISHES = VoucherBody()


class VouchersRequested(msgspec.Struct, frozen=True):
    """The vouchers are being made; ``/v1/async-actions`` tells how far they are."""

    async_action_id: str


async def _add_one(
    tx: Tx,
    campaign_id: FromPath[str],
    body: VoucherBody,
    *,
    call: CurrentCall,
    code: str | None = None,
) -> Answer:
    draft = await draft_voucher(tx, body, code=code, campaign_id=campaign_id)
    return succeed(await load_view(tx, await add_voucher(tx, draft, now=call.now)))


@writes("POST", "/", "Add vouchers to campaign")
async def add_vouchers(
    request: AnyRequest,
    campaign_id: FromPath[str],
    call: CurrentCall,
    vouchers_count: Annotated[int, QueryParameter(ge=1, le=10_000_000)] = 1,
    key: IdempotencyKey = None,
    data: JSONBody[VoucherBody | None] = None,
) -> Response[VoucherView | VouchersRequested]:
    """Add one voucher and answer it, or ask for several and answer where they are reported."""
    body = data or NO_WISHES

    async def produce(tx: Tx) -> Answer:
        if vouchers_count == 1:
            return await _add_one(tx, campaign_id, body, call=call)
        refuse_later(body, _NOT_FOR_MANY)
        campaign = await get_campaign(tx, campaign_id)
        action = await request_vouchers(tx, campaign.id, vouchers_count, now=call.now)
        return succeed(VouchersRequested(action.id))

    return await move_value(request, call, key, produce=produce)


@writes("POST", "/{code:str}", "Add voucher with specific code to campaign")
async def add_voucher_with_code(
    request: AnyRequest,
    campaign_id: FromPath[str],
    code: FromPath[str],
    call: CurrentCall,
    key: IdempotencyKey = None,
    data: JSONBody[VoucherBody | None] = None,
) -> Response[VoucherView]:
    """Add a voucher with this code."""
    body = data or NO_WISHES
    return await move_value(
        request,
        call,
        key,
        produce=lambda tx: _add_one(tx, campaign_id, body, call=call, code=code),
    )


def campaign_vouchers_router() -> Router:
    """Routes of a campaign's vouchers."""
    return Router(
        path="/campaigns/{campaign_id:str}/vouchers",
        route_handlers=[add_vouchers, add_voucher_with_code],
        tags=["Campaigns"],
    )
