"""Looking after API keys: making, naming and limiting them, rotation with an overlap, revoking."""

from datetime import datetime, timedelta

import msgspec

from kaquan.runtime import InvalidInput, Tx, check_name, check_whole_number
from kaquan.trust.key_store import (
    KeyView,
    get_api_key,
    update_key_end,
    update_key_settings,
)
from kaquan.trust.keys import create_api_key
from kaquan.trust.model import IssuedKey, KeyKind, KeyScope

LONGEST_OVERLAP = timedelta(days=30)
MOST_REQUESTS = 1_000_000

SCOPES_OF: dict[KeyKind, tuple[KeyScope, ...]] = {
    KeyKind.SERVER: (
        KeyScope.SERVER,
        KeyScope.READ_ONLY,
        KeyScope.DRY_RUN,
        KeyScope.TRACKING,
    ),
    KeyKind.CLIENT: (KeyScope.CLIENT,),
    KeyKind.MANAGEMENT: (KeyScope.SERVER, KeyScope.READ_ONLY),
}
"""What a key of each kind can be narrowed to; the first is everything."""


async def order_api_key(
    tx: Tx,
    kind: KeyKind,
    *,
    name: str,
    scope: KeyScope | None = None,
    requests_per_minute: int | None = None,
    now: datetime,
) -> IssuedKey:
    """Create a key as somebody in charge asks for it. Raises InvalidInput naming the field."""
    if scope is not None and scope not in SCOPES_OF[kind]:
        message = f"A {kind.value} key cannot have the scope {scope.value}."
        raise InvalidInput(message, field="scope")
    return await create_api_key(
        tx,
        kind,
        name=_checked_name(name),
        scope=scope or SCOPES_OF[kind][0],
        requests_per_minute=_checked_limit(requests_per_minute),
        now=now,
    )


async def change_api_key(
    tx: Tx, key_id: str, *, name: str, requests_per_minute: int | None
) -> KeyView:
    """Name and limit a key; other processes notice within 5 seconds. Raises NotFound."""
    key = await get_api_key(tx, key_id, lock=True)
    changed = msgspec.structs.replace(
        key, name=_checked_name(name), requests_per_minute=_checked_limit(requests_per_minute)
    )
    await update_key_settings(
        tx, key.id, name=changed.name, requests_per_minute=changed.requests_per_minute
    )
    return changed


async def rotate_api_key(
    tx: Tx, key_id: str, *, overlap: timedelta = timedelta(hours=24), now: datetime
) -> IssuedKey:
    """Create a key like another one, which works on for ``overlap`` (0 to 30 days) and no longer.

    Raises NotFound, InvalidInput for a revoked key or another overlap.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        message = f"The overlap lasts at most {LONGEST_OVERLAP.days} days."
        raise InvalidInput(message, field="overlap")
    old = await get_api_key(tx, key_id, lock=True)
    if not old.is_live(now):
        raise InvalidInput("This key is revoked; create a new one.", field="key_id")
    fresh = await create_api_key(
        tx,
        old.kind,
        name=old.name,
        scope=old.scope,
        scopes=old.scopes,
        requests_per_minute=old.requests_per_minute,
        now=now,
    )
    end = now + overlap
    await update_key_end(tx, old.id, end if old.revoked_at is None else min(end, old.revoked_at))
    return fresh


async def revoke_api_key(tx: Tx, key_id: str, *, now: datetime) -> KeyView:
    """Let a key open nothing from now on (within 5 seconds everywhere). Raises NotFound."""
    key = await get_api_key(tx, key_id, lock=True)
    if not key.is_live(now):
        return key
    await update_key_end(tx, key.id, now)
    return msgspec.structs.replace(key, revoked_at=now)


def _checked_name(name: str) -> str:
    checked = check_name(name, "name")
    if not checked:
        raise InvalidInput("A key needs a name, to tell it from others.", field="name")
    return checked


def _checked_limit(limit: int | None) -> int | None:
    if limit is None:
        return None
    return check_whole_number(limit, "requests_per_minute", least=1, most=MOST_REQUESTS)
