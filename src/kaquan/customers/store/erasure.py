"""SQL that empties whatever is personal about one customer, in whichever room it was recorded."""

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
    " status = case when due_at is null then status else 'failed' end, due_at = null"
    " where customer_id = %(id)s"
)

_NAMES: tuple[LiteralString, ...] = (
    "delete from customer_identity where customer_id = %(id)s",
    "delete from customer_note where customer_id = %(id)s",
    "delete from customer_alias where customer_id = %(id)s",
    "delete from customer_duplicate where first_id = %(id)s or second_id = %(id)s",
    (
        "update customer_merge set before = '{}', moved = '{}', reason = '',"
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


async def insert_deletion(tx: Tx, deletion: PermanentDeletion, *, now: datetime) -> None:
    """Keep the proof that an erasure was done."""
    await tx.execute(
        "insert into permanent_deletion (id, customer_id, counts, created_at)"
        " values (%s, %s, %s, %s)",
        (deletion.id, deletion.customer_id, Jsonb(deletion.counts), now),
    )
