"""Waiting, in a test, until another session waits for a lock of this one."""

import asyncio

from kaquan.runtime import Tx


async def until_somebody_waits_for(tx: Tx) -> None:
    """Return once another session waits for a lock that ``tx`` holds.

    There is no limit: pytest's own time-out ends a wait in vain. What other sessions of the
    server wait for does not count, and locks are seen as they are, whereas pg_stat_activity
    stands still for the length of a transaction.
    """
    waited_for = (False,)
    while not waited_for[0]:
        await asyncio.sleep(0.01)
        cursor = await tx.execute(
            "select exists (select from pg_locks"
            " where not granted and pg_backend_pid() = any (pg_blocking_pids(pid)))"
        )
        waited_for = await cursor.fetchone() or waited_for
