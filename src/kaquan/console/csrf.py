"""Forms that only our own pages can send.

Double submit (OWASP Cross-Site Request Forgery Prevention): each page carries a token derived from
the reader's secret session cookie, or before login from a visit cookie, and every request that
changes something must send it back, in the field `csrf_token` or the header `X-CSRF-Token`. Other
sites can neither read the cookie nor the page. The token stays the same for a session, so unchanged
pages keep their ETag; the cookie's SameSite attribute keeps other sites from probing compressed
answers for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any, cast

from litestar import Request
from litestar.exceptions import PermissionDeniedException

from kaquan.console.language import N_
from kaquan.runtime import Settings

SESSION_COOKIE = "kq_session"
VISIT_COOKIE = "kq_visit"
TOKEN_FIELD = "csrf_token"  # noqa: S105 - a name
TOKEN_HEADER = "x-csrf-token"  # noqa: S105 - a name

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_FORM_TYPES = {"application/x-www-form-urlencoded", "multipart/form-data"}

AnyRequest = Request[Any, Any, Any]


class FormExpired(PermissionDeniedException):
    """A change came without the token of its own session or visit; `detail` is a catalogue key."""

    detail = N_("This page was open for too long. Load it again and repeat.")


def csrf_token(session: str) -> str:
    """The token of a session or visit: HMAC-SHA256 under it, cut to 144 bits, URL-safe base 64."""
    digest = hmac.digest(session.encode(), b"csrf", hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:18]).decode()


async def check_csrf(request: AnyRequest) -> None:
    """A `before_request` hook that refuses forged changes.

    Raises:
        FormExpired: a change came without the token of its own session or visit.
    """
    if request.method not in _SAFE_METHODS:
        session = _session_of(request)
        expected = csrf_token(session) if session else ""
        sent = await _sent_token(request)
        if not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
            raise FormExpired(detail=FormExpired.detail)


def request_token(request: AnyRequest) -> str:
    """The token for the forms of this request's page.

    A stranger without a visit cookie begins a visit: its secret is left on `state.new_visit`, and
    whoever answers has to set the cookie.
    """
    session = _session_of(request) or cast("str", request.scope["state"].get("new_visit", ""))
    if not session:
        session = secrets.token_urlsafe(16)
        request.state.new_visit = session
    return csrf_token(session)


def is_secure(request: AnyRequest) -> bool:
    """Whether cookies may be held back from plain HTTP: this request, or the public address, is
    HTTPS (behind a proxy that ends TLS, the request itself never is).
    """
    settings = cast("Settings | None", request.app.state.get("settings"))
    public = (settings.public_url or "") if settings else ""
    return request.url.scheme == "https" or public.startswith("https:")


def _session_of(request: AnyRequest) -> str | None:
    return request.cookies.get(SESSION_COOKIE) or request.cookies.get(VISIT_COOKIE)


async def _sent_token(request: AnyRequest) -> str:
    header = request.headers.get(TOKEN_HEADER)
    if header is not None:
        return header
    if request.content_type[0] not in _FORM_TYPES:
        return ""
    field = (await request.form()).get(TOKEN_FIELD)
    return field if isinstance(field, str) else ""
