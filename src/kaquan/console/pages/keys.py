"""Settings, API keys: which programs get in, what they may do, and when they last did."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.pages.words_of_access import KINDS, SCOPES, key_badge
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_transaction, read_form
from kaquan.runtime import InvalidInput, utc_now
from kaquan.trust import (
    SCOPES_OF,
    IssuedKey,
    KeyKind,
    KeyScope,
    change_api_key,
    get_api_key,
    list_api_keys,
    order_api_key,
    revoke_api_key,
    rotate_api_key,
)

KEYS_PATH = "/console/settings/keys"
OVERLAPS = {
    "0": timedelta(0),
    "1": timedelta(hours=1),
    "24": timedelta(days=1),
    "168": timedelta(days=7),
}

AnyRequest = Request[Any, Any, Any]


@get(KEYS_PATH, include_in_schema=False)
async def show_keys(request: AnyRequest) -> Response[str]:
    """The keys that work, the newest first."""
    return await _show(request)


@post(KEYS_PATH, include_in_schema=False)
async def create_key(request: AnyRequest) -> Response[str]:
    """Create a key and show its token, this once."""
    given = await read_form(request, "name", "access", "limit")
    try:
        kind, _, scope = given["access"].partition("/")
        if (kind, scope) not in _ACCESS:
            raise InvalidInput(N_("Choose what the key is for."), field="access")
        async with page_transaction(request) as tx:
            fresh = await order_api_key(
                tx,
                KeyKind(kind),
                name=given["name"],
                scope=KeyScope(scope),
                requests_per_minute=_read_limit(given["limit"]),
                now=utc_now(),
            )
    except InvalidInput as error:
        return await _show(request, errors=_explain(request, error), given=given)
    return await _show(request, fresh=fresh)


@get(f"{KEYS_PATH}/{{key_id:str}}", include_in_schema=False)
async def show_key(request: AnyRequest, key_id: FromPath[str]) -> Response[str]:
    """One key: name and limit, replacing it, revoking it."""
    return await _show_key(request, key_id)


@post(f"{KEYS_PATH}/{{key_id:str}}", include_in_schema=False)
async def save_key(request: AnyRequest, key_id: FromPath[str]) -> Response[str]:
    """Name and limit a key."""
    given = await read_form(request, "name", "limit")
    try:
        async with page_transaction(request) as tx:
            await change_api_key(
                tx, key_id, name=given["name"], requests_per_minute=_read_limit(given["limit"])
            )
    except InvalidInput as error:
        return await _show_key(request, key_id, errors=_explain(request, error), given=given)
    return redirect(KEYS_PATH, notice=_say(request, N_("Saved.")))


@post(f"{KEYS_PATH}/{{key_id:str}}/rotate", include_in_schema=False)
async def rotate_key(request: AnyRequest, key_id: FromPath[str]) -> Response[str]:
    """Make a key's successor and show its token, this once; both work during the overlap."""
    given = await read_form(request, "overlap")
    try:
        if given["overlap"] not in OVERLAPS:
            raise InvalidInput(N_("Choose how long both keys work."), field="overlap")
        overlap = OVERLAPS[given["overlap"]]
        async with page_transaction(request) as tx:
            fresh = await rotate_api_key(tx, key_id, overlap=overlap, now=utc_now())
    except InvalidInput as error:
        return await _show_key(request, key_id, errors=_explain(request, error))
    return await _show(request, fresh=fresh)


@post(f"{KEYS_PATH}/{{key_id:str}}/revoke", include_in_schema=False)
async def revoke_key(request: AnyRequest, key_id: FromPath[str]) -> Response[str]:
    """Let a key open nothing any more."""
    async with page_transaction(request) as tx:
        await revoke_api_key(tx, key_id, now=utc_now())
    return redirect(KEYS_PATH, notice=_say(request, N_("The key is revoked.")))


_ACCESS = {
    (kind.value, scope.value): (KINDS[kind], SCOPES[scope])
    for kind, scopes in SCOPES_OF.items()
    for scope in scopes
}


def _read_limit(text: str) -> int | None:
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1


async def _show(
    request: AnyRequest,
    *,
    errors: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
    fresh: IssuedKey | None = None,
) -> Response[str]:
    now = utc_now()
    async with page_transaction(request) as tx:
        keys = await list_api_keys(tx, now=now)
    say = translations(page_of(request).language).gettext
    access = [
        (f"{kind}/{scope}", f"{say(a)}: {say(b)}") for (kind, scope), (a, b) in _ACCESS.items()
    ]
    response = render(
        request,
        "pages/keys.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        rows=[(key, key_badge(key, now=now)) for key in keys],
        kinds=KINDS,
        scopes=SCOPES,
        access=access,
        errors=errors or {},
        given=given or {"name": "", "access": "server/server", "limit": ""},
        fresh=fresh,
    )
    if fresh is not None:
        response.headers["Cache-Control"] = "no-store"
    return response


async def _show_key(
    request: AnyRequest,
    key_id: str,
    *,
    errors: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
) -> Response[str]:
    now = utc_now()
    async with page_transaction(request) as tx:
        key = await get_api_key(tx, key_id)
    known = {
        "name": key.name,
        "limit": "" if key.requests_per_minute is None else str(key.requests_per_minute),
    }
    return render(
        request,
        "pages/key.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        key=key,
        badge=key_badge(key, now=now),
        live=key.is_live(now),
        kinds=KINDS,
        scopes=SCOPES,
        errors=errors or {},
        given=given or known,
    )


def _explain(request: AnyRequest, error: InvalidInput) -> dict[str, str]:
    field = {"requests_per_minute": "limit", "key_id": "overlap"}.get(error.field, error.field)
    return {field: _say(request, error.message)}


def _say(request: AnyRequest, text: str) -> str:
    return translations(page_of(request).language).gettext(text)
