"""Many vouchers at once: imported as JSON or CSV, with metadata merged into many of them."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery, JSONBody

from kaquan.api.call import Call, CurrentCall
from kaquan.api.periods import read_said
from kaquan.api.problems import AnyRequest, NotSupported
from kaquan.api.uploads import MOST_ROWS, AsyncActionId, read_row, receives_file, receives_rows
from kaquan.api.values import Identifier, Metadata
from kaquan.api.voucher_views import VoucherBody, draft_voucher
from kaquan.campaigns import (
    VoucherRow,
    VoucherWork,
    check_voucher_file,
    get_campaign,
    reason_of,
    request_voucher_work,
)
from kaquan.runtime import InvalidInput, KaquanError, Tx, append_to_file, create_file

_BLOCK = 256 * 1024

Rows = Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=MOST_ROWS)]


class ChangeBody(msgspec.Struct, frozen=True, kw_only=True):
    """Metadata to be merged into one voucher of many."""

    code: Identifier
    metadata: Metadata = {}


class MetadataBody(msgspec.Struct, frozen=True, kw_only=True):
    """The same metadata for many vouchers."""

    codes: Annotated[list[Identifier], msgspec.Meta(min_length=1, max_length=MOST_ROWS)]
    metadata: Metadata


async def read_voucher_rows(
    tx: Tx, given: list[dict[str, Any]], *, campaign_id: str | None = None
) -> list[VoucherRow]:
    """Read vouchers to be imported; one that cannot be meant comes with its reason."""
    return [await _read_voucher(tx, one, campaign_id=campaign_id) for one in given]


async def _read_voucher(tx: Tx, given: dict[str, Any], *, campaign_id: str | None) -> VoucherRow:
    named = given.get("code")
    code = named[:255] if isinstance(named, str) and named else None
    if code is None:
        return VoucherRow(reason="code: The code is missing.")
    body = read_row(given, VoucherBody)
    if isinstance(body, str):
        return VoucherRow(code=code, reason=body)
    try:
        if body.validation_rules:
            message = "Rules are assigned one by one."
            raise NotSupported(message, field="validation_rules")
        draft = await draft_voucher(tx, body, campaign_id=campaign_id)
    except KaquanError as error:
        return VoucherRow(code=code, reason=reason_of(error))
    return VoucherRow(
        code=code, draft=msgspec.structs.replace(draft, code=None), said=read_said(body)
    )


async def ask_for_work(
    tx: Tx,
    call: Call,
    work: VoucherWork,
    rows: Iterable[VoucherRow],
    *,
    campaign_id: str | None = None,
) -> AsyncActionId:
    """Store rows, and ask for them to be worked on in the background."""
    lines = [msgspec.json.encode(row) for row in rows]
    file_id = await create_file(tx, "rows.jsonl", media_type="application/jsonl", now=call.now)
    await append_to_file(tx, file_id, b"\n".join(lines) + b"\n")
    action = await request_voucher_work(
        tx, work, file_id, campaign_id=campaign_id, rows=len(lines), now=call.now
    )
    return AsyncActionId(action.id)


async def ask_for_file(
    request: Request[Any, Any, Any],
    call: Call,
    work: VoucherWork,
    *,
    campaign: str | None = None,
) -> AsyncActionId:
    """Store a CSV file that was sent, and ask for its import. Raises InvalidInput, NotFound."""
    form = await request.form()
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        message = "Send the CSV file as 'file' of a multipart form."
        raise InvalidInput(message, field="file")
    try:
        async with call.transaction() as tx:
            campaign_id = None if campaign is None else (await get_campaign(tx, campaign)).id
            file_id = await create_file(tx, "upload.csv", now=call.now)
            lines, part = 0, await upload.read(_BLOCK)
            check_voucher_file(part)
            while part:
                lines += part.count(b"\n")
                await append_to_file(tx, file_id, part)
                part = await upload.read(_BLOCK)
            action = await request_voucher_work(
                tx, work, file_id, campaign_id=campaign_id, rows=lines, now=call.now
            )
            return AsyncActionId(action.id)
    finally:
        await upload.close()


@receives_rows("/import", "Import vouchers")
async def import_vouchers(data: JSONBody[Rows], call: CurrentCall) -> AsyncActionId:
    """Add many vouchers, each with the code that it states."""
    async with call.transaction() as tx:
        rows = await read_voucher_rows(tx, data)
        return await ask_for_work(tx, call, VoucherWork.IMPORT, rows)


@receives_file("/importCSV", "Import vouchers using CSV")
async def import_vouchers_csv(
    request: AnyRequest, call: CurrentCall, webhooks_enable: FromQuery[bool] = False
) -> AsyncActionId:
    """Add the vouchers of a file; columns without a meaning become metadata."""
    return await ask_for_file(request, call, VoucherWork.IMPORT_CSV)


@receives_rows("/bulk/async", "Update vouchers in bulk")
async def change_vouchers(data: JSONBody[Rows], call: CurrentCall) -> AsyncActionId:
    """Merge metadata into many vouchers, into each its own."""
    rows: list[VoucherRow] = []
    for given in data:
        body = read_row(given, ChangeBody)
        if isinstance(body, str):
            rows.append(VoucherRow(code=None, reason=body))
        else:
            rows.append(VoucherRow(code=body.code, metadata=body.metadata))
    async with call.transaction() as tx:
        return await ask_for_work(tx, call, VoucherWork.BULK_UPDATE, rows)


@receives_rows("/metadata/async", "Update vouchers' metadata in bulk")
async def change_vouchers_metadata(
    data: JSONBody[MetadataBody], call: CurrentCall
) -> AsyncActionId:
    """Merge the same metadata into many vouchers."""
    rows = [VoucherRow(code=code, metadata=data.metadata) for code in dict.fromkeys(data.codes)]
    async with call.transaction() as tx:
        return await ask_for_work(tx, call, VoucherWork.METADATA_UPDATE, rows)


def voucher_import_handlers() -> list[HTTPRouteHandler]:
    """Routes under vouchers that concern many of them."""
    return [import_vouchers, import_vouchers_csv, change_vouchers, change_vouchers_metadata]
