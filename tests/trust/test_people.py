"""People: signing in, sessions, guesses, roles."""

from datetime import timedelta

import pytest

from conftest import NOW
from kaquan.runtime import Database, InvalidInput, NotFound, Project, new_id
from kaquan.trust import (
    Ability,
    Role,
    SignInRefused,
    TooManyGuesses,
    User,
    create_user,
    reset_password,
    session_user,
    sign_in,
    sign_out,
)

PASSWORD = "correct horse battery"


async def _person(database: Database, project: Project, role: Role = Role.ADMIN) -> User:
    async with database.transaction(project.project_id) as tx:
        return await create_user(
            tx,
            f"{new_id('mail')}@example.com",
            password=PASSWORD,
            name="Lin",
            role=role,
            now=NOW,
        )


async def test_a_session_lasts_until_its_end_or_sign_out(
    database: Database, project: Project
) -> None:
    person = await _person(database, project)
    signed_in = await sign_in(database, person.email.upper(), PASSWORD, now=NOW)
    user = await session_user(database, signed_in.token, now=NOW)
    assert user is not None
    assert (user.id, user.project_id) == (person.id, project.project_id)
    late = signed_in.expires_at + timedelta(seconds=1)
    assert await session_user(database, signed_in.token, now=late) is None
    assert await session_user(database, signed_in.token + "x", now=NOW) is None
    await sign_out(database, user, signed_in.token)
    assert await session_user(database, signed_in.token, now=NOW) is None


async def test_wrong_passwords_are_refused_and_then_the_name_is_locked_for_a_while(
    database: Database, project: Project
) -> None:
    person = await _person(database, project)
    for _ in range(5):
        with pytest.raises(SignInRefused):
            await sign_in(database, person.email, "wrong", now=NOW)
    with pytest.raises(TooManyGuesses):
        await sign_in(database, person.email, PASSWORD, now=NOW)
    later = NOW + timedelta(minutes=15)
    assert (await sign_in(database, person.email, PASSWORD, now=later)).user.id == person.id


@pytest.mark.parametrize("email", ["nobody@example.com", "", "x" * 10_000, "nul\x00@example.com"])
async def test_an_unknown_name_gets_the_same_answer(database: Database, email: str) -> None:
    with pytest.raises(SignInRefused):
        await sign_in(database, email, PASSWORD, now=NOW)


async def test_a_disabled_person_stays_out(database: Database, project: Project) -> None:
    person = await _person(database, project)
    signed_in = await sign_in(database, person.email, PASSWORD, now=NOW)
    async with database.transaction(project.project_id) as tx:
        await tx.execute("update app_user set disabled_at = %s where id = %s", (NOW, person.id))
    assert await session_user(database, signed_in.token, now=NOW) is None
    with pytest.raises(SignInRefused):
        await sign_in(database, person.email, PASSWORD, now=NOW)


async def test_a_new_password_ends_the_sessions_and_the_old_one(
    database: Database, project: Project
) -> None:
    person = await _person(database, project)
    signed_in = await sign_in(database, person.email, PASSWORD, now=NOW)
    async with database.transaction(project.project_id) as tx:
        await reset_password(tx, person.email, "a new, longer password")
    assert await session_user(database, signed_in.token, now=NOW) is None
    with pytest.raises(SignInRefused):
        await sign_in(database, person.email, PASSWORD, now=NOW)
    await sign_in(database, person.email, "a new, longer password", now=NOW)
    async with database.transaction(project.project_id) as tx:
        with pytest.raises(NotFound):
            await reset_password(tx, "nobody@example.com", PASSWORD)


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("lin@example.com", "short", "password"),
        ("lin.example.com", PASSWORD, "email"),
        (" lin@example.com", PASSWORD, "email"),
    ],
)
async def test_bad_details_are_refused(
    database: Database, project: Project, *, email: str, password: str, field: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        with pytest.raises(InvalidInput) as refused:
            await create_user(tx, email, password=password, name="", role=Role.ADMIN, now=NOW)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.OWNER, set(Ability)),
        (Role.ADMIN, set(Ability)),
        (Role.MARKETER, {Ability.READ, Ability.REDEEM, Ability.MANAGE}),
        (Role.ANALYST, {Ability.READ}),
        (Role.APPROVER, {Ability.READ}),
        (Role.CASHIER, {Ability.REDEEM}),
    ],
)
async def test_a_role_may_just_this(
    database: Database, project: Project, *, role: Role, may: set[Ability]
) -> None:
    person = await _person(database, project, role)
    assert {ability for ability in Ability if person.may(ability)} == may
