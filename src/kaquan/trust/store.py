"""SQL for keys, people, sessions and counters of failed guesses."""

from datetime import datetime
from typing import LiteralString

import msgspec

from kaquan.runtime import Tx, struct_row
from kaquan.trust.model import IssuedKey, KeyKind, KeyScope, User

_USER: LiteralString = "u.project_id, u.id, u.email, u.name, u.role, u.language, u.disabled_at"


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """An API key as stored."""

    project_id: int
    id: str
    kind: KeyKind
    scope: KeyScope
    token_sha256: bytes
    scopes: tuple[str, ...]
    last_used_at: datetime | None
    revoked_at: datetime | None
    requests_per_minute: int | None = None

    def is_live(self, now: datetime) -> bool:
        """Say whether the key works; one that was rotated is revoked at a time to come."""
        return self.revoked_at is None or self.revoked_at > now


class PersonSession(msgspec.Struct, frozen=True, kw_only=True):
    """A live session; ``current`` is the one that asks. The id opens nothing."""

    id: str
    user_agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    current: bool = False


async def insert_key(
    tx: Tx,
    key: IssuedKey,
    *,
    digest: bytes,
    name: str,
    scopes: list[str],
    requests_per_minute: int | None,
    now: datetime,
) -> None:
    """Store an API key; its token only as a digest."""
    await tx.execute(
        "insert into api_key (id, kind, scope, app_id, token_sha256, name, scopes,"
        " requests_per_minute, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            key.key_id,
            key.kind,
            key.scope,
            key.app_id,
            digest,
            name,
            scopes,
            requests_per_minute,
            now,
        ),
    )


async def find_key(tx: Tx, app_id: str) -> StoredKey | None:
    """Return the key with this application id; ``tx`` was opened with ``lookup=app_id``."""
    async with tx.cursor(row_factory=struct_row(StoredKey)) as cursor:
        await cursor.execute(
            "select project_id, id, kind, scope, token_sha256, scopes, last_used_at, revoked_at,"
            " requests_per_minute from api_key where app_id = %s",
            (app_id,),
        )
        return await cursor.fetchone()


async def update_key_used(tx: Tx, key_id: str, *, now: datetime) -> None:
    """Remember when a key was used last."""
    await tx.execute("update api_key set last_used_at = %s where id = %s", (now, key_id))


async def revoke_keys(tx: Tx, name: str, *, now: datetime) -> None:
    """Revoke the live keys of this name."""
    await tx.execute(
        "update api_key set revoked_at = %(now)s where name = %(name)s"
        " and (revoked_at is null or revoked_at > %(now)s)",
        {"now": now, "name": name},
    )


async def insert_user(
    tx: Tx, user: User, *, email_digest: str, password_hash: str, now: datetime
) -> None:
    """Store a person."""
    await tx.execute(
        "insert into app_user"
        " (id, email, email_digest, password_hash, name, role, language, created_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            user.id,
            user.email,
            email_digest,
            password_hash,
            user.name,
            user.role,
            user.language,
            now,
        ),
    )


async def list_sign_ins(tx: Tx, email_digest: str) -> list[tuple[User, str]]:
    """Return the people with this sign-in name and their password hashes, in every project.

    ``tx`` was opened with ``lookup=email_digest``.
    """
    cursor = await tx.execute(
        "select password_hash, " + _USER + " from app_user u"
        " where u.email_digest = %s and u.disabled_at is null order by u.project_id",
        (email_digest,),
    )
    names = [column.name for column in cursor.description or ()][1:]
    return [
        (msgspec.convert(dict(zip(names, row[1:], strict=True)), User), row[0])
        for row in await cursor.fetchall()
    ]


async def update_password_hash(tx: Tx, user_id: str, password_hash: str) -> None:
    """Replace a person's password hash."""
    await tx.execute(
        "update app_user set password_hash = %s where id = %s", (password_hash, user_id)
    )


async def find_user_by_email(tx: Tx, email_digest: str) -> User | None:
    """Return the project's person with this sign-in name."""
    async with tx.cursor(row_factory=struct_row(User)) as cursor:
        await cursor.execute(
            "select " + _USER + " from app_user u where u.email_digest = %s"
            " and u.project_id = current_project()",
            (email_digest,),
        )
        return await cursor.fetchone()


async def update_user_language(tx: Tx, user_id: str, language: str) -> None:
    """Remember the language a person chose."""
    await tx.execute("update app_user set language = %s where id = %s", (language, user_id))


async def insert_session(
    tx: Tx,
    token_digest: str,
    user_id: str,
    *,
    user_agent: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Store a session by its token's digest."""
    await tx.execute(
        "insert into user_session"
        " (token_digest, user_id, user_agent, created_at, seen_at, expires_at)"
        " values (%s, %s, %s, %s, %s, %s)",
        (token_digest, user_id, user_agent, now, now, expires_at),
    )


async def find_session_project(tx: Tx, token_digest: str, *, now: datetime) -> int | None:
    """Return the project of a live session; ``tx`` was opened with ``lookup=token_digest``."""
    cursor = await tx.execute(
        "select project_id from user_session where token_digest = %s and expires_at > %s",
        (token_digest, now),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def find_session_user(tx: Tx, token_digest: str, *, now: datetime) -> User | None:
    """Return the person of a live session within the project of ``tx``."""
    async with tx.cursor(row_factory=struct_row(User)) as cursor:
        await cursor.execute(
            "select " + _USER + " from user_session s join app_user u on u.id = s.user_id"
            " where s.token_digest = %s and s.expires_at > %s and u.disabled_at is null",
            (token_digest, now),
        )
        return await cursor.fetchone()


async def delete_session(tx: Tx, token_digest: str) -> None:
    """End a session."""
    await tx.execute("delete from user_session where token_digest = %s", (token_digest,))


async def delete_sessions(tx: Tx, user_id: str, *, but: str | None = None) -> None:
    """End all sessions of a person, but for the one of the digest ``but``."""
    await tx.execute(
        "delete from user_session where user_id = %s and token_digest is distinct from %s",
        (user_id, but),
    )


async def delete_session_named(tx: Tx, user_id: str, session_id: str) -> bool:
    """End a person's session by its id, the beginning of its digest; say whether there was one."""
    cursor = await tx.execute(
        "delete from user_session where user_id = %s and left(token_digest, 20) = %s",
        (user_id, session_id),
    )
    return cursor.rowcount > 0


async def update_session_seen(
    tx: Tx, token_digest: str, *, now: datetime, unless_after: datetime
) -> None:
    """Remember that a session was used, unless that was done lately."""
    await tx.execute(
        "update user_session set seen_at = %s where token_digest = %s and seen_at < %s",
        (now, token_digest, unless_after),
    )


async def list_sessions_of(tx: Tx, user_id: str, *, now: datetime) -> list[PersonSession]:
    """Return a person's live sessions, the one used last first."""
    async with tx.cursor(row_factory=struct_row(PersonSession)) as cursor:
        await cursor.execute(
            "select left(token_digest, 20) as id, user_agent, created_at, seen_at, expires_at"
            " from user_session where user_id = %s and expires_at > %s"
            " order by seen_at desc, id",
            (user_id, now),
        )
        return await cursor.fetchall()


async def count_failures(tx: Tx, subject: str, *, since: datetime) -> int:
    """Return the failures of a subject in windows that began at or after ``since``."""
    cursor = await tx.execute(
        "select coalesce(sum(failures), 0)::int from risk_counter"
        " where subject = %s and window_start >= %s",
        (subject, since),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def insert_failure(tx: Tx, subject: str, *, window_start: datetime) -> None:
    """Count one more failure of a subject and forget windows long past."""
    await tx.execute(
        "insert into risk_counter as r (subject, window_start, failures) values (%s, %s, 1)"
        " on conflict (project_id, subject, window_start) do update"
        " set failures = r.failures + 1",
        (subject, window_start),
    )
    await tx.execute(
        "delete from risk_counter where subject = %s and window_start < %s - interval '1 day'",
        (subject, window_start),
    )
