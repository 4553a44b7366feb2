"""SQL of points that are due, of what was earned, and of what moved on cards."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import sql

from kaquan.ledger import AccountKind
from kaquan.loyalty.model import CardTransaction, PointEarning, PointsDue, TransactionPage
from kaquan.runtime import Condition, FilterField, FilterFields, FilterKind, Tx, struct_row

TRANSACTION_FILTERS = FilterFields(
    named={
        "id": FilterField("('vtx_' || l.id)"),
        "voucher_id": FilterField("l.voucher_id"),
        "created_at": FilterField("l.at", FilterKind.TIME),
    }
)
"""What a list of movements may be filtered by."""

_EARNING: LiteralString = (
    "id, rule_id, campaign_id, voucher_id, subject_id, order_id, loyalty_tier_id, points,"
    " returned_minor, taken_back, created_at"
)
# Written out for each kind, because only then the partial indexes of transfers are used.
_OF_KIND: dict[AccountKind, LiteralString] = {
    AccountKind.VALUE: "t.kind = 'value'",
    AccountKind.POINTS: "t.kind = 'points'",
}
_PREFIX = "vtx_"
_LONGEST_NUMBER = 18


async def list_points_of(tx: Tx, customer_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return what customers have on their cards of points, by customer and campaign's name."""
    cursor = await tx.execute(
        "select v.holder_id, c.name, sum(a.balance)::bigint from voucher v"
        "  join campaign c on c.id = v.campaign_id"
        "  join account a on a.owner = v.id and a.kind = 'points'"
        " where v.holder_id = any(%s) and v.active group by 1, 2 order by 1, 2",
        (list(customer_ids),),
    )
    found: dict[str, dict[str, int]] = {}
    for customer_id, name, points in await cursor.fetchall():
        found.setdefault(customer_id, {})[name] = points
    return found


async def list_due_subjects(tx: Tx, *, limit: int) -> list[str]:
    """Return orders and events that points may follow from, the longest waiting first."""
    cursor = await tx.execute(
        "select subject_id from points_due group by subject_id order by min(id) limit %s", (limit,)
    )
    return [row[0] for row in await cursor.fetchall()]


async def take_due(tx: Tx, subject_id: str) -> list[PointsDue]:
    """Take what is due about an order or an event, in the order in which it happened."""
    async with tx.cursor(row_factory=struct_row(PointsDue)) as cursor:
        await cursor.execute(
            "delete from points_due where subject_id = %s"
            " returning id, subject_id, paid, returned_minor, event",
            (subject_id,),
        )
        return sorted(await cursor.fetchall(), key=lambda due: due.id)


async def insert_earning(tx: Tx, earning: PointEarning) -> bool:
    """Store what a rule gave; False when it gave it before."""
    cursor = await tx.execute(
        "insert into point_earning (id, rule_id, campaign_id, voucher_id, subject_id, order_id,"
        " loyalty_tier_id, points, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (project_id, subject_id, rule_id) do nothing",
        (
            earning.id,
            earning.rule_id,
            earning.campaign_id,
            earning.voucher_id,
            earning.subject_id,
            earning.order_id,
            earning.loyalty_tier_id,
            earning.points,
            earning.created_at,
        ),
    )
    return cursor.rowcount == 1


async def list_earnings(tx: Tx, order_id: str) -> list[PointEarning]:
    """Return what rules gave for an order; whoever changes it has locked the order."""
    async with tx.cursor(row_factory=struct_row(PointEarning)) as cursor:
        await cursor.execute(
            f"select {_EARNING} from point_earning where order_id = %s order by id", (order_id,)
        )
        return await cursor.fetchall()


async def update_earning_row(tx: Tx, earning: PointEarning) -> None:
    """Write back what of an earning was asked back, and for which goods."""
    await tx.execute(
        "update point_earning set (returned_minor, taken_back) = (%s, %s) where id = %s",
        (earning.returned_minor, earning.taken_back, earning.id),
    )


async def insert_point_transfer(tx: Tx, adjustment_id: str, counterpart: str) -> None:
    """Note the other card of an adjustment; told again it stays."""
    await tx.execute(
        "insert into point_transfer (adjustment_id, counterpart) values (%s, %s)"
        " on conflict do nothing",
        (adjustment_id, counterpart),
    )


async def list_card_transactions(
    tx: Tx,
    kind: AccountKind,
    *,
    campaign_id: str | None = None,
    voucher_id: str | None = None,
    condition: Condition | None = None,
    after: str | None = None,
    descending: bool = True,
    limit: int,
) -> TransactionPage:
    """Return what moved on a card, or on all cards of a campaign, by time.

    ``after`` is the id of the last movement seen; what is none lies behind everything.
    """
    bound = sql.SQL("true")
    if after is not None:
        bound = sql.SQL("l.id < %(after)s" if descending else "l.id > %(after)s")
    query = sql.SQL(
        "{legs} where {condition} and {bound} order by l.id {direction} limit %(limit)s"
    ).format(
        legs=sql.SQL(_legs_of(_OF_KIND[kind])),
        condition=sql.SQL("true") if condition is None else condition.sql,
        bound=bound,
        direction=sql.SQL("desc" if descending else "asc"),
    )
    parameters: dict[str, Any] = {} if condition is None else dict(condition.parameters)
    parameters |= {
        "card": voucher_id,
        "cards_of": campaign_id,
        "after": _read_cursor(after),
        "limit": limit + 1,
    }
    async with tx.cursor(row_factory=struct_row(CardTransaction)) as cursor:
        await cursor.execute(query, parameters)
        found = await cursor.fetchall()
    return TransactionPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


def _legs_of(of_kind: LiteralString) -> LiteralString:
    cards: LiteralString = (
        " and (%(card)s::text is null or v.id = %(card)s)"
        " and (%(cards_of)s::text is null or v.campaign_id = %(cards_of)s)"
    )
    legs: LiteralString = (
        "with l as (select t.id, t.kind, t.cause, t.cause_id, t.at, t.amount, v.id as voucher_id,"
        f" v.campaign_id from voucher_ever v join transfer t on t.to_owner = v.id and {of_kind}{cards}"
        " union all select t.id, t.kind, t.cause, t.cause_id, t.at, -t.amount, v.id,"
        f" v.campaign_id from voucher_ever v join transfer t on t.from_owner = v.id and {of_kind}{cards})"
    )
    sums: LiteralString = (
        " cross join lateral (select"
        " (select coalesce(sum(t.amount), 0) from transfer t where t.to_owner = l.voucher_id"
        f" and {of_kind} and t.id <= l.id)::bigint as came,"
        " (select coalesce(sum(t.amount), 0) from transfer t where t.from_owner = l.voucher_id"
        f" and {of_kind} and t.id <= l.id)::bigint as went,"
        " (select coalesce(sum(t.amount), 0) from transfer t where t.to_owner = l.voucher_id"
        f" and {of_kind} and t.cause = 'issue' and t.id <= l.id)::bigint as added) s"
    )
    return (
        legs + " select 'vtx_' || l.id as id, l.voucher_id, l.campaign_id, l.kind, l.cause,"
        " l.cause_id, l.amount, s.came - s.went as left, s.added, a.source_id, a.reason,"
        " o.id as order_id, o.source_id as order_source_id, l.at, e.rule_id as earning_rule_id,"
        " coalesce(e.loyalty_tier_id, w.loyalty_tier_id) as loyalty_tier_id,"
        " case when e.order_id is null then e.subject_id end as event_id,"
        " p.counterpart as counterpart_id, other.code as counterpart_code, w.reward_id,"
        " w.reward_name, (q.id is not null and l.amount > 0) as waited from l"
        + sums
        + " left join balance_adjustment a on a.id = l.cause_id"
        " left join point_transfer p on p.adjustment_id = l.cause_id"
        " left join voucher_ever other on other.id = p.counterpart"
        " left join point_earning e on e.id = l.cause_id"
        " left join pending_points q on q.id = l.cause_id"
        " left join reward_redemption w on w.id = l.cause_id"
        " left join redemption r on r.id = l.cause_id"
        " left join orders o on o.id = coalesce(e.order_id, w.order_id, r.order_id)"
    )


def _read_cursor(after: str | None) -> int:
    digits = (after or "").removeprefix(_PREFIX)
    short = digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER
    return int(digits) if short else 0
