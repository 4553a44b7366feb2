"""Copying a project to its lake, however busy the server is with other projects."""

import asyncio
from datetime import datetime

from kaquan.insight.lake import Storage, Synced, sync_lake
from kaquan.runtime import Database

MOST_TRIES = 5_000


async def copy_lake(
    database: Database, project_id: int, storage: Storage, *, now: datetime
) -> Synced:
    """Copy once all that ran when the lake was begun is over: other tests' work counts too."""
    for _ in range(MOST_TRIES):
        async with database.transaction(project_id) as tx:
            done = await sync_lake(tx, storage, now=now)
        if not done.waiting:
            return done
        await asyncio.sleep(0.01)
    async with database.transaction() as tx:
        cursor = await tx.execute(
            "select a.datname, a.application_name, a.state, a.xact_start, a.query from pg_locks l"
            " join pg_stat_activity a using (pid) where l.locktype = 'transactionid' and l.granted"
        )
        message = f"something on the server does not end: {await cursor.fetchall()}"
    raise AssertionError(message)
