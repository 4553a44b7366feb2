"""What a request shows to say who sends it: a pair of headers, Basic, or a bearer token."""

import base64
import binascii
from typing import Any, cast

from litestar.connection import ASGIConnection

from kaquan.api.problems import Unauthorized
from kaquan.api.rate_limit import limit_requests
from kaquan.api.versions import check_version
from kaquan.runtime import Database, InvalidInput, utc_now
from kaquan.trust import Caller, RecentKeys, authenticate_bearer, authenticate_key

AnyConnection = ASGIConnection[Any, Any, Any, Any]


async def authenticate_request(
    connection: AnyConnection, *, id_header: str, token_header: str
) -> Caller:
    """Return who sends a request, by the pair of headers if it has one of them, else by
    ``Authorization``: Basic with the same pair, or Bearer with an access token or a key's token.

    Raises Unauthorized for nothing valid, RateExceeded beyond the key's limit, InvalidInput for an address that cannot be looked up.
    """
    _refuse_nul(connection)
    check_version(connection.headers)
    headers = connection.headers
    database = cast("Database", connection.app.state.database)
    app_id, token = headers.get(id_header, ""), headers.get(token_header, "")
    caller, now = None, utc_now()
    if not app_id and not token:
        scheme, _, given = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            caller = await authenticate_bearer(database, given.strip(), now=now)
        elif scheme.lower() == "basic":
            app_id, token = _read_basic(given)
    if app_id and token:
        recent = cast("RecentKeys", connection.app.state.recent_keys)
        caller = await authenticate_key(database, app_id, token, now=now, recent=recent)
    if caller is None:
        message = f"{id_header} and {token_header} must be a valid pair, or a bearer token valid."
        raise Unauthorized(message)
    limit_requests(connection.scope, caller, now=now)
    return caller


def _read_basic(given: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(given.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    app_id, _, token = text.partition(":")
    return app_id, token


def _refuse_nul(connection: AnyConnection) -> None:
    """PostgreSQL stores no NUL, so nothing in an address can ever match one."""
    if "\x00" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        message = "The address may not contain the NUL character."
        raise InvalidInput(message, field="", key="invalid_query_params")
