"""SQL that empties whatever is personal about one customer, in whichever room it was recorded."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

from psycopg.types.json import Jsonb

from kaquan.customers.model import PermanentDeletion
from kaquan.runtime import Tx

_ORDERS: LiteralString = (
    "update orders set metadata = '{}', line_details = null where customer_id = %(id)s"
)
_REDEMPTIONS: LiteralString = (
    "update redemption set metadata = '{}', tracking_id = null, trace = null"
    " where customer_id = %(id)s"
)
_PUBLICATIONS: LiteralString = (
    "update publication set metadata = '{}' where customer_id = %(id)s and metadata <> '{}'"
)
_ATTEMPTS: LiteralString = (
    "delete from attempt where customer_id = %(id)s"
    " or customer_source_id in (select source_id from customer where id = %(id)s)"
)
# What still waits to be sent has nobody left to go to.
_MESSAGES: LiteralString = (
    "update message set address = '', subject = '', html = '', plain = '', headers = '{}',"
    " error = null,"
    " status = case when due_at is null then status else 'failed' end, due_at = null"
    " where customer_id = %(id)s"
)

_NAMES: tuple[LiteralString, ...] = (
    # Answers remembered for requests that are sent again. Their keys stay: nothing is done twice.
    "update idempotency set body = null where position(convert_to(%(id)s, 'UTF8') in body) > 0",
    "delete from customer_identity where customer_id = %(id)s",
    "delete from customer_note where customer_id = %(id)s",
    "delete from customer_score where customer_id = %(id)s",
    "update referral set metadata = '{}' where referee_id = %(id)s and metadata <> '{}'",
    "delete from customer_alias where customer_id = %(id)s",
    "delete from customer_duplicate where first_id = %(id)s or second_id = %(id)s",
    (
        "update customer_merge set before = '', moved = '{}', reason = '',"
        " sealed_at = coalesce(sealed_at, %(now)s) where survivor_id = %(id)s or merged_id = %(id)s"
    ),
)


async def list_parts(tx: Tx, customer_id: str) -> list[str]:
    """Return a person's id and those of all who were merged into them, one into the other too."""
    cursor = await tx.execute(
        'with recursive part (id) as (select %s::text collate "C" union'
        " select m.merged_id from customer_merge m join part p on m.survivor_id = p.id"
        "  where m.undone_at is null)"
        " select id from part",
        (customer_id,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def forget_names(tx: Tx, customer_id: str, *, now: datetime) -> None:
    """Drop every name and note of a customer, and what merges kept of them; seals the merges."""
    parameters = {"id": customer_id, "now": now}
    for statement in _NAMES:
        await tx.execute(statement, parameters)


async def erase_traces(tx: Tx, customer_id: str) -> dict[str, int]:
    """Empty orders, redemptions, publications and messages, delete events; returns how many."""
    parameters = {"id": customer_id}
    deleted = await tx.execute("delete from event where customer_id = %(id)s", parameters)
    counts = {"events": deleted.rowcount, "customer_events": deleted.rowcount}
    segments = await tx.execute(
        "select count(*) from segment_member where customer_id = %(id)s", parameters
    )
    row = await segments.fetchone()
    assert row is not None
    counts["segments"] = row[0]
    orders = await tx.execute(_ORDERS, parameters)
    for statement in (_REDEMPTIONS, _PUBLICATIONS, _MESSAGES, _ATTEMPTS):
        await tx.execute(statement, parameters)
    return counts | {"orders": orders.rowcount, "order_events": 0, "daily_events": 0, "customer": 1}


async def insert_erasures(
    tx: Tx, customer_ids: Sequence[str], *, thorough: bool, at: datetime, logged_at: datetime | None
) -> None:
    """Note who was erased, for the log outside of the database."""
    await tx.execute(
        "insert into erasure (customer_id, thorough, at, logged_at)"
        " select id, %s, %s, %s from unnest(%s::text[]) as id order by id on conflict do nothing",
        (thorough, at, logged_at, list(customer_ids)),
    )


async def lock_unlogged(tx: Tx, *, limit: int) -> list[tuple[str, bool, datetime]]:
    """Lock and return erasures that the log does not have yet, the oldest first."""
    cursor = await tx.execute(
        "select customer_id, thorough, at from erasure where logged_at is null"
        " order by at, customer_id limit %s for update skip locked",
        (limit,),
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def update_logged(tx: Tx, customer_ids: Sequence[str], *, now: datetime) -> None:
    """Note that the log has these erasures."""
    await tx.execute(
        "update erasure set logged_at = %s where customer_id = any(%s)", (now, list(customer_ids))
    )


async def list_undone_erasures(tx: Tx, customer_ids: Sequence[str]) -> dict[str, bool]:
    """Return which of these people are there (again), and whether merged into another person."""
    cursor = await tx.execute(
        "select id, erased_at is not null from customer"
        " where id = any(%s) and (erased_at is null or data_key is not null) order by id",
        (list(customer_ids),),
    )
    return dict(await cursor.fetchall())


async def insert_deletion(tx: Tx, deletion: PermanentDeletion, *, now: datetime) -> None:
    """Keep the proof that an erasure was done."""
    await tx.execute(
        "insert into permanent_deletion (id, customer_id, counts, created_at)"
        " values (%s, %s, %s, %s)",
        (deletion.id, deletion.customer_id, Jsonb(deletion.counts), now),
    )
