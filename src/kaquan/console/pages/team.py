"""Settings, team: who works on this project in which role, who is invited, and ways out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.pages.words_of_access import MEANINGS, ROLES
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_transaction, person_of, project_of, read_form
from kaquan.outreach import Delivery, deliver_ticket
from kaquan.runtime import Duplicate, InvalidInput, Settings, utc_now
from kaquan.trust import (
    IssuedTicket,
    RoleRefused,
    change_role,
    end_member_sessions,
    get_member,
    invite_member,
    list_invitations,
    list_members,
    offer_reset,
    read_role,
    remove_member,
    withdraw_invitation,
)

TEAM_PATH = "/console/settings/team"

AnyRequest = Request[Any, Any, Any]


@get(TEAM_PATH, include_in_schema=False)
async def show_team(request: AnyRequest) -> Response[str]:
    """The people of the project and the open invitations."""
    return await _show(request)


@post(f"{TEAM_PATH}/invitations", include_in_schema=False)
async def invite(request: AnyRequest) -> Response[str]:
    """Invite somebody; the link is mailed, or shown to be handed over."""
    given = await read_form(request, "email", "name", "role")
    try:
        async with page_transaction(request) as tx:
            issued = await invite_member(
                tx,
                given["email"],
                read_role(given["role"]),
                name=given["name"],
                invited_by=person_of(request),
                now=utc_now(),
            )
    except (InvalidInput, Duplicate, RoleRefused) as error:
        field = error.field if isinstance(error, InvalidInput) else "email"
        return await _show(request, errors={field: _say(request, error.message)}, given=given)
    return await _hand_over(request, issued)


@post(f"{TEAM_PATH}/invitations/{{invitation_id:str}}/withdraw", include_in_schema=False)
async def withdraw(request: AnyRequest, invitation_id: FromPath[str]) -> Response[str]:
    """Close an invitation."""
    async with page_transaction(request) as tx:
        await withdraw_invitation(tx, invitation_id)
    return redirect(TEAM_PATH, notice=_say(request, N_("The invitation is withdrawn.")))


@get(f"{TEAM_PATH}/{{user_id:str}}", include_in_schema=False)
async def show_member(request: AnyRequest, user_id: FromPath[str]) -> Response[str]:
    """One person: their role, and what can be done about their access."""
    return await _show_member(request, user_id)


@post(f"{TEAM_PATH}/{{user_id:str}}/role", include_in_schema=False)
async def save_role(request: AnyRequest, user_id: FromPath[str]) -> Response[str]:
    """Give a person another role."""
    given = await read_form(request, "role")
    try:
        async with page_transaction(request) as tx:
            role = read_role(given["role"])
            await change_role(tx, user_id, role, changed_by=person_of(request))
    except (InvalidInput, RoleRefused) as error:
        return await _show_member(request, user_id, refusal=_say(request, error.message))
    return redirect(TEAM_PATH, notice=_say(request, N_("The role is changed.")))


@post(f"{TEAM_PATH}/{{user_id:str}}/remove", include_in_schema=False)
async def remove(request: AnyRequest, user_id: FromPath[str]) -> Response[str]:
    """Take a person out of the project."""
    try:
        async with page_transaction(request) as tx:
            await remove_member(tx, user_id, removed_by=person_of(request))
    except RoleRefused as error:
        return await _show_member(request, user_id, refusal=_say(request, error.message))
    return redirect(TEAM_PATH, notice=_say(request, N_("This person has no access any more.")))


@post(f"{TEAM_PATH}/{{user_id:str}}/sign-out", include_in_schema=False)
async def sign_member_out(request: AnyRequest, user_id: FromPath[str]) -> Response[str]:
    """End all sessions of a person."""
    try:
        async with page_transaction(request) as tx:
            await end_member_sessions(tx, user_id, ended_by=person_of(request))
    except RoleRefused as error:
        return await _show_member(request, user_id, refusal=_say(request, error.message))
    return redirect(TEAM_PATH, notice=_say(request, N_("All sessions of this person ended.")))


@post(f"{TEAM_PATH}/{{user_id:str}}/password", include_in_schema=False)
async def offer_password(request: AnyRequest, user_id: FromPath[str]) -> Response[str]:
    """Make a link to a new password; it is mailed, or shown to be handed over."""
    try:
        async with page_transaction(request) as tx:
            issued = await offer_reset(tx, user_id, offered_by=person_of(request), now=utc_now())
    except RoleRefused as error:
        return await _show_member(request, user_id, refusal=_say(request, error.message))
    return await _hand_over(request, issued)


async def _hand_over(request: AnyRequest, issued: IssuedTicket) -> Response[str]:
    delivery = await deliver_ticket(
        cast("Settings", request.app.state.settings),
        issued,
        project=project_of(request),
        here=str(request.base_url),
        now=utc_now(),
    )
    if delivery.mailed:
        text = _say(request, N_("A link was mailed to %(email)s."))
        return redirect(TEAM_PATH, notice=text % {"email": issued.ticket.email})
    return await _show(request, issued=issued, delivery=delivery)


async def _show(
    request: AnyRequest,
    *,
    errors: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
    issued: IssuedTicket | None = None,
    delivery: Delivery | None = None,
) -> Response[str]:
    now = utc_now()
    async with page_transaction(request) as tx:
        members = await list_members(tx, now=now)
        invitations = await list_invitations(tx, now=now)
    return render(
        request,
        "pages/team.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        members=members,
        invitations=invitations,
        roles=ROLES,
        meanings=MEANINGS,
        errors=errors or {},
        given=given or {"email": "", "name": "", "role": "marketer"},
        issued=issued,
        delivery=delivery,
    )


async def _show_member(request: AnyRequest, user_id: str, *, refusal: str = "") -> Response[str]:
    async with page_transaction(request) as tx:
        member = await get_member(tx, user_id)
    return render(
        request,
        "pages/member.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if refusal else HTTPStatus.OK,
        member=member,
        roles=ROLES,
        meanings=MEANINGS,
        refusal=refusal,
    )


def _say(request: AnyRequest, text: str) -> str:
    return translations(page_of(request).language).gettext(text)
