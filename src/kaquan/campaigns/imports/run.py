"""Working through many vouchers in the background, a part in each transaction."""

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from typing import IO, Any, BinaryIO, cast
from zoneinfo import ZoneInfo

import msgspec

from kaquan.campaigns.imports.csv_rows import read_voucher_row
from kaquan.campaigns.imports.model import VoucherRow, VoucherWork, WorkRequest
from kaquan.campaigns.model import VoucherChange
from kaquan.campaigns.rules.model import OwnerKind
from kaquan.campaigns.rules.terms import set_terms
from kaquan.campaigns.store.vouchers import find_voucher
from kaquan.campaigns.vouchers import add_named_vouchers, check_code, update_voucher
from kaquan.customers import SourceRow, read_csv_rows, read_json_rows, write_csv
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Database,
    InvalidInput,
    KaquanError,
    Tx,
    append_to_file,
    delete_file,
    get_action,
    get_file,
    get_project,
    stream_file,
    update_action,
)

ROWS_A_PART = 1_000
MOST_NAMED = 100
"""How many refused rows stand in the result."""

_EXISTS = "There is a voucher with this code already."


async def run_work(
    database: Database, project_id: int, action_id: str, *, clock: Callable[[], datetime]
) -> None:
    """Do what is left of an action's rows, a transaction for each part.

    Rows that were done before a crash are passed over. Raises what the database raises; a file
    that cannot be read at all ends the action as failed.
    """
    async with database.transaction(project_id) as tx:
        action = await get_action(tx, action_id)
        if action.status in (ActionStatus.DONE, ActionStatus.FAILED):
            return
        request = msgspec.convert(action.request, WorkRequest)
        stored = await get_file(tx, request.file_id)
    with ExitStack() as stack:
        copy = stack.enter_context(tempfile.TemporaryFile())
        async for part in stream_file(database, project_id, stored):
            copy.write(part)
        copy.seek(0)
        rows = stack.enter_context(closing(_rows(copy, request, passed=action.done)))
        try:
            while part := await asyncio.to_thread(_next_part, rows):
                async with database.transaction(project_id) as tx:
                    await work_part(tx, action_id, part, now=clock())
        except InvalidInput as error:
            async with database.transaction(project_id) as tx:
                await fail_work(tx, action_id, error, now=clock())
            return
    async with database.transaction(project_id) as tx:
        await finish_work(tx, action_id, now=clock())


async def work_part(tx: Tx, action_id: str, rows: Sequence[SourceRow], *, now: datetime) -> None:
    """Do one part of the rows, and tell of those that are refused."""
    action = await get_action(tx, action_id, lock=True)
    request = msgspec.convert(action.request, WorkRequest)
    work = VoucherWork(action.kind)
    zone = (await get_project(tx)).zone
    reasons: dict[int, str] = {}
    read: dict[int, VoucherRow] = {}
    for row in rows:
        try:
            made = _read_row(row, request, zone)
        except KaquanError as error:
            made = VoucherRow(code=_code_of(row), reason=reason_of(error))
        read[row.number] = made
        if made.reason is not None:
            reasons[row.number] = made.reason
    good = {number: row for number, row in read.items() if number not in reasons}
    reasons |= await (_change if work.changes else _add)(tx, good, now=now)
    result = _result_of(action)
    shown: list[dict[str, Any]] = result["failed"]
    failed = [
        {"code": read[row.number].code, "row": row.number, "line": row.line, "reason": reason}
        for row in rows
        if (reason := reasons.get(row.number)) is not None
    ]
    if failed and request.report_id is not None:
        lines = [
            _report(row, read[row.number].code, reasons) for row in rows if row.number in reasons
        ]
        await append_to_file(tx, request.report_id, write_csv(lines))
    result |= {
        "failed": shown + failed[: max(0, MOST_NAMED - len(shown))],
        "done_count": result["done_count"] + len(rows) - len(reasons),
        "failed_count": result["failed_count"] + len(reasons),
    }
    await update_action(
        tx,
        action_id,
        status=ActionStatus.RUNNING,
        done=action.done + len(rows),
        result=result,
        now=now,
    )


def _report(row: SourceRow, code: str | None, reasons: Mapping[int, str]) -> list[str]:
    """A refused row in the file of them, with what was sent."""
    sent = msgspec.json.encode(row.values).decode()
    return [str(row.number), str(row.line), code or "", reasons[row.number], sent]


async def finish_work(tx: Tx, action_id: str, *, now: datetime) -> None:
    """Close work whose rows are all done or refused; the file that was sent goes."""
    action = await get_action(tx, action_id, lock=True)
    request = msgspec.convert(action.request, WorkRequest)
    result = _result_of(action)
    done = "updated" if VoucherWork(action.kind).changes else "imported"
    result["message"] = (
        f"{result['done_count']} voucher(s) {done} successfully, {result['failed_count']} failed."
    )
    await update_action(
        tx, action_id, status=ActionStatus.DONE, done=action.done, result=result, now=now
    )
    await delete_file(tx, request.file_id)


async def fail_work(tx: Tx, action_id: str, error: Exception, *, now: datetime) -> None:
    """Close work that cannot go on; what was done stays."""
    action = await get_action(tx, action_id, lock=True)
    known = error.message if isinstance(error, KaquanError) else "An internal error stopped it."
    await update_action(
        tx,
        action_id,
        status=ActionStatus.FAILED,
        done=action.done,
        result=_result_of(action) | {"message": known},
        now=now,
    )


async def _add(tx: Tx, rows: dict[int, VoucherRow], *, now: datetime) -> dict[int, str]:
    """Add vouchers, those that differ in their code only together; returns why some were not."""
    reasons: dict[int, str] = {}
    groups: dict[bytes, list[int]] = {}
    seen: set[str] = set()
    for number, row in rows.items():
        assert row.code is not None
        assert row.draft is not None
        if row.code in seen:
            reasons[number] = _EXISTS
            continue
        seen.add(row.code)
        try:
            check_code(row.code)
        except InvalidInput as error:
            reasons[number] = reason_of(error)
            continue
        groups.setdefault(msgspec.json.encode((row.draft, row.said)), []).append(number)
    for numbers in groups.values():
        alike = [rows[number] for number in numbers]
        try:
            async with tx.transaction():
                made = await _add_alike(tx, alike, now=now)
        except KaquanError as error:
            reasons |= dict.fromkeys(numbers, reason_of(error))
            continue
        for number, row in zip(numbers, alike, strict=True):
            if row.code not in made:
                reasons[number] = _EXISTS
    return reasons


async def _add_alike(tx: Tx, rows: Sequence[VoucherRow], *, now: datetime) -> set[str]:
    draft, said = rows[0].draft, rows[0].said
    assert draft is not None
    codes = [row.code for row in rows if row.code is not None]
    made = await add_named_vouchers(tx, draft, codes, now=now)
    # A new voucher that stands alone has no rules yet, so its offer is what was stated.
    if said or (draft.offer is not None and draft.campaign_id is not None):
        for voucher_id in made.values():
            await set_terms(
                tx, OwnerKind.VOUCHER, voucher_id, offer=draft.offer, said=said, now=now
            )
    return set(made)


async def _change(tx: Tx, rows: dict[int, VoucherRow], *, now: datetime) -> dict[int, str]:
    """Merge metadata into vouchers; returns why it could not be done to some."""
    reasons: dict[int, str] = {}
    for number, row in rows.items():
        try:
            async with tx.transaction():
                reason = await _change_one(tx, row, now=now)
        except KaquanError as error:
            reason = reason_of(error)
        if reason is not None:
            reasons[number] = reason
    return reasons


async def _change_one(tx: Tx, row: VoucherRow, *, now: datetime) -> str | None:
    voucher = await find_voucher(tx, row.code or "", lock=True)
    if voucher is None:
        return "There is no voucher with this code."
    merged = {**voucher.metadata, **(row.metadata or {})}
    metadata = {name: value for name, value in merged.items() if value is not None}
    await update_voucher(tx, voucher.id, VoucherChange(metadata=metadata), now=now)
    return None


def _rows(
    file: IO[bytes], request: WorkRequest, *, passed: int
) -> Generator[SourceRow, None, None]:
    source = cast("BinaryIO", file)
    with closing(read_csv_rows(source) if request.is_csv else read_json_rows(source)) as rows:
        yield from itertools.islice(rows, passed, None)


def _next_part(rows: Iterator[SourceRow]) -> list[SourceRow]:
    return list(itertools.islice(rows, ROWS_A_PART))


def _read_row(row: SourceRow, request: WorkRequest, zone: ZoneInfo) -> VoucherRow:
    if row.reason is not None:
        return VoucherRow(code=_code_of(row), reason=row.reason)
    if request.is_csv:
        return read_voucher_row(row.values, campaign_id=request.campaign_id, zone=zone)
    made = msgspec.convert(row.values, VoucherRow)
    if made.draft is not None and request.campaign_id is not None:
        draft = msgspec.structs.replace(made.draft, campaign_id=request.campaign_id)
        made = msgspec.structs.replace(made, draft=draft)
    return made


def _code_of(row: SourceRow) -> str | None:
    for name, value in row.values.items():
        if name.lower() == "code" and isinstance(value, str):
            return value[:255]
    return None


def reason_of(error: KaquanError) -> str:
    """Return why a row is refused, with the field that is wrong."""
    field = error.details.get("field")
    return f"{field}: {error.message}" if field else error.message


def _result_of(action: AsyncAction) -> dict[str, Any]:
    return dict(action.result or {"failed": [], "done_count": 0, "failed_count": 0})
