"""Who calls and with what: the key pair is checked before anything else of a request is read."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import SkipValidation
from psycopg.errors import SerializationFailure

from kaquan.api.credentials import authenticate_request
from kaquan.api.if_match import (
    Check,
    changed_meanwhile,
    joined_transaction,
    read_precondition,
)
from kaquan.api.key_scope import check_part, check_scope
from kaquan.api.problems import Forbidden
from kaquan.api.request_id import request_id_of
from kaquan.runtime import Database, Tx, utc_now
from kaquan.trust import Caller, KeyKind

APP_ID, APP_TOKEN = "X-App-Id", "X-App-Token"


class Call(msgspec.Struct, frozen=True):
    """One authenticated request: its caller, the database, and the time at which it came.

    ``joined`` is the transaction of the request that sent this one; ``check`` is asked before
    anything is changed.
    """

    caller: Caller
    database: Database
    now: datetime
    request_id: str = ""
    joined: Tx | None = None
    check: Check | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Tx]:
        """Open a transaction of the caller's project; it commits when the block ends.

        What it changes is put down to the caller's key in the audit chain. Raises
        PreconditionFailed where the request names a version of the object that is gone.
        """
        if self.joined is not None:
            yield self.joined
            return
        try:
            async with self.database.transaction(
                self.caller.project_id,
                actor=self.caller.actor,
                request_id=self.request_id,
                serializable=self.check is not None,
            ) as tx:
                if self.check is not None:
                    await self.check(tx)
                yield tx
        except SerializationFailure as error:
            if self.check is None:
                raise
            raise changed_meanwhile() from error


async def require_server_key(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Let a request pass that shows a valid server key, or a token made from one.

    Raises Unauthorized without one, Forbidden for a key of another kind, KeyScopeExceeded for one
    that may not do this.
    """
    caller = await authenticate_request(connection, id_header=APP_ID, token_header=APP_TOKEN)
    if caller.kind is not KeyKind.SERVER:
        raise Forbidden("This needs a server key.")
    check_part(caller.scopes, connection.scope["path"])
    check_scope(caller.scope, connection, handler)
    connection.scope["auth"] = caller


def describe_call(request: Request[Any, Caller, Any]) -> Call:
    """Bundle what a route works with (a dependency)."""
    return Call(
        caller=request.auth,
        database=request.app.state.database,
        now=utc_now(),
        request_id=request_id_of(request.scope),
        joined=joined_transaction(request.scope),
        check=read_precondition(request),
    )


CurrentCall: TypeAlias = NamedDependency[SkipValidation[Call]]
