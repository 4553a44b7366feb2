"""SQL of points that wait before they count."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import LiteralString

from kaquan.loyalty.points_model import PendingPage, PendingPoints
from kaquan.runtime import NotFound, Tx, is_storable, struct_row

_PENDING: LiteralString = (
    "select p.id, p.voucher_id, p.campaign_id, v.holder_id as customer_id, p.points,"
    " p.activates_on, p.state, e.rule_id, r.banner as rule_banner, e.order_id,"
    " o.source_id as order_source_id, e.loyalty_tier_id, t.name as loyalty_tier_name,"
    " p.created_at, p.updated_at"
    " from pending_points p join point_earning e on e.id = p.id"
    " join voucher v on v.id = p.voucher_id"
    " left join earning_rule r on r.id = e.rule_id"
    " left join loyalty_tier t on t.id = e.loyalty_tier_id"
    " left join orders o on o.id = e.order_id"
)


async def insert_pending(
    tx: Tx,
    earning_id: str,
    *,
    voucher_id: str,
    campaign_id: str,
    points: int,
    activates_on: date,
    at: datetime,
) -> None:
    """Note that what an earning gave waits until a day."""
    await tx.execute(
        "insert into pending_points (id, voucher_id, campaign_id, points, activates_on,"
        " created_at) values (%s, %s, %s, %s, %s, %s)",
        (earning_id, voucher_id, campaign_id, points, activates_on, at),
    )


async def lock_pending(tx: Tx, pending_id: str, *, voucher_id: str) -> PendingPoints:
    """Lock and return what waits for a card under an id. Raises NotFound, also once it ended."""
    found = None
    if is_storable(pending_id):
        query: LiteralString = (
            f"{_PENDING} where p.id = %s and p.voucher_id = %s and p.state = 'pending'"
            " for update of p"
        )
        async with tx.cursor(row_factory=struct_row(PendingPoints)) as cursor:
            await cursor.execute(query, (pending_id, voucher_id))
            found = await cursor.fetchone()
    if found is None:
        raise NotFound("pending points", pending_id)
    return found


async def lock_pending_of_order(tx: Tx, order_id: str) -> dict[str, tuple[str, int]]:
    """Lock what ever waited of an order's points, in order; returns state and points by earning."""
    cursor = await tx.execute(
        "select p.id, p.state, p.points from pending_points p where p.id in"
        " (select id from point_earning where order_id = %s) order by p.id for update",
        (order_id,),
    )
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


async def update_pending(
    tx: Tx, pending_id: str, *, points: int, state: str = "pending", at: datetime
) -> None:
    """Write back what waits, or how many waited when it ended."""
    await tx.execute(
        "update pending_points set (points, state, updated_at) = (%s, %s, %s) where id = %s",
        (points, state, at, pending_id),
    )


async def add_to_earning(tx: Tx, earning_id: str, points: int) -> None:
    """Let an earning have given so many points more, or fewer."""
    await tx.execute(
        "update point_earning set points = points + %s where id = %s", (points, earning_id)
    )


async def count_pending(tx: Tx, voucher_id: str) -> int:
    """Return how many points wait for a card."""
    cursor = await tx.execute(
        "select coalesce(sum(points), 0)::bigint from pending_points"
        " where voucher_id = %s and state = 'pending'",
        (voucher_id,),
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def list_pending(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    voucher_id: str | None = None,
    after: str | None = None,
    descending: bool = True,
    limit: int,
) -> PendingPage:
    """Return what waits for a card, or for all of a programme, by id: the order it came in."""
    bound: LiteralString = " and p.id < %(after)s" if descending else " and p.id > %(after)s"
    direction: LiteralString = "desc" if descending else "asc"
    if after is not None and not is_storable(after):
        return PendingPage([], None)
    async with tx.cursor(row_factory=struct_row(PendingPoints)) as cursor:
        await cursor.execute(
            _PENDING + " where p.state = 'pending'"
            " and (%(campaign)s::text is null or p.campaign_id = %(campaign)s)"
            " and (%(card)s::text is null or p.voucher_id = %(card)s)"
            + ("" if after is None else bound)
            + f" order by p.id {direction} limit %(limit)s",
            {"campaign": campaign_id, "card": voucher_id, "after": after, "limit": limit + 1},
        )
        found = await cursor.fetchall()
    return PendingPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


async def list_due_pending(
    tx: Tx, *, today: date, after: str = "", limit: int
) -> Sequence[tuple[str, str]]:
    """Return what is to count by today, with its card, by id from behind ``after``."""
    cursor = await tx.execute(
        "select p.id, p.voucher_id from pending_points p join voucher v on v.id = p.voucher_id"
        " where p.state = 'pending' and p.activates_on <= %s and p.id > %s"
        " order by p.id limit %s",
        (today, after, limit),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]
