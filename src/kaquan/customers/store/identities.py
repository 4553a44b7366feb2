"""SQL of identities."""

from datetime import datetime

import msgspec

from kaquan.runtime import Tx, struct_row


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """By what a customer is known; with a ``proof`` it is theirs alone.

    ``source`` says who told it, or 'profile' for what the customer's own record says.
    """

    customer_id: str
    kind: str
    value: str
    proof: str | None
    source: str
    created_at: datetime
    verified_at: datetime | None


async def lock_value(tx: Tx, identity: tuple[str, str]) -> None:
    """Let proofs of the same identity happen one after the other."""
    await tx.execute(
        "select pg_advisory_xact_lock("
        " hashtextextended(current_project() || ' identity ' || %s || ' ' || %s, 0))",
        identity,
    )


async def find_owner(tx: Tx, identity: tuple[str, str]) -> str | None:
    """Return whose an identity is proven to be."""
    cursor = await tx.execute(
        "select customer_id from customer_identity"
        " where kind = %s and value = %s and verified_at is not null",
        identity,
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def upsert_identity(
    tx: Tx,
    customer_id: str,
    identity: tuple[str, str],
    *,
    source: str,
    proof: str | None,
    now: datetime,
) -> None:
    """Store an identity of a customer; one that is proven already stays as it is."""
    await tx.execute(
        "insert into customer_identity as i"
        " (customer_id, kind, value, proof, source, created_at, verified_at)"
        " values (%(customer)s, %(kind)s, %(value)s, %(proof)s, %(source)s, %(now)s,"
        "         case when %(proof)s::text is not null then %(now)s end)"
        " on conflict (project_id, customer_id, kind, value) do update"
        "    set proof = excluded.proof, source = excluded.source,"
        "        verified_at = excluded.verified_at"
        "  where i.proof is null and excluded.proof is not null",
        {
            "customer": customer_id,
            "kind": identity[0],
            "value": identity[1],
            "proof": proof,
            "source": source,
            "now": now,
        },
    )


async def delete_identity(tx: Tx, customer_id: str, identity: tuple[str, str]) -> bool:
    """Remove an identity; tells whether there was one."""
    cursor = await tx.execute(
        "delete from customer_identity where customer_id = %s and kind = %s and value = %s",
        (customer_id, *identity),
    )
    return cursor.rowcount > 0


async def list_identities(tx: Tx, customer_id: str) -> list[Identity]:
    """Return by what a customer (our id) is known, what their own record says first."""
    async with tx.cursor(row_factory=struct_row(Identity)) as cursor:
        await cursor.execute(
            "select c.id as customer_id, said.kind, said.value, null as proof,"
            "       'profile' as source, c.created_at, null::timestamptz as verified_at"
            "  from customer c, lateral (values ('merchant', c.source_id), ('phone', c.phone),"
            "       ('email', c.email)) as said (kind, value)"
            " where c.id = %(id)s and c.erased_at is null and said.value is not null"
            "   and not exists (select from customer_identity i where i.customer_id = c.id"
            "                      and i.kind = said.kind and i.value = said.value)"
            " union all select customer_id, kind, value, proof, source, created_at, verified_at"
            "  from customer_identity where customer_id = %(id)s"
            " order by verified_at nulls last, kind, value",
            {"id": customer_id},
        )
        return await cursor.fetchall()
