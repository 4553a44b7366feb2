"""SQL of referrals."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.checkout.referral_model import CodeHolder, Referral, ReferralTies
from kaquan.customers import OrderStatus
from kaquan.runtime import Condition, FilterField, FilterFields, FilterKind, Page, Tx, struct_row

PAID_STATUSES = (OrderStatus.PAID, OrderStatus.FULFILLED, OrderStatus.PARTIALLY_RETURNED)
"""What an order is while it counts as the first that was paid with a referral code."""

HOLDER_FILTERS = FilterFields(
    named={
        "id": FilterField("h.id"),
        "created_at": FilterField("h.created_at", FilterKind.TIME),
        "holder_role": FilterField("h.role"),
        "customer_id": FilterField("h.customer_id"),
    }
)
"""What the list of a code's people may be filtered by."""

HOLDER_ORDERS: Mapping[str, LiteralString] = {
    "id": "h.id",
    "-id": "h.id desc",
    "created_at": "h.created_at, h.id",
    "-created_at": "h.created_at desc, h.id desc",
}
_HOLDERS: LiteralString = (
    "(select v.id, coalesce(v.published_at, v.created_at) as created_at, v.id as voucher_id,"
    "        v.holder_id as customer_id, 'REFERRER' as role, '{}'::jsonb as metadata"
    "   from voucher v where v.id = %(voucher_id)s and v.holder_id is not null"
    " union all"
    " select r.id, r.created_at, r.voucher_id, r.referee_id, 'REFEREE', r.metadata"
    "   from referral r where r.voucher_id = %(voucher_id)s) h"
)
_AFTER: Mapping[str, LiteralString] = {
    "id": "h.id > %(after)s",
    "-id": "h.id < %(after)s",
    "created_at": "(h.created_at, h.id) >",
    "-created_at": "(h.created_at, h.id) <",
}


async def note_referrals(tx: Tx, referrals: Sequence[Referral]) -> None:
    """Store that codes were used; who was brought by another before stays with it.

    Whoever was only named by hand, whose earlier use was undone before any reward, or whose order
    with it is not paid, is brought along by the code used now.
    """
    await tx.execute(
        "insert into referral (id, campaign_id, voucher_id, referrer_id, referee_id, redemption_id,"
        " order_id, state, due_at, created_at)"
        " select * from jsonb_to_recordset(%s) as r (id text, campaign_id text, voucher_id text,"
        " referrer_id text, referee_id text, redemption_id text, order_id text, state text,"
        " due_at timestamptz, created_at timestamptz)"
        " order by campaign_id, referee_id"
        " on conflict (project_id, campaign_id, referee_id) do update"
        "    set voucher_id = excluded.voucher_id, referrer_id = excluded.referrer_id,"
        "        redemption_id = excluded.redemption_id, order_id = excluded.order_id,"
        "        state = excluded.state, due_at = excluded.due_at"
        "  where referral.state in ('invited', 'void')"
        "     or (referral.state = 'waiting' and not exists (select from orders o"
        "         where o.id = referral.order_id and o.status = any(%s)))",
        (Jsonb(list(referrals)), list(PAID_STATUSES)),
    )


async def invite_referees(tx: Tx, referrals: Sequence[Referral]) -> None:
    """Store that people were named for a code; who used one already stays as they are."""
    await tx.execute(
        "insert into referral (id, campaign_id, voucher_id, referrer_id, referee_id, state,"
        " metadata, created_at)"
        " select * from jsonb_to_recordset(%s) as r (id text, campaign_id text, voucher_id text,"
        " referrer_id text, referee_id text, state text, metadata jsonb, created_at timestamptz)"
        " order by campaign_id, referee_id"
        " on conflict (project_id, campaign_id, referee_id) do update"
        "    set voucher_id = excluded.voucher_id, referrer_id = excluded.referrer_id,"
        "        state = excluded.state, metadata = excluded.metadata"
        "  where referral.state in ('invited', 'void')",
        (Jsonb(list(referrals)),),
    )


async def list_referees(
    tx: Tx, campaign_id: str, referee_ids: Sequence[str]
) -> dict[str, Referral]:
    """Return the referrals of these people in a programme, by person."""
    async with tx.cursor(row_factory=struct_row(Referral)) as cursor:
        await cursor.execute(
            "select * from referral where campaign_id = %s and referee_id = any(%s)",
            (campaign_id, list(referee_ids)),
        )
        return {one.referee_id: one for one in await cursor.fetchall()}


async def list_referral_ties(tx: Tx, customer_ids: Sequence[str]) -> dict[str, ReferralTies]:
    """Return by customer whom they brought along and who brought them; what was undone is not it."""
    async with tx.cursor(row_factory=struct_row(ReferralTies)) as cursor:
        await cursor.execute(
            "select c.id as customer_id,"
            " (select count(*) from referral r where r.referrer_id = c.id"
            "   and r.state in ('waiting', 'rewarded')) as brought,"
            " coalesce((select jsonb_agg(jsonb_build_object('campaign_id', r.campaign_id,"
            "   'referrer_id', r.referrer_id, 'redemption_id', r.redemption_id,"
            "   'at', r.created_at) order by r.created_at, r.id)"
            "   from referral r where r.referee_id = c.id"
            "    and r.state in ('waiting', 'rewarded')), '[]') as sources"
            " from unnest(%s::text[]) as c (id)",
            (list(customer_ids),),
        )
        return {one.customer_id: one for one in await cursor.fetchall()}


async def find_referral(tx: Tx, referral_id: str, *, lock: bool = False) -> Referral | None:
    """Return a referral by id; ``lock`` keeps others from settling it."""
    query: LiteralString = "select * from referral where id = %s"
    async with tx.cursor(row_factory=struct_row(Referral)) as cursor:
        await cursor.execute(query + " for update" if lock else query, (referral_id,))
        return await cursor.fetchone()


async def update_referral(tx: Tx, referral: Referral) -> None:
    """Write back what was settled."""
    await tx.execute(
        "update referral set state = %s, given = %s, due_at = %s, fault = %s, settled_at = %s"
        " where id = %s",
        (
            referral.state,
            Jsonb(list(referral.given)),
            referral.due_at,
            referral.fault,
            referral.settled_at,
            referral.id,
        ),
    )


async def delete_referral(tx: Tx, referral_id: str) -> None:
    """Forget that somebody was brought along."""
    await tx.execute("delete from referral where id = %s", (referral_id,))


async def mark_undone(tx: Tx, redemption_ids: Sequence[str], *, now: datetime) -> None:
    """Have the referrals of redemptions that were rolled back looked at again."""
    await tx.execute(
        "update referral set due_at = %s where redemption_id = any(%s)"
        " and state in ('waiting', 'rewarded')",
        (now, list(redemption_ids)),
    )


async def list_due_referrals(tx: Tx, *, now: datetime, limit: int) -> list[str]:
    """Return referrals to look at, the longest due first."""
    cursor = await tx.execute(
        "select id from referral where due_at <= %s order by due_at, id limit %s", (now, limit)
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_card_of(tx: Tx, campaign_id: str, customer_id: str) -> str | None:
    """Return the first active voucher that a person holds of a campaign, by id."""
    cursor = await tx.execute(
        "select id from voucher where campaign_id = %s and holder_id = %s and active"
        " order by id limit 1",
        (campaign_id, customer_id),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def list_holder_rows(
    tx: Tx,
    voucher_id: str,
    *,
    condition: Condition | None,
    order: str,
    after: str | None,
    limit: int,
) -> Page[CodeHolder]:
    """Return a part of the people whom a code concerns, and how many there are in all."""
    parameters: dict[str, Any] = {"voucher_id": voucher_id, "after": after, "limit": limit + 1}
    parts: list[sql.Composable] = [sql.SQL("true")]
    if condition is not None:
        parts.append(condition.sql)
        parameters |= condition.parameters
    where = sql.SQL(" and ").join(parts)
    counted = await tx.execute(
        sql.SQL("select count(*) from {} where {}").format(sql.SQL(_HOLDERS), where), parameters
    )
    total = (await counted.fetchall())[0][0]
    if after is not None:
        beyond = sql.SQL(_AFTER[order])
        if "created_at" in order:
            beyond += sql.SQL(" (select h.created_at, h.id from {} where h.id = %(after)s)").format(
                sql.SQL(_HOLDERS)
            )
        where = sql.SQL("{} and {}").format(where, beyond)
    query = sql.SQL("select h.* from {} where {} order by {} limit %(limit)s").format(
        sql.SQL(_HOLDERS), where, sql.SQL(HOLDER_ORDERS[order])
    )
    async with tx.cursor(row_factory=struct_row(CodeHolder)) as cursor:
        await cursor.execute(query, parameters)
        found = await cursor.fetchall()
    return Page(found[:limit], total, found[limit - 1].id if len(found) > limit else None)
