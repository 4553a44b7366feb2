"""Rotating the key that wraps data keys: a new one, every data key wrapped anew, the old one gone.

Other processes may use a key that they remember for a while after there is a newer one; so an old
key is only destroyed when nobody can have wrapped with it any more.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from kaquan.customers.store.data_keys import (
    count_keys_wrapped_before,
    list_keys_wrapped_before,
    update_data_keys,
)
from kaquan.runtime import Database
from kaquan.trust import (
    delete_wrapping_key,
    insert_wrapping_key,
    list_wrapping_dates,
    open_vault,
)

GRACE = timedelta(hours=1)
"""For how long a process may still wrap with the key before the newest one."""

_AT_ONCE = 2_000
_PAUSE_S = 0.05
_KEY_BYTES = 32


async def rotate_wrapping_key(
    database: Database, project_id: int, *, clock: Callable[[], datetime]
) -> int:
    """Make a new key and wrap every data key of the project with it; returns how many.

    Runs beside the shop; what was sealed stays as it is. May be stopped and run again.
    """
    async with database.transaction(project_id) as tx:
        number = max(await list_wrapping_dates(tx)) + 1
        await insert_wrapping_key(tx, number, secrets.token_bytes(_KEY_BYTES), now=clock())
    return await _wrap_anew(database, project_id)


async def retire_wrapping_keys(
    database: Database, project_id: int, *, clock: Callable[[], datetime]
) -> tuple[int, ...]:
    """Destroy keys that were replaced an hour ago or longer; returns their numbers.

    What another process wrapped with one of them meanwhile is wrapped anew first.
    """
    await _wrap_anew(database, project_id)
    async with database.transaction(project_id) as tx:
        since = await list_wrapping_dates(tx)
        newest = max(since)
        if since[newest] > clock() - GRACE or await count_keys_wrapped_before(tx, newest):
            return ()
        old = tuple(sorted(since.keys() - {newest}))
        for number in old:
            await delete_wrapping_key(tx, number)
    return old


async def _wrap_anew(database: Database, project_id: int) -> int:
    count = 0
    while True:
        async with database.transaction(project_id) as tx:
            vault = await open_vault(tx, afresh=True)
            found = await list_keys_wrapped_before(tx, vault.current, limit=_AT_ONCE)
            fresh = {id_: vault.rewrap(wrapped, id_) for id_, wrapped in found.items()}
            await update_data_keys(tx, fresh)
            left = 0 if found else await count_keys_wrapped_before(tx, vault.current)
        count += len(found)
        if not found and not left:
            return count
        if not found:
            # Others hold the last ones for the moment.
            await asyncio.sleep(_PAUSE_S)
