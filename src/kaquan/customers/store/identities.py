"""SQL of identities."""

from datetime import UTC, datetime

import msgspec
from psycopg.rows import dict_row

from kaquan.customers.sealing import find_sealers, open_sealers
from kaquan.customers.store.customers import find_customer_row
from kaquan.runtime import Tx
from kaquan.trust import open_vault


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
        await _key(tx, identity),
    )


async def find_owner(tx: Tx, identity: tuple[str, str]) -> str | None:
    """Return whose an identity is proven to be."""
    cursor = await tx.execute(
        "select customer_id from customer_identity"
        " where kind = %s and value_index = %s and verified_at is not null",
        await _key(tx, identity),
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
    kind, index = await _key(tx, identity)
    sealer = (await open_sealers(tx, [customer_id]))[customer_id]
    await tx.execute(
        "insert into customer_identity as i (customer_id, kind, value_index, value, sealed_by,"
        "  proof, source, created_at, verified_at)"
        " values (%(customer)s, %(kind)s, %(index)s, %(value)s, %(customer)s, %(proof)s,"
        "         %(source)s, %(now)s, case when %(proof)s::text is not null then %(now)s end)"
        " on conflict (project_id, customer_id, kind, value_index) do update"
        "    set proof = excluded.proof, source = excluded.source,"
        "        verified_at = excluded.verified_at"
        "  where i.proof is null and excluded.proof is not null",
        {
            "customer": customer_id,
            "kind": kind,
            "index": index,
            "value": sealer.seal_text(identity[1], _place(kind, index)),
            "proof": proof,
            "source": source,
            "now": now,
        },
    )


async def delete_identity(tx: Tx, customer_id: str, identity: tuple[str, str]) -> bool:
    """Remove an identity; tells whether there was one."""
    cursor = await tx.execute(
        "delete from customer_identity where customer_id = %s and kind = %s and value_index = %s",
        (customer_id, *await _key(tx, identity)),
    )
    return cursor.rowcount > 0


async def list_identities(tx: Tx, customer_id: str) -> list[Identity]:
    """Return by what a customer (our id) is known, what their own record says among them."""
    known = await list_recorded(tx, customer_id)
    has = {(one.kind, one.value) for one in known}
    customer = await find_customer_row(tx, row_id=customer_id)
    if customer is not None:
        said = (
            ("merchant", customer.source_id),
            ("phone", customer.phone),
            ("email", customer.email),
        )
        known += [
            Identity(
                customer_id=customer_id,
                kind=kind,
                value=value,
                proof=None,
                source="profile",
                created_at=customer.created_at,
                verified_at=None,
            )
            for kind, value in said
            if value is not None and (kind, value) not in has
        ]
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(known, key=lambda one: (one.verified_at or last, one.kind, one.value))


async def list_recorded(tx: Tx, customer_id: str) -> list[Identity]:
    """Return the identities that were recorded of a customer (our id)."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "select customer_id, kind, value_index, value, sealed_by, proof, source, created_at,"
            " verified_at from customer_identity where customer_id = %s",
            (customer_id,),
        )
        rows = await cursor.fetchall()
    sealers = await find_sealers(tx, [row["sealed_by"] for row in rows])
    return [
        Identity(
            **{name: row[name] for name in Identity.__struct_fields__ if name != "value"},
            value=sealers[row["sealed_by"]].unseal_text(
                row["value"], _place(row["kind"], row["value_index"])
            ),
        )
        for row in rows
    ]


async def _key(tx: Tx, identity: tuple[str, str]) -> tuple[str, str]:
    """Return an identity's kind and the digest that its normal form is looked up by."""
    kind, value = identity
    return kind, (await open_vault(tx)).blind(f"identity {kind}", value)


def _place(kind: str, index: str) -> str:
    return f"customer_identity.value {kind} {index}"
