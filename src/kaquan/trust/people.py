"""People: passwords by Argon2id, sessions in the database, guesses counted."""

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from kaquan.runtime import Database, InvalidInput, KaquanError, NotFound, Tx, new_id
from kaquan.trust.model import Role, SignedIn, User
from kaquan.trust.store import (
    count_failures,
    delete_session,
    delete_sessions,
    find_session_project,
    find_session_user,
    find_user_by_email,
    insert_failure,
    insert_session,
    insert_user,
    list_sign_ins,
    update_password_hash,
    update_user_language,
)

SESSION_LASTS = timedelta(hours=12)
SHORTEST_PASSWORD = 10
GUESSES, GUESS_WINDOW = 5, timedelta(minutes=15)

_hasher = PasswordHasher()


class SignInRefused(KaquanError):
    """The name and password do not go together (which of them is not told)."""

    key = "sign_in_refused"


class TooManyGuesses(KaquanError):
    """Too many wrong passwords for this name lately."""

    key = "too_many_guesses"


async def create_user(
    tx: Tx,
    email: str,
    *,
    password: str,
    name: str,
    role: Role,
    language: str | None = None,
    now: datetime,
) -> User:
    """Add a person to the transaction's project. Raises InvalidInput for a weak password."""
    _refuse_weak(password)
    if email.count("@") != 1 or email.strip() != email:
        raise InvalidInput("This is not an e-mail address.", field="email")
    user = User(
        project_id=0, id=new_id("user"), email=email, name=name, role=role, language=language
    )
    await insert_user(
        tx,
        user,
        email_digest=_email_digest(email),
        password_hash=_hasher.hash(password),
        now=now,
    )
    return user


async def reset_password(tx: Tx, email: str, password: str) -> User:
    """Give the project's person with this address a new password and end their sessions.

    Raises NotFound for an unknown address and InvalidInput for a weak password.
    """
    _refuse_weak(password)
    user = await find_user_by_email(tx, _email_digest(email))
    if user is None:
        raise NotFound("user", email)
    await update_password_hash(tx, user.id, _hasher.hash(password))
    await delete_sessions(tx, user.id)
    return user


async def sign_in(
    database: Database, email: str, password: str, *, user_agent: str = "", now: datetime
) -> SignedIn:
    """Open a session for the person with this e-mail address and password.

    Raises SignInRefused for a wrong pair and TooManyGuesses after five wrong passwords within
    a quarter of an hour, whether or not the address is known.
    """
    digest = _email_digest(email)
    async with database.transaction(lookup=digest) as tx:
        people = await list_sign_ins(tx, digest)
    for person, _ in people:
        await _refuse_guessers(database, person.project_id, digest, now=now)
    found = next(((p, h) for p, h in people if _matches(h, password)), None)
    if found is None:
        if not people:
            _matches(_nobodys_hash(), password)
        for person, _ in people:
            async with database.transaction(person.project_id) as tx:
                await insert_failure(tx, digest, window_start=_window(now))
        raise SignInRefused("This e-mail address and password do not go together.")
    user, password_hash = found
    token = secrets.token_urlsafe(32)
    async with database.transaction(user.project_id) as tx:
        if _hasher.check_needs_rehash(password_hash):
            await update_password_hash(tx, user.id, _hasher.hash(password))
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
        return await find_session_user(tx, digest, now=now)


async def sign_out(database: Database, user: User, token: str) -> None:
    """End the session."""
    async with database.transaction(user.project_id) as tx:
        await delete_session(tx, token_digest(token))


async def choose_language(tx: Tx, user: User, language: str) -> None:
    """Remember the language a person reads in."""
    if language not in {"zh", "en"}:
        raise InvalidInput("Kaquan speaks zh and en.", field="language")
    await update_user_language(tx, user.id, language)


def token_digest(token: str) -> str:
    """Return the digest under which a session's token is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _nobodys_hash() -> str:
    """Checked when nobody has the name, so that a wrong name takes as long as a wrong password."""
    return _hasher.hash(secrets.token_urlsafe(16))


def _refuse_weak(password: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        message = f"A password needs at least {SHORTEST_PASSWORD} characters."
        raise InvalidInput(message, field="password", key="password_too_short")


def _email_digest(email: str) -> str:
    return hashlib.sha256(email.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


async def _refuse_guessers(
    database: Database, project_id: int, subject: str, *, now: datetime
) -> None:
    async with database.transaction(project_id) as tx:
        if await count_failures(tx, subject, since=_window(now)) >= GUESSES:
            message = "Too many wrong passwords; wait a quarter of an hour."
            raise TooManyGuesses(message)


def _window(now: datetime) -> datetime:
    seconds = int(GUESS_WINDOW.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, tz=now.tzinfo)
