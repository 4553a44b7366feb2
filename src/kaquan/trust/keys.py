"""API keys: an application id that is no secret and a token that is shown once."""

import asyncio
import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta

import msgspec

from kaquan.runtime import (
    Database,
    Tx,
    find_project_key,
    insert_project_key,
    new_id,
    utc_now,
)
from kaquan.trust.model import Caller, IssuedKey, KeyKind, KeyScope
from kaquan.trust.store import (
    StoredKey,
    find_key,
    insert_key,
    revoke_keys,
    update_key_used,
)

_TOKEN_BYTES = 32
LAST_USED_EVERY = timedelta(minutes=1)

REMEMBERED_FOR = timedelta(seconds=5)
MOST_REMEMBERED = 1024


class RecentKeys:
    """Keys that this process read a moment ago, so that a busy caller is not looked up each time.

    A revoked key opens nothing from 5 seconds after its revocation on. At most 1024 keys are
    kept, each with the digest of its token as the database has it, never the token; what nobody
    issued is not remembered, so guessing neither fills nor poisons it.
    """

    def __init__(self) -> None:
        self._keys: dict[str, tuple[StoredKey, datetime]] = {}
        self.reading: dict[str, asyncio.Future[StoredKey | None]] = {}
        """Look-ups that are under way, by the id of the application."""

    def find(self, app_id: str, *, now: datetime) -> StoredKey | None:
        """Return the key if it was read in the last 5 seconds."""
        key, read_at = self._keys.get(app_id, (None, now))
        return key if timedelta(0) <= now - read_at < REMEMBERED_FOR else None

    def remember(self, app_id: str, key: StoredKey, *, read_at: datetime) -> None:
        """Keep a key that was just read, in the place of the one read longest ago."""
        self._keys.pop(app_id, None)
        if len(self._keys) >= MOST_REMEMBERED:
            del self._keys[next(iter(self._keys))]
        self._keys[app_id] = key, read_at

    def note_use(self, app_id: str, *, now: datetime) -> None:
        """Take down that the key was used, without taking it for read again."""
        if app_id in self._keys:
            key, read_at = self._keys[app_id]
            self._keys[app_id] = msgspec.structs.replace(key, last_used_at=now), read_at


async def create_api_key(
    tx: Tx,
    kind: KeyKind,
    *,
    name: str,
    scope: KeyScope | None = None,
    scopes: tuple[str, ...] = ("*",),
    requests_per_minute: int | None = None,
    now: datetime,
) -> IssuedKey:
    """Create a key of the transaction's project. The token (256 random bits) cannot be read again.

    Without ``scope`` the key may do whatever one of its kind can.
    """
    whole = KeyScope.CLIENT if kind is KeyKind.CLIENT else KeyScope.SERVER
    key = IssuedKey(
        key_id=new_id("key"),
        kind=kind,
        scope=scope or whole,
        app_id=str(uuid.uuid4()),
        token=secrets.token_urlsafe(_TOKEN_BYTES),
    )
    await insert_key(
        tx,
        key,
        digest=_digest(key.token),
        name=name,
        scopes=list(scopes),
        requests_per_minute=requests_per_minute,
        now=now,
    )
    return key


async def replace_api_key(tx: Tx, kind: KeyKind, *, name: str, now: datetime) -> IssuedKey:
    """Create a key and revoke the live ones of the same name."""
    await revoke_keys(tx, name, now=now)
    return await create_api_key(tx, kind, name=name, now=now)


async def authenticate_key(
    database: Database,
    app_id: str,
    token: str,
    *,
    now: datetime,
    recent: RecentKeys | None = None,
) -> Caller | None:
    """Return who shows this pair, or None for an unknown, revoked or wrong one.

    A token has 256 random bits, so a plain SHA-256 is enough to store it; the comparison takes
    the same time whatever differs. With ``recent`` a key is read once in 5 seconds, and may be
    revoked that long without notice.
    """
    if "\x00" in app_id or not app_id:
        return None
    recent = RecentKeys() if recent is None else recent
    key = await _read_key(database, app_id, now=now, recent=recent)
    presented = _digest(token)
    expected = key.token_sha256 if key is not None else bytes(len(presented))
    if not hmac.compare_digest(presented, expected) or key is None or not key.is_live(now):
        return None
    if key.last_used_at is None or now - key.last_used_at > LAST_USED_EVERY:
        recent.note_use(app_id, now=now)
        async with database.transaction(key.project_id) as tx:
            await update_key_used(tx, key.id, now=now)
    return Caller(
        project_id=key.project_id,
        key_id=key.id,
        kind=key.kind,
        scope=key.scope,
        scopes=key.scopes,
        requests_per_minute=key.requests_per_minute,
    )


async def _read_key(
    database: Database, app_id: str, *, now: datetime, recent: RecentKeys
) -> StoredKey | None:
    known = recent.find(app_id, now=now)
    if known is not None:
        return known
    reading = recent.reading.get(app_id)
    if reading is None:
        # Of many that find it forgotten at the same moment one looks it up for all.
        reading = asyncio.ensure_future(_look_up_key(database, app_id, now=now, recent=recent))
        recent.reading[app_id] = reading
        reading.add_done_callback(lambda _: recent.reading.pop(app_id))
    return await asyncio.shield(reading)


async def _look_up_key(
    database: Database, app_id: str, *, now: datetime, recent: RecentKeys
) -> StoredKey | None:
    async with database.transaction(lookup=app_id) as tx:
        key = await find_key(tx, app_id)
    if key is not None and key.is_live(now):
        recent.remember(app_id, key, read_at=now)
    return key


async def project_key(tx: Tx, purpose: str) -> bytes:
    """Return the project's random 256-bit key for ``purpose``, creating it at first use."""
    known = await find_project_key(tx, purpose)
    if known is None:
        fresh = secrets.token_bytes(_TOKEN_BYTES)
        await insert_project_key(tx, purpose, fresh, now=utc_now())
        known = await find_project_key(tx, purpose)
    assert known is not None
    return known


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
