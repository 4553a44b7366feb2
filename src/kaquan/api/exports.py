"""``/v1/exports`` and ``/v1/orders/export``: what the project holds, as CSV files."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from kaquan.api.call import CurrentCall
from kaquan.api.downloads import answer_file, download_token, download_url, open_download
from kaquan.api.listing import CurrentPaging
from kaquan.api.problems import AnyRequest, Unauthorized
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier
from kaquan.insight import (
    Export,
    ExportedObject,
    ExportParameters,
    ExportStatus,
    delete_export,
    get_export,
    list_exports,
    request_export,
)
from kaquan.runtime import InvalidInput, Tx, get_file


class ParametersBody(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows, columns and order."""

    order: Identifier | None = None
    fields: Annotated[list[Identifier], Meta(max_length=300)] | None = None
    filters: dict[str, Any] | None = None
    campaign_id: Identifier | None = None
    voucher_id: Identifier | None = None


class ExportBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to export; without fields the usual ones."""

    exported_object: Literal[
        "voucher",
        "redemption",
        "customer",
        "publication",
        "order",
        "points_expiration",
        "voucher_transactions",
        "product",
        "sku",
    ]
    parameters: ParametersBody | None = None


class OrderExportBody(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders to export."""

    parameters: ParametersBody | None = None


class ExportResult(msgspec.Struct, frozen=True):
    """Where the file is; the link holds a token, so it needs no key."""

    url: str


class ExportView(msgspec.Struct, frozen=True, kw_only=True):
    """An export as answered."""

    id: str
    created_at: datetime
    status: ExportStatus
    channel: str
    exported_object: ExportedObject
    parameters: dict[str, Any]
    result: ExportResult | None
    user_id: str | None
    object: Literal["export"] = "export"


class ExportList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the exports."""

    exports: list[ExportView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["exports"] = "exports"


async def load_export(tx: Tx, request: AnyRequest, export: Export) -> ExportView:
    """Map an export to the wire, with the link to its file when that is complete."""
    result = None
    if export.status is ExportStatus.DONE:
        token = await download_token(tx, export.file_id)
        result = ExportResult(download_url(request, export.file_id, token))
    return ExportView(
        id=export.id,
        created_at=export.created_at,
        status=export.status,
        channel=export.channel,
        exported_object=export.exported_object,
        parameters=msgspec.to_builtins(export.parameters),
        result=result,
        user_id=export.user_id,
    )


@writes("POST", "/exports", "Create export")
async def make_export(
    request: AnyRequest, data: JSONBody[ExportBody], call: CurrentCall
) -> ExportView:
    """Ask for a CSV file of one kind of object; a job makes it."""
    async with call.transaction() as tx:
        parameters = read_parameters(data.parameters)
        exported = ExportedObject(data.exported_object)
        export = await request_export(tx, exported, parameters, now=call.now)
        return await load_export(tx, request, export)


@writes("POST", "/orders/export", "Create order export")
async def make_order_export(
    request: AnyRequest, data: JSONBody[OrderExportBody], call: CurrentCall
) -> ExportView:
    """Ask for a CSV file of orders."""
    async with call.transaction() as tx:
        parameters = read_parameters(data.parameters)
        export = await request_export(tx, ExportedObject.ORDER, parameters, now=call.now)
        return await load_export(tx, request, export)


def read_parameters(body: ParametersBody | None) -> ExportParameters:
    """Map what is asked for; ``voucher_id`` is a filter of its own in the dialect's older form."""
    if body is None:
        return ExportParameters()
    filters = body.filters
    if body.voucher_id is not None:
        filters = {**(filters or {}), "voucher_id": {"conditions": {"$is": body.voucher_id}}}
    return ExportParameters(
        order=body.order or None,
        fields=body.fields or None,
        filters=filters,
        campaign_id=body.campaign_id,
    )


@reads("/exports/{export_id:str}", "Get export", file="text/plain")
async def read_export(
    request: AnyRequest,
    export_id: FromPath[str],
    call: CurrentCall,
    token: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> Response[ExportView]:
    """Get an export or, with the token of its link, the contents of its file."""
    async with call.transaction() as tx:
        export = await get_export(tx, export_id)
        if token is None:
            return Response(await load_export(tx, request, export))
    async with call.database.transaction() as tx:
        project_id = await open_download(tx, export.file_id, token)
        if project_id != call.caller.project_id:
            raise Unauthorized("The token does not open this file.")
        stored = await get_file(tx, export.file_id)
    return cast("Response[ExportView]", answer_file(call.database, project_id, stored))


@removes("/exports/{export_id:str}", "Delete export")
async def remove_export(export_id: FromPath[str], call: CurrentCall) -> None:
    """Delete an export with its file."""
    async with call.transaction() as tx:
        await delete_export(tx, export_id)


@reads("/exports", "List exports")
async def read_exports(request: AnyRequest, call: CurrentCall, paging: CurrentPaging) -> ExportList:
    """List exports, newest first unless ``order`` says otherwise."""
    order = paging.order or "-created_at"
    if order.removeprefix("-") not in ("created_at", "status", "exported_object"):
        message = "Exports can be ordered by created_at, status or exported_object."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        found = await list_exports(tx, order=order, limit=paging.limit, page=paging.page)
        exports = [await load_export(tx, request, export) for export in found.items]
    return ExportList(exports=exports, total=found.total)


def exports_router() -> Router:
    """Routes of exports."""
    return Router(
        path="/",
        route_handlers=[make_export, make_order_export, read_export, remove_export, read_exports],
        tags=["Exports"],
    )
