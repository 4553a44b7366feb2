"""Work that repeats by the clock. It has a lane of its own: long jobs never keep it waiting."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog
from procrastinate import App, JobContext, PsycopgConnector

from kaquan.runtime.jobs import JobServices, services_of
from kaquan.runtime.model import Project
from kaquan.runtime.projects import read_projects

UPKEEP_LANE = "upkeep"
upkeep_queue = App(connector=PsycopgConnector())
"""What `upkeep` and `upkeep_of_projects` registered: tasks, and when each is due."""

Upkeep: TypeAlias = Callable[[JobServices], Awaitable[None]]
ProjectUpkeep: TypeAlias = Callable[[JobServices, Project], Awaitable[None]]

_STALLED_AFTER_S = 60
_log = structlog.stdlib.get_logger("kaquan.upkeep")


def upkeep(name: str, *, cron: str) -> Callable[[Upkeep], Upkeep]:
    """Have the decorated function called when ``cron`` says (UTC, seconds last if there are six).

    It is not queued again while it waits. The function itself stays as it is.
    """

    def register(work: Upkeep) -> Upkeep:
        @upkeep_queue.periodic(cron=cron)
        @upkeep_queue.task(name=name, queue=UPKEEP_LANE, queueing_lock=name, pass_context=True)
        async def run(  # pyright: ignore[reportUnusedFunction]
            context: JobContext, timestamp: int
        ) -> None:
            await work(services_of(context))

        return work

    return register


def upkeep_of_projects(name: str, *, cron: str) -> Callable[[ProjectUpkeep], ProjectUpkeep]:
    """Have the decorated function called for each project that is not shut, as by `upkeep`.

    What fails in one project is logged and keeps nothing from the others.
    """

    def register(work: ProjectUpkeep) -> ProjectUpkeep:
        @upkeep(name, cron=cron)
        async def run(services: JobServices) -> None:  # pyright: ignore[reportUnusedFunction]
            for project in await read_projects(services.database):
                try:
                    await work(services, project)
                except Exception:
                    _log.exception("upkeep_failed", task=name, project=project.id)

        return work

    return register


@upkeep("runtime.retry_stalled_jobs", cron="* * * * *")
async def retry_stalled_jobs(_: JobServices) -> None:
    """Give jobs whose worker died back to the queue (every minute)."""
    manager = upkeep_queue.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_AFTER_S):
        await manager.retry_job(job)
