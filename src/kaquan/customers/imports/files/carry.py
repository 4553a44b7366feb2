"""Carrying an import out: chunk by chunk, each with its rejects and its progress in one transaction.

A dry run does the same and takes every chunk back. Whatever is stopped goes on behind the last
chunk that was committed.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import aclosing, closing, nullcontext
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import msgspec

from kaquan.customers.cleaning import country_of
from kaquan.customers.imports.files import sources
from kaquan.customers.imports.files.column_readers import Reader
from kaquan.customers.imports.files.cutting import cut_at, cut_between
from kaquan.customers.imports.files.gathering import as_in_file, gather_rows, is_scattered
from kaquan.customers.imports.files.model import Chunk, FileImport, FileShape, Subject, Written
from kaquan.customers.imports.files.order_rows import has_line_rows
from kaquan.customers.imports.files.prepare import Prepared, noun_of, prepare_chunk
from kaquan.customers.imports.files.results import (
    add_written,
    empty_result,
    keep_sentence,
    reason_lines,
    reject_rows,
)
from kaquan.customers.imports.files.seen import SeenIds
from kaquan.customers.imports.files.sources import read_chunks
from kaquan.customers.imports.files.usual_orders import find_usual_orders
from kaquan.customers.imports.files.values import readers, terms_of
from kaquan.customers.imports.files.write_events import write_events_of_file
from kaquan.customers.imports.files.write_orders import Named, write_orders_of_file
from kaquan.customers.imports.files.write_people import (
    Folded,
    fold_people,
    good_places,
    seal_people,
    write_people,
)
from kaquan.customers.imports.report import write_csv
from kaquan.customers.order_columns import OrderColumns
from kaquan.customers.store.file_imports import get_file_import
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Database,
    InvalidInput,
    KaquanError,
    MetadataSchema,
    SchemaScope,
    Tx,
    append_to_file,
    delete_file,
    get_action,
    get_file,
    get_project,
    load_checker,
    stream_file,
    update_action,
    words,
)

Progress = Callable[[int], None]

_LINES_FOR_ROWS = 3
"""Lines are short, and several make one row of the database: a chunk has so many times more."""
_UNKNOWN_ERROR = words("An internal error stopped it.")


class _Work(msgspec.Struct, frozen=True):
    """What an import is carried out with."""

    subject: FileImport
    action_id: str
    is_check: bool
    read: dict[str, Reader]
    schema: MetadataSchema | None
    goods: Named = msgspec.field(default_factory=dict[str, str | None])


class _Ready(msgspec.Struct, frozen=True):
    """A chunk that can be stored, and what was made of it before its turn came."""

    prepared: Prepared
    folded: Folded | None = None
    usual: OrderColumns | None = None


async def carry_out(
    database: Database,
    project_id: int,
    action_id: str,
    *,
    clock: Callable[[], datetime],
    path: Path | None = None,
    progress: Progress = lambda _: None,
) -> AsyncAction:
    """Do what is left of a check or a run of an import, and return how it ended.

    ``path`` is the file where it lies on this machine; otherwise it is the one that was sent. A
    file that can no longer be read ends the action as failed. ``progress`` is told the rows done.
    """
    async with database.transaction(project_id) as tx:
        action = await get_action(tx, action_id)
        if action.status in (ActionStatus.DONE, ActionStatus.FAILED):
            return action
        work = await _work_of(tx, action, now=clock())
    with tempfile.TemporaryDirectory(prefix="kaquan-import-") as folder:
        try:
            if path is None:
                path = Path(folder) / "sent"
                await _fetch(database, project_id, work.subject, path)
            with path.open("rb") as file:
                await _carry(
                    database,
                    project_id,
                    work,
                    file,
                    Path(folder),
                    passed=action.done,
                    clock=clock,
                    progress=progress,
                )
        except InvalidInput as error:
            async with database.transaction(project_id) as tx:
                return await fail_file_import(tx, action_id, error, now=clock())
    async with database.transaction(project_id) as tx:
        return await _finish(tx, work, now=clock())


async def fail_file_import(
    tx: Tx, action_id: str, error: Exception, *, now: datetime
) -> AsyncAction:
    """Close an import that cannot go on; what was stored stays."""
    action = await get_action(tx, action_id, lock=True)
    known = error.sentence if isinstance(error, KaquanError) else _UNKNOWN_ERROR
    result = (action.result or empty_result()) | keep_sentence("message", known)
    await update_action(
        tx, action_id, status=ActionStatus.FAILED, done=action.done, result=result, now=now
    )
    return await get_action(tx, action_id)


async def _work_of(tx: Tx, action: AsyncAction, *, now: datetime) -> _Work:
    found = await get_file_import(tx, action.request["import_id"])
    project = await get_project(tx)
    terms = terms_of(project, country=country_of(project), amounts=found.mapping.amounts, now=now)
    checker = await load_checker(tx)
    return _Work(
        found,
        action.id,
        is_check=action.request["check"],
        read=readers(terms),
        schema=checker.find(SchemaScope.STANDARD, noun_of(found.subject)),
    )


async def _fetch(database: Database, project_id: int, found: FileImport, path: Path) -> None:
    if found.file_id is None:
        message = "The file lies on the machine on which the import was begun; begin it there."
        raise InvalidInput(message, field="file")
    async with database.transaction(project_id) as tx:
        stored = await get_file(tx, found.file_id)
    with path.open("wb") as copy:
        async for part in stream_file(database, project_id, stored):
            copy.write(part)


async def _carry(
    database: Database,
    project_id: int,
    work: _Work,
    file: IO[bytes],
    folder: Path,
    *,
    passed: int,
    clock: Callable[[], datetime],
    progress: Progress,
) -> None:
    seen = SeenIds()
    chunks = _prepared(work, cast("BinaryIO", file), folder, passed=passed)

    async def ready() -> _Ready | None:
        prepared = await asyncio.to_thread(next, chunks, None)
        if prepared is None or _stop_of(prepared) <= passed:
            return None if prepared is None else _Ready(prepared)
        return await _make_ready(database, project_id, work, prepared)

    with closing(chunks):
        async with aclosing(_one_ahead(ready)) as ahead:
            async for one in ahead:
                again = [] if _is_folded(work) else seen.add(_ids(one.prepared))
                stop = _stop_of(one.prepared)
                if stop > passed:
                    async with database.transaction(project_id) as tx:
                        await _import_chunk(tx, work, one, again, now=clock())
                    progress(stop)


async def _make_ready(
    database: Database, project_id: int, work: _Work, prepared: Prepared
) -> _Ready:
    """Work out orders; seal what is personal, unless a schema says later which rows are stored."""
    if work.subject.subject is Subject.ORDERS:
        return _Ready(prepared, usual=await asyncio.to_thread(find_usual_orders, prepared))
    if work.subject.subject is not Subject.CUSTOMERS or work.schema is not None:
        return _Ready(prepared)
    folded = fold_people(work.subject.subject, prepared, good_places(prepared))
    async with (
        database.transaction(project_id) as tx,
        tx.transaction(force_rollback=work.is_check),
    ):
        return _Ready(prepared, await seal_people(tx, folded))


async def _one_ahead(
    ready: Callable[[], Coroutine[Any, Any, _Ready | None]],
) -> AsyncGenerator[_Ready]:
    """Yield what becomes ready; the next one does while the database stores the last."""
    following = asyncio.create_task(ready())
    try:
        while (one := await following) is not None:
            following = asyncio.create_task(ready())
            yield one
    finally:
        await asyncio.gather(following, return_exceptions=True)


def _stop_of(prepared: Prepared) -> int:
    return prepared.chunk.first + len(prepared.chunk.lines)


def _is_folded(work: _Work) -> bool:
    """Say whether the rows of one order stand together, so that none can come again."""
    return work.subject.subject is Subject.ORDERS and has_line_rows(
        work.subject.mapping.fields.keys() | work.subject.mapping.constants.keys()
    )


def _ids(prepared: Prepared) -> list[str | None]:
    return prepared.values.get("source_id", [])


def _prepared(work: _Work, file: BinaryIO, folder: Path, *, passed: int) -> Generator[Prepared]:
    found = work.subject
    # Chunks may have had another size when the work was stopped.
    for chunk in cut_at(_chunks(work, file, found.shape, folder), passed):
        yield prepare_chunk(found.subject, found.mapping, chunk, read=work.read, schema=work.schema)


def _chunks(work: _Work, file: BinaryIO, shape: FileShape, folder: Path) -> Generator[Chunk]:
    if not _is_folded(work):
        yield from read_chunks(file, shape)
        return
    column = work.subject.mapping.fields["source_id"]
    rows = _LINES_FOR_ROWS * sources.ROWS_A_CHUNK
    if is_scattered(file, shape, column):
        path, shape = gather_rows(file, shape, column, folder=folder)
        with path.open("rb") as gathered:
            chunks = map(as_in_file, read_chunks(gathered, shape, rows=rows))
            yield from cut_between(chunks, column)
        return
    yield from cut_between(read_chunks(file, shape, rows=rows), column)


async def _import_chunk(
    tx: Tx, work: _Work, ready: _Ready, again: list[int], *, now: datetime
) -> None:
    prepared = ready.prepared
    action = await get_action(tx, work.action_id, lock=True)
    if action.status in (ActionStatus.DONE, ActionStatus.FAILED):
        raise InvalidInput("The import was ended meanwhile.", field="")
    if action.done != prepared.chunk.first:
        # Another process is at it, or was: what it stored is not stored again.
        if action.done >= _stop_of(prepared):
            return
        raise InvalidInput("The import is not where it should be; begin it anew.", field="")
    async with tx.transaction(force_rollback=True) if work.is_check else nullcontext():
        written = await _write(tx, work, ready, now=now)
    result = add_written(action.result or empty_result(), prepared, written, again)
    if written.problems and not work.is_check:
        rows = reject_rows(work.subject.shape, prepared, written.problems)
        await append_to_file(tx, action.request["report_id"], write_csv(rows))
        await append_to_file(tx, action.request["reasons_id"], reason_lines(written.problems))
    await update_action(
        tx,
        work.action_id,
        status=ActionStatus.RUNNING,
        done=action.done + written.passed,
        result=result,
        now=now,
    )


async def _write(tx: Tx, work: _Work, ready: _Ready, *, now: datetime) -> Written:
    found, prepared = work.subject, ready.prepared
    match found.subject:
        case Subject.ORDERS:
            checker = await load_checker(tx)
            return await write_orders_of_file(
                tx,
                found.mapping,
                prepared,
                usual=ready.usual,
                read=work.read,
                goods=work.goods,
                checker=checker,
                now=now,
            )
        case Subject.EVENTS:
            return await write_events_of_file(tx, found.mapping, prepared, now=now)
        case Subject.CUSTOMERS | Subject.PRODUCTS | Subject.LOCATIONS:
            checker = await load_checker(tx)
            return await write_people(
                tx, found.subject, prepared, folded=ready.folded, checker=checker, now=now
            )


async def _finish(tx: Tx, work: _Work, *, now: datetime) -> AsyncAction:
    action = await get_action(tx, work.action_id, lock=True)
    result = action.result or empty_result()
    result |= {
        "message": f"{result['done_count']} row(s) accepted, {result['failed_count']} refused."
    }
    await update_action(
        tx, action.id, status=ActionStatus.DONE, done=action.done, result=result, now=now
    )
    if not work.is_check:
        for file_id in (work.subject.file_id, work.subject.sample_id):
            if file_id is not None:
                await delete_file(tx, file_id)
    return await get_action(tx, action.id)
