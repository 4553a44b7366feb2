"""Changing only what is still as the caller knows it: ``If-Match`` with the ETag of an answer.

The object is read by its own GET route, in the very transaction that changes it, and its tag is
compared there; the transaction is serializable, so two who change the same version cannot both win.
It is for PUT and DELETE of what can be read at the same address; a POST makes something new there or
moves value, and is refused with an ``If-Match`` rather than done without looking. Tags are weak
(answers go out compressed and plain), so unlike in RFC 9110 weak ones match too.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

from litestar import Litestar, Request
from litestar.routes import HTTPRoute
from litestar.types import Message, Scope

from kaquan.api.etag import ETAG, is_named
from kaquan.runtime import KaquanError, Tx

IF_MATCH = "If-Match"

Check: TypeAlias = Callable[[Tx], Awaitable[None]]

CHANGING = ("PUT", "DELETE")

_JOINED = "kaquan_joined_transaction"
_KEPT = ("type", "asgi", "http_version", "scheme", "server", "client", "root_path", "path")
_LEFT_OUT = {b"if-match", b"if-none-match", b"accept-encoding", b"content-type", b"content-length"}
_READABLE = "readable_addresses"


class PreconditionFailed(KaquanError):
    """The object is not what the caller's ``If-Match`` names."""

    key = "precondition_failed"


def read_precondition(request: Request[Any, Any, Any]) -> Check | None:
    """Return what checks ``If-Match`` of a request that changes something; None without one.

    Raises PreconditionFailed where nothing can be read that could be compared.
    """
    given = request.headers.get(IF_MATCH)
    if given is None or request.method == "GET":
        return None
    scope = request.scope
    app = request.app
    if request.method not in CHANGING or scope["path_template"] not in _readable(app):
        message = "There is nothing to be read at this address that If-Match could name."
        raise PreconditionFailed(message)

    async def check(tx: Tx) -> None:
        tag = await _read_tag(app, cast("Scope", scope), tx)
        if tag is None or not is_named(tag, given):
            raise changed_meanwhile()

    return check


def changed_meanwhile() -> PreconditionFailed:
    """Return the error for an object that is not, or no longer, as the caller knows it."""
    message = "The object is not, or no longer, what If-Match names; read it again."
    return PreconditionFailed(message)


def joined_transaction(scope: Scope) -> Tx | None:
    """Return the transaction that a request shall read in, when it was sent from within one."""
    return cast("dict[str, Any]", scope).get(_JOINED)


def list_readable(app: Litestar) -> set[str]:
    """The addresses, as the document spells them, whose objects can be named by ``If-Match``."""
    return {
        route.path_format
        for route in app.routes
        if isinstance(route, HTTPRoute) and "GET" in route.methods and "{" in route.path_format
    }


def _readable(app: Litestar) -> set[str]:
    if _READABLE not in app.state:
        app.state[_READABLE] = list_readable(app)
    return app.state[_READABLE]


async def _read_tag(app: Litestar, scope: Scope, tx: Tx) -> str | None:
    """Send the GET request of an address to the application; None when nothing is there."""
    given = cast("dict[str, Any]", scope)
    read = {name: given[name] for name in _KEPT if name in given} | {
        "method": "GET",
        "raw_path": given["path"].encode(),
        "query_string": b"",
        "headers": [one for one in given["headers"] if one[0] not in _LEFT_OUT],
        _JOINED: tx,
    }
    found: dict[bytes, bytes] = {}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            found.update(message["headers"])

    await app(cast("Any", read), receive, send)
    tag = found.get(ETAG.lower().encode())
    return None if tag is None else tag.decode()
