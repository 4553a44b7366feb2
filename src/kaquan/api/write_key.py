"""Write keys: who may send to the tracking API, shown as its clients show it."""

import base64
import binascii
from datetime import datetime, timedelta
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from kaquan.api.call import APP_ID, APP_TOKEN
from kaquan.api.credentials import authenticate_request
from kaquan.api.key_scope import check_part, check_scope
from kaquan.api.problems import AnyRequest, Forbidden, Unauthorized
from kaquan.api.rate_limit import limit_requests
from kaquan.runtime import Database, utc_now
from kaquan.trust import Caller, KeyKind, authenticate_bearer

WRITE_KEY = "WriteKey"
"""The name of this way to authenticate in the document."""

REMEMBERED_FOR = timedelta(seconds=5)
MOST_REMEMBERED = 1024


class RecentWriters:
    """Write keys that this process read a moment ago; one that was revoked stops in 5 seconds."""

    def __init__(self) -> None:
        self._callers: dict[str, tuple[Caller, datetime]] = {}

    async def find(self, database: Database, key: str, *, now: datetime) -> Caller | None:
        """Return who shows this write key, which is the token of an API key, or None."""
        caller, read_at = self._callers.get(key, (None, now))
        if caller is not None and timedelta(0) <= now - read_at < REMEMBERED_FOR:
            return caller
        caller = await authenticate_bearer(database, key, now=now)
        self._callers.pop(key, None)
        if caller is not None:
            if len(self._callers) >= MOST_REMEMBERED:
                del self._callers[next(iter(self._callers))]
            self._callers[key] = caller, now
        return caller


async def require_write_key(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Let a request pass that shows a server key of any scope that writes, or the tracking scope.

    The key's token is the write key: the user name of Basic, without a password. A request that
    shows nothing may have it in its body (see ``writer_of``). Raises Unauthorized, Forbidden,
    KeyScopeExceeded, RateExceeded.
    """
    key = _read_write_key(connection.headers.get("Authorization", ""))
    shown = connection.headers.get("Authorization") or connection.headers.get(APP_TOKEN)
    if key:
        caller = await _find_writer(connection, key)
    elif shown:
        caller = await authenticate_request(connection, id_header=APP_ID, token_header=APP_TOKEN)
    elif connection.headers.get("Content-Length", "1") == "0":
        raise Unauthorized("A write key is needed.")
    else:
        connection.scope["auth"] = None
        return
    _check(caller, connection, handler)


async def writer_of(request: AnyRequest, body: dict[str, Any]) -> Caller:
    """Return who sends a request, by what its body says if its headers say nothing."""
    if request.scope["auth"] is None:
        key = body.get("writeKey")
        caller = await _find_writer(request, key if isinstance(key, str) else "")
        _check(caller, request, request.route_handler)
    return cast("Caller", request.scope["auth"])


async def _find_writer(connection: ASGIConnection[Any, Any, Any, Any], key: str) -> Caller:
    now = utc_now()
    recent = cast("RecentWriters", connection.app.state.recent_writers)
    caller = None
    if key and "\x00" not in key:
        caller = await recent.find(connection.app.state.database, key, now=now)
    if caller is None:
        raise Unauthorized("A valid write key is needed: the user name of Basic, or 'writeKey'.")
    limit_requests(connection.scope, caller, now=now)
    return caller


def _check(
    caller: Caller, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    if caller.kind is not KeyKind.SERVER:
        raise Forbidden("This needs a server key, or one that may only track.")
    check_part(caller.scopes, connection.scope["path"])
    check_scope(caller.scope, connection, handler)
    connection.scope["auth"] = caller


def _read_write_key(header: str) -> str:
    """The user name of Basic without a password; a pair is another way to authenticate."""
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        text = base64.b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    user, _, password = text.partition(":")
    return "" if password else user
