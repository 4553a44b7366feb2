"""``/in/{source_id}``: where shop systems post to; their signature is all that they show."""

import re
from http import HTTPStatus
from typing import Any, Literal, cast

import msgspec
from litestar import Request, Router, post
from litestar.params import FromPath

from kaquan.api.routes import PROBLEMS
from kaquan.checkout import try_again
from kaquan.connectors import (
    BadSignature,
    Receipt,
    Source,
    SourceKind,
    find_source_project,
    get_source,
    note_refusal,
    receive_delivery,
)
from kaquan.runtime import Database, NotFound, is_storable, utc_now

LARGEST_POST = 5 * 1024 * 1024
_PING = re.compile(rb"webhook_id=\d+")


class ReceivedPost(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a post: ``done``, ``ignored``, ``duplicate`` or ``failed``; see its receipt."""

    receipt: str | None
    status: str
    object: Literal["received"] = "received"


@post(
    "/{source_id:str}",
    summary="Receive a shop system's post",
    status_code=HTTPStatus.OK,
    request_max_body_size=LARGEST_POST,
    responses=PROBLEMS,
    opt={"exclude_from_auth": True},
)
async def receive_post(source_id: FromPath[str], request: Request[Any, Any, Any]) -> ReceivedPost:
    """Keep what a source posts, and carry it out; also what cannot be is answered by 200."""
    database = cast("Database", request.app.state.database)
    body = await request.body()
    project_id = await _find_project(database, source_id)
    headers = {name.lower(): value for name, value in request.headers.items()}

    async def attempt() -> Receipt | None:
        async with database.transaction(project_id, actor=f"source:{source_id}") as tx:
            source = await get_source(tx, source_id)
            if not source.active:
                raise NotFound("source", source_id)
            if _is_ping(source, headers, body):
                return None
            return await receive_delivery(tx, source, headers=headers, body=body, now=utc_now())

    try:
        receipt = await try_again(attempt)
    except BadSignature as error:
        async with database.transaction(project_id) as tx:
            await note_refusal(tx, source_id, error.message, now=utc_now())
        raise
    if receipt is None:
        return ReceivedPost(receipt=None, status="ignored")
    return ReceivedPost(receipt=receipt.id, status=receipt.status.value)


async def _find_project(database: Database, source_id: str) -> int:
    found = None
    if is_storable(source_id) and len(source_id) <= 64:
        async with database.transaction(lookup=source_id) as tx:
            found = await find_source_project(tx, source_id)
    if found is None:
        raise NotFound("source", source_id)
    return found


def _is_ping(source: Source, headers: dict[str, str], body: bytes) -> bool:
    """WooCommerce tries an address with an unsigned word before it uses it."""
    signed = source.signing.header.lower() in headers
    is_woo = source.kind is SourceKind.WOOCOMMERCE
    return is_woo and not signed and _PING.fullmatch(body) is not None


def receiving_router() -> Router:
    """The route that shop systems post to."""
    return Router(path="/", route_handlers=[receive_post], tags=["Sources"])
