"""What is sent to be imported: CSV files as they come, and lists of objects row by row."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec
from litestar import Request, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler

from kaquan.api.body import StrictBody, read_violation
from kaquan.api.call import Call
from kaquan.api.routes import FILE_IN, PROBLEMS, Verb
from kaquan.customers import ImportKind, check_import_file, request_import
from kaquan.runtime import InvalidInput, Tx, append_to_file, create_file

MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_BULK_BYTES = 10 * 1024 * 1024
"""The dialect's limit of a bulk request."""

MOST_ROWS = 100_000
_BLOCK = 256 * 1024

Body = TypeVar("Body", bound=msgspec.Struct)


class AsyncActionId(msgspec.Struct, frozen=True):
    """The id of the long work that a request started."""

    async_action_id: str


def receives_file(path: str, summary: str) -> Callable[[Verb], HTTPRouteHandler]:
    """A route that takes a CSV file, as ``file`` of a form."""
    return post(
        path,
        summary=summary,
        opt={FILE_IN: True},
        status_code=202,
        request_max_body_size=MAX_FILE_BYTES,
        responses=PROBLEMS,
    )


def receives_rows(path: str, summary: str) -> Callable[[Verb], HTTPRouteHandler]:
    """A route that takes many objects at once, up to 10 MB, and works on them later."""
    return post(
        path,
        summary=summary,
        dto=StrictBody,
        return_dto=None,
        status_code=202,
        request_max_body_size=MAX_BULK_BYTES,
        responses=PROBLEMS,
    )


def read_row(given: dict[str, Any], kind: type[Body]) -> Body | str:
    """Return one object of many as ``kind``; or the reason why it cannot be that."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        return read_violation(error).message


async def import_csv(
    request: Request[Any, Any, Any], call: Call, kind: ImportKind
) -> AsyncActionId:
    """Store the file that was sent and ask for its import.

    Raises InvalidInput for no file, an empty one, or one without the columns that it needs.
    """
    form = await request.form()
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        message = "Send the CSV file as 'file' of a multipart form."
        raise InvalidInput(message, field="file")
    try:
        async with call.transaction() as tx:
            return await _store(tx, call, kind, upload)
    finally:
        await upload.close()


async def import_rows(
    tx: Tx, call: Call, kind: ImportKind, rows: Iterable[msgspec.Struct | dict[str, Any]]
) -> AsyncActionId:
    """Store objects as rows, each to be imported on its own. Raises InvalidInput for too many."""
    file_id = await create_file(tx, "rows.jsonl", media_type="application/jsonl", now=call.now)
    lines: list[bytes] = []
    size = count = 0
    for row in rows:
        lines.append(msgspec.json.encode(row))
        count, size = count + 1, size + len(lines[-1])
        if count > MOST_ROWS:
            message = f"A request holds at most {MOST_ROWS} objects."
            raise InvalidInput(message, field="")
        if size > _BLOCK:
            await append_to_file(tx, file_id, b"\n".join(lines) + b"\n")
            lines, size = [], 0
    if not count:
        raise InvalidInput("There is nothing to import.", field="")
    if lines:
        await append_to_file(tx, file_id, b"\n".join(lines) + b"\n")
    action = await request_import(tx, kind, file_id, is_csv=False, rows=count, now=call.now)
    return AsyncActionId(action.id)


async def _store(tx: Tx, call: Call, kind: ImportKind, upload: UploadFile) -> AsyncActionId:
    file_id = await create_file(tx, "upload.csv", now=call.now)
    lines, part = 0, await upload.read(_BLOCK)
    check_import_file(kind, part)
    while part:
        lines += part.count(b"\n")
        await append_to_file(tx, file_id, part)
        part = await upload.read(_BLOCK)
    action = await request_import(tx, kind, file_id, is_csv=True, rows=lines, now=call.now)
    return AsyncActionId(action.id)
