"""Signing in by passkey, and one's own passkeys: what the script of both pages talks to."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import MediaType, Request, Response, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.pages.account import ACCOUNT_PATH
from kaquan.console.render import own_path, page_of, redirect
from kaquan.console.session import (
    begin_session,
    database_of,
    home_path,
    page_transaction,
    person_of,
)
from kaquan.runtime import InvalidInput, Settings, utc_now
from kaquan.trust import (
    PasskeyRefused,
    RelyingParty,
    offer_registration,
    offer_sign_in,
    register_passkey,
    remove_passkey,
    sign_in_by_passkey,
)

AnyRequest = Request[Any, Any, Any]


@post("/login/passkey/options", include_in_schema=False)
async def ask_any_authenticator(request: AnyRequest) -> Response[str]:
    """What the browser of a stranger is to ask for."""
    return _json(await offer_sign_in(database_of(request), _site(request), now=utc_now()))


@post("/login/passkey", include_in_schema=False)
async def log_in_by_passkey(request: AnyRequest) -> Response[str]:
    """Open a session for whom the authenticator's answer is of; tells where to go on."""
    try:
        session = await sign_in_by_passkey(
            database_of(request),
            _site(request),
            answer=await request.body(),
            user_agent=request.headers.get("user-agent", ""),
            now=utc_now(),
        )
    except PasskeyRefused as error:
        return _refuse(error)
    wished = own_path(str(request.query_params.get("next", "/")))
    path = home_path(session.user) if wished == "/" else wished
    answer = _json(msgspec.json.encode({"next": path}).decode())
    answer.cookies = begin_session(request, session, path).cookies
    return answer


@post(f"{ACCOUNT_PATH}/passkeys/options", include_in_schema=False)
async def ask_own_authenticator(request: AnyRequest) -> Response[str]:
    """What the browser is to ask a new authenticator for."""
    try:
        async with page_transaction(request) as tx:
            options = await offer_registration(
                tx, person_of(request), _site(request), now=utc_now()
            )
    except InvalidInput as error:
        return _refuse(error)
    return _json(options)


@post(f"{ACCOUNT_PATH}/passkeys", include_in_schema=False)
async def add_passkey(request: AnyRequest) -> Response[str]:
    """Keep a new passkey of one's own."""
    try:
        async with page_transaction(request) as tx:
            await register_passkey(
                tx,
                person_of(request),
                _site(request),
                answer=await request.body(),
                name=str(request.query_params.get("name", "")),
                now=utc_now(),
            )
    except (PasskeyRefused, InvalidInput) as error:
        return _refuse(error)
    return _json(msgspec.json.encode({"next": ACCOUNT_PATH}).decode())


@post(f"{ACCOUNT_PATH}/passkeys/{{passkey_id:str}}/remove", include_in_schema=False)
async def forget_passkey(request: AnyRequest, passkey_id: FromPath[str]) -> Response[str]:
    """Forget a passkey of one's own."""
    async with page_transaction(request) as tx:
        await remove_passkey(tx, person_of(request).id, passkey_id)
    say = translations(page_of(request).language).gettext
    return redirect(ACCOUNT_PATH, notice=say(N_("The passkey is removed.")))


def _site(request: AnyRequest) -> RelyingParty:
    """The site as the reader's browser knows it: passkeys are bound to its name.

    A signature is only made for the page's own site, so a wrong host gets none that holds here.
    """
    settings = cast("Settings", request.app.state.settings)
    public = settings.public_url or ""
    address = public if public.startswith("https:") else str(request.base_url)
    scheme, _, rest = address.partition("://")
    return RelyingParty(f"{scheme}://{rest.partition('/')[0]}")


def _json(text: str) -> Response[str]:
    return Response(
        text, media_type=MediaType.JSON, headers={"Cache-Control": "no-store"}, status_code=200
    )


def _refuse(error: PasskeyRefused | InvalidInput) -> Response[str]:
    return Response(
        error.message, media_type=MediaType.TEXT, status_code=HTTPStatus.UNPROCESSABLE_ENTITY
    )
