"""My account: password, sessions, and the projects that one belongs to."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import (
    begin_session,
    database_of,
    home_path,
    page_transaction,
    person_of,
    read_form,
    session_token,
)
from kaquan.runtime import InvalidInput, Project, Tx, get_project, set_project, utc_now
from kaquan.trust import (
    SignInRefused,
    TooManyGuesses,
    User,
    change_password,
    end_session,
    end_sessions,
    list_memberships,
    list_passkeys,
    list_sessions,
    switch_project,
)

ACCOUNT_PATH = "/console/account"

_TOO_MANY = N_("Too many wrong passwords. Wait a quarter of an hour, then try again.")

# Browsers name their ancestors too, so the youngest comes first.
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)

AnyRequest = Request[Any, Any, Any]


@get(ACCOUNT_PATH, include_in_schema=False)
async def show_account(request: AnyRequest) -> Response[str]:
    """Who one is here, and from where one is signed in."""
    return await _show(request)


@post(f"{ACCOUNT_PATH}/password", include_in_schema=False)
async def save_password(request: AnyRequest) -> Response[str]:
    """Change the password; sessions elsewhere end."""
    given = await read_form(request, "old_password", "password")
    try:
        await change_password(
            database_of(request),
            person_of(request),
            given["old_password"],
            given["password"],
            token=session_token(request),
            now=utc_now(),
        )
    except SignInRefused as error:
        return await _show(request, errors={"old_password": _say(request, error.message)})
    except TooManyGuesses:
        return await _show(request, errors={"old_password": _say(request, _TOO_MANY)})
    except InvalidInput as error:
        return await _show(request, errors={"password": _say(request, error.message)})
    words = N_("The password is changed. You are signed out everywhere else.")
    return redirect(ACCOUNT_PATH, notice=_say(request, words))


@post(f"{ACCOUNT_PATH}/sessions/{{session_id:str}}/end", include_in_schema=False)
async def end_one_session(request: AnyRequest, session_id: FromPath[str]) -> Response[str]:
    """End one of one's own sessions."""
    async with page_transaction(request) as tx:
        await end_session(tx, person_of(request).id, session_id)
    return redirect(ACCOUNT_PATH, notice=_say(request, N_("The session ended.")))


@post(f"{ACCOUNT_PATH}/sessions/end", include_in_schema=False)
async def end_other_sessions(request: AnyRequest) -> Response[str]:
    """End all of one's own sessions but this one."""
    async with page_transaction(request) as tx:
        await end_sessions(tx, person_of(request).id, but=session_token(request))
    return redirect(ACCOUNT_PATH, notice=_say(request, N_("You are signed out everywhere else.")))


@post(f"{ACCOUNT_PATH}/projects/{{number:int}}", include_in_schema=False)
async def go_to_project(request: AnyRequest, number: FromPath[int]) -> Response[str]:
    """Go on in another project that one belongs to."""
    session = await switch_project(
        database_of(request),
        person_of(request),
        number,
        user_agent=request.headers.get("user-agent", ""),
        now=utc_now(),
    )
    return begin_session(request, session, home_path(session.user))


async def _show(request: AnyRequest, *, errors: dict[str, str] | None = None) -> Response[str]:
    person = person_of(request)
    async with page_transaction(request) as tx:
        sessions = await list_sessions(tx, person.id, token=session_token(request), now=utc_now())
        passkeys = await list_passkeys(tx, person.id)
        projects = await _other_projects(tx, person)
    return render(
        request,
        "pages/account.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        sessions=sessions,
        projects=projects,
        passkeys=passkeys,
        device=name_device,
        errors=errors or {},
    )


def name_device(user_agent: str) -> str:
    """Browser and system as their owner knows them; '' when the header tells neither."""
    known = (_named(user_agent, _BROWSERS), _named(user_agent, _SYSTEMS))
    return " · ".join(name for name in known if name)


def _named(user_agent: str, names: tuple[tuple[str, str], ...]) -> str:
    return next((name for sign, name in names if sign in user_agent), "")


async def _other_projects(tx: Tx, person: User) -> list[Project]:
    found: list[Project] = []
    for one in await list_memberships(tx, person):
        if one.project_id != person.project_id:
            await set_project(tx, one.project_id)
            found.append(await get_project(tx))
    return found


def _say(request: AnyRequest, text: str) -> str:
    return translations(page_of(request).language).gettext(text)
