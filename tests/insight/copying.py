"""Copying a project to its lake, however busy the server is with other projects."""

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
    message = "something on the server does not end"
    raise AssertionError(message)
