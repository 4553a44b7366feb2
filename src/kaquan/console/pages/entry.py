"""Ways in without a session: invitations, and new passwords by a link."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.render import LOGIN_PATH, page_of, redirect, render
from kaquan.console.session import begin_session, database_of, home_path, read_form
from kaquan.outreach import INVITATION_PATH, RESET_PATH, deliver_ticket, mail_server
from kaquan.runtime import InvalidInput, Project, Settings, get_project, set_project, utc_now
from kaquan.trust import (
    SignInRefused,
    Ticket,
    TicketRefused,
    TooManyGuesses,
    User,
    accept_invitation,
    find_account,
    finish_reset,
    open_ticket,
    request_reset,
)

_TOO_MANY = N_("Too many wrong passwords. Wait a quarter of an hour, then try again.")

AnyRequest = Request[Any, Any, Any]


@get(f"{INVITATION_PATH}{{token:str}}", include_in_schema=False)
async def show_invitation(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """What one is invited to, and the form to accept it."""
    return await _show_invitation(request, token)


@post(f"{INVITATION_PATH}{{token:str}}", include_in_schema=False)
async def accept(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """Let the invited person in."""
    given = await read_form(request, "name", "password")
    try:
        session = await accept_invitation(
            database_of(request),
            token,
            name=given["name"],
            password=given["password"],
            language=page_of(request).language.value,
            user_agent=request.headers.get("user-agent", ""),
            now=utc_now(),
        )
    except TicketRefused:
        return _link_expired(request)
    except (InvalidInput, SignInRefused, TooManyGuesses) as error:
        errors = _explain(request, error)
        return await _show_invitation(request, token, errors=errors, name=given["name"])
    return begin_session(request, session, home_path(session.user))


@get("/login/forgotten", include_in_schema=False)
async def show_forgotten(request: AnyRequest) -> Response[str]:
    """The form to ask for a new password."""
    return render(request, "pages/forgotten.html", can_mail=_can_mail(request), asked=False)


@post("/login/forgotten", include_in_schema=False)
async def ask_for_password(request: AnyRequest) -> Response[str]:
    """Mail a link; the page says the same whether or not anybody has the address."""
    given = await read_form(request, "email")
    now = utc_now()
    # Without a public address a link would begin with whatever host the request claims to be for.
    if _can_mail(request):
        issued = await request_reset(database_of(request), given["email"], now=now)
        if issued is not None:
            settings = _settings(request)
            async with database_of(request).transaction(issued.ticket.project_id) as tx:
                project = await get_project(tx)
            await deliver_ticket(settings, issued, project=project, here="", now=now)
    return render(request, "pages/forgotten.html", can_mail=_can_mail(request), asked=True)


@get(f"{RESET_PATH}{{token:str}}", include_in_schema=False)
async def show_reset(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """The form for a new password."""
    try:
        async with database_of(request).transaction() as tx:
            ticket = await open_ticket(tx, token, purpose="password_reset", now=utc_now())
    except TicketRefused:
        return _link_expired(request)
    return render(request, "pages/reset_password.html", ticket=ticket, token=token, errors={})


@post(f"{RESET_PATH}{{token:str}}", include_in_schema=False)
async def set_password(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    """Set the new password and show the login page."""
    given = await read_form(request, "password")
    try:
        async with database_of(request).transaction() as tx:
            ticket = await open_ticket(tx, token, purpose="password_reset", now=utc_now())
    except TicketRefused:
        return _link_expired(request)
    try:
        await finish_reset(database_of(request), token, given["password"], now=utc_now())
    except TicketRefused:
        return _link_expired(request)
    except InvalidInput as error:
        return render(
            request,
            "pages/reset_password.html",
            status_code=HTTPStatus.UNPROCESSABLE_ENTITY,
            ticket=ticket,
            token=token,
            errors=_explain(request, error),
        )
    say = translations(page_of(request).language).gettext
    return redirect(LOGIN_PATH, notice=say(N_("The new password is set. Sign in with it.")))


async def _show_invitation(
    request: AnyRequest, token: str, *, errors: dict[str, str] | None = None, name: str = ""
) -> Response[str]:
    try:
        ticket, project, account = await _read_invitation(request, token)
    except TicketRefused:
        return _link_expired(request)
    return render(
        request,
        "pages/invitation.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        ticket=ticket,
        token=token,
        shop=project,
        role=ticket.places[str(ticket.project_id)],
        account=account,
        name=name or ticket.name,
        errors=errors or {},
    )


async def _read_invitation(request: AnyRequest, token: str) -> tuple[Ticket, Project, User | None]:
    async with database_of(request).transaction() as tx:
        ticket = await open_ticket(tx, token, purpose="invitation", now=utc_now())
        project = await get_project(tx)
        account = await find_account(tx, ticket)
        await set_project(tx, ticket.project_id)
    return ticket, project, account


def _explain(request: AnyRequest, error: Exception) -> dict[str, str]:
    say = translations(page_of(request).language).gettext
    match error:
        case TooManyGuesses():
            return {"password": say(_TOO_MANY)}
        case InvalidInput():
            return {error.field: say(error.message)}
        case _:
            return {"password": say(str(error))}


def _link_expired(request: AnyRequest) -> Response[str]:
    return render(request, "pages/link_expired.html", status_code=HTTPStatus.GONE)


def _settings(request: AnyRequest) -> Settings:
    return cast("Settings", request.app.state.settings)


def _can_mail(request: AnyRequest) -> bool:
    settings = _settings(request)
    return mail_server(settings) is not None and settings.public_url is not None
