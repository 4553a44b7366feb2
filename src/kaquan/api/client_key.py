"""Public keys: who may use them, from where, and what browsers are told about it."""

from typing import Any, Literal, cast

from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.types import Message, Scope

from kaquan.api.credentials import authenticate_request
from kaquan.api.key_scope import check_part, check_scope
from kaquan.api.problems import AnyRequest, Forbidden
from kaquan.trust import ClientAccess, KeyKind, get_client_access, is_trusted

CLIENT_ID, CLIENT_TOKEN = "X-Client-Application-Id", "X-Client-Token"

PREFIX = "/client/v1/"
_ACCESS = "kaquan_client_access"
_ALLOWED = (
    f"{CLIENT_ID}, {CLIENT_TOKEN}, Authorization, Content-Type, Idempotency-Key, X-Request-Id,"
    " X-Voucherify-Channel, X-Voucherify-Double-Opt-In"
)
_KEPT_S = 600

Right = Literal["redeem", "publish", "create_customer", "list_vouchers"]
_SWITCHES: dict[Right, str] = {
    "redeem": "client_redeem_enabled",
    "publish": "client_publish_enabled",
    "create_customer": "client_create_customer_enabled",
    "list_vouchers": "client_list_vouchers_enabled",
}


async def require_client_key(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Let a request pass that shows a public key, or a token with a client scope, from a site
    that the project trusts.

    Raises Unauthorized without one, Forbidden for a key of another kind or another site.
    """
    # Browsers ask beforehand what they may send, without showing a key.
    if cast("AnyRequest", connection).method == "OPTIONS":
        return
    caller = await authenticate_request(connection, id_header=CLIENT_ID, token_header=CLIENT_TOKEN)
    is_token = caller.kind is KeyKind.SERVER and "*" not in caller.scopes
    if caller.kind is not KeyKind.CLIENT and not is_token:
        raise Forbidden("This needs a client-side key.")
    check_part(caller.scopes, connection.scope["path"])
    check_scope(caller.scope, connection, handler)
    async with connection.app.state.database.transaction(caller.project_id) as tx:
        access = await get_client_access(tx)
    # What a browser says in the header cannot be overruled by the address.
    origin = connection.headers.get("Origin") or connection.query_params.get("origin", "")
    if not is_trusted(access, origin):
        message = "The project does not trust this origin; see client_trusted_domains."
        raise Forbidden(message)
    connection.scope["auth"] = caller
    connection.scope["state"][_ACCESS] = access


def demand_right(request: AnyRequest, right: Right) -> None:
    """Raise Forbidden unless the project lets public keys do this."""
    access: ClientAccess = request.scope["state"][_ACCESS]
    if not getattr(access, right):
        message = f"The project does not allow this with public keys; see {_SWITCHES[right]}."
        raise Forbidden(message)


def may_name_customers(request: AnyRequest) -> bool:
    """Say whether what is told about a customer may be written."""
    access: ClientAccess = request.scope["state"][_ACCESS]
    return access.create_customer


async def tell_browsers(message: Message, scope: Scope) -> None:
    """Let scripts of any site read the answer of the client-side API (a hook before sending).

    Keys travel in headers of their own and no cookie is looked at, so whether a site is trusted
    is decided by its requests, not by what it may read.
    """
    if message["type"] != "http.response.start" or not scope["path"].startswith(PREFIX):
        return
    headers = MutableScopeHeaders(message)
    origin = next((value for name, value in scope["headers"] if name == b"origin"), b"*")
    headers["Access-Control-Allow-Origin"] = origin.decode("latin-1")
    headers.extend_header_value("Vary", "Origin")
    headers["Access-Control-Expose-Headers"] = "X-Request-Id, Retry-After, Idempotency-Replayed"
    if scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, OPTIONS"
        headers["Access-Control-Allow-Headers"] = _ALLOWED
        headers["Access-Control-Max-Age"] = str(_KEPT_S)
