"""Who belongs to a project: invitations, roles, new passwords, sessions, several projects."""

from datetime import timedelta

import msgspec
import pytest

from conftest import NOW
from kaquan.runtime import Database, Duplicate, NotFound, Project, create_project, new_id
from kaquan.trust import (
    IssuedTicket,
    Role,
    RoleRefused,
    SignedIn,
    SignInRefused,
    TicketRefused,
    TooManyGuesses,
    User,
    accept_invitation,
    assign_member,
    change_password,
    change_role,
    create_user,
    end_member_sessions,
    end_session,
    finish_reset,
    invite_member,
    list_invitations,
    list_members,
    list_memberships,
    list_sessions,
    offer_reset,
    open_ticket,
    remove_member,
    request_reset,
    session_user,
    sign_in,
    switch_project,
    withdraw_invitation,
)

PASSWORD = "correct horse battery"
OTHER = "a quite different one"


def _address() -> str:
    return f"{new_id('mail')}@example.com"


async def _person(database: Database, project: Project, role: Role) -> User:
    async with database.transaction(project.project_id) as tx:
        made = await create_user(tx, _address(), password=PASSWORD, name="Lin", role=role, now=NOW)
    return msgspec.structs.replace(made, project_id=project.project_id)


async def _invite(
    database: Database, project: Project, by: User | None, role: Role = Role.MARKETER
) -> IssuedTicket:
    async with database.transaction(project.project_id) as tx:
        return await invite_member(tx, _address(), role, invited_by=by, now=NOW)


async def _accept(database: Database, token: str, password: str = PASSWORD) -> SignedIn:
    return await accept_invitation(database, token, name="Mei", password=password, now=NOW)


async def test_an_invitation_is_accepted_once(database: Database, project: Project) -> None:
    owner = await _person(database, project, Role.OWNER)
    issued = await _invite(database, project, owner)
    joined = await _accept(database, issued.token)
    assert (joined.user.email, joined.user.role) == (issued.ticket.email, Role.MARKETER)
    assert await session_user(database, joined.token, now=NOW) is not None
    with pytest.raises(TicketRefused):
        await _accept(database, issued.token)
    async with database.transaction(project.project_id) as tx:
        assert {one.email for one in await list_members(tx, now=NOW)} == {
            owner.email,
            issued.ticket.email,
        }
        assert await list_invitations(tx, now=NOW) == []
        with pytest.raises(Duplicate):
            await invite_member(tx, issued.ticket.email, Role.ADMIN, invited_by=owner, now=NOW)


@pytest.mark.parametrize("case", ["forged", "too late", "withdrawn", "replaced", "for a password"])
async def test_links_that_open_nothing(database: Database, project: Project, case: str) -> None:
    owner = await _person(database, project, Role.OWNER)
    issued = await _invite(database, project, owner)
    token, at = issued.token, NOW
    async with database.transaction(project.project_id) as tx:
        match case:
            case "forged":
                token = issued.token[:-1] + ("A" if issued.token[-1] != "A" else "B")
            case "too late":
                at = NOW + timedelta(days=7)
            case "withdrawn":
                await withdraw_invitation(tx, issued.ticket.id)
            case "replaced":
                email = issued.ticket.email
                await invite_member(tx, email, Role.ANALYST, invited_by=owner, now=NOW)
            case _:
                member = await create_user(
                    tx, _address(), password=PASSWORD, name="", role=Role.ANALYST, now=NOW
                )
                token = (await offer_reset(tx, member.id, offered_by=owner, now=NOW)).token
    with pytest.raises(TicketRefused):
        await accept_invitation(database, token, name="", password=PASSWORD, now=at)


async def test_the_link_is_nowhere_in_the_database(database: Database, project: Project) -> None:
    issued = await _invite(database, project, await _person(database, project, Role.OWNER))
    async with database.transaction(project.project_id) as tx:
        row = await (await tx.execute("select person_ticket::text from person_ticket")).fetchone()
        assert row is not None
        assert issued.token not in row[0]
    async with database.transaction() as tx:
        with pytest.raises(TicketRefused):
            await open_ticket(tx, issued.ticket.digest, purpose="invitation", now=NOW)


@pytest.mark.parametrize(
    ("actor", "target", "becomes", "allowed"),
    [
        (Role.OWNER, Role.MARKETER, Role.OWNER, True),
        (Role.OWNER, Role.ADMIN, Role.CASHIER, True),
        (Role.ADMIN, Role.MARKETER, Role.ANALYST, True),
        (Role.ADMIN, Role.MARKETER, Role.OWNER, False),
        (Role.ADMIN, Role.OWNER, Role.ANALYST, False),
        (None, Role.MARKETER, Role.ADMIN, True),
        (None, Role.MARKETER, Role.OWNER, False),
        (None, Role.OWNER, Role.ADMIN, False),
    ],
)
async def test_who_may_give_which_role(
    database: Database,
    project: Project,
    *,
    actor: Role | None,
    target: Role,
    becomes: Role,
    allowed: bool,
) -> None:
    by = None if actor is None else await _person(database, project, actor)
    await _person(database, project, Role.OWNER)
    member = await _person(database, project, target)
    async with database.transaction(project.project_id) as tx:
        if allowed:
            await change_role(tx, member.email, becomes, changed_by=by)
        else:
            with pytest.raises(RoleRefused):
                await change_role(tx, member.id, becomes, changed_by=by)
        roles = {one.id: one.role for one in await list_members(tx, now=NOW)}
    assert roles[member.id] is (becomes if allowed else target)


async def test_the_last_owner_stays(database: Database, project: Project) -> None:
    owner = await _person(database, project, Role.OWNER)
    async with database.transaction(project.project_id) as tx:
        with pytest.raises(RoleRefused):
            await change_role(tx, owner.id, Role.ADMIN, changed_by=owner)
        with pytest.raises(RoleRefused):
            await remove_member(tx, owner.id, removed_by=owner)
    second = await _person(database, project, Role.OWNER)
    async with database.transaction(project.project_id) as tx:
        await remove_member(tx, owner.id, removed_by=second)
        assert [one.id for one in await list_members(tx, now=NOW)] == [second.id]


async def test_whoever_is_removed_is_out_at_once(database: Database, project: Project) -> None:
    owner = await _person(database, project, Role.OWNER)
    member = await _person(database, project, Role.MARKETER)
    session = await sign_in(database, member.email, PASSWORD, now=NOW)
    async with database.transaction(project.project_id) as tx:
        await remove_member(tx, member.email, removed_by=owner)
        with pytest.raises(NotFound):
            await remove_member(tx, member.email, removed_by=owner)
    assert await session_user(database, session.token, now=NOW) is None
    with pytest.raises(SignInRefused):
        await sign_in(database, member.email, PASSWORD, now=NOW)


class TestPasswords:
    """Changed by who knows the old one, replaced by who gets the mail."""

    async def test_a_change_ends_the_other_sessions(
        self, database: Database, project: Project
    ) -> None:
        person = await _person(database, project, Role.ANALYST)
        here = await sign_in(database, person.email, PASSWORD, now=NOW)
        there = await sign_in(database, person.email, PASSWORD, now=NOW)
        await change_password(database, person, PASSWORD, OTHER, token=here.token, now=NOW)
        assert await session_user(database, here.token, now=NOW) is not None
        assert await session_user(database, there.token, now=NOW) is None
        await sign_in(database, person.email, OTHER, now=NOW)

    async def test_guessing_the_old_one_is_stopped(
        self, database: Database, project: Project
    ) -> None:
        person = await _person(database, project, Role.ANALYST)
        for _ in range(5):
            with pytest.raises(SignInRefused):
                await change_password(database, person, "wrong", OTHER, token="", now=NOW)
        with pytest.raises(TooManyGuesses):
            await change_password(database, person, PASSWORD, OTHER, token="", now=NOW)

    async def test_a_link_sets_a_new_one_once(self, database: Database, project: Project) -> None:
        person = await _person(database, project, Role.ANALYST)
        session = await sign_in(database, person.email, PASSWORD, now=NOW)
        first = await request_reset(database, person.email.upper(), now=NOW)
        second = await request_reset(database, person.email, now=NOW)
        assert first is not None
        assert second is not None
        await finish_reset(database, second.token, OTHER, now=NOW)
        assert await session_user(database, session.token, now=NOW) is None
        await sign_in(database, person.email, OTHER, now=NOW)
        for token in (first.token, second.token):
            with pytest.raises(TicketRefused):
                await finish_reset(database, token, PASSWORD, now=NOW)

    async def test_a_mailbox_is_not_flooded(self, database: Database, project: Project) -> None:
        person = await _person(database, project, Role.ANALYST)
        made = [await request_reset(database, person.email, now=NOW) for _ in range(4)]
        assert [one is not None for one in made] == [True, True, True, False]
        assert await request_reset(database, "nobody@example.com", now=NOW) is None

    async def test_an_admin_opens_no_owners_account(
        self, database: Database, project: Project
    ) -> None:
        owner = await _person(database, project, Role.OWNER)
        admin = await _person(database, project, Role.ADMIN)
        async with database.transaction(project.project_id) as tx:
            with pytest.raises(RoleRefused):
                await offer_reset(tx, owner.id, offered_by=admin, now=NOW)
            with pytest.raises(RoleRefused):
                await end_member_sessions(tx, owner.id, ended_by=admin)


async def test_sessions_are_seen_and_ended(database: Database, project: Project) -> None:
    person = await _person(database, project, Role.ANALYST)
    phone = await sign_in(database, person.email, PASSWORD, user_agent="Phone", now=NOW)
    desk = await sign_in(database, person.email, PASSWORD, user_agent="Desk", now=NOW)
    later = NOW + timedelta(minutes=6)
    await session_user(database, phone.token, now=later)
    async with database.transaction(project.project_id) as tx:
        found = await list_sessions(tx, person.id, token=desk.token, now=later)
        assert [(one.user_agent, one.seen_at, one.current) for one in found] == [
            ("Phone", later, False),
            ("Desk", NOW, True),
        ]
        with pytest.raises(NotFound):
            await end_session(tx, "user_other", found[0].id)
        await end_session(tx, person.id, found[0].id)
    assert await session_user(database, phone.token, now=later) is None
    assert await session_user(database, desk.token, now=later) is not None


class TestSeveralProjects:
    """One person, one password, and no way from a lesser project into a greater one."""

    async def _other(self, database: Database) -> Project:
        async with database.transaction() as tx:
            return await create_project(
                tx, "Other", currency="CNY", time_zone="UTC", language="en", now=NOW
            )

    async def _assigned(self, database: Database, project: Project) -> tuple[User, Project]:
        person = await _person(database, project, Role.ANALYST)
        other = await self._other(database)
        async with database.transaction(other.project_id) as tx:
            await assign_member(tx, person, Role.ADMIN, at=project.project_id, now=NOW)
        return person, other

    async def test_the_password_is_changed_everywhere(
        self, database: Database, project: Project
    ) -> None:
        person, other = await self._assigned(database, project)
        there = await switch_project(database, person, other.project_id, user_agent="", now=NOW)
        assert (there.user.project_id, there.user.role) == (other.project_id, Role.ADMIN)
        await change_password(database, there.user, PASSWORD, OTHER, token=there.token, now=NOW)
        again = await sign_in(database, person.email, OTHER, now=NOW)
        assert again.user.project_id == project.project_id
        with pytest.raises(SignInRefused):
            await sign_in(database, person.email, PASSWORD, now=NOW)

    async def test_nobody_switches_into_a_stranger_with_the_same_address(
        self, database: Database, project: Project
    ) -> None:
        person, other = await _person(database, project, Role.ANALYST), await self._other(database)
        async with database.transaction(other.project_id) as tx:
            await create_user(tx, person.email, password=OTHER, name="", role=Role.OWNER, now=NOW)
        async with database.transaction(project.project_id) as tx:
            assert [one.project_id for one in await list_memberships(tx, person)] == [
                project.project_id
            ]
        with pytest.raises(NotFound):
            await switch_project(database, person, other.project_id, user_agent="", now=NOW)

    async def test_another_projects_owner_cannot_hand_out_its_password(
        self, database: Database, project: Project
    ) -> None:
        person, other = await self._assigned(database, project)
        boss = await _person(database, other, Role.OWNER)
        async with database.transaction(other.project_id) as tx:
            with pytest.raises(RoleRefused):
                await offer_reset(tx, person.id, offered_by=boss, now=NOW)

    async def test_whoever_has_an_account_accepts_by_its_password(
        self, database: Database, project: Project
    ) -> None:
        person, other = await _person(database, project, Role.ANALYST), await self._other(database)
        async with database.transaction(other.project_id) as tx:
            issued = await invite_member(
                tx, person.email, Role.MARKETER, invited_by=None, user_id=person.id, now=NOW
            )
        with pytest.raises(SignInRefused):
            await _accept(database, issued.token, OTHER)
        joined = await _accept(database, issued.token, PASSWORD)
        assert (joined.user.id, joined.user.project_id) == (person.id, other.project_id)
        async with database.transaction(project.project_id) as tx:
            assert len(await list_memberships(tx, person)) == 2
