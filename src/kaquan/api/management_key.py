"""Management keys, and the project that a management address names."""

from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from kaquan.api.credentials import authenticate_request
from kaquan.api.key_scope import check_scope
from kaquan.api.problems import Forbidden
from kaquan.runtime import NotFound, Project, Tx, get_project, is_storable
from kaquan.trust import Caller, KeyKind, find_managed_project

MANAGEMENT_ID, MANAGEMENT_TOKEN = "X-Management-Id", "X-Management-Token"


async def require_management_key(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Let a request pass that shows a valid management key.

    Raises Unauthorized without one, Forbidden for a key of another kind, KeyScopeExceeded for one
    that may not do this.
    """
    caller = await authenticate_request(
        connection, id_header=MANAGEMENT_ID, token_header=MANAGEMENT_TOKEN
    )
    if caller.kind is not KeyKind.MANAGEMENT:
        raise Forbidden("This needs a management key.")
    check_scope(caller.scope, connection, handler)
    connection.scope["auth"] = await _place(connection, caller)


async def _place(connection: ASGIConnection[Any, Any, Any, Any], caller: Caller) -> Caller:
    """Put the caller into the project that the address names, if its own project looks after it."""
    named = connection.path_params.get("project_id")
    if not isinstance(named, str) or not is_storable(named):
        return caller
    async with connection.app.state.database.transaction(caller.project_id) as tx:
        child = await find_managed_project(tx, named)
    if child is None:
        return caller
    return msgspec.structs.replace(caller, project_id=child, home_id=caller.project_id)


async def get_named_project(tx: Tx, project_id: str) -> Project:
    """Return the project of the key when the address names it; raises NotFound for others."""
    project = await get_project(tx)
    if project.id != project_id:
        raise NotFound("project", project_id)
    return project
