"""SQL of points that expire. The lots themselves are followed by the database (foundation_25)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.loyalty.model import PointsExpiry
from kaquan.loyalty.points_model import CardOutlook, PointsLot
from kaquan.runtime import Page, Tx, struct_row

_LOT: LiteralString = (
    "id, voucher_id, campaign_id, points, remaining, expired, expires_on, created_at, updated_at"
)


async def upsert_expiry(tx: Tx, campaign_id: str, expiry: PointsExpiry) -> None:
    """Store when a programme's points expire that come from now on."""
    await tx.execute(
        "insert into points_expiry (campaign_id, rules) values (%s, %s)"
        " on conflict (project_id, campaign_id) do update set rules = excluded.rules",
        (campaign_id, Jsonb(msgspec.to_builtins(expiry))),
    )


async def delete_expiry(tx: Tx, campaign_id: str) -> None:
    """Let a programme's points that come from now on never expire."""
    await tx.execute("delete from points_expiry where campaign_id = %s", (campaign_id,))


async def list_expiries(tx: Tx, campaign_ids: Sequence[str]) -> dict[str, PointsExpiry]:
    """Return when points expire, of those programmes whose points do."""
    cursor = await tx.execute(
        "select campaign_id, rules from points_expiry where campaign_id = any(%s)",
        (list(campaign_ids),),
    )
    return {row[0]: msgspec.convert(row[1], PointsExpiry) for row in await cursor.fetchall()}


async def replace_lot(
    tx: Tx, cause_id: str, *, voucher_id: str, expires_on: date | None, at: datetime
) -> None:
    """Let what one cause brought to a card at this moment expire on another day, or never.

    What it brought before keeps its day: an adjustment that is told again changes nothing.
    """
    await tx.execute(
        "delete from points_lot where voucher_id = %s and cause_id = %s and created_at = %s",
        (voucher_id, cause_id, at),
    )
    if expires_on is not None:
        await tx.execute(
            "insert into points_lot (id, voucher_id, campaign_id, cause_id, points, remaining,"
            " expires_on, created_at) select 'lopb_' || t.id, v.id, v.campaign_id, t.cause_id,"
            " t.amount, t.amount, %s, t.at from transfer t join voucher v on v.id = t.to_owner"
            " where t.cause_id = %s and t.at = %s and v.id = %s and t.kind = 'points'",
            (expires_on, cause_id, at, voucher_id),
        )


async def list_lots(tx: Tx, voucher_id: str, *, limit: int, page: int) -> Page[PointsLot]:
    """Return a page of a card's lots that are not spent, the first to expire first."""
    unspent: LiteralString = " from points_lot where voucher_id = %s and remaining + expired > 0"
    total = await (await tx.execute("select count(*)" + unspent, (voucher_id,))).fetchone()
    assert total is not None
    async with tx.cursor(row_factory=struct_row(PointsLot)) as cursor:
        await cursor.execute(
            f"select {_LOT}{unspent} order by expires_on, id limit %s offset %s",
            (voucher_id, limit, (page - 1) * limit),
        )
        return Page(await cursor.fetchall(), total[0])


async def list_overdue_lots(tx: Tx, voucher_id: str, *, today: date) -> list[PointsLot]:
    """Return a card's lots whose last day is over and that are not spent, the oldest first."""
    async with tx.cursor(row_factory=struct_row(PointsLot)) as cursor:
        await cursor.execute(
            f"select {_LOT} from points_lot where voucher_id = %s and expires_on < %s"
            " and remaining > 0 order by expires_on, id",
            (voucher_id, today),
        )
        return await cursor.fetchall()


async def list_cards_with_overdue(tx: Tx, *, today: date, after: str, limit: int) -> list[str]:
    """Return cards, by id from behind ``after``, with points whose last day is over.

    Cards all of whose points a checkout has reserved are left out: theirs expire later.
    """
    cursor = await tx.execute(
        "select distinct l.voucher_id from points_lot l join account a on a.owner = l.voucher_id"
        " and a.kind = 'points' and a.balance > a.held"
        " where l.expires_on < %s and l.remaining > 0 and l.voucher_id > %s"
        " order by l.voucher_id limit %s",
        (today, after, limit),
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_outlooks(tx: Tx, voucher_ids: Sequence[str]) -> dict[str, CardOutlook]:
    """Return, by card, how many points wait and the next that expire."""
    cursor = await tx.execute(
        "select c.id, (select coalesce(sum(p.points), 0)::bigint from pending_points p"
        "  where p.voucher_id = c.id and p.state = 'pending'), n.expires_on, n.points"
        " from unnest(%s::text[]) as c (id) left join lateral"
        " (select l.expires_on, sum(l.remaining)::bigint as points from points_lot l"
        "   where l.voucher_id = c.id and l.remaining > 0"
        "   group by l.expires_on order by l.expires_on limit 1) n on true",
        (list(voucher_ids),),
    )
    return {
        row[0]: CardOutlook(pending=row[1], next_expiry=row[2], next_expiring=row[3])
        for row in await cursor.fetchall()
    }
