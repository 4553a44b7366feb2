"""``/v1/oauth``: access tokens made from a server key, by the client credentials grant."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from litestar import Response, Router, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import URLEncodedBody
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.body import StrictBody, read_value
from kaquan.api.call import CurrentCall
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import DRY, PROBLEMS, Dry, Verb
from kaquan.runtime import InvalidInput
from kaquan.trust import (
    create_access_token,
    find_access_token,
    get_app_id,
    revoke_access_token,
)

_GRANT = "client_credentials"
_UNCACHED = {"Cache-Control": "no-store"}

_T = TypeVar("_T")


class TokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """What to make a token for; scopes are separated by spaces."""

    grant_type: Annotated[str, Meta(max_length=100)]
    scope: Annotated[str, Meta(max_length=2_000)]


class NamedTokenForm(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was made before."""

    access_token: Annotated[str, Meta(min_length=1, max_length=1_000)]


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token as shown once; ``expires_at`` is in seconds since 1970, ``expires_in`` in seconds."""

    access_token: str
    client_id: str
    expires_at: int
    expires_in: int
    scope: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a type of token


class IntrospectionView(msgspec.Struct, frozen=True, kw_only=True):
    """What a token stands for; of one that does not work only that is told (RFC 7662)."""

    active: bool
    access_token: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    expires_at: int | UnsetType = UNSET
    expires_in: int | UnsetType = UNSET
    scope: str | UnsetType = UNSET
    token_type: Literal["Bearer"] | UnsetType = UNSET


class FormBody(StrictBody[_T]):
    """Reads a route's ``data`` from a form, as RFC 6749 wants it, every error naming its field."""

    def decode_builtins(self, value: dict[str, Any]) -> Any:
        """Convert the members of the form."""
        for name, member in value.items():
            if isinstance(member, str) and "\x00" in member:
                raise InvalidInput("A text may not contain the NUL character.", field=name)
        connection = cast("AnyRequest", self.asgi_connection)  # pyright: ignore[reportUnknownMemberType]
        return read_value(value, self._kinds[connection.route_handler.handler_id])


def takes_form(
    path: str, summary: str, *, status: int = 200, dry: Dry = Dry.NEVER
) -> Callable[[Verb], HTTPRouteHandler]:
    """A route that takes a form and not JSON."""
    return post(
        path,
        summary=summary,
        status_code=status,
        dto=FormBody,
        return_dto=None,
        opt={DRY: dry},
        responses=PROBLEMS,
    )


def _seconds_until(moment: datetime, *, now: datetime) -> int:
    return max(int((moment - now).total_seconds()), 0)


@takes_form("/token", "Generate OAuth 2.0 token")
async def generate_token(data: URLEncodedBody[TokenForm], call: CurrentCall) -> Response[TokenView]:
    """Make a token that works for 15 minutes in the place of the key that asks, within ``scope``."""
    if data.grant_type != _GRANT:
        message = f"The grant must be {_GRANT}."
        raise InvalidInput(message, field="grant_type", key="unsupported_grant_type")
    async with call.transaction() as tx:
        app_id = await get_app_id(tx, call.caller.key_id)
        issued = await create_access_token(
            tx, call.caller.key_id, scopes=tuple(data.scope.split()), now=call.now
        )
    view = TokenView(
        access_token=issued.token,
        client_id=app_id,
        expires_at=int(issued.expires_at.timestamp()),
        expires_in=_seconds_until(issued.expires_at, now=call.now),
        scope=" ".join(issued.scopes),
    )
    return Response(view, headers=_UNCACHED)


@takes_form("/introspect", "Introspect OAuth 2.0 token", dry=Dry.ALWAYS)
async def introspect_token(
    data: URLEncodedBody[NamedTokenForm], call: CurrentCall
) -> Response[IntrospectionView]:
    """Tell whether a token of the project works, until when, and for what."""
    async with call.transaction() as tx:
        token = await find_access_token(tx, data.access_token, now=call.now)
    if token is None:
        return Response(IntrospectionView(active=False), headers=_UNCACHED)
    view = IntrospectionView(
        active=True,
        access_token=data.access_token,
        client_id=token.app_id,
        expires_at=int(token.expires_at.timestamp()),
        expires_in=_seconds_until(token.expires_at, now=call.now),
        scope=" ".join(token.scopes),
        token_type="Bearer",  # noqa: S106 - a type of token
    )
    return Response(view, headers=_UNCACHED)


@takes_form("/token/revoke", "Revoke OAuth 2.0 token", status=204)
async def revoke_token(data: URLEncodedBody[NamedTokenForm], call: CurrentCall) -> None:
    """Make a token useless at once."""
    async with call.transaction() as tx:
        await revoke_access_token(tx, data.access_token)


def oauth_router() -> Router:
    """Routes of access tokens."""
    return Router(
        path="/oauth",
        route_handlers=[generate_token, introspect_token, revoke_token],
        tags=["OAuth"],
    )
