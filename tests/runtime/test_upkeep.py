"""What repeats by the clock is done whatever else runs, and in each project by itself."""

import asyncio
from datetime import UTC, datetime

from procrastinate import JobContext

from kaquan.runtime import (
    Database,
    JobServices,
    Project,
    Settings,
    create_project,
    defer_job,
    job_queue,
    run_worker,
    upkeep_of_projects,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MORE_THAN_RUN_AT_ONCE = 9
_broken: set[int] = set()
_looked_at: dict[int, asyncio.Event] = {}
_released = asyncio.Event()


@job_queue.task(name="tests.long", pass_context=True)
async def work_long(_: JobContext) -> None:
    await _released.wait()


@upkeep_of_projects("tests.look", cron="* * * * * *")
async def look(_: JobServices, project: Project) -> None:
    if project.project_id in _broken:
        raise ZeroDivisionError
    if project.project_id in _looked_at:
        _looked_at[project.project_id].set()


async def test_neither_long_jobs_nor_a_project_that_fails_keep_it_from_the_others(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction() as tx:
        later = await create_project(
            tx, "Later", currency="CNY", time_zone="UTC", language="en", now=NOW
        )
        for _ in range(MORE_THAN_RUN_AT_ONCE):
            await defer_job(tx, work_long)
    _broken.add(project.project_id)
    looked_at = _looked_at[later.project_id] = asyncio.Event()
    working = asyncio.create_task(run_worker(postgres_url, JobServices(database, Settings())))
    waiting = asyncio.create_task(looked_at.wait())
    await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert looked_at.is_set()
    _released.set()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
