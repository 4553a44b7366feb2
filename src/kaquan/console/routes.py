"""Routes that every page needs: the reader's language and theme, and the routers pages stand in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, Router, post
from litestar.types import ControllerRouterHandler

from kaquan.console.csrf import check_csrf
from kaquan.console.language import find_language
from kaquan.console.page import find_theme
from kaquan.console.render import (
    LANGUAGE_COOKIE,
    PAGE_EXCEPTION_HANDLERS,
    SECURITY_HEADERS,
    THEME_COOKIE,
    redirect,
)

_YEAR_S = 365 * 24 * 3600


@post("/preferences", include_in_schema=False)
async def save_preferences(request: Request[Any, Any, Any]) -> Response[str]:
    """Keep the chosen language or theme in a cookie and go back to where the choice was made."""
    form = await request.form()
    response = redirect(str(form.get("next", "/")))
    if language := find_language(str(form.get("language", ""))):
        _remember(response, LANGUAGE_COOKIE, language.value)
    if theme := find_theme(str(form.get("theme", ""))):
        _remember(response, THEME_COOKIE, theme.value)
    return response


def _remember(response: Response[str], cookie: str, value: str) -> None:
    response.set_cookie(cookie, value, max_age=_YEAR_S, samesite="lax")


def page_router(path: str, *, route_handlers: Sequence[ControllerRouterHandler]) -> Router:
    """A router for pages: forms are checked, answers carry the headers, errors are pages."""
    return Router(
        path=path,
        route_handlers=route_handlers,
        before_request=check_csrf,
        after_request=add_security_headers,
        exception_handlers=PAGE_EXCEPTION_HANDLERS,
        include_in_schema=False,
    )


async def add_security_headers(response: Response[Any]) -> Response[Any]:
    """Give an answer the security headers that it does not have yet."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
