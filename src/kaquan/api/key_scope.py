"""What a key may do, by its scope."""

from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from kaquan.api.problems import KeyScopeExceeded
from kaquan.api.routes import CHANGES, DRY, TRACKS, Dry
from kaquan.trust import KeyScope

_EVERYTHING = "*"
_READING = {"GET", "HEAD", "OPTIONS"}


def check_scope(
    scope: KeyScope, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Raise KeyScopeExceeded when the key's scope does not cover this request."""
    method = cast("Request[Any, Any, Any]", connection).method
    changes = method not in _READING or handler.opt.get(CHANGES, False)
    if scope is KeyScope.READ_ONLY and changes:
        raise KeyScopeExceeded("This key may only read.")
    if scope is KeyScope.TRACKING and not handler.opt.get(TRACKS, False):
        raise KeyScopeExceeded("This key may only send events to the tracking API.")
    # What can be a dry run is one with such a key, whether the request says so or not.
    if scope is KeyScope.DRY_RUN and handler.opt.get(DRY, Dry.NEVER) is Dry.NEVER:
        raise KeyScopeExceeded("This key may only do dry runs.")


def check_part(scopes: tuple[str, ...], path: str) -> None:
    """Raise KeyScopeExceeded when none of an access token's scopes covers the address.

    ``/v1/vouchers/…`` is covered by ``vouchers`` and by ``api``; ``/client/v1/redemptions`` by
    ``client_redemptions`` and by ``client_api``. Only ``api`` covers what is our own.
    """
    client, _, rest = path.partition("/v1/")
    part = rest.partition("/")[0]
    wanted = {f"client_{part}", "client_api"} if client == "/client" else {part, "api"}
    if _EVERYTHING not in scopes and wanted.isdisjoint(scopes):
        raise KeyScopeExceeded("The token's scope does not cover this.")
