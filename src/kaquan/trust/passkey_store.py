"""SQL for passkeys and the challenges that authenticators sign."""

from datetime import datetime

import msgspec

from kaquan.runtime import Tx, struct_row


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key that a person's authenticator holds the private one of."""

    project_id: int
    id: str
    user_id: str
    name: str
    public_key: bytes
    sign_count: int
    created_at: datetime
    last_used_at: datetime | None


async def insert_passkey(tx: Tx, passkey: Passkey) -> None:
    """Store a passkey of the transaction's project."""
    await tx.execute(
        "insert into passkey (id, user_id, name, public_key, sign_count, created_at)"
        " values (%s, %s, %s, %s, %s, %s)",
        (
            passkey.id,
            passkey.user_id,
            passkey.name,
            passkey.public_key,
            passkey.sign_count,
            passkey.created_at,
        ),
    )


async def find_passkey(tx: Tx, credential_id: str) -> Passkey | None:
    """Return a passkey of any project; ``tx`` was opened with ``lookup=credential_id``."""
    async with tx.cursor(row_factory=struct_row(Passkey)) as cursor:
        await cursor.execute(
            "select * from passkey where id = %s order by project_id limit 1", (credential_id,)
        )
        return await cursor.fetchone()


async def list_passkeys(tx: Tx, user_id: str) -> list[Passkey]:
    """Return a person's passkeys in the project, the oldest first."""
    async with tx.cursor(row_factory=struct_row(Passkey)) as cursor:
        await cursor.execute(
            "select * from passkey where user_id = %s and project_id = current_project()"
            " order by created_at, id",
            (user_id,),
        )
        return await cursor.fetchall()


async def update_passkey_used(
    tx: Tx, credential_id: str, *, sign_count: int, now: datetime
) -> None:
    """Remember that a passkey was used, and the authenticator's count."""
    await tx.execute(
        "update passkey set sign_count = %s, last_used_at = %s where id = %s",
        (sign_count, now, credential_id),
    )


async def delete_passkey_row(tx: Tx, user_id: str, credential_id: str) -> bool:
    """Forget a person's passkey; say whether there was one."""
    cursor = await tx.execute(
        "delete from passkey where user_id = %s and id = %s", (user_id, credential_id)
    )
    return cursor.rowcount > 0


async def insert_challenge(
    tx: Tx, challenge: bytes, *, user_id: str | None, now: datetime, expires_at: datetime
) -> None:
    """Store a challenge, and forget those that nobody answered in time."""
    await tx.execute("delete from passkey_challenge where expires_at <= %s", (now,))
    await tx.execute(
        "insert into passkey_challenge (challenge, user_id, expires_at) values (%s, %s, %s)",
        (challenge, user_id, expires_at),
    )


async def spend_challenge(tx: Tx, challenge: bytes, *, user_id: str | None, now: datetime) -> bool:
    """Use a challenge of the project up; say whether it was open for this person."""
    cursor = await tx.execute(
        "delete from passkey_challenge where challenge = %s and expires_at > %s"
        " and user_id is not distinct from %s",
        (challenge, now, user_id),
    )
    return cursor.rowcount > 0
