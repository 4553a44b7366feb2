"""SQL for looking after API keys."""

from datetime import datetime

import msgspec

from kaquan.runtime import NotFound, Tx, struct_row
from kaquan.trust.model import KeyKind, KeyScope


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as those in charge see it: never its token."""

    id: str
    kind: KeyKind
    scope: KeyScope
    app_id: str
    name: str
    scopes: tuple[str, ...]
    requests_per_minute: int | None
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    """From when on it opens nothing; a time to come while a rotated key overlaps the new one."""

    def is_live(self, now: datetime) -> bool:
        """Say whether the key works."""
        return self.revoked_at is None or self.revoked_at > now


async def list_api_keys(tx: Tx, *, now: datetime, revoked: bool = False) -> list[KeyView]:
    """Return the project's keys that work, or those that do not any more; the newest first."""
    async with tx.cursor(row_factory=struct_row(KeyView)) as cursor:
        await cursor.execute(
            "select id, kind, scope, app_id, name, scopes, requests_per_minute, created_at,"
            " last_used_at, revoked_at from api_key"
            " where coalesce(revoked_at <= %s, false) = %s and project_id = current_project()"
            " order by created_at desc, id limit 500",
            (now, revoked),
        )
        return await cursor.fetchall()


async def get_api_key(tx: Tx, key_id: str, *, lock: bool = False) -> KeyView:
    """Return a key of the project. Raises NotFound."""
    async with tx.cursor(row_factory=struct_row(KeyView)) as cursor:
        await cursor.execute(
            "select id, kind, scope, app_id, name, scopes, requests_per_minute, created_at,"
            " last_used_at, revoked_at from api_key"
            " where id = %s and project_id = current_project()" + (" for update" if lock else ""),
            (key_id,),
        )
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("key", key_id)
    return found


async def update_key_end(tx: Tx, key_id: str, revoked_at: datetime) -> None:
    """Set from when on a key opens nothing."""
    await tx.execute("update api_key set revoked_at = %s where id = %s", (revoked_at, key_id))


async def update_key_settings(
    tx: Tx, key_id: str, *, name: str, requests_per_minute: int | None
) -> None:
    """Set a key's name and limit."""
    await tx.execute(
        "update api_key set name = %s, requests_per_minute = %s where id = %s",
        (name, requests_per_minute, key_id),
    )


async def revoke_all_keys(tx: Tx, *, now: datetime) -> None:
    """Revoke every key of the project."""
    await tx.execute(
        "update api_key set revoked_at = %s where revoked_at is null or revoked_at > %s",
        (now, now),
    )
