"""SQL of what a customer could use: codes they hold or everybody may use, what is running."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import Enum
from typing import Literal, LiteralString, TypeAlias

import msgspec
from psycopg import sql

from kaquan.campaigns import Campaign
from kaquan.runtime import Tx, struct_row

OptionKind: TypeAlias = Literal["voucher", "campaign", "promotion_tier", "promotion_stack"]

_WALLET: LiteralString = (
    "(select 'voucher' as object, v.code as key, v.id, v.created_at, '{}'::text[] as tier_ids,"
    "        null as name, null as banner from voucher v"
    "  where v.holder_id = %(customer_id)s and v.created_at <= %(until)s"
    "  order by v.created_at desc, v.id desc limit %(reach)s)"
)
_FOR_ALL: LiteralString = (
    "(select 'voucher', v.code, v.id, v.created_at, '{}', null, null from voucher v"
    "  where v.campaign_id is null and v.holder_id is null and v.active"
    "    and v.created_at <= %(until)s and (v.expires_at > %(now)s) is not false"
    "  order by v.created_at desc, v.id desc limit %(reach)s)"
)
# Of a campaign that is joined once nobody is offered a second voucher, nor one when none is left.
_CAMPAIGNS: LiteralString = (
    "(select 'campaign', c.id, c.id, c.created_at, '{}', null, null from campaign c"
    "  where c.active and c.kind not in ('PROMOTION', 'REFERRAL_PROGRAM') and c.created_at <= %(until)s"
    "    and tstzrange(c.starts_at, c.expires_at) @> %(now)s"
    "    and not (c.join_once and exists (select from publication p"
    "             where p.campaign_id = c.id and p.customer_id = %(customer_id)s and not p.void))"
    "    and (c.activation = 'AUTO_UPDATE' or exists (select from voucher v"
    "         where v.campaign_id = c.id and v.holder_id is null and v.active))"
    "  order by c.created_at desc, c.id desc limit %(reach)s)"
)
_RUNNING: LiteralString = "c.active and tstzrange(c.starts_at, c.expires_at) @> %(now)s"
_RUNNING_TIERS: LiteralString = (
    "promotion_tier t join voucher v on v.id = t.voucher_id"
    f" join campaign c on c.id = t.campaign_id and {_RUNNING}"
    " where v.active and tstzrange(v.starts_at, v.expires_at) @> %(now)s"
)
_TIERS: LiteralString = (
    "(select 'promotion_tier', v.id, v.id, v.created_at, '{}', t.name, t.banner"
    f"  from {_RUNNING_TIERS} and v.created_at <= %(until)s"
    "  order by v.created_at desc, v.id desc limit %(reach)s)"
)
_STACKS: LiteralString = (
    "(select 'promotion_stack' as object, s.id as key, s.id, s.created_at, s.tier_ids, s.name,"
    "        null as banner"
    f"  from promotion_stack s join campaign c on c.id = s.campaign_id and {_RUNNING}"
    " where s.created_at <= %(until)s order by s.created_at desc, s.id desc limit %(reach)s)"
)
_MERGED: LiteralString = (
    "select * from ({}) offered order by created_at desc, id desc limit %(reach)s"
)


class Source(Enum):
    """Where to look: what the customer holds, codes for all, campaigns that give, promotions."""

    WALLET = "wallet"
    FOR_ALL = "for_all"
    CAMPAIGNS = "campaigns"
    TIERS = "tiers"
    STACKS = "stacks"


_QUERIES: Mapping[Source, LiteralString] = {
    Source.WALLET: _WALLET,
    Source.FOR_ALL: _FOR_ALL,
    Source.CAMPAIGNS: _CAMPAIGNS,
    Source.TIERS: _TIERS,
    Source.STACKS: _STACKS,
}
ALL_BUT_STACKS = frozenset({Source.WALLET, Source.FOR_ALL, Source.CAMPAIGNS, Source.TIERS})


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a customer might use; ``key`` is a voucher's code, else the object's id.

    ``tier_ids`` are those of a stack; a promotion's tiers and stacks have names.
    """

    object: OptionKind
    key: str
    id: str
    created_at: datetime
    tier_ids: tuple[str, ...] = ()
    name: str | None = None
    banner: str | None = None


async def list_offered(
    tx: Tx,
    *,
    customer_id: str | None,
    sources: AbstractSet[Source],
    until: datetime,
    reach: int,
    now: datetime,
) -> list[Offered]:
    """Return up to ``reach`` of what was created up to ``until``, the newest first.

    There is at least one of ``sources``.

    What the customer holds is there whatever its state; of the rest what could be given or used.
    """
    # The first names the columns.
    parts = [sql.SQL(_QUERIES[source]) for source in Source if source in sources]
    query = sql.SQL(_MERGED).format(sql.SQL(" union all ").join(parts))
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


async def list_running_tiers(tx: Tx, *, limit: int, now: datetime) -> list[str]:
    """Return the ids of tiers that are running now, promotion by promotion in their order."""
    cursor = await tx.execute(
        f"select v.id from {_RUNNING_TIERS}"
        " order by c.created_at desc, c.id, t.hierarchy, v.id limit %(limit)s",
        {"now": now, "limit": limit},
    )
    return [row[0] for row in await cursor.fetchall()]
