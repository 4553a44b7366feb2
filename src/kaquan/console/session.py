"""Signing in and out, and what a page asks of the person who looks at it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from typing import Any, TypeAlias, cast

from litestar import Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from kaquan.console.csrf import SESSION_COOKIE, is_secure
from kaquan.console.language import N_, translations
from kaquan.console.render import LOGIN_PATH, own_path, page_of, redirect, render
from kaquan.runtime import Database, Project, Settings, Tx, get_project, utc_now
from kaquan.trust import (
    Ability,
    SignedIn,
    SignInRefused,
    TooManyGuesses,
    User,
    session_user,
    sign_in,
    sign_out,
)

AnyRequest: TypeAlias = Request[Any, Any, Any]
AnyConnection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
PageGuard: TypeAlias = Callable[[AnyConnection, BaseRouteHandler], Coroutine[Any, Any, None]]

HOME_PATH = "/console"
STAFF_PATH = "/staff"

_WRONG_PAIR = N_("This e-mail address and password do not go together.")
_TOO_MANY = N_("Too many wrong passwords. Wait a quarter of an hour, then try again.")


def signed_in(ability: Ability | None) -> PageGuard:
    """A guard for pages: puts `Project` on `state.project` and `User` on `state.person`.

    Strangers are sent to the login page and back; people whose role does not include `ability`
    get the 403 page. None is for pages of everybody who is signed in.
    """

    async def require_person(connection: AnyConnection, _: BaseRouteHandler) -> None:
        person = await _find_person(connection)
        if person is None:
            raise NotAuthorizedException
        async with database_of(connection).transaction(person.project_id) as tx:
            connection.state.project = await get_project(tx)
        connection.state.person = person
        if ability is not None and not person.may(ability):
            raise PermissionDeniedException

    return require_person


def database_of(connection: AnyConnection) -> Database:
    """The application's database."""
    return cast("Database", connection.app.state.database)


def person_of(connection: AnyConnection) -> User:
    """Who looks at a page behind `signed_in`."""
    return cast("User", connection.state.person)


def project_of(connection: AnyConnection) -> Project:
    """The project of a page behind `signed_in`."""
    return cast("Project", connection.state.project)


def page_transaction(connection: AnyConnection) -> AbstractAsyncContextManager[Tx]:
    """A transaction of the signed-in person's project; what it changes is put down to them."""
    return database_of(connection).transaction(
        project_of(connection).project_id, actor=person_of(connection).actor
    )


def page_snapshot(connection: AnyConnection) -> AbstractAsyncContextManager[Tx]:
    """A read-only transaction of the signed-in person's project: all queries see one moment."""
    return database_of(connection).snapshot(project_of(connection).project_id)


def home_path(person: User) -> str:
    """Where this person's work begins: the console, or the till for those who only redeem."""
    return HOME_PATH if person.may(Ability.READ) else STAFF_PATH


@get("/", include_in_schema=False)
async def start(request: AnyRequest) -> Response[str]:
    """Lead to where the person's work begins, or to the login page."""
    person = await _find_person(request)
    return redirect(LOGIN_PATH if person is None else home_path(person))


@get(LOGIN_PATH, include_in_schema=False)
async def show_login(request: AnyRequest) -> Response[str]:
    """The login form; whoever is signed in already goes on to where they wanted."""
    wished = str(request.query_params.get("next", ""))
    person = await _find_person(request)
    if person is not None:
        return redirect(_way_on(person, wished))
    return render(
        request,
        "pages/login.html",
        refusal="",
        email="",
        next=wished,
        provider=provider_name(request),
    )


@post(LOGIN_PATH, include_in_schema=False)
async def log_in(request: AnyRequest) -> Response[str]:
    """Open a session and go on to where the person wanted, if that is a page of ours."""
    form = await request.form()
    email, password, wished = (_field(form.get(name)) for name in ("email", "password", "next"))
    try:
        session = await sign_in(
            database_of(request),
            email,
            password,
            user_agent=request.headers.get("user-agent", ""),
            now=utc_now(),
        )
    except (SignInRefused, TooManyGuesses) as error:
        throttled = isinstance(error, TooManyGuesses)
        say = translations(page_of(request).language).gettext
        return render(
            request,
            "pages/login.html",
            status_code=HTTPStatus.TOO_MANY_REQUESTS
            if throttled
            else HTTPStatus.UNPROCESSABLE_ENTITY,
            refusal=say(_TOO_MANY if throttled else _WRONG_PAIR),
            email=email,
            next=wished,
            provider=provider_name(request),
        )
    return begin_session(request, session, _way_on(session.user, wished))


def provider_name(connection: AnyConnection) -> str:
    """What the OpenID Connect provider is called that people may sign in by; '' without one."""
    settings = cast("Settings", connection.app.state.settings)
    return settings.oidc_name if settings.oidc_issuer else ""


def begin_session(request: AnyRequest, session: SignedIn, path: str) -> Response[str]:
    """Lead to a page of ours with the cookie of a fresh session."""
    response = redirect(path)
    response.set_cookie(
        SESSION_COOKIE,
        session.token,
        max_age=int((session.expires_at - utc_now()).total_seconds()),
        httponly=True,
        secure=is_secure(request),
        samesite="lax",
    )
    return response


@post("/logout", include_in_schema=False)
async def log_out(request: AnyRequest) -> Response[str]:
    """End the session and show the login page."""
    person = await _find_person(request)
    if person is not None:
        await sign_out(database_of(request), person, request.cookies[SESSION_COOKIE])
    response = redirect(LOGIN_PATH)
    response.delete_cookie(SESSION_COOKIE)
    return response


async def _find_person(connection: AnyConnection) -> User | None:
    token = connection.cookies.get(SESSION_COOKIE)
    if not token:
        return None
    return await session_user(database_of(connection), token, now=utc_now())


def _way_on(person: User, wished: str) -> str:
    path = own_path(wished)
    return home_path(person) if path in {"/", LOGIN_PATH} else path


async def read_form(request: AnyRequest, *names: str) -> dict[str, str]:
    """The named fields of a posted form as text without surrounding blanks; '' for what is missing.

    Passwords keep their blanks.
    """
    form = await request.form()
    given = {name: _field(form.get(name)) for name in names}
    return {name: text if "password" in name else text.strip() for name, text in given.items()}


def session_token(request: AnyRequest) -> str:
    """The token of the session that the request came with."""
    return request.cookies.get(SESSION_COOKIE, "")


def _field(value: object) -> str:
    return value if isinstance(value, str) else ""
