"""SQL for who belongs to which projects, and for links that open once."""

from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.runtime import NotFound, Tx, set_lookup, struct_row
from kaquan.trust.model import Role, User
from kaquan.trust.passwords import email_digest

_USER: LiteralString = "u.project_id, u.id, u.email, u.name, u.role, u.language, u.disabled_at"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the project, as the list of the team shows them."""

    id: str
    email: str
    name: str
    role: Role
    created_at: datetime
    seen_at: datetime | None
    """When one of their live sessions was used last."""
    passkeys: int


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A link that opens once: an invitation, or a way to a new password.

    ``places`` are the numbers of the projects with the role there that accepting gives.
    """

    project_id: int
    digest: str
    id: str
    purpose: str
    user_id: str
    email: str
    name: str
    places: dict[str, Role]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


async def list_memberships(tx: Tx, user: User) -> list[User]:
    """Return the person in every project that they belong to.

    Somebody else's account with the same address has another id and is not among them.
    """
    digest = email_digest(user.email)
    await set_lookup(tx, digest)
    async with tx.cursor(row_factory=struct_row(User)) as cursor:
        await cursor.execute(
            "select " + _USER + " from app_user u where u.email_digest = %s and u.id = %s"
            " and u.disabled_at is null order by u.project_id",
            (digest, user.id),
        )
        return await cursor.fetchall()


async def list_members(tx: Tx, *, now: datetime) -> list[Member]:
    """Return the project's people by name."""
    async with tx.cursor(row_factory=struct_row(Member)) as cursor:
        await cursor.execute(
            "select u.id, u.email, u.name, u.role, u.created_at, (select max(s.seen_at)"
            "  from user_session s where s.user_id = u.id and s.expires_at > %s"
            "  and s.project_id = current_project()) as seen_at,"
            " (select count(*) from passkey p where p.user_id = u.id"
            "  and p.project_id = current_project()) as passkeys"
            " from app_user u where u.disabled_at is null and u.project_id = current_project()"
            " order by lower(u.name), u.email",
            (now,),
        )
        return await cursor.fetchall()


async def get_member(tx: Tx, reference: str, *, lock: bool = False) -> User:
    """Return the project's person by id or e-mail address. Raises NotFound."""
    async with tx.cursor(row_factory=struct_row(User)) as cursor:
        await cursor.execute(
            "select " + _USER + " from app_user u where (u.id = %s or u.email_digest = %s)"
            " and u.disabled_at is null and u.project_id = current_project()"
            + (" for update" if lock else ""),
            (reference, email_digest(reference)),
        )
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("user", reference)
    return found


async def get_password_hash(tx: Tx, user_id: str) -> str:
    """Return the hash that a person of the project signs in by. Raises NotFound."""
    cursor = await tx.execute(
        "select password_hash from app_user where id = %s and project_id = current_project()",
        (user_id,),
    )
    row = await cursor.fetchone()
    if row is None:
        raise NotFound("user", user_id)
    return row[0]


async def lock_owners(tx: Tx) -> list[str]:
    """Lock the project's owners and return their ids."""
    cursor = await tx.execute(
        "select id from app_user where role = 'owner' and disabled_at is null"
        " and project_id = current_project() order by id for update"
    )
    return [row[0] for row in await cursor.fetchall()]


async def update_role(tx: Tx, user_id: str, role: Role) -> None:
    """Give a person of the project another role."""
    await tx.execute("update app_user set role = %s where id = %s", (role, user_id))


async def delete_user(tx: Tx, user_id: str) -> None:
    """Take a person out of the project, with their sessions and passkeys there."""
    await tx.execute("delete from user_session where user_id = %s", (user_id,))
    await tx.execute("delete from app_user where id = %s", (user_id,))


async def insert_ticket(tx: Tx, ticket: Ticket, *, created_by: str) -> None:
    """Store a link by its digest."""
    await tx.execute(
        "insert into person_ticket (digest, id, purpose, user_id, email, email_digest, name,"
        " places, created_by, created_at, expires_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            ticket.digest,
            ticket.id,
            ticket.purpose,
            ticket.user_id,
            ticket.email,
            email_digest(ticket.email),
            ticket.name,
            Jsonb(ticket.places),
            created_by or None,
            ticket.created_at,
            ticket.expires_at,
        ),
    )


_TICKET: LiteralString = (
    "t.project_id, t.digest, t.id, t.purpose, t.user_id, t.email, t.name, t.places,"
    " t.created_at, t.expires_at, t.used_at"
)


async def find_ticket(tx: Tx, digest: str) -> Ticket | None:
    """Return a link by its digest, whichever project it is of."""
    await set_lookup(tx, digest)
    async with tx.cursor(row_factory=struct_row(Ticket)) as cursor:
        await cursor.execute(
            "select " + _TICKET + " from person_ticket t where t.digest = %s", (digest,)
        )
        return await cursor.fetchone()


async def list_invitations(tx: Tx, *, now: datetime) -> list[Ticket]:
    """Return the project's open invitations, the newest first."""
    async with tx.cursor(row_factory=struct_row(Ticket)) as cursor:
        await cursor.execute(
            "select " + _TICKET + " from person_ticket t where t.purpose = 'invitation'"
            " and t.used_at is null and t.expires_at > %s and t.project_id = current_project()"
            " order by t.created_at desc, t.id",
            (now,),
        )
        return await cursor.fetchall()


async def spend_ticket(tx: Tx, digest: str, *, now: datetime) -> bool:
    """Use a link of the project up; say whether it was open until now."""
    cursor = await tx.execute(
        "update person_ticket set used_at = %s"
        " where digest = %s and used_at is null and expires_at > %s",
        (now, digest, now),
    )
    return cursor.rowcount > 0


async def count_tickets(tx: Tx, user_id: str, *, purpose: str, since: datetime) -> int:
    """Return how many links of a kind were made for a person of the project lately."""
    cursor = await tx.execute(
        "select count(*)::int from person_ticket where user_id = %s and purpose = %s"
        " and created_at > %s and project_id = current_project()",
        (user_id, purpose, since),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def close_tickets(tx: Tx, email: str, *, purpose: str, now: datetime) -> None:
    """Use up the project's open links of a kind for an address."""
    await tx.execute(
        "update person_ticket set used_at = %s where email_digest = %s and purpose = %s"
        " and used_at is null",
        (now, email_digest(email), purpose),
    )


async def delete_ticket(tx: Tx, ticket_id: str) -> bool:
    """Withdraw an open link; say whether there was one."""
    cursor = await tx.execute(
        "delete from person_ticket where id = %s and used_at is null", (ticket_id,)
    )
    return cursor.rowcount > 0
