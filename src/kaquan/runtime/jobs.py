"""Background work: procrastinate's queue in the same database, one worker loop.

A task is deferred inside the caller's transaction, so work is queued exactly when what asked
for it is committed. A task may run more than once (its worker may have been killed after its
last commit), so every task can be repeated without doing its work twice.
"""

from typing import Any, cast

import msgspec
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.tasks import Task

from kaquan.runtime.database import OPTIONS, Database, Tx
from kaquan.runtime.settings import Settings

job_queue = App(connector=PsycopgConnector())
"""Rooms register their tasks here: ``@job_queue.task(name=…, pass_context=True)``."""

UNTIL_DONE = RetryStrategy(max_attempts=10, exponential_wait=3)
"""Retry policy of work that only a passing fault can stop: about eight hours of tries."""

_STALLED_AFTER_S = 60


class JobServices(msgspec.Struct, frozen=True):
    """What a task works with."""

    database: Database
    settings: Settings


def services_of(context: JobContext) -> JobServices:
    """Return what the running task works with."""
    additional = cast("dict[str, JobServices]", context.additional_context)  # pyright: ignore[reportUnknownMemberType]
    return additional["services"]


async def defer_job(tx: Tx, task: Task[Any, Any, Any], **arguments: Any) -> None:
    """Queue ``task`` with JSON-able ``arguments``; it starts after ``tx`` commits."""
    await task.configure(connection=tx).defer_async(**arguments)


async def run_worker(url: str, services: JobServices, *, until_empty: bool = False) -> None:
    """Work on queued jobs until cancelled or, with ``until_empty``, until none are left."""
    connector = PsycopgConnector(conninfo=url, kwargs={"options": OPTIONS}, max_size=5)
    with job_queue.replace_connector(connector):
        async with job_queue.open_async():
            await job_queue.run_worker_async(
                concurrency=2,
                wait=not until_empty,
                listen_notify=not until_empty,
                fetch_job_polling_interval=5,
                delete_jobs="successful",
                additional_context={"services": services},
            )


@job_queue.periodic(cron="* * * * *")
@job_queue.task(
    name="runtime.retry_stalled_jobs", queueing_lock="retry_stalled_jobs", pass_context=True
)
async def retry_stalled_jobs(context: JobContext, timestamp: int) -> None:
    """Give jobs whose worker died back to the queue (every minute)."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_AFTER_S):
        await manager.retry_job(job)
