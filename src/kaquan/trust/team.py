"""The team: who belongs to a project in which role, and how people get in and out.

A person of several projects is one person: the same id, address and password in each. Only an
owner makes, changes or removes an owner, and a project never loses its last one.
"""

import secrets
from datetime import datetime, timedelta

import msgspec

from kaquan.runtime import (
    Database,
    Duplicate,
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
    token_digest,
)
from kaquan.trust.people import check_password, set_password_hash
from kaquan.trust.sessions import end_sessions, open_session
from kaquan.trust.store import find_user_by_email, insert_user
from kaquan.trust.team_store import (
    Ticket,
    close_tickets,
    count_tickets,
    delete_ticket,
    delete_user,
    find_ticket,
    get_member,
    get_password_hash,
    insert_ticket,
    list_memberships,
    lock_owners,
    spend_ticket,
    update_role,
)

INVITATION_LASTS = timedelta(days=7)
RESET_LASTS = timedelta(hours=1)
MOST_RESETS, RESET_WINDOW = 3, timedelta(hours=1)
_TOKEN_BYTES = 32


class RoleRefused(KaquanError):
    """Whoever asks may not give, change or take this role."""

    key = "role_refused"


class TicketRefused(KaquanError):
    """The link is unknown, was used, or is too old: all look the same."""

    key = "link_expired"


class IssuedTicket(msgspec.Struct, frozen=True, kw_only=True):
    """A link as shown once: ``token`` (256 random bits) is stored as a digest only."""

    ticket: Ticket
    token: str


async def invite_member(
    tx: Tx,
    email: str,
    role: Role,
    *,
    name: str = "",
    places: dict[int, Role] | None = None,
    invited_by: User | None,
    user_id: str | None = None,
    now: datetime,
) -> IssuedTicket:
    """Make the link by which a person joins the project of ``tx``, within 7 days and once.

    ``places`` are further projects; that the inviter looks after them is the caller's to check, as
    is that ``user_id`` is the person with this address in one of them. Earlier invitations of the
    address close. Raises Duplicate for a member, RoleRefused, InvalidInput.
    """
    _check_rank(invited_by, role, *(places or {}).values())
    address = check_email(email.strip())
    if await find_user_by_email(tx, email_digest(address)) is not None:
        raise Duplicate("This person belongs to the project already.")
    cursor = await tx.execute("select current_project()")
    row = await cursor.fetchone()
    assert row is not None
    await close_tickets(tx, address, purpose="invitation", now=now)
    everywhere = {str(row[0]): role} | {str(k): v for k, v in (places or {}).items()}
    return await _issue(
        tx,
        Ticket(
            project_id=row[0],
            digest="",
            id=new_id("inv"),
            purpose="invitation",
            user_id=user_id or new_id("user"),
            email=address,
            name=check_name(name, "name"),
            places=everywhere,
            created_at=now,
            expires_at=now + INVITATION_LASTS,
            used_at=None,
        ),
        by=invited_by,
    )


async def withdraw_invitation(tx: Tx, invitation_id: str) -> None:
    """Close an invitation that nobody accepted. Raises NotFound."""
    if not await delete_ticket(tx, invitation_id):
        raise NotFound("invitation", invitation_id)


async def open_ticket(tx: Tx, token: str, *, purpose: str, now: datetime) -> Ticket:
    """Return what a link is for; ``tx`` is in its project afterwards. Raises TicketRefused."""
    ticket = await find_ticket(tx, token_digest(token))
    live = ticket is not None and ticket.used_at is None and ticket.expires_at > now
    if ticket is None or not live or ticket.purpose != purpose:
        raise TicketRefused("This link was used, withdrawn, or is too old.")
    await set_project(tx, ticket.project_id)
    return ticket


async def find_account(tx: Tx, ticket: Ticket) -> User | None:
    """Return the person whom an invitation is for, if they have an account in the family."""
    invited = User(
        project_id=ticket.project_id,
        id=ticket.user_id,
        email=ticket.email,
        name=ticket.name,
        role=next(iter(ticket.places.values())),
        language=None,
    )
    return next(iter(await list_memberships(tx, invited)), None)


async def accept_invitation(
    database: Database,
    token: str,
    *,
    name: str,
    password: str,
    language: str | None = None,
    user_agent: str = "",
    now: datetime,
) -> SignedIn:
    """Let the invited person in: with a new password, or by the one they have already.

    Raises TicketRefused, InvalidInput (weak password), SignInRefused, TooManyGuesses.
    """
    async with database.transaction() as tx:
        ticket = await open_ticket(tx, token, purpose="invitation", now=now)
        account = await find_account(tx, ticket)
        known_hash = None
        if account is not None:
            await set_project(tx, account.project_id)
            known_hash = await get_password_hash(tx, account.id)
    if account is not None:
        await check_password(database, account, password, now=now)
    password_hash = known_hash or hash_password(password)
    async with database.transaction(actor=f"user:{ticket.user_id}") as tx:
        user = await join(
            tx,
            ticket,
            name=name if account is None else account.name,
            password_hash=password_hash,
            language=language,
            now=now,
        )
        return await open_session(tx, user, user_agent=user_agent, now=now)


async def join(
    tx: Tx,
    ticket: Ticket,
    *,
    name: str,
    password_hash: str,
    language: str | None = None,
    now: datetime,
) -> User:
    """Use an invitation up and make the person a member wherever it says; ``tx`` ends up in the
    project that invited. The caller has made sure that it is the person. Raises TicketRefused.
    """
    await set_project(tx, ticket.project_id)
    if not await spend_ticket(tx, ticket.digest, now=now):
        raise TicketRefused("This link was used, withdrawn, or is too old.")
    user = User(
        project_id=ticket.project_id,
        id=ticket.user_id,
        email=ticket.email,
        name=check_name(name, "name") or ticket.name or ticket.email,
        role=ticket.places[str(ticket.project_id)],
        language=language,
    )
    for number, role in ticket.places.items():
        await set_project(tx, int(number))
        if await find_user_by_email(tx, email_digest(user.email)) is None:
            await insert_user(
                tx,
                msgspec.structs.replace(user, role=role),
                email_digest=email_digest(user.email),
                password_hash=password_hash,
                now=now,
            )
    await set_project(tx, ticket.project_id)
    return user


async def assign_member(tx: Tx, account: User, role: Role, *, at: int, now: datetime) -> User:
    """Make a person of the family's project ``at`` a member of the project of ``tx``.

    Raises Duplicate for a member, RoleRefused for an owner's role.
    """
    _check_rank(None, role)
    cursor = await tx.execute("select current_project()")
    row = await cursor.fetchone()
    assert row is not None
    if await find_user_by_email(tx, email_digest(account.email)) is not None:
        raise Duplicate("This person belongs to the project already.")
    await set_project(tx, at)
    password_hash = await get_password_hash(tx, account.id)
    await set_project(tx, row[0])
    user = msgspec.structs.replace(account, project_id=row[0], role=role)
    await insert_user(
        tx, user, email_digest=email_digest(user.email), password_hash=password_hash, now=now
    )
    return user


async def change_role(tx: Tx, reference: str, role: Role, *, changed_by: User | None) -> User:
    """Give a member another role; ``changed_by`` is None for a management key.

    Raises NotFound, RoleRefused when it is not theirs to change or the last owner's.
    """
    owners = await lock_owners(tx)
    member = await get_member(tx, reference, lock=True)
    _check_rank(changed_by, role, member.role)
    if member.role is Role.OWNER and role is not Role.OWNER:
        _keep_an_owner(owners)
    await update_role(tx, member.id, role)
    return msgspec.structs.replace(member, role=role)


async def remove_member(tx: Tx, reference: str, *, removed_by: User | None) -> None:
    """Take a member out of the project at once. Raises NotFound, RoleRefused."""
    owners = await lock_owners(tx)
    member = await get_member(tx, reference, lock=True)
    _check_rank(removed_by, member.role)
    if member.role is Role.OWNER:
        _keep_an_owner(owners)
    await delete_user(tx, member.id)


async def end_member_sessions(tx: Tx, reference: str, *, ended_by: User) -> None:
    """Sign a member out everywhere. Raises NotFound, RoleRefused for an owner's by another."""
    member = await get_member(tx, reference)
    if member.id != ended_by.id:
        _check_rank(ended_by, member.role)
    await end_sessions(tx, member.id)


async def offer_reset(tx: Tx, reference: str, *, offered_by: User, now: datetime) -> IssuedTicket:
    """Make the link to a new password that somebody in charge hands to a member.

    Raises NotFound; RoleRefused for an owner by another, and for whoever belongs to further
    projects, where the link would open more than the project's own doors.
    """
    member = await get_member(tx, reference)
    _check_rank(offered_by, member.role)
    if len(await list_memberships(tx, member)) > 1:
        message = "This person belongs to other projects too and has to ask for it at the login."
        raise RoleRefused(message)
    return await _issue_reset(tx, member, by=offered_by, now=now)


async def request_reset(database: Database, email: str, *, now: datetime) -> IssuedTicket | None:
    """Make the link to a new password that is to be mailed to the person's own address.

    None when nobody has the address, or asked for it three times within the hour.
    """
    digest = email_digest(email)
    async with database.transaction(lookup=digest) as tx:
        cursor = await tx.execute(
            "select project_id from app_user where email_digest = %s and disabled_at is null"
            " order by project_id limit 1",
            (digest,),
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        await set_project(tx, row[0])
        member = await get_member(tx, email)
        since = now - RESET_WINDOW
        asked = await count_tickets(tx, member.id, purpose="password_reset", since=since)
        if asked >= MOST_RESETS:
            return None
        return await _issue_reset(tx, member, by=None, now=now)


async def finish_reset(database: Database, token: str, password: str, *, now: datetime) -> User:
    """Set the new password by its link; all sessions end. Raises TicketRefused, InvalidInput."""
    password_hash = hash_password(password)
    async with database.transaction() as tx:
        ticket = await open_ticket(tx, token, purpose="password_reset", now=now)
        if not await spend_ticket(tx, ticket.digest, now=now):
            raise TicketRefused("This link was used, withdrawn, or is too old.")
        try:
            member = await get_member(tx, ticket.user_id, lock=True)
        except NotFound as error:
            raise TicketRefused("This link was used, withdrawn, or is too old.") from error
        await set_password_hash(tx, member, password_hash)
        await close_tickets(tx, member.email, purpose="password_reset", now=now)
    return member


async def switch_project(
    database: Database, user: User, project_id: int, *, user_agent: str, now: datetime
) -> SignedIn:
    """Open a session in another project that the person belongs to. Raises NotFound."""
    async with database.transaction(user.project_id) as tx:
        memberships = await list_memberships(tx, user)
        there = next((one for one in memberships if one.project_id == project_id), None)
        if there is None:
            raise NotFound("project", str(project_id))
        await set_project(tx, project_id)
        return await open_session(tx, there, user_agent=user_agent, now=now)


async def _issue_reset(tx: Tx, member: User, *, by: User | None, now: datetime) -> IssuedTicket:
    ticket = Ticket(
        project_id=member.project_id,
        digest="",
        id=new_id("reset"),
        purpose="password_reset",
        user_id=member.id,
        email=member.email,
        name=member.name,
        places={},
        created_at=now,
        expires_at=now + RESET_LASTS,
        used_at=None,
    )
    return await _issue(tx, ticket, by=by)


async def _issue(tx: Tx, ticket: Ticket, *, by: User | None) -> IssuedTicket:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    kept = msgspec.structs.replace(ticket, digest=token_digest(token))
    await insert_ticket(tx, kept, created_by="" if by is None else by.id)
    return IssuedTicket(ticket=kept, token=token)


def _check_rank(actor: User | None, *roles: Role) -> None:
    """Only an owner gives, changes or takes the role of one."""
    if Role.OWNER in roles and (actor is None or actor.role is not Role.OWNER):
        raise RoleRefused("Only an owner can make, change or remove an owner.")


def _keep_an_owner(owners: list[str]) -> None:
    if len(owners) < 2:
        raise RoleRefused("A project needs an owner: make somebody else one first.")


def read_role(text: str, *, field: str = "role") -> Role:
    """Return the role of this name. Raises InvalidInput."""
    try:
        return Role(text)
    except ValueError as error:
        names = ", ".join(role.value for role in Role)
        message = f"A role is one of {names}."
        raise InvalidInput(message, field=field) from error
