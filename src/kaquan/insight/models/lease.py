"""Showing that somebody works on a request: who dies falls silent, and that is seen.

A request's ``alive_until`` is moved on while the work goes on. Whoever is killed moves nothing on,
so after ``SILENT_AT_MOST`` everybody can tell, without asking the process.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from kaquan.insight.models.store import update_alive
from kaquan.runtime import Database

SILENT_AT_MOST = timedelta(minutes=2)
_BEAT_S = 20.0


@asynccontextmanager
async def kept_alive(
    database: Database, project_id: int, run_id: str, *, clock: Callable[[], datetime]
) -> AsyncGenerator[None]:
    """Keep a request alive while the block lasts."""

    async def touch() -> None:
        async with database.transaction(project_id) as tx:
            await update_alive(tx, run_id, until=clock() + SILENT_AT_MOST)

    async def beat() -> None:
        while True:
            await asyncio.sleep(_BEAT_S)
            await touch()

    await touch()
    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        # A beat that failed is no reason to throw the work away: the request was silent for it.
        await asyncio.gather(beating, return_exceptions=True)
