"""SQL of balances: adjustments, and an account's movements as the ledger has them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from kaquan.campaigns.model import Balance, BalanceChange, BalanceTransaction
from kaquan.ledger import AccountKind
from kaquan.runtime import Page, Tx, is_storable, struct_row

# Written out for each kind, because only then the partial indexes of transfers are used.
_OF_KIND: dict[AccountKind, LiteralString] = {
    AccountKind.VALUE: "t.kind = 'value'",
    AccountKind.POINTS: "t.kind = 'points'",
}
_TRANSACTIONS: LiteralString = """
    select 'vtx_' || l.id as id, v.id as voucher_id, v.campaign_id, l.kind, l.cause, l.cause_id,
           l.amount, l.left_then::bigint as left, coalesce(l.added_then, 0)::bigint as added,
           a.source_id, a.reason, o.id as order_id, o.source_id as order_source_id, l.at
      from legs l
      join voucher v on v.id = %(voucher_id)s
      left join balance_adjustment a on a.id = l.cause_id
      left join redemption r on r.id = l.cause_id
      left join orders o on o.id = r.order_id
"""
_PREFIX = "vtx_"
_LONGEST_NUMBER = 18


async def insert_adjustment(
    tx: Tx,
    change: BalanceChange,
    *,
    source_id: str | None,
    reason: str | None,
    by_user_id: str | None,
    now: datetime,
) -> None:
    """Keep an adjustment; the voucher must be locked, so that a source_id is taken once."""
    await tx.execute(
        "insert into balance_adjustment (id, voucher_id, amount, source_id, reason, by_user_id,"
        " created_at) values (%s, %s, %s, %s, %s, %s, %s)",
        (change.id, change.voucher_id, change.amount, source_id, reason, by_user_id, now),
    )


async def find_adjustment(tx: Tx, voucher_id: str, source_id: str) -> str | None:
    """Return the id of the voucher's adjustment under the caller's own name for it."""
    cursor = await tx.execute(
        "select id from balance_adjustment where voucher_id = %s and source_id = %s",
        (voucher_id, source_id),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def list_balance_rows(tx: Tx, voucher_ids: Sequence[str], kind: AccountKind) -> list[Balance]:
    """Return the balances of vouchers that have an account of this kind."""
    query: LiteralString = (
        "select a.owner as voucher_id, a.kind, a.granted + out.removed as added, out.removed,"
        " out.expired, a.balance as left, a.held from account a cross join lateral ("
        "  select coalesce(sum(t.amount) filter (where t.cause = 'withdraw'), 0)::bigint as removed,"
        "  coalesce(sum(t.amount) filter (where t.cause = 'expire'), 0)::bigint as expired"
        f"  from transfer t where {_OF_KIND[kind]} and t.from_owner = a.owner) as out"
        " where a.owner = any(%s) and a.kind = %s"
    )
    async with tx.cursor(row_factory=struct_row(Balance)) as cursor:
        await cursor.execute(query, (list(voucher_ids), kind))
        return await cursor.fetchall()


async def find_transaction(
    tx: Tx, voucher_id: str, kind: AccountKind, *, cause_id: str
) -> BalanceTransaction | None:
    """Return the movement on a voucher's balance that one cause made."""
    query = _with_legs(kind) + " where l.cause_id = %(cause_id)s"
    async with tx.cursor(row_factory=struct_row(BalanceTransaction)) as cursor:
        await cursor.execute(query, {"voucher_id": voucher_id, "cause_id": cause_id})
        return await cursor.fetchone()


async def list_transaction_rows(
    tx: Tx,
    voucher_id: str,
    kind: AccountKind,
    *,
    descending: bool,
    cursor: str | None,
    offset: int,
    limit: int,
) -> Page[BalanceTransaction]:
    """Return a page of a balance's movements by time, and the exact number of all."""
    if cursor is not None and not is_storable(cursor):
        return Page([], 0)
    after = _read_cursor(cursor)
    where: LiteralString = " where l.id < %(after)s" if descending else " where l.id > %(after)s"
    direction: LiteralString = " desc" if descending else ""
    query = _with_legs(kind) + (where if cursor else "")
    parameters: dict[str, Any] = {"voucher_id": voucher_id, "after": after}
    counted = await tx.execute(
        "select (select count(*) from transfer t where t.to_owner = %(voucher_id)s and "
        + _OF_KIND[kind]
        + ") + (select count(*) from transfer t where t.from_owner = %(voucher_id)s and "
        + _OF_KIND[kind]
        + ")",
        parameters,
    )
    total = await counted.fetchone()
    assert total is not None
    parameters |= {"limit": limit + 1, "offset": 0 if cursor else offset}
    async with tx.cursor(row_factory=struct_row(BalanceTransaction)) as rows:
        await rows.execute(
            query + " order by l.id" + direction + " limit %(limit)s offset %(offset)s", parameters
        )
        found = await rows.fetchall()
    next_cursor = found[limit - 1].id if len(found) > limit else None
    return Page(found[:limit], total[0], next_cursor)


def _with_legs(kind: AccountKind) -> LiteralString:
    of_kind = _OF_KIND[kind]
    legs: LiteralString = (
        "with legs as (select leg.*, sum(amount) over (order by id) as left_then,"
        " sum(amount) filter (where cause = 'issue') over (order by id) as added_then"
        " from (select t.id, t.kind, t.cause, t.cause_id, t.amount, t.at from transfer t"
        f" where {of_kind} and t.to_owner = %(voucher_id)s"
        " union all select t.id, t.kind, t.cause, t.cause_id, -t.amount, t.at from transfer t"
        f" where {of_kind} and t.from_owner = %(voucher_id)s) as leg)"
    )
    return legs + _TRANSACTIONS


def _read_cursor(cursor: str | None) -> int:
    """The ledger's number of a transaction; what is none lies behind everything."""
    digits = (cursor or "").removeprefix(_PREFIX)
    return (
        int(digits)
        if digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST_NUMBER
        else 0
    )
