"""People: signing in by password, changing it, and guesses, which are counted."""

from datetime import datetime, timedelta

from kaquan.runtime import (
    Database,
    InvalidInput,
    KaquanError,
    NotFound,
    Tx,
    check_name,
    new_id,
    set_project,
)
from kaquan.trust.model import Role, SignedIn, User
from kaquan.trust.passwords import (
    check_email,
    email_digest,
    hash_password,
    needs_rehash,
    nobodys_hash,
    password_matches,
)
from kaquan.trust.sessions import end_sessions, open_session
from kaquan.trust.store import (
    count_failures,
    find_user_by_email,
    insert_failure,
    insert_user,
    list_sign_ins,
    update_password_hash,
    update_user_language,
)
from kaquan.trust.team_store import list_memberships

GUESSES, GUESS_WINDOW = 5, timedelta(minutes=15)


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
    password_hash = hash_password(password)
    user = User(
        project_id=0,
        id=new_id("user"),
        email=check_email(email),
        name=check_name(name, "name"),
        role=role,
        language=language,
    )
    await insert_user(
        tx, user, email_digest=email_digest(email), password_hash=password_hash, now=now
    )
    return user


async def reset_password(tx: Tx, email: str, password: str) -> User:
    """Give the project's person with this address a new password and end their sessions.

    A person of several projects has one password in all of them. Raises NotFound for an unknown
    address and InvalidInput for a weak password.
    """
    password_hash = hash_password(password)
    user = await find_user_by_email(tx, email_digest(email))
    if user is None:
        raise NotFound("user", email)
    await set_password_hash(tx, user, password_hash)
    return user


async def set_password_hash(
    tx: Tx, user: User, password_hash: str, *, but: str | None = None
) -> None:
    """Set a person's password wherever they are known, and end sessions but that of ``but``.

    ``tx`` is in the person's project, and is so afterwards.
    """
    home = user.project_id
    for one in await list_memberships(tx, user):
        await set_project(tx, one.project_id)
        await update_password_hash(tx, one.id, password_hash)
        await end_sessions(tx, one.id, but=but)
    await set_project(tx, home)


async def sign_in(
    database: Database, email: str, password: str, *, user_agent: str = "", now: datetime
) -> SignedIn:
    """Open a session for the person with this e-mail address and password.

    Raises SignInRefused for a wrong pair and TooManyGuesses after five wrong passwords within
    a quarter of an hour, whether or not the address is known.
    """
    digest = email_digest(email)
    async with database.transaction(lookup=digest) as tx:
        people = await list_sign_ins(tx, digest)
    for person, _ in people:
        await _refuse_guessers(database, person.project_id, digest, now=now)
    found = next(((p, h) for p, h in people if password_matches(h, password)), None)
    if found is None:
        if not people:
            password_matches(nobodys_hash(), password)
        for person, _ in people:
            async with database.transaction(person.project_id) as tx:
                await insert_failure(tx, digest, window_start=_window(now))
        raise SignInRefused("This e-mail address and password do not go together.")
    user, password_hash = found
    async with database.transaction(user.project_id) as tx:
        if needs_rehash(password_hash):
            await update_password_hash(tx, user.id, hash_password(password))
        return await open_session(tx, user, user_agent=user_agent, now=now)


async def check_password(database: Database, user: User, password: str, *, now: datetime) -> None:
    """Make sure that a person knows their password. Raises SignInRefused, TooManyGuesses."""
    digest = email_digest(user.email)
    await _refuse_guessers(database, user.project_id, digest, now=now)
    async with database.transaction(user.project_id, lookup=digest) as tx:
        hashes = {one.id: known for one, known in await list_sign_ins(tx, digest)}
    if not password_matches(hashes.get(user.id, nobodys_hash()), password):
        async with database.transaction(user.project_id) as tx:
            await insert_failure(tx, digest, window_start=_window(now))
        raise SignInRefused("This is not your password.")


async def change_password(
    database: Database,
    user: User,
    old: str,
    new: str,
    *,
    token: str,
    now: datetime,
) -> None:
    """Give a person who knows the old password a new one; sessions but that of ``token`` end.

    Raises SignInRefused, TooManyGuesses, InvalidInput for a weak one.
    """
    await check_password(database, user, old, now=now)
    password_hash = hash_password(new)
    async with database.transaction(user.project_id, actor=f"user:{user.id}") as tx:
        await set_password_hash(tx, user, password_hash, but=token)


async def choose_language(tx: Tx, user: User, language: str) -> None:
    """Remember the language a person reads in."""
    if language not in {"zh", "en"}:
        raise InvalidInput("Kaquan speaks zh and en.", field="language")
    await update_user_language(tx, user.id, language)


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
