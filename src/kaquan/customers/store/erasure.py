"""SQL that empties whatever is personal about one customer, in whichever room it was recorded."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.customers.model import PermanentDeletion
from kaquan.runtime import Tx, struct_row

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

_RETURNS: LiteralString = (
    "update order_return r set reason = null, metadata = '{}' from orders o"
    " where o.id = r.order_id and o.customer_id = %(id)s"
    " and (r.reason is not null or r.metadata <> '{}')"
)
_REWARDS: LiteralString = (
    "update reward_redemption set metadata = '{}' where customer_id = %(id)s and metadata <> '{}'"
)
# What is written on coupons that the person holds; what they are worth stays.
_VOUCHERS: LiteralString = (
    "update voucher set metadata = '{}', additional_info = null where holder_id = %(id)s"
    " and (metadata <> '{}' or additional_info is not null)"
)
_ADJUSTMENTS: LiteralString = (
    "update balance_adjustment a set reason = null from voucher v"
    " where v.id = a.voucher_id and v.holder_id = %(id)s and a.reason is not null"
)
_POINTS_DUE: LiteralString = (
    "delete from points_due d using event e where e.id = d.subject_id and e.customer_id = %(id)s"
)
_SESSIONS: LiteralString = "delete from browsing_session where customer_id = %(id)s"
_THOROUGH = (
    _REDEMPTIONS,
    _RETURNS,
    _REWARDS,
    _ADJUSTMENTS,
    _VOUCHERS,
    _PUBLICATIONS,
    _MESSAGES,
    _ATTEMPTS,
    _SESSIONS,
)

_NAMES: tuple[LiteralString, ...] = (
    # What webhooks were told, or will be, about things of the person's: of what is gone, only which
    # thing it was. The numberer is waited for, as it may be writing what it read before.
    "select from webhook_feed for update",
    "delete from domain_event where position(%(id)s in data::text) > 0",
    (
        "update event_outbox set facts = jsonb_build_object("
        "   'id', facts ->> 'id', 'object', facts ->> 'object')"
        " where facts ? 'object' and facts ? 'id' and position(%(id)s in facts::text) > 0"
    ),
    (
        "update source_receipt set body = '', error = left(error, 0) where customer_id = %(id)s"
        " and (body <> '' or error <> '')"
    ),
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
    await tx.execute(_POINTS_DUE, parameters)
    deleted = await tx.execute("delete from event where customer_id = %(id)s", parameters)
    counts = {"events": deleted.rowcount, "customer_events": deleted.rowcount}
    segments = await tx.execute(
        "select count(*) from segment_member where customer_id = %(id)s", parameters
    )
    row = await segments.fetchone()
    assert row is not None
    counts["segments"] = row[0]
    orders = await tx.execute(_ORDERS, parameters)
    for statement in _THOROUGH:
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


async def list_undone_erasures(tx: Tx, customer_ids: Sequence[str]) -> list[str]:
    """Return which of these people are there (again), by themselves or as part of another."""
    cursor = await tx.execute(
        "select id from customer"
        " where id = any(%s) and (erased_at is null or data_key is not null) order by id",
        (list(customer_ids),),
    )
    return [row[0] for row in await cursor.fetchall()]


class StandingMerge(msgspec.Struct, frozen=True, kw_only=True):
    """A merge that can be undone."""

    id: str
    survivor_id: str
    merged_id: str
    reason: str


async def list_standing_merges(tx: Tx, customer_ids: Sequence[str]) -> list[StandingMerge]:
    """Return the merges by which these people and others became one, the newest first."""
    async with tx.cursor(row_factory=struct_row(StandingMerge)) as cursor:
        await cursor.execute(
            'with recursive one (id) as (select unnest(%s::text[]) collate "C" union'
            " select case when m.survivor_id = one.id then m.merged_id else m.survivor_id end"
            "   from customer_merge m join one on one.id in (m.survivor_id, m.merged_id)"
            "  where m.undone_at is null and m.sealed_at is null)"
            " select id, survivor_id, merged_id, reason from customer_merge"
            "  where undone_at is null and sealed_at is null"
            "  and survivor_id in (select id from one) order by merged_at desc, id desc",
            (list(customer_ids),),
        )
        return await cursor.fetchall()


async def insert_deletion(tx: Tx, deletion: PermanentDeletion, *, now: datetime) -> None:
    """Keep the proof that an erasure was done."""
    await tx.execute(
        "insert into permanent_deletion (id, customer_id, counts, created_at)"
        " values (%s, %s, %s, %s)",
        (deletion.id, deletion.customer_id, Jsonb(deletion.counts), now),
    )
