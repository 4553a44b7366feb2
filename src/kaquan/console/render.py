"""Answers with pages: templates, redirects with a word to the reader, and the errors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

import psycopg
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException

from kaquan.console.csrf import VISIT_COOKIE, FormExpired, is_secure, request_token
from kaquan.console.download import find_download
from kaquan.console.environment import environment
from kaquan.console.language import N_, Language, choose_language
from kaquan.console.page import PageView, Theme, find_theme, rendering
from kaquan.runtime import KaquanError, NotFound, Project, Unavailable
from kaquan.trust import User

LANGUAGE_COOKIE = "kq_lang"
THEME_COOKIE = "kq_theme"
NOTICE_COOKIE = "kq_notice"
LOGIN_PATH = "/login"

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=()",
}
_PAGE_HEADERS = {
    **SECURITY_HEADERS,
    "Cache-Control": "private, no-cache",
    "Vary": "Cookie, Accept-Language",
}

_log = logging.getLogger(__name__)
AnyRequest = Request[Any, Any, Any]


def render(
    request: AnyRequest,
    template: str,
    *,
    status_code: int = 200,
    **context: Any,
) -> Response[str]:
    """A template as the answer, in the reader's language and theme, with the security headers.

    Templates see `page()` (the `PageView`) and what is given here as `context`. A request for one
    of the charts or sheets in it as a file is answered with that (`download.py`).
    """
    page = page_of(request)
    wanted = find_download(page, context)
    if wanted is not None:
        return cast("Response[str]", wanted)
    with rendering(page):
        content = environment(page.language).get_template(template).render(context)
    response = Response(
        content, media_type=MediaType.HTML, status_code=status_code, headers=_PAGE_HEADERS
    )
    _set_cookies(request, response, page=page)
    return response


def page_of(request: AnyRequest) -> PageView:
    """What the page will know about this request.

    Whoever authenticates puts a `Project` on `request.state.project` and a `User` on
    `request.state.person`; what is not there is None.
    """
    state = request.scope["state"]
    project = cast("Project | None", state.get("project"))
    person = cast("User | None", state.get("person"))
    return PageView(
        language=choose_language(
            chosen=request.cookies.get(LANGUAGE_COOKIE) or (person.language if person else None),
            accepted=request.headers.get("accept-language", ""),
            fallback=Language(project.language) if project else Language.ZH,
        ),
        theme=find_theme(request.cookies.get(THEME_COOKIE, "")) or Theme.AUTO,
        path=request.url.path,
        query=tuple((name, value) for name, value in request.query_params.multi_items() if value),
        csrf_token=request_token(request),
        notice=unquote(request.cookies.get(NOTICE_COOKIE, "")),
        project=project,
        person=person,
    )


def _set_cookies(request: AnyRequest, response: Response[str], *, page: PageView) -> None:
    visit = request.scope["state"].get("new_visit")
    if isinstance(visit, str):
        response.set_cookie(
            VISIT_COOKIE, visit, httponly=True, secure=is_secure(request), samesite="lax"
        )
    if page.notice:
        response.delete_cookie(NOTICE_COOKIE)


def redirect(path: str, *, notice: str = "") -> Response[str]:
    """Send the browser to a page of ours; `notice` is shown there once, already in its language."""
    response = Response(
        "",
        media_type=MediaType.TEXT,
        status_code=HTTPStatus.SEE_OTHER,
        headers={**SECURITY_HEADERS, "Location": own_path(path), "Cache-Control": "no-store"},
    )
    if notice:
        response.set_cookie(NOTICE_COOKIE, quote(notice), max_age=60, httponly=True, samesite="lax")
    return response


def own_path(path: str) -> str:
    """`path` if it stays on this site, else `/`: never an open redirect."""
    parts = urlsplit(path)
    inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    clean = inside and not parts.scheme and not parts.netloc and path.isprintable()
    return path if clean else "/"


_ERRORS = {
    HTTPStatus.BAD_REQUEST: (
        N_("This request could not be read"),
        N_("Something in the address or the form is not as it should be. Go back and try again."),
    ),
    HTTPStatus.FORBIDDEN: (
        N_("You may not see this page"),
        N_("Your role does not include it. Ask the owner of the project for access."),
    ),
    HTTPStatus.NOT_FOUND: (
        N_("There is nothing here"),
        N_("The address may be mistyped, or what stood here has been removed."),
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (
        N_("Too many tries"),
        N_("Wait a minute, then try again."),
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        N_("Something went wrong on our side"),
        N_("Nothing was changed. Try again; if it stays, tell whoever runs this system."),
    ),
}


def render_error(request: AnyRequest, status_code: int, *, detail: str = "") -> Response[str]:
    """The error page for a status; `detail` is a catalogue key that says more than the usual."""
    known = HTTPStatus(status_code)
    if known not in _ERRORS:
        known = HTTPStatus.INTERNAL_SERVER_ERROR if known >= 500 else HTTPStatus.BAD_REQUEST
    title, text = _ERRORS[known]
    return render(
        request,
        "pages/error.html",
        status_code=status_code,
        status=status_code,
        title=title,
        text=detail or text,
    )


def _on_http_error(request: AnyRequest, error: HTTPException) -> Response[str]:
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        return to_login(request)
    detail = error.detail if isinstance(error, FormExpired) else ""
    return render_error(request, error.status_code, detail=detail)


def _on_crash(request: AnyRequest, error: Exception) -> Response[str]:
    _log.error("page failed", exc_info=error, extra={"path": request.url.path})
    return render_error(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def to_login(request: AnyRequest) -> Response[str]:
    """The way to the login page and back; an HTMX request is told to leave its page too."""
    if request.headers.get("hx-request") == "true":
        return Response(
            "",
            media_type=MediaType.TEXT,
            headers={**SECURITY_HEADERS, "HX-Redirect": LOGIN_PATH},
        )
    query = request.url.query
    here = request.url.path + (f"?{query}" if query else "")
    return redirect(f"{LOGIN_PATH}?next={quote(here)}")


def _on_refusal(request: AnyRequest, error: KaquanError) -> Response[str]:
    if isinstance(error, Unavailable):
        return _on_crash(request, error)
    missing = isinstance(error, NotFound)
    return render_error(request, HTTPStatus.NOT_FOUND if missing else HTTPStatus.BAD_REQUEST)


def _on_unstorable_value(request: AnyRequest, _: psycopg.DataError) -> Response[str]:
    return render_error(request, HTTPStatus.BAD_REQUEST)


PAGE_EXCEPTION_HANDLERS: dict[int | type[Exception], Callable[[AnyRequest, Any], Response[str]]] = {
    HTTPException: _on_http_error,
    KaquanError: _on_refusal,
    psycopg.DataError: _on_unstorable_value,
    Exception: _on_crash,
}
