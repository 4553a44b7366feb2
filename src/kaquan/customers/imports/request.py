"""Asking for an import."""

from datetime import datetime

import msgspec

from kaquan.customers.imports.entries import REQUIRED
from kaquan.customers.imports.model import ImportKind, ImportRequest
from kaquan.customers.imports.reading import check_headers
from kaquan.customers.imports.report import report_header, write_csv
from kaquan.customers.jobs import import_requested_file
from kaquan.runtime import (
    AsyncAction,
    InvalidInput,
    Tx,
    append_to_file,
    create_file,
    defer_job,
    get_project,
    start_action,
)

_SHORTEST_START = 64 * 1024


async def request_import(
    tx: Tx,
    kind: ImportKind,
    file_id: str,
    *,
    is_csv: bool,
    rows: int | None,
    now: datetime,
) -> AsyncAction:
    """Record that a stored file is to be imported; a job does it.

    ``rows`` is about how many there are. A file may come as CSV or as a JSON object a line.
    """
    report_id = await create_file(tx, f"{kind.value.replace('.', '-')}.csv", now=now)
    await append_to_file(tx, report_id, write_csv([report_header(kind)]))
    request = ImportRequest(file_id=file_id, report_id=report_id, is_csv=is_csv)
    action = await start_action(
        tx, kind.value, request=msgspec.to_builtins(request), total=rows, now=now
    )
    project = await get_project(tx)
    await defer_job(tx, import_requested_file, project_id=project.project_id, action_id=action.id)
    return action


def check_import_file(kind: ImportKind, start: bytes) -> None:
    """Raise InvalidInput when a CSV file, by its beginning, can never be imported."""
    if not start.strip():
        raise InvalidInput("The file is empty.", field="file")
    check_headers(start[:_SHORTEST_START], REQUIRED[kind])
