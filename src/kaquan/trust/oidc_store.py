"""SQL for the links between people and their accounts at an OpenID Connect provider."""

from datetime import datetime

from kaquan.runtime import Tx


async def find_linked(tx: Tx, digest: str) -> tuple[int, str] | None:
    """Return project and id of the linked person; ``tx`` was opened with ``lookup=digest``."""
    cursor = await tx.execute(
        "select project_id, user_id from oidc_link where digest = %s order by project_id limit 1",
        (digest,),
    )
    row = await cursor.fetchone()
    return None if row is None else (row[0], row[1])


async def find_link(tx: Tx, user_id: str, issuer: str) -> str | None:
    """Return the digest of a person's account at the provider."""
    cursor = await tx.execute(
        "select digest from oidc_link where user_id = %s and issuer = %s", (user_id, issuer)
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def upsert_link(tx: Tx, digest: str, user_id: str, *, issuer: str, now: datetime) -> None:
    """Link a person to an account, or remember that the link was used."""
    await tx.execute(
        "insert into oidc_link (digest, user_id, issuer, created_at, last_used_at)"
        " values (%(digest)s, %(user)s, %(issuer)s, %(now)s, %(now)s)"
        " on conflict (project_id, digest) do update set last_used_at = excluded.last_used_at",
        {"digest": digest, "user": user_id, "issuer": issuer, "now": now},
    )
