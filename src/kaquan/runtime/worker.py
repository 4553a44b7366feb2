"""The job worker: what was asked for in one lane, upkeep by the clock in another."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from procrastinate import App, PsycopgConnector

from kaquan.runtime.database import OPTIONS
from kaquan.runtime.jobs import JobServices, job_queue
from kaquan.runtime.upkeep import UPKEEP_LANE, upkeep_queue

JOBS_LANE = "default"
_AT_ONCE = 2
_POLLING_S = 5


async def run_worker(url: str, services: JobServices, *, until_empty: bool = False) -> None:
    """Work on queued jobs, and keep everything up, until cancelled or told to stop by a signal.

    With ``until_empty`` only what is queued is worked off, without upkeep.
    """
    async with _connected(job_queue, url):
        if until_empty:
            await _work(job_queue, services, lane=JOBS_LANE, wait=False)
            return
        async with _connected(upkeep_queue, url), asyncio.TaskGroup() as lanes:
            upkeep = lanes.create_task(_work(upkeep_queue, services, lane=UPKEEP_LANE))
            await _work(job_queue, services, lane=JOBS_LANE, signals=True)
            upkeep.cancel()


@asynccontextmanager
async def _connected(app: App, url: str) -> AsyncGenerator[None]:
    connector = PsycopgConnector(conninfo=url, kwargs={"options": OPTIONS}, max_size=5)
    with app.replace_connector(connector):
        async with app.open_async():
            yield


async def _work(
    app: App, services: JobServices, *, lane: str, wait: bool = True, signals: bool = False
) -> None:
    await app.run_worker_async(
        queues=[lane],
        name=lane,
        concurrency=_AT_ONCE,
        wait=wait,
        listen_notify=wait,
        fetch_job_polling_interval=_POLLING_S,
        delete_jobs="successful",
        install_signal_handlers=signals,
        additional_context={"services": services},
    )
