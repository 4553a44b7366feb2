"""Starting the work: by a job for a file that was sent, at once for one on this machine."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from kaquan.customers.imports.files.carry import carry_out
from kaquan.customers.imports.files.model import FileImport, Mapping, Subject
from kaquan.customers.imports.files.request import (
    begin_import,
    inspect_file,
    request_check,
    request_run,
    set_mapping,
)
from kaquan.customers.jobs import carry_out_import
from kaquan.customers.store.file_imports import find_unfinished, get_file_import
from kaquan.runtime import (
    AsyncAction,
    Database,
    Tx,
    append_to_file,
    create_file,
    defer_job,
    get_project,
)

_BLOCK = 1 << 20
_ANY_TYPE = "application/octet-stream"


class PathImport(msgspec.Struct, frozen=True, kw_only=True):
    """A file on this machine and how it is to be imported."""

    subject: Subject
    path: Path
    profile: str | None = None
    mapping: Mapping | None = None
    sheet: str | None = None
    dry_run: bool = False


async def receive_file(
    tx: Tx,
    subject: Subject,
    file: BinaryIO,
    *,
    file_name: str,
    profile: str | None = None,
    sheet: str | None = None,
    now: datetime,
) -> FileImport:
    """Store a file that was sent and record that it is to be imported; as begin_import."""
    inspected = await asyncio.to_thread(inspect_file, file, sheet=sheet)
    file_id = await create_file(tx, file_name[-200:] or "file", media_type=_ANY_TYPE, now=now)
    file.seek(0)
    while part := await asyncio.to_thread(file.read, _BLOCK):
        await append_to_file(tx, file_id, part)
    return await begin_import(
        tx, subject, inspected, file_id=file_id, file_name=file_name, profile=profile, now=now
    )


async def start_check(tx: Tx, import_id: str, *, now: datetime) -> AsyncAction:
    """Have a file tried in the background; as request_check."""
    return await _defer(tx, await request_check(tx, import_id, now=now))


async def start_run(tx: Tx, import_id: str, *, now: datetime) -> AsyncAction:
    """Have a file imported in the background; as request_run."""
    return await _defer(tx, await request_run(tx, import_id, now=now))


async def import_path(
    database: Database,
    project_id: int,
    asked: PathImport,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[FileImport, AsyncAction]:
    """Import or try a file of this machine, and return the import and how it ended.

    One that was stopped goes on behind the last rows that were stored. Raises InvalidInput and
    NotFound as begin_import and set_mapping do.
    """
    with asked.path.open("rb") as file:
        inspected = inspect_file(file, sheet=asked.sheet)
    async with database.transaction(project_id) as tx:
        found = None
        if not asked.dry_run:
            found = await find_unfinished(tx, asked.subject, inspected.fingerprint)
        if found is None or found.run_action_id is None:
            found = await begin_import(
                tx,
                asked.subject,
                inspected,
                file_id=None,
                file_name=asked.path.name,
                profile=asked.profile,
                now=clock(),
            )
            if asked.mapping is not None:
                await set_mapping(tx, found.id, asked.mapping, now=clock())
            request = request_check if asked.dry_run else request_run
            action_id = (await request(tx, found.id, now=clock())).id
        else:
            action_id = found.run_action_id
    action = await carry_out(
        database, project_id, action_id, clock=clock, path=asked.path, progress=progress
    )
    async with database.transaction(project_id) as tx:
        return await get_file_import(tx, found.id), action


async def _defer(tx: Tx, action: AsyncAction) -> AsyncAction:
    project = await get_project(tx)
    await defer_job(tx, carry_out_import, project_id=project.project_id, action_id=action.id)
    return action
