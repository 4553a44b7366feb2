"""Background work that somebody asks for: procrastinate's queue in the same database.

A task is deferred inside the caller's transaction, so work is queued exactly when what asked
for it is committed. A task may run more than once (its worker may have been killed after its
last commit), so every task can be repeated without doing its work twice.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.tasks import Task

from kaquan.runtime.database import Database, Tx
from kaquan.runtime.settings import Settings

job_queue = App(connector=PsycopgConnector())
"""Rooms register their tasks here: ``@job_queue.task(name=…, pass_context=True)``."""

UNTIL_DONE = RetryStrategy(max_attempts=10, exponential_wait=3)
"""Retry policy of work that only a passing fault can stop: about eight hours of tries."""


class JobServices(msgspec.Struct, frozen=True):
    """What a task works with."""

    database: Database
    settings: Settings


def services_of(context: JobContext) -> JobServices:
    """Return what the running task works with."""
    additional = cast("dict[str, JobServices]", context.additional_context)  # pyright: ignore[reportUnknownMemberType]
    return additional["services"]


@asynccontextmanager
async def on_last_failure(
    context: JobContext, project_id: int, tell: Callable[[Tx, Exception], Awaitable[object]]
) -> AsyncGenerator[None]:
    """Have ``tell`` note, in a transaction of its own, what ended the last try of a job.

    The task's policy is `UNTIL_DONE`. The failure goes on to the queue in any case.
    """
    try:
        yield
    except Exception as error:
        if UNTIL_DONE.get_retry_decision(exception=error, job=context.job) is None:
            async with services_of(context).database.transaction(project_id) as tx:
                await tell(tx, error)
        raise


async def defer_job(tx: Tx, task: Task[Any, Any, Any], **arguments: Any) -> None:
    """Queue ``task`` with JSON-able ``arguments``; it starts after ``tx`` commits."""
    await task.configure(connection=tx).defer_async(**arguments)
