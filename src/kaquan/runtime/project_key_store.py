"""SQL of projects' own keys: each is stored wrapped by the master key, for its project and purpose."""

from datetime import datetime

import psycopg

from kaquan.runtime.database import Tx, master_keys_of
from kaquan.runtime.master import MasterKeyWrong

_OTHER_MASTER = "KQ001"


async def find_project_key(tx: Tx, purpose: str) -> bytes | None:
    """Return the project's key for a purpose. Raises MasterKeyWrong when it cannot be unwrapped."""
    cursor = await tx.execute(
        "select project_id, key, master from project_key where purpose = %s", (purpose,)
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    project_id, key, master = row
    return master_keys_of(tx).unwrap(key, _place(project_id, purpose), name=master)


async def list_project_keys(tx: Tx, beginning: str) -> dict[str, bytes]:
    """Return the project's keys by purpose, for those purposes that begin like this."""
    cursor = await tx.execute(
        "select project_id, purpose, key, master from project_key where starts_with(purpose, %s)",
        (beginning,),
    )
    master = master_keys_of(tx)
    return {
        purpose: master.unwrap(key, _place(project_id, purpose), name=name)
        for project_id, purpose, key, name in await cursor.fetchall()
    }


async def insert_project_key(tx: Tx, purpose: str, key: bytes, *, now: datetime) -> bool:
    """Store a key, wrapped; returns False where the purpose has one already.

    Raises MasterKeyWrong when the database's keys are wrapped by another master key.
    """
    cursor = await tx.execute("select current_project()")
    row = await cursor.fetchone()
    assert row is not None
    name, wrapped = master_keys_of(tx).wrap(key, _place(row[0], purpose))
    try:
        stored = await tx.execute(
            "insert into project_key (purpose, key, master, created_at) values (%s, %s, %s, %s)"
            " on conflict do nothing",
            (purpose, wrapped, name, now),
        )
    except psycopg.Error as error:
        if error.sqlstate != _OTHER_MASTER:
            raise
        raise MasterKeyWrong(error.diag.message_primary or "") from error
    return stored.rowcount == 1


async def wrap_project_keys_anew(tx: Tx) -> int:
    """Wrap the project's keys by the master key in use where another did; returns how many."""
    master = master_keys_of(tx)
    newest = master.names[0]
    await tx.execute("select set_config('kaquan.next_master', %s, true)", (newest,))
    cursor = await tx.execute(
        "select project_id, purpose, key, master from project_key where master <> %s"
        " order by purpose for update",
        (newest,),
    )
    rows = await cursor.fetchall()
    for project_id, purpose, key, name in rows:
        place = _place(project_id, purpose)
        by, wrapped = master.wrap(master.unwrap(key, place, name=name), place)
        await tx.execute(
            "update project_key set key = %s, master = %s where purpose = %s",
            (wrapped, by, purpose),
        )
    return len(rows)


async def lock_master_keys(tx: Tx) -> None:
    """Wait until no key is being written, and keep others from writing any until ``tx`` ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('kaquan master', 0))")


async def lock_master_rotation(tx: Tx) -> None:
    """Keep other rotations of the master key waiting until ``tx`` ends."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('kaquan master rotation', 0))")


async def count_master_keys(tx: Tx) -> dict[str, int]:
    """Return how many keys, of all projects, each master key wraps, by its name."""
    return dict(await (await tx.execute("select master, keys from masters_in_use()")).fetchall())


async def list_every_project_id(tx: Tx) -> list[int]:
    """Return all projects, shut ones too; ``tx`` was opened with ``lookup=PROJECT_DIRECTORY``."""
    cursor = await tx.execute("select project_id from project order by project_id")
    return [row[0] for row in await cursor.fetchall()]


def list_masters_in_use(url: str) -> list[str]:
    """Return the names of the master keys that wrap keys of the (migrated) database at ``url``."""
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("select master from kaquan.masters_in_use()")]


def _place(project_id: int, purpose: str) -> str:
    return f"project_key {project_id} {purpose}"
