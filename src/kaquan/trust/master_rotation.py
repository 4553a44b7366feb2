"""Another master key: projects' keys are wrapped by it one project after the other, beside the shop."""

from collections.abc import Callable

import msgspec

from kaquan.runtime import (
    PROJECT_DIRECTORY,
    Database,
    count_master_keys,
    list_every_project_id,
    lock_master_keys,
    lock_master_rotation,
    wrap_project_keys_anew,
)


class MasterRotation(msgspec.Struct, frozen=True):
    """What a rotation did: by which master key (its name), and how many keys it wrapped anew."""

    master: str
    wrapped: int


async def rotate_master_key(database: Database, *, renew: Callable[[], None]) -> MasterRotation:
    """Wrap the keys of all projects, shut ones too, by the first master key at hand.

    Where that one wraps all of them already, ``renew`` is called first, to put a fresh one before it.
    May be stopped and run again: it goes on where it was. Rotations wait for each other.
    """
    async with database.transaction() as guard:
        await lock_master_rotation(guard)
        database.master.refresh()
        if set(await count_master_keys(guard)) <= {database.master.names[0]}:
            renew()
            database.master.refresh()
        return MasterRotation(database.master.names[0], await _wrap_all(database))


async def _wrap_all(database: Database) -> int:
    count = 0
    while True:
        async with database.transaction(lookup=PROJECT_DIRECTORY) as tx:
            projects = await list_every_project_id(tx)
        for project_id in projects:
            async with database.transaction(project_id) as tx:
                count += await wrap_project_keys_anew(tx)
        async with database.transaction() as tx:
            # A process that has not heard of the new key may have written meanwhile; from when no
            # key is wrapped by the old one the database refuses it.
            await lock_master_keys(tx)
            if set(await count_master_keys(tx)) <= {database.master.names[0]}:
                return count
