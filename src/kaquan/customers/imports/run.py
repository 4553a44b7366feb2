"""Importing in the background: part by part, each with its rejects in one transaction."""

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import datetime
from typing import IO, Any, BinaryIO, cast

import msgspec

from kaquan.customers.cleaning import country_of
from kaquan.customers.imports.entries import READERS, Terms
from kaquan.customers.imports.model import Entry, ImportKind, ImportRequest, Outcome, SourceRow
from kaquan.customers.imports.reading import read_csv_rows, read_json_rows
from kaquan.customers.imports.report import (
    name_changes,
    name_failure,
    report_row,
    write_csv,
)
from kaquan.customers.imports.write import reason_of, write_entries, write_orders
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Database,
    InvalidInput,
    KaquanError,
    SchemaChecker,
    Tx,
    append_to_file,
    delete_file,
    get_action,
    get_file,
    get_project,
    load_checker,
    stream_file,
    update_action,
)

ROWS_A_PART = 2_000
ORDERS_A_PART = 200
MOST_NAMED = 100
"""How many refused rows stand in the result itself; the file of rejects has all of them."""


async def run_import(
    database: Database, project_id: int, action_id: str, *, clock: Callable[[], datetime]
) -> None:
    """Import what is left of an action's file, a transaction for each part.

    Rows that were imported before a crash are passed over. Raises what the database raises; a
    file that cannot be read at all ends the action as failed.
    """
    async with database.transaction(project_id) as tx:
        action = await get_action(tx, action_id)
        request = msgspec.convert(action.request, ImportRequest)
        if action.status in (ActionStatus.DONE, ActionStatus.FAILED):
            return
        stored = await get_file(tx, request.file_id)
    kind = ImportKind(action.kind)
    with ExitStack() as stack:
        copy = stack.enter_context(tempfile.TemporaryFile())
        async for part in stream_file(database, project_id, stored):
            copy.write(part)
        copy.seek(0)
        rows = stack.enter_context(closing(_rows(copy, request, passed=action.done)))
        try:
            while part := await asyncio.to_thread(_next_part, rows, kind):
                async with database.transaction(project_id) as tx:
                    await import_part(tx, action_id, part, now=clock())
        except InvalidInput as error:
            async with database.transaction(project_id) as tx:
                await fail_import(tx, action_id, error, now=clock())
            return
    async with database.transaction(project_id) as tx:
        await finish_import(tx, action_id, now=clock())


async def import_part(tx: Tx, action_id: str, rows: Sequence[SourceRow], *, now: datetime) -> None:
    """Store one part of an import's rows and report those that are refused."""
    action = await get_action(tx, action_id, lock=True)
    kind = ImportKind(action.kind)
    request = msgspec.convert(action.request, ImportRequest)
    outcomes = await _store(tx, kind, rows, now=now)
    result = _result_of(action)
    failed = [one for one in outcomes if one.reason is not None]
    shown: list[dict[str, Any]] = result["failed"]
    result |= {
        "failed": shown + [name_failure(one) for one in failed[: max(0, MOST_NAMED - len(shown))]],
        "done_count": result["done_count"] + len(outcomes) - len(failed),
        "failed_count": result["failed_count"] + len(failed),
    }
    cleaned = [one for outcome in outcomes for one in name_changes(outcome)]
    if cleaned:
        named: list[dict[str, Any]] = result.get("cleaned", [])
        result["cleaned_count"] = result.get("cleaned_count", 0) + len(cleaned)
        result["cleaned"] = named + cleaned[: max(0, MOST_NAMED - len(named))]
    reported = outcomes if kind.reports_all else failed
    if reported:
        lines = [report_row(kind, one) for one in reported]
        await append_to_file(tx, request.report_id, write_csv(lines))
    await update_action(
        tx,
        action_id,
        status=ActionStatus.RUNNING,
        done=action.done + len(rows),
        result=result,
        now=now,
    )


async def finish_import(tx: Tx, action_id: str, *, now: datetime) -> None:
    """Close an import whose rows are all stored or reported; the file that was sent goes."""
    action = await get_action(tx, action_id, lock=True)
    request = msgspec.convert(action.request, ImportRequest)
    result = _result_of(action)
    noun = ImportKind(action.kind).noun
    result["message"] = (
        f"{result['done_count']} {noun}(s) imported successfully, {result['failed_count']} failed."
    )
    await update_action(
        tx, action_id, status=ActionStatus.DONE, done=action.done, result=result, now=now
    )
    await delete_file(tx, request.file_id)


async def fail_import(tx: Tx, action_id: str, error: Exception, *, now: datetime) -> None:
    """Close an import that cannot go on; what was stored stays."""
    action = await get_action(tx, action_id, lock=True)
    known = error.message if isinstance(error, KaquanError) else "An internal error stopped it."
    result = _result_of(action)
    await update_action(
        tx,
        action_id,
        status=ActionStatus.FAILED,
        done=action.done,
        result=result | {"message": known},
        now=now,
    )


def _result_of(action: AsyncAction) -> dict[str, Any]:
    return dict(action.result or {"failed": [], "done_count": 0, "failed_count": 0})


def _rows(
    file: IO[bytes], request: ImportRequest, *, passed: int
) -> Generator[SourceRow, None, None]:
    source = cast("BinaryIO", file)
    with closing(read_csv_rows(source) if request.is_csv else read_json_rows(source)) as rows:
        yield from itertools.islice(rows, passed, None)


def _next_part(rows: Iterator[SourceRow], kind: ImportKind) -> list[SourceRow]:
    most = ORDERS_A_PART if kind is ImportKind.ORDERS else ROWS_A_PART
    return list(itertools.islice(rows, most))


async def _store(
    tx: Tx, kind: ImportKind, rows: Sequence[SourceRow], *, now: datetime
) -> list[Outcome]:
    if kind is ImportKind.ORDERS:
        return await write_orders(tx, rows, now=now)
    checker = await load_checker(tx)
    terms = Terms(now, country_of(await get_project(tx)))
    entries, outcomes = await asyncio.to_thread(_read_entries, kind, rows, checker, terms=terms)
    outcomes += await write_entries(tx, kind, entries, now=now)
    return sorted(outcomes, key=lambda one: one.row.number)


def _read_entries(
    kind: ImportKind, rows: Sequence[SourceRow], checker: SchemaChecker, *, terms: Terms
) -> tuple[list[Entry], list[Outcome]]:
    """Return the rows that can be meant, and why the others cannot."""
    read = READERS[kind]
    entries: list[Entry] = []
    outcomes: list[Outcome] = []
    for row in rows:
        reason = row.reason
        if reason is None and "reason" in row.values and not kind.value.endswith("_csv"):
            reason = row.values["reason"]
        if reason is None:
            try:
                entries.append(read(row, checker, terms))
                continue
            except KaquanError as error:
                reason = reason_of(error)
        outcomes.append(Outcome(row=row, reference=_reference(row), reason=reason))
    return entries, outcomes


def _reference(row: SourceRow) -> str | None:
    for name, value in row.values.items():
        if name.lower() == "source_id" and isinstance(value, str):
            return value[:255]
    return None
