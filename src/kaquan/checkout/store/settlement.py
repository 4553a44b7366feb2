"""SQL of settlement: shares of discounts, and reports about them."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from kaquan.checkout.settlement_model import SettlementEntry, SettlementLine, SettlementQuery
from kaquan.runtime import Tx, struct_row

_WHERE: LiteralString = (
    " where (%(since)s::date is null or e.at >= %(since)s::timestamp at time zone %(zone)s)"
    " and (%(until)s::date is null or e.at < (%(until)s + 1)::timestamp at time zone %(zone)s)"
    " and (%(campaign_id)s::text is null or e.campaign_id = %(campaign_id)s)"
    " and (%(partner_id)s::text is null or e.partner_id = %(partner_id)s)"
    " and (%(own)s or e.partner_id is not null)"
)
_LINES: LiteralString = (
    "select (case when %(by)s::text is not null"
    "         then date_trunc(%(by)s, e.at at time zone %(zone)s) end)::date as period,"
    "       e.campaign_id, e.partner_id,"
    "       count(*) filter (where e.cause_id = e.redemption_id) as redemptions,"
    "       coalesce(sum(e.amount_minor) filter (where e.amount_minor > 0), 0)::bigint"
    "         as discount_minor,"
    "       coalesce(-sum(e.amount_minor) filter (where e.amount_minor < 0), 0)::bigint"
    "         as returned_minor,"
    "       sum(e.amount_minor)::bigint as net_minor"
    f"  from settlement_entry e{_WHERE} group by 1, 2, 3"
)
_ORDERS: Mapping[str, LiteralString] = {
    "period": "l.period",
    "-period": "l.period desc",
    "net": "l.net_minor",
    "-net": "l.net_minor desc",
}


async def insert_entries(tx: Tx, entries: Sequence[SettlementEntry]) -> None:
    """Store shares in one statement."""
    await tx.execute(
        "insert into settlement_entry (redemption_id, cause_id, position, partner_id, share_bps,"
        " campaign_id, amount_minor, at)"
        " select * from jsonb_to_recordset(%s) as e (redemption_id text, cause_id text,"
        " position smallint, partner_id text, share_bps integer, campaign_id text,"
        " amount_minor bigint, at timestamptz)",
        (Jsonb(list(entries)),),
    )


async def list_standing_entries(
    tx: Tx, redemption_ids: Sequence[str]
) -> dict[str, list[SettlementEntry]]:
    """Return by redemption what each side still bears, in the order of the shares."""
    async with tx.cursor(row_factory=struct_row(SettlementEntry)) as cursor:
        await cursor.execute(
            "select redemption_id, redemption_id as cause_id, position, partner_id, share_bps,"
            " campaign_id, sum(amount_minor)::bigint as amount_minor, min(at) as at"
            " from settlement_entry where redemption_id = any(%s)"
            " group by redemption_id, position, partner_id, share_bps, campaign_id"
            " order by redemption_id, position",
            (list(redemption_ids),),
        )
        found = await cursor.fetchall()
    standing: dict[str, list[SettlementEntry]] = {}
    for one in found:
        standing.setdefault(one.redemption_id, []).append(one)
    return standing


async def count_settlement(tx: Tx, query: SettlementQuery, *, zone: str) -> tuple[int, int, int]:
    """Return how many lines a report has, and what was given and taken back in all of them."""
    cursor = await tx.execute(
        "select count(*), coalesce(sum(l.discount_minor), 0)::bigint,"
        f" coalesce(sum(l.returned_minor), 0)::bigint from ({_LINES}) l",
        _parameters(query, zone),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1], row[2]


async def list_lines(
    tx: Tx, query: SettlementQuery, *, zone: str, order: str, limit: int, offset: int
) -> list[SettlementLine]:
    """Return a part of a report's lines; the merchant's own come last where all else is equal."""
    async with tx.cursor(row_factory=struct_row(SettlementLine)) as cursor:
        await cursor.execute(
            "select l.*, c.name as campaign_name, p.name as partner_name"
            f" from ({_LINES}) l join campaign_ever c on c.id = l.campaign_id"
            " left join partner p on p.id = l.partner_id"
            f" order by {_ORDERS[order]}, c.name, l.campaign_id, p.name nulls last"
            " limit %(limit)s offset %(offset)s",
            {**_parameters(query, zone), "limit": limit, "offset": offset},
        )
        return await cursor.fetchall()


async def list_wrong_settlements(tx: Tx) -> list[tuple[str, int, int]]:
    """Return redemptions whose shares are not what still stands: id, expected and found.

    A share below zero is told with 0 expected.
    """
    cursor = await tx.execute(
        "with share as (select redemption_id, position, sum(amount_minor)::bigint as amount"
        "   from settlement_entry group by 1, 2)"
        " select r.id, standing.amount, sum(s.amount)::bigint"
        "   from share s join redemption r on r.id = s.redemption_id,"
        "   lateral (select case when r.rolled_back then 0"
        "      else r.discount_minor + r.items_discount_minor - r.returned_minor end as amount)"
        "      standing"
        "  group by r.id, standing.amount having sum(s.amount) <> standing.amount"
        " union all"
        " select redemption_id, 0, amount from share where amount < 0 order by 1"
    )
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


def _parameters(query: SettlementQuery, zone: str) -> dict[str, Any]:
    return {
        "since": query.since,
        "until": query.until,
        "by": query.by,
        "campaign_id": query.campaign_id,
        "partner_id": query.partner_id,
        "own": query.own,
        "zone": zone,
    }
