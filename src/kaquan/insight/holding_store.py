"""SQL of what customers hold: vouchers given to them."""

from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg import sql

from kaquan.runtime import Condition, FilterField, FilterFields, FilterKind, Page, Tx, struct_row

_ID: LiteralString = "('rh_' || substr(v.id, 3))"
_TYPE: LiteralString = (
    "case coalesce(v.offer, k.offer) -> 'effect' ->> 'code' when 'stored_value'"
    " then 'GIFT_VOUCHER' when 'points_payment' then 'LOYALTY_CARD' else 'DISCOUNT_VOUCHER' end"
)
HOLDING_FILTERS = FilterFields(
    named={
        "id": FilterField(_ID),
        "created_at": FilterField("coalesce(v.published_at, v.created_at)", FilterKind.TIME),
        "redeemable_id": FilterField("v.id"),
        "redeemable_object": FilterField("'voucher'"),
        "holder_role": FilterField("'OWNER'"),
        "campaign_id": FilterField("v.campaign_id"),
        "campaign_type": FilterField("k.kind"),
        "voucher_type": FilterField(_TYPE),
    }
)
"""What a list of holdings may be filtered by."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """That a customer holds a voucher; ``campaign_type`` and ``voucher_type`` as the dialect's."""

    id: str
    voucher_id: str
    campaign_id: str | None
    campaign_type: str | None
    voucher_type: str
    since: datetime


async def list_holdings(
    tx: Tx,
    customer_id: str,
    *,
    condition: Condition | None,
    after: str | None,
    descending: bool,
    limit: int,
) -> Page[Holding]:
    """Return what a customer holds, ordered by id, from behind ``after``.

    The total is of all; ``next_cursor`` is the last one's id when more follow.
    """
    parameters = {
        **(condition.parameters if condition is not None else {}),
        "customer_id": customer_id,
        "after": after,
        "limit": limit + 1,
    }
    query = sql.SQL(
        "select *, count(*) over () as total from (select {id} as id, v.id as voucher_id,"
        " v.campaign_id, k.kind as campaign_type, {type} as voucher_type,"
        " coalesce(v.published_at, v.created_at) as since"
        " from voucher v left join campaign k"
        " on k.project_id = v.project_id and k.id = v.campaign_id"
        " where v.holder_id = %(customer_id)s and {condition}) held"
        " order by id {direction}"
    ).format(
        id=sql.SQL(_ID),
        type=sql.SQL(_TYPE),
        condition=sql.SQL("true") if condition is None else condition.sql,
        direction=sql.SQL("desc" if descending else "asc"),
    )
    part = sql.SQL(
        "select * from ({query}) listed where %(after)s::text is null or id {beyond} %(after)s"
        " limit %(limit)s"
    ).format(query=query, beyond=sql.SQL("<" if descending else ">"))
    async with tx.cursor(row_factory=struct_row(_Counted)) as cursor:
        await cursor.execute(part, parameters)
        found = await cursor.fetchall()
    items: list[Holding] = list(found[:limit])
    more = items[-1].id if len(found) > limit else None
    return Page(items, total=found[0].total if found else 0, next_cursor=more)


class _Counted(Holding, frozen=True, kw_only=True):
    total: int
