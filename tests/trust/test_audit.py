"""The audit chain: every change is in it, and none can be altered without being found."""

from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from conftest import NOW
from kaquan.campaigns import CampaignDraft, create_campaign
from kaquan.runtime import Database, Project
from kaquan.trust import (
    AuditRecord,
    KeyKind,
    Role,
    change_role,
    create_api_key,
    create_user,
    list_audit_records,
    remove_member,
    reset_password,
    revoke_api_key,
    verify_audit,
)

OFF_100 = {
    "effect": {"code": "threshold_off", "tiers": [{"spend_minor": 10_000, "off_minor": 1000}]}
}


async def _records(database: Database, project: Project) -> list[AuditRecord]:
    async with database.transaction(project.project_id) as tx:
        return (await list_audit_records(tx, descending=False, limit=100)).items


async def _fill(database: Database, project: Project) -> str:
    """Change something four times, each in a transaction of its own."""
    async with database.transaction(
        project.project_id, actor="user:user_boss", request_id="req_1"
    ) as tx:
        person = await create_user(
            tx, "mei@shop.example", password="a long password", name="", role=Role.ADMIN, now=NOW
        )
    async with database.transaction(project.project_id, actor="key:key_1") as tx:
        await change_role(tx, person.id, Role.ANALYST, changed_by=None)
    async with database.transaction(project.project_id) as tx:
        await reset_password(tx, person.email, "another long password")
    async with database.transaction(project.project_id, actor="user:user_boss") as tx:
        await remove_member(tx, person.id, removed_by=None)
    return person.id


async def test_who_did_what_to_whom(database: Database, project: Project) -> None:
    person_id = await _fill(database, project)
    found = [one for one in await _records(database, project) if one.object == "user"]
    assert [(one.actor, one.action, one.object_id) for one in found] == [
        ("user:user_boss", "created", person_id),
        ("key:key_1", "changed", person_id),
        ("system", "changed", person_id),
        ("user:user_boss", "deleted", person_id),
    ]
    assert found[0].request_id == "req_1"
    assert (found[1].was, found[1].became) == ({"role": "admin"}, {"role": "analyst"})
    assert found[2].became == {"password_hash": "hidden"}
    assert "argon2" not in str(found)


async def test_definitions_and_keys_are_in_it(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        key = await create_api_key(tx, KeyKind.SERVER, name="till", now=NOW)
        await create_campaign(tx, CampaignDraft(name="Spring", offer=OFF_100), now=NOW)
    async with database.transaction(project.project_id) as tx:
        await revoke_api_key(tx, key.key_id, now=NOW)
    found = [
        (one.object, one.action)
        for one in await _records(database, project)
        if one.object != "project"
    ]
    assert found == [("api_key", "created"), ("campaign", "created"), ("api_key", "changed")]


async def test_what_is_taken_back_leaves_no_record(database: Database, project: Project) -> None:
    before = len(await _records(database, project))
    async with database.transaction(project.project_id) as tx:
        await create_api_key(tx, KeyKind.SERVER, name="till", now=NOW)
        await tx.rollback()
    assert len(await _records(database, project)) == before


async def test_the_application_can_only_add(database: Database, project: Project) -> None:
    await _fill(database, project)
    for statement in ("update audit_record set actor = 'nobody'", "delete from audit_record"):
        async with database.transaction(project.project_id) as tx:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await tx.execute(statement)  # pyright: ignore[reportArgumentType] - one of two
            await tx.rollback()
    async with database.transaction(project.project_id) as tx:
        await tx.execute(
            "insert into audit_record (seq, at, actor, action, object, object_id, request_id,"
            " previous, hash) values (1, '2000-01-01', 'key:x', 'changed', 'x', '', '',"
            " decode(repeat('11', 32), 'hex'), decode(repeat('22', 32), 'hex'))"
        )
    async with database.transaction(project.project_id) as tx:
        verdict = await verify_audit(tx)
    assert verdict.broken is None


@pytest.mark.parametrize(
    ("case", "change", "rule"),
    [
        ("another actor", "update {t} set actor = 'user:nobody' where seq = 3", "content"),
        ("another content", "update {t} set became = %(json)s where seq = 3", "content"),
        ("another time", "update {t} set at = at + interval '1 second' where seq = 3", "content"),
        ("one left out", "delete from {t} where seq = 3", "missing"),
        ("the first left out", "delete from {t} where seq = 1", "missing"),
        ("another chain", "update {t} set previous = hash where seq = 3", "chained"),
    ],
)
async def test_what_an_intruder_alters_is_found(
    database: Database, project: Project, postgres_url: str, *, case: str, change: str, rule: str
) -> None:
    await _fill(database, project)
    async with database.transaction(project.project_id) as tx:
        whole = await verify_audit(tx)
    assert whole.broken is None
    assert whole.records >= 5
    statement = sql.SQL(change + " and project_id = %(project)s").format(  # pyright: ignore[reportArgumentType] - from the table above
        t=sql.Identifier("kaquan", "audit_record")
    )
    with psycopg.connect(postgres_url) as connection:
        named = {"project": project.project_id, "json": Jsonb({"role": "owner"})}
        _see_project(connection, project)
        assert connection.execute(statement, named).rowcount == 1, case
    async with database.transaction(project.project_id) as tx:
        verdict = await verify_audit(tx)
    assert verdict.broken is not None
    assert rule in verdict.broken.rule


async def test_a_chain_that_was_cut_off_lacks_the_head_kept_elsewhere(
    database: Database, project: Project, postgres_url: str
) -> None:
    await _fill(database, project)
    async with database.transaction(project.project_id) as tx:
        head = (await verify_audit(tx)).head
    with psycopg.connect(postgres_url) as connection:
        _see_project(connection, project)
        connection.execute(
            "delete from kaquan.audit_record where hash = %s and project_id = %s",
            (head, project.project_id),
        )
    async with database.transaction(project.project_id) as tx:
        verdict = await verify_audit(tx, expected=head)
    assert (verdict.broken, verdict.seen) == (None, False)


def _see_project(connection: psycopg.Connection[Any], project: Project) -> None:
    """An owner who is no superuser sees rows of a project only, as everybody does."""
    connection.execute(
        "select set_config('kaquan.project_id', %s, true)", (str(project.project_id),)
    )
