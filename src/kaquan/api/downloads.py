"""Files that a link opens: exports, reports of imports. The link's token stands for a key.

A token is base64url of the project's number (4 bytes) and the first 16 bytes of an HMAC-SHA256
over the file's id under the project's key for downloads; it opens that file and nothing else.
"""

import base64
import binascii
import hmac
import secrets
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from kaquan.api.problems import Unauthorized
from kaquan.api.routes import FILE_OUT, PROBLEMS
from kaquan.runtime import Database, StoredFile, Tx, get_file, get_project, set_project, stream_file
from kaquan.trust import find_project_key, project_key

PLAIN_TEXT = "text/plain; charset=utf-8"
_PURPOSE = "downloads"
_DOMAIN = b"kaquan.download/1\x00"
_PROJECT_BYTES, _TAG_BYTES = 4, 16
_LARGEST_PROJECT = 2**31 - 1


async def download_token(tx: Tx, file_id: str) -> str:
    """Return the token that opens a file of the transaction's project."""
    project = await get_project(tx)
    tag = _sign(await project_key(tx, _PURPOSE), file_id)
    raw = project.project_id.to_bytes(_PROJECT_BYTES) + tag
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def open_download(tx: Tx, file_id: str, token: str) -> int:
    """Return the number of the project whose file the token opens; ``tx`` then sees it.

    Raises Unauthorized, the same for every token that does not hold.
    """
    project_id, tag = _decode(token)
    await set_project(tx, project_id)
    # Without a key the work is the same, with one that nobody has.
    key = await find_project_key(tx, _PURPOSE) or secrets.token_bytes(32)
    if not hmac.compare_digest(tag, _sign(key, file_id)):
        raise _refused()
    return project_id


def download_url(request: Request[Any, Any, Any], file_id: str, token: str) -> str:
    """Return the whole address under which a file can be fetched without a key."""
    base = request.app.state.settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}/downloads/{file_id}?token={token}"


def answer_file(database: Database, project_id: int, stored: StoredFile) -> Stream:
    """Stream a file, as plain text that clients save under its name."""
    return Stream(
        stream_file(database, project_id, stored),
        media_type=PLAIN_TEXT,
        headers={
            "Content-Disposition": f'attachment; filename="{stored.name}"',
            "Content-Length": str(stored.byte_count),
        },
    )


@get(
    "/downloads/{file_id:str}",
    summary="Download file",
    tags=["Exports"],
    security=[],
    opt={FILE_OUT: "text/plain"},
    responses=PROBLEMS,
    description="Fetch an export or a report by the link that its object names.",
)
async def download_file(
    request: Request[Any, Any, Any],
    file_id: FromPath[str],
    token: Annotated[str, QueryParameter(max_length=64)],
) -> Response[Any]:
    """Fetch a file by its link."""
    database: Database = request.app.state.database
    async with database.transaction() as tx:
        project_id = await open_download(tx, file_id, token)
        stored = await get_file(tx, file_id)
    return answer_file(database, project_id, stored)


def _sign(key: bytes, file_id: str) -> bytes:
    named = file_id.encode("utf-8", "surrogatepass")
    return hmac.digest(key, _DOMAIN + named, "sha256")[:_TAG_BYTES]


def _decode(token: str) -> tuple[int, bytes]:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused() from error
    project_id = int.from_bytes(raw[:_PROJECT_BYTES])
    if len(raw) != _PROJECT_BYTES + _TAG_BYTES or project_id > _LARGEST_PROJECT:
        raise _refused()
    return project_id, raw[_PROJECT_BYTES:]


def _refused() -> Unauthorized:
    return Unauthorized("The token does not open this file.")
