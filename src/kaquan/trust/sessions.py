"""Sessions: opened by whoever proved who they are, seen by their person, ended at any time."""

import secrets
from datetime import datetime, timedelta

import msgspec

from kaquan.runtime import Database, NotFound, Tx
from kaquan.trust.model import SignedIn, User
from kaquan.trust.passwords import token_digest
from kaquan.trust.store import (
    PersonSession,
    delete_session,
    delete_session_named,
    delete_sessions,
    find_session_project,
    find_session_user,
    insert_session,
    list_sessions_of,
    update_session_seen,
)

SESSION_LASTS = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=5)


async def open_session(tx: Tx, user: User, *, user_agent: str, now: datetime) -> SignedIn:
    """Open a session of 12 hours for a person of the transaction's project.

    The caller has found out that it is this person.
    """
    token = secrets.token_urlsafe(32)
    expires_at = now + SESSION_LASTS
    await insert_session(
        tx,
        token_digest(token),
        user.id,
        user_agent=user_agent[:300].replace("\x00", ""),
        now=now,
        expires_at=expires_at,
    )
    return SignedIn(user=user, token=token, expires_at=expires_at)


async def session_user(database: Database, token: str, *, now: datetime) -> User | None:
    """Return the person whose session this is, or None when it ended or never was."""
    digest = token_digest(token)
    async with database.transaction(lookup=digest) as tx:
        project_id = await find_session_project(tx, digest, now=now)
    if project_id is None:
        return None
    async with database.transaction(project_id) as tx:
        user = await find_session_user(tx, digest, now=now)
        if user is not None:
            await update_session_seen(tx, digest, now=now, unless_after=now - SEEN_EVERY)
    return user


async def sign_out(database: Database, user: User, token: str) -> None:
    """End the session."""
    async with database.transaction(user.project_id) as tx:
        await delete_session(tx, token_digest(token))


async def list_sessions(
    tx: Tx, user_id: str, *, token: str | None = None, now: datetime
) -> list[PersonSession]:
    """Return a person's live sessions, the one used last first; that of ``token`` is marked."""
    current = None if token is None else token_digest(token)
    return [
        msgspec.structs.replace(one, current=current is not None and current.startswith(one.id))
        for one in await list_sessions_of(tx, user_id, now=now)
    ]


async def end_session(tx: Tx, user_id: str, session_id: str) -> None:
    """End one session of a person. Raises NotFound."""
    if not await delete_session_named(tx, user_id, session_id):
        raise NotFound("session", session_id)


async def end_sessions(tx: Tx, user_id: str, *, but: str | None = None) -> None:
    """End all sessions of a person, but for that of the token ``but``."""
    await delete_sessions(tx, user_id, but=None if but is None else token_digest(but))
