"""CSV files of what moved on cards: of one card, a programme, or any campaign."""

from typing import Any

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import Call, CurrentCall
from kaquan.api.exports import ExportView, ParametersBody, load_export, read_parameters
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import writes
from kaquan.campaigns import get_campaign, get_voucher
from kaquan.insight import ExportedObject, request_export
from kaquan.loyalty import get_member, get_programme
from kaquan.runtime import Tx

USUAL_FIELDS = (
    "id",
    "type",
    "source_id",
    "reason",
    "source",
    "balance",
    "amount",
    "created_at",
    "voucher_id",
)
"""The columns unless others are named; exports of all kinds of cards also have a status."""


class TransactionExportBody(msgspec.Struct, frozen=True, kw_only=True):
    """Which movements to export, with which columns."""

    parameters: ParametersBody | None = None


async def _export(
    request: AnyRequest,
    tx: Tx,
    call: Call,
    body: TransactionExportBody | None,
    *,
    narrow: dict[str, str],
) -> ExportView:
    """Ask for a file of movements, whatever the body says of these cards only."""
    parameters = read_parameters(None if body is None else body.parameters)
    filters: dict[str, Any] = dict(parameters.filters or {})
    for name, value in narrow.items():
        filters[name] = {"conditions": {"$is": value}}
    fields = parameters.fields or list(USUAL_FIELDS)
    narrowed = msgspec.structs.replace(parameters, filters=filters, fields=fields)
    export = await request_export(tx, ExportedObject.VOUCHER_TRANSACTIONS, narrowed, now=call.now)
    return await load_export(tx, request, export)


@writes("POST", "/vouchers/{code:str}/transactions/export", "Export voucher transactions")
async def export_voucher_transactions(
    request: AnyRequest,
    code: FromPath[str],
    call: CurrentCall,
    data: JSONBody[TransactionExportBody | None] = None,
) -> ExportView:
    """Ask for a CSV file of what moved on a card."""
    async with call.transaction() as tx:
        voucher = await get_voucher(tx, code)
        return await _export(request, tx, call, data, narrow={"voucher_id": voucher.id})


@writes("POST", "/campaigns/{campaign_id:str}/transactions/export", "Export campaign transactions")
async def export_campaign_transactions(
    request: AnyRequest,
    campaign_id: FromPath[str],
    call: CurrentCall,
    data: JSONBody[TransactionExportBody | None] = None,
) -> ExportView:
    """Ask for a CSV file of what moved on a campaign's cards."""
    async with call.transaction() as tx:
        campaign = await get_campaign(tx, campaign_id)
        return await _export(request, tx, call, data, narrow={"campaign_id": campaign.id})


@writes(
    "POST",
    "/loyalties/{campaign_id:str}/transactions/export",
    "Export loyalty campaign transactions",
)
async def export_programme_transactions(
    request: AnyRequest,
    campaign_id: FromPath[str],
    call: CurrentCall,
    data: JSONBody[TransactionExportBody | None] = None,
) -> ExportView:
    """Ask for a CSV file of what moved on a programme's cards."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        return await _export(request, tx, call, data, narrow={"campaign_id": campaign.id})


@writes(
    "POST",
    "/loyalties/members/{member_id:str}/transactions/export",
    "Export loyalty card transactions",
)
async def export_member_transactions(
    request: AnyRequest,
    member_id: FromPath[str],
    call: CurrentCall,
    data: JSONBody[TransactionExportBody | None] = None,
) -> ExportView:
    """Ask for a CSV file of what moved on a card."""
    async with call.transaction() as tx:
        voucher, _ = await get_member(tx, member_id)
        return await _export(request, tx, call, data, narrow={"voucher_id": voucher.id})


@writes(
    "POST",
    "/loyalties/{campaign_id:str}/members/{member_id:str}/transactions/export",
    "Export loyalty card transactions of a campaign",
)
async def export_programme_member_transactions(
    request: AnyRequest,
    campaign_id: FromPath[str],
    member_id: FromPath[str],
    call: CurrentCall,
    data: JSONBody[TransactionExportBody | None] = None,
) -> ExportView:
    """Ask for a CSV file of what moved on a card of this programme."""
    async with call.transaction() as tx:
        voucher, _ = await get_member(tx, member_id, programme=campaign_id)
        return await _export(request, tx, call, data, narrow={"voucher_id": voucher.id})


def transaction_exports_router() -> Router:
    """Routes of files of movements."""
    return Router(
        path="/",
        route_handlers=[
            export_voucher_transactions,
            export_campaign_transactions,
            export_programme_transactions,
            export_member_transactions,
            export_programme_member_transactions,
        ],
        tags=["Exports"],
    )
