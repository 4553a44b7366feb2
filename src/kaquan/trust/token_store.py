"""SQL for access tokens, and for keys that are shown by their token alone."""

from datetime import datetime

import msgspec

from kaquan.runtime import NotFound, Tx, struct_row
from kaquan.trust.model import KeyKind, KeyScope


class StoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """An access token as stored; ``app_id`` is that of the key it was made from."""

    app_id: str
    scopes: tuple[str, ...]
    expires_at: datetime


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """The live key behind a bearer token, with what the token may do of it."""

    project_id: int
    key_id: str
    kind: KeyKind
    scope: KeyScope
    scopes: tuple[str, ...]
    last_used_at: datetime | None
    requests_per_minute: int | None


async def insert_token(
    tx: Tx,
    digest: str,
    key_id: str,
    *,
    scopes: tuple[str, ...],
    now: datetime,
    expires_at: datetime,
) -> None:
    """Store an access token by its digest."""
    await tx.execute(
        "insert into access_token (token_digest, key_id, scopes, created_at, expires_at)"
        " values (%s, %s, %s, %s, %s)",
        (digest, key_id, list(scopes), now, expires_at),
    )


async def get_app_id(tx: Tx, key_id: str) -> str:
    """Return the application id of a key of the project. Raises NotFound."""
    cursor = await tx.execute("select app_id from api_key where id = %s", (key_id,))
    row = await cursor.fetchone()
    if row is None:
        raise NotFound("key", key_id)
    return row[0]


async def count_live_tokens(tx: Tx, *, now: datetime) -> int:
    """Forget the project's expired tokens and return how many are left."""
    await tx.execute("delete from access_token where expires_at <= %s", (now,))
    cursor = await tx.execute("select count(*)::int from access_token")
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def find_token(tx: Tx, digest: str, *, now: datetime) -> StoredToken | None:
    """Return a token of the project that works at ``now``."""
    async with tx.cursor(row_factory=struct_row(StoredToken)) as cursor:
        await cursor.execute(
            "select k.app_id, t.scopes, t.expires_at from access_token t"
            " join api_key k on k.id = t.key_id"
            " where t.token_digest = %s and t.expires_at > %s"
            " and (k.revoked_at is null or k.revoked_at > %s)",
            (digest, now, now),
        )
        return await cursor.fetchone()


async def delete_token(tx: Tx, digest: str) -> None:
    """Forget a token of the project."""
    await tx.execute("delete from access_token where token_digest = %s", (digest,))


async def find_bearer_project(tx: Tx, digest: str) -> int | None:
    """Return the project of a token or key; ``tx`` was opened with ``lookup=digest``."""
    cursor = await tx.execute(
        "select project_id from access_token where token_digest = %(digest)s"
        " union all"
        " select project_id from api_key where encode(token_sha256, 'hex') = %(digest)s limit 1",
        {"digest": digest},
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def find_bearer(tx: Tx, digest: str, *, now: datetime) -> Bearer | None:
    """Return the live key of the project behind a token, or that the token itself belongs to."""
    async with tx.cursor(row_factory=struct_row(Bearer)) as cursor:
        await cursor.execute(
            "select k.project_id, k.id as key_id, k.kind, k.scope, t.scopes, k.last_used_at,"
            " k.requests_per_minute from access_token t join api_key k on k.id = t.key_id"
            " where t.token_digest = %(digest)s and t.expires_at > %(now)s"
            " and (k.revoked_at is null or k.revoked_at > %(now)s)"
            " union all"
            " select project_id, id, kind, scope, scopes, last_used_at, requests_per_minute"
            " from api_key where encode(token_sha256, 'hex') = %(digest)s"
            " and (revoked_at is null or revoked_at > %(now)s) limit 1",
            {"digest": digest, "now": now},
        )
        return await cursor.fetchone()
