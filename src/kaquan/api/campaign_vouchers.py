"""``/v1/campaigns/{id}/vouchers``: more vouchers for a campaign."""

from typing import Annotated

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.codes import read_code_config
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.periods import read_period, refuse_later
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import writes
from kaquan.api.uploads import AsyncActionId, receives_file, receives_rows
from kaquan.api.values import merge_metadata
from kaquan.api.voucher_imports import Rows, ask_for_file, ask_for_work, read_voucher_rows
from kaquan.api.voucher_views import (
    RedemptionLimitBody,
    VoucherBody,
    VoucherView,
    enter_voucher,
    load_view,
)
from kaquan.campaigns import VoucherLike, VoucherWork, get_campaign, request_vouchers
from kaquan.runtime import Answer, Tx

_NOT_FOR_MANY = ("code", "discount", "gift", "validation_rules")
"""What each voucher has for itself."""

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
    voucher = await enter_voucher(tx, body, code=code, campaign_id=campaign_id, now=call.now)
    return succeed(await load_view(tx, voucher))


async def _read_like(tx: Tx, body: VoucherBody) -> VoucherLike:
    """Read what many vouchers shall have in common."""
    refuse_later(body, _NOT_FOR_MANY)
    starts_at, expires_at = await read_period(tx, body)
    limit = body.redemption or RedemptionLimitBody()
    return VoucherLike(
        code_config=None if body.code_config is None else read_code_config(body.code_config),
        quantity=limit.quantity,
        starts_at=starts_at or None,
        expires_at=expires_at or None,
        category=body.category or None,
        additional_info=body.additional_info or None,
        metadata=merge_metadata({}, body.metadata),
    )


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
        campaign = await get_campaign(tx, campaign_id)
        like = await _read_like(tx, body)
        action = await request_vouchers(tx, campaign.id, vouchers_count, like=like, now=call.now)
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


@receives_rows("/import", "Import vouchers to campaign")
async def import_to_campaign(
    campaign_id: FromPath[str], data: JSONBody[Rows], call: CurrentCall
) -> AsyncActionId:
    """Add many vouchers to a campaign, each with the code that it states."""
    async with call.transaction() as tx:
        campaign = await get_campaign(tx, campaign_id)
        rows = await read_voucher_rows(tx, data, campaign_id=campaign.id)
        return await ask_for_work(
            tx, call, VoucherWork.IMPORT_TO_CAMPAIGN, rows, campaign_id=campaign.id
        )


@receives_file("/importCSV", "Import vouchers to campaign using CSV")
async def import_to_campaign_csv(
    request: AnyRequest, campaign_id: FromPath[str], call: CurrentCall
) -> AsyncActionId:
    """Add the codes of a file to a campaign; columns without a meaning become metadata."""
    work = VoucherWork.IMPORT_TO_CAMPAIGN_CSV
    return await ask_for_file(request, call, work, campaign=campaign_id)


def campaign_imports_router() -> Router:
    """Routes of imports to a campaign."""
    return Router(
        path="/campaigns/{campaign_id:str}",
        route_handlers=[import_to_campaign, import_to_campaign_csv],
        tags=["Campaigns"],
    )


def campaign_vouchers_router() -> Router:
    """Routes of a campaign's vouchers."""
    return Router(
        path="/campaigns/{campaign_id:str}/vouchers",
        route_handlers=[add_vouchers, add_voucher_with_code],
        tags=["Campaigns"],
    )
