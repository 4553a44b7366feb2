"""Transactions end as a whole, bulk rows obey the policies, jobs are queued with the commit."""

from datetime import UTC, datetime
from typing import LiteralString

import psycopg
import pytest
from procrastinate import JobContext

from kaquan.runtime import (
    Database,
    InvalidInput,
    JobServices,
    Project,
    Settings,
    Tx,
    create_project,
    defer_job,
    get_project,
    job_queue,
    list_actions,
    run_worker,
    services_of,
    start_action,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ADD: LiteralString = (
    "insert into location (project_id, id, name, created_at)"
    " select coalesce(%s, current_project()), 'loc_' || n, 'Shop', now()"
    " from generate_series(1, %s) as n"
)


async def _count_locations(tx: Tx) -> int:
    row = await (await tx.execute("select count(*) from location")).fetchone()
    assert row is not None
    return row[0]


async def test_a_transaction_that_fails_leaves_nothing(
    database: Database, project: Project
) -> None:
    async def add_and_fail() -> None:
        async with database.transaction(project.project_id) as tx:
            await tx.execute(ADD, (None, 1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await add_and_fail()
    async with database.transaction(project.project_id) as tx:
        assert await _count_locations(tx) == 0


async def test_bulk_rows_belong_to_the_project(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await tx.execute(ADD, (None, 1000))
        assert await _count_locations(tx) == 1000
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await tx.execute(ADD, (project.project_id + 1_000_000, 1))
        await tx.rollback()


async def test_a_project_is_opened_and_found(tx: Tx, project: Project) -> None:
    assert await get_project(tx) == project
    assert project.zone.key == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("currency", "time_zone", "field"),
    [
        ("XXZ", "UTC", "currency"),
        ("cny", "UTC", "currency"),
        ("", "UTC", "currency"),
        ("CNY", "Mars/Olympus", "time_zone"),
        ("CNY", "../etc/passwd", "time_zone"),
        ("CNY", "", "time_zone"),
    ],
)
async def test_projects_that_cannot_be(tx: Tx, currency: str, time_zone: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create_project(
            tx, "Shop", currency=currency, time_zone=time_zone, language="en", now=NOW
        )
    assert refused.value.field == field


@job_queue.task(name="tests.note", pass_context=True)
async def note(context: JobContext, *, project_id: int) -> None:
    """Leave an action behind in the project."""
    async with services_of(context).database.transaction(project_id) as tx:
        await start_action(tx, "noted", request={}, total=None, now=NOW)


async def test_a_job_runs_when_what_asked_for_it_is_committed(
    database: Database, project: Project, postgres_url: str
) -> None:
    async def ask_and_fail() -> None:
        async with database.transaction(project.project_id) as tx:
            await defer_job(tx, note, project_id=project.project_id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ask_and_fail()
    services = JobServices(database, Settings())
    await run_worker(postgres_url, services, until_empty=True)
    async with database.transaction(project.project_id) as tx:
        assert await list_actions(tx, limit=10) == []
        await defer_job(tx, note, project_id=project.project_id)
    await run_worker(postgres_url, services, until_empty=True)
    async with database.transaction(project.project_id) as tx:
        assert [action.kind for action in await list_actions(tx, limit=10)] == ["noted"]
