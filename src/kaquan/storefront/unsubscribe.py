"""Withdrawing from messages by the link in one of them."""

from __future__ import annotations

from typing import Any, TypeAlias

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console import database_of, render
from kaquan.outreach import (
    UNSUBSCRIBE_PATH,
    open_unsubscribe_token,
    unsubscribe,
)
from kaquan.runtime import NotFound, get_project, utc_now
from kaquan.storefront.wallet import keep_private, show_dead_link

AnyRequest: TypeAlias = Request[Any, Any, Any]

_PATH = UNSUBSCRIBE_PATH + "{token:str}"


@get(_PATH, include_in_schema=False)
async def ask_to_unsubscribe(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """Ask first: programs that look for danger in mail follow every link by GET (RFC 8058)."""
    return await _answer(request, token, withdraw=False)


@post(_PATH, include_in_schema=False, status_code=200)
async def confirm_unsubscribe(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """Withdraw, for a reader who pressed the button or a mail program that posts for them.

    Mail programs send neither cookies nor a form's token (RFC 8058, 3.1); the signed link is what
    proves that the request is meant, so the route stands outside the check of forms.
    """
    return await _answer(request, token, withdraw=True)


async def _answer(request: AnyRequest, token: str, *, withdraw: bool) -> Response[str]:
    try:
        async with database_of(request).transaction() as tx:
            if withdraw:
                await unsubscribe(tx, token, now=utc_now())
            else:
                await open_unsubscribe_token(tx, token)
            project = await get_project(tx)
    except NotFound:
        return show_dead_link(request)
    request.state.project = project
    return keep_private(render(request, "storefront/unsubscribe.html", done=withdraw))
