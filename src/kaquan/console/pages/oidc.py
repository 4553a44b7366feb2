"""Signing in by an OpenID Connect provider: to it, and back with its answer."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import Any, cast

import msgspec
import structlog
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException

from kaquan.console.csrf import is_secure
from kaquan.console.language import N_, translations
from kaquan.console.render import own_path, page_of, render
from kaquan.console.session import begin_session, database_of, home_path, provider_name
from kaquan.runtime import Settings, Unavailable, utc_now
from kaquan.trust import (
    Errand,
    IdentityProvider,
    IdentityRefused,
    OidcClient,
    sign_in_by_identity,
)

AnyRequest = Request[Any, Any, Any]

OIDC_PATH = "/login/oidc"
_ERRAND_COOKIE = "kaquan_oidc"
_ERRAND_LASTS_S = 600

_UNAVAILABLE = N_("The sign-in service does not answer. Try again later, or use the password.")
_CALLED_OFF = N_("The sign-in was called off.")
_UNKNOWN = N_(
    "This account opens nothing here. Ask whoever invited you which e-mail address they wrote to."
)
_OUTDATED = N_("This took too long, or was begun in another window. Try again.")

_log = structlog.stdlib.get_logger("kaquan.oidc")


def read_provider(settings: Settings) -> IdentityProvider | None:
    """The provider that the operator has set, if any."""
    if not (settings.oidc_issuer and settings.oidc_client_id and settings.oidc_client_secret):
        return None
    return IdentityProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        name=settings.oidc_name,
    )


@get(OIDC_PATH, include_in_schema=False)
async def go_to_provider(request: AnyRequest) -> Response[str]:
    """Send the browser to the provider, with what its answer must fit."""
    client = _client_of(request)
    try:
        address, errand = await client.begin(
            redirect_uri=_return_address(request),
            next_path=own_path(str(request.query_params.get("next", "/"))),
        )
    except Unavailable as error:
        _log.warning("oidc_unavailable", reason=error.message)
        return _refuse(request, _UNAVAILABLE, HTTPStatus.BAD_GATEWAY)
    response = Response("", status_code=HTTPStatus.SEE_OTHER, headers={"Location": address})
    response.set_cookie(
        _ERRAND_COOKIE,
        base64.urlsafe_b64encode(msgspec.json.encode(errand)).decode(),
        path=OIDC_PATH,
        max_age=_ERRAND_LASTS_S,
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
    )
    return response


@get(f"{OIDC_PATH}/return", include_in_schema=False)
async def come_back(request: AnyRequest) -> Response[str]:
    """Open a session for whom the provider vouches."""
    client = _client_of(request)
    errand = _read_errand(request)
    code, state = (str(request.query_params.get(name, "")) for name in ("code", "state"))
    if errand is None:
        return _refuse(request, _OUTDATED)
    if not code:
        return _refuse(request, _CALLED_OFF)
    try:
        identity = await client.finish(
            errand, state=state, code=code, redirect_uri=_return_address(request), now=utc_now()
        )
        session = await sign_in_by_identity(
            database_of(request),
            identity,
            user_agent=request.headers.get("user-agent", ""),
            now=utc_now(),
        )
    except IdentityRefused as error:
        _log.warning("oidc_refused", reason=error.message)
        return _refuse(request, _UNKNOWN)
    except Unavailable as error:
        _log.warning("oidc_unavailable", reason=error.message)
        return _refuse(request, _UNAVAILABLE, HTTPStatus.BAD_GATEWAY)
    path = own_path(errand.next)
    response = begin_session(request, session, home_path(session.user) if path == "/" else path)
    response.delete_cookie(_ERRAND_COOKIE, path=OIDC_PATH)
    return response


def _client_of(request: AnyRequest) -> OidcClient:
    """The client of the whole process, so that what the provider says of itself is kept."""
    state = request.app.state
    client: OidcClient | None = state.get("oidc")
    if client is None:
        provider = read_provider(cast("Settings", state.settings))
        if provider is None:
            raise NotFoundException
        client = state.oidc = OidcClient(provider)
    return client


def _return_address(request: AnyRequest) -> str:
    settings = cast("Settings", request.app.state.settings)
    site = (settings.public_url or str(request.base_url)).rstrip("/")
    return f"{site}{OIDC_PATH}/return"


def _read_errand(request: AnyRequest) -> Errand | None:
    try:
        text = base64.urlsafe_b64decode(request.cookies.get(_ERRAND_COOKIE, ""))
        return msgspec.json.decode(text, type=Errand)
    except (msgspec.MsgspecError, binascii.Error, ValueError):
        return None


def _refuse(
    request: AnyRequest, text: str, status_code: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY
) -> Response[str]:
    say = translations(page_of(request).language).gettext
    return render(
        request,
        "pages/login.html",
        status_code=status_code,
        refusal=say(text),
        email="",
        next="",
        provider=provider_name(request),
    )
