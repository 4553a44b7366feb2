"""SQL of what a customer could use: codes they hold, codes for everybody, running campaigns."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, LiteralString

import msgspec
from psycopg import sql

from kaquan.campaigns import Campaign
from kaquan.runtime import Tx, struct_row

_WALLET: LiteralString = (
    "(select 'voucher' as object, v.code as key, v.id, v.created_at from voucher v"
    "  where v.holder_id = %(customer_id)s and v.created_at <= %(until)s"
    "  order by v.created_at desc, v.id desc limit %(reach)s)"
)
_FOR_ALL: LiteralString = (
    "(select 'voucher', v.code, v.id, v.created_at from voucher v"
    "  where v.campaign_id is null and v.holder_id is null and v.active"
    "    and v.created_at <= %(until)s and (v.expires_at > %(now)s) is not false"
    "  order by v.created_at desc, v.id desc limit %(reach)s)"
)
# Of a campaign that is joined once nobody is offered a second voucher, nor one when none is left.
_CAMPAIGNS: LiteralString = (
    "(select 'campaign', c.id, c.id, c.created_at from campaign c"
    "  where c.active and c.kind <> 'PROMOTION' and c.created_at <= %(until)s"
    "    and tstzrange(c.starts_at, c.expires_at) @> %(now)s"
    "    and not (c.join_once and exists (select from publication p"
    "             where p.campaign_id = c.id and p.customer_id = %(customer_id)s))"
    "    and (c.activation = 'AUTO_UPDATE' or exists (select from voucher v"
    "         where v.campaign_id = c.id and v.holder_id is null and v.active))"
    "  order by c.created_at desc, c.id desc limit %(reach)s)"
)
_MERGED: LiteralString = (
    "select * from ({}) offered order by created_at desc, id desc limit %(reach)s"
)


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a customer might use; ``key`` is a voucher's code, else the object's id."""

    object: Literal["voucher", "campaign"]
    key: str
    id: str
    created_at: datetime


async def list_offered(
    tx: Tx,
    *,
    customer_id: str | None,
    wallet_only: bool,
    until: datetime,
    reach: int,
    now: datetime,
) -> list[Offered]:
    """Return up to ``reach`` of what was created up to ``until``, the newest first.

    What the customer holds is there whatever its state; of the rest what could be given or used.
    """
    sources = [sql.SQL(_WALLET)]
    if not wallet_only:
        sources += [sql.SQL(_FOR_ALL), sql.SQL(_CAMPAIGNS)]
    query = sql.SQL(_MERGED).format(sql.SQL(" union all ").join(sources))
    async with tx.cursor(row_factory=struct_row(Offered)) as cursor:
        await cursor.execute(
            query,
            {"customer_id": customer_id, "until": until, "reach": reach, "now": now},
        )
        return await cursor.fetchall()


async def list_wallet_codes(tx: Tx, customer_id: str, *, limit: int) -> list[str]:
    """Return the codes that a customer holds, those given last first."""
    cursor = await tx.execute(
        "select v.code from voucher v where v.holder_id = %s"
        " order by v.published_at desc nulls last, v.id desc limit %s",
        (customer_id, limit),
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_campaigns_by_id(tx: Tx, campaign_ids: Sequence[str]) -> list[Campaign]:
    """Return those of these campaigns that exist."""
    async with tx.cursor(row_factory=struct_row(Campaign)) as cursor:
        await cursor.execute(
            "select * from campaign c where c.id = any(%s) order by c.id", (list(campaign_ids),)
        )
        return await cursor.fetchall()
