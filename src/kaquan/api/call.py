"""Who calls and with what: the key pair is checked before anything else of a request is read."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, TypeAlias, cast

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation

from kaquan.api.problems import Forbidden, Unauthorized
from kaquan.runtime import Database, InvalidInput, Tx, utc_now
from kaquan.trust import Caller, KeyKind, RecentKeys, authenticate_key

APP_ID, APP_TOKEN = "X-App-Id", "X-App-Token"


class Call(msgspec.Struct, frozen=True):
    """One authenticated request: its caller, the database, and the time at which it came."""

    caller: Caller
    database: Database
    now: datetime

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Open a transaction of the caller's project; it commits when the block ends."""
        return self.database.transaction(self.caller.project_id)


async def require_server_key(
    connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
) -> None:
    """Let a request pass that shows a valid server key.

    Raises Unauthorized without one, Forbidden for a key of another kind.
    """
    _refuse_nul(connection)
    app_id = connection.headers.get(APP_ID, "")
    token = connection.headers.get(APP_TOKEN, "")
    database = cast("Database", connection.app.state.database)
    caller = None
    if app_id and token:
        recent = cast("RecentKeys", connection.app.state.recent_keys)
        caller = await authenticate_key(database, app_id, token, now=utc_now(), recent=recent)
    if caller is None:
        message = f"{APP_ID} and {APP_TOKEN} must be a valid pair."
        raise Unauthorized(message)
    if caller.kind is not KeyKind.SERVER:
        raise Forbidden("This needs a server key.")
    connection.scope["auth"] = caller


def _refuse_nul(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """PostgreSQL stores no NUL, so nothing in an address can ever match one."""
    if "\x00" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        message = "The address may not contain the NUL character."
        raise InvalidInput(message, field="", key="invalid_query_params")


def describe_call(request: Request[Any, Caller, Any]) -> Call:
    """Bundle what a route works with (a dependency)."""
    return Call(caller=request.auth, database=request.app.state.database, now=utc_now())


CurrentCall: TypeAlias = NamedDependency[SkipValidation[Call]]
