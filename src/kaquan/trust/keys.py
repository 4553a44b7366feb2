"""API keys: an application id that is no secret and a token that is shown once."""

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta

from kaquan.runtime import Database, Tx, new_id, utc_now
from kaquan.trust.model import Caller, IssuedKey, KeyKind
from kaquan.trust.store import (
    find_key,
    find_project_key,
    insert_key,
    insert_project_key,
    revoke_keys,
    update_key_used,
)

_TOKEN_BYTES = 32
_LAST_USED_EVERY = timedelta(minutes=1)


async def create_api_key(
    tx: Tx, kind: KeyKind, *, name: str, scopes: tuple[str, ...] = ("*",), now: datetime
) -> IssuedKey:
    """Create a key of the transaction's project. The token (256 random bits) cannot be read again."""
    key = IssuedKey(
        key_id=new_id("key"),
        kind=kind,
        app_id=str(uuid.uuid4()),
        token=secrets.token_urlsafe(_TOKEN_BYTES),
    )
    await insert_key(tx, key, digest=_digest(key.token), name=name, scopes=list(scopes), now=now)
    return key


async def replace_api_key(tx: Tx, kind: KeyKind, *, name: str, now: datetime) -> IssuedKey:
    """Create a key and revoke the live ones of the same name."""
    await revoke_keys(tx, name, now=now)
    return await create_api_key(tx, kind, name=name, now=now)


async def authenticate_key(
    database: Database, app_id: str, token: str, *, now: datetime
) -> Caller | None:
    """Return who shows this pair, or None for an unknown, revoked or wrong one.

    A token has 256 random bits, so a plain SHA-256 is enough to store it; the comparison takes
    the same time whatever differs.
    """
    if "\x00" in app_id or not app_id:
        return None
    async with database.transaction(lookup=app_id) as tx:
        key = await find_key(tx, app_id)
    presented = _digest(token)
    expected = key.token_sha256 if key is not None else bytes(len(presented))
    if not hmac.compare_digest(presented, expected) or key is None or key.revoked_at is not None:
        return None
    if key.last_used_at is None or now - key.last_used_at > _LAST_USED_EVERY:
        async with database.transaction(key.project_id) as tx:
            await update_key_used(tx, key.id, now=now)
    return Caller(project_id=key.project_id, key_id=key.id, kind=key.kind, scopes=key.scopes)


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
