"""SQL of the keys that wrap data keys, and of the key of the index."""

from datetime import datetime

from kaquan.runtime import Duplicate, Tx, insert_project_key, list_project_keys

_WRAPPING = "personal "
_INDEX = "personal index"


async def list_vault_keys(tx: Tx) -> tuple[dict[int, bytes], bytes]:
    """Return the keys that wrap data keys, by number, and the key of the index."""
    keys = await list_project_keys(tx, _WRAPPING)
    index = keys.pop(_INDEX)
    return {int(purpose.removeprefix(_WRAPPING)): key for purpose, key in keys.items()}, index


async def insert_wrapping_key(tx: Tx, number: int, key: bytes, *, now: datetime) -> None:
    """Store a new key that wraps data keys. Rotations wait for each other."""
    if not await insert_project_key(tx, f"{_WRAPPING}{number}", key, now=now):
        message = f"There is a key {number} already."
        raise Duplicate(message)


async def list_wrapping_dates(tx: Tx) -> dict[int, datetime]:
    """Return since when each key that wraps data keys is in use, by number."""
    cursor = await tx.execute(
        "select purpose, created_at from project_key"
        " where starts_with(purpose, %s) and purpose <> %s for update",
        (_WRAPPING, _INDEX),
    )
    return {int(purpose.removeprefix(_WRAPPING)): at for purpose, at in await cursor.fetchall()}


async def delete_wrapping_key(tx: Tx, number: int) -> None:
    """Destroy a key that no data key is wrapped by any more."""
    await tx.execute("delete from project_key where purpose = %s", (f"{_WRAPPING}{number}",))
