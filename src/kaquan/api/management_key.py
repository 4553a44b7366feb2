"""Management keys, and the project that a management address names."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from kaquan.api.credentials import authenticate_request
from kaquan.api.key_scope import check_scope
from kaquan.api.problems import Forbidden
from kaquan.runtime import NotFound, Project, Tx, get_project
from kaquan.trust import KeyKind

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
    connection.scope["auth"] = caller


async def get_named_project(tx: Tx, project_id: str) -> Project:
    """Return the project of the key when the address names it; raises NotFound for others."""
    project = await get_project(tx)
    if project.id != project_id:
        raise NotFound("project", project_id)
    return project
