"""SQL of the ledger: balances are moved by the database's triggers, never from here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import TupleRow

from kaquan.ledger.model import (
    ISSUED,
    Account,
    AccountKey,
    AccountKind,
    Cause,
    Discrepancy,
    Hold,
    Movement,
    Transfer,
)
from kaquan.runtime import Tx, struct_row

_ACCOUNTS: LiteralString = """
    select a.owner, a.kind, a.balance, a.held, a.granted
      from account a
      join unnest(%s::text[], %s::text[]) as wanted (owner, kind)
        on a.owner = wanted.owner and a.kind = wanted.kind
     order by a.owner, a.kind
"""
_HOLD: LiteralString = "id, owner, kind, amount, state, cause_id, expires_at, created_at"
_TRANSFER: LiteralString = (
    "id, from_owner, to_owner, kind, amount, reversed, cause, cause_id, reverses, at"
)


async def list_accounts(tx: Tx, keys: Sequence[AccountKey]) -> dict[AccountKey, Account]:
    """Return the accounts that exist among ``keys``."""
    return await _accounts(tx, _ACCOUNTS, keys)


async def lock_accounts(tx: Tx, keys: Sequence[AccountKey]) -> dict[AccountKey, Account]:
    """Lock and return the accounts that exist among ``keys``, in primary-key order.

    Every writer locks in this order, so two of them never wait for each other in a circle.
    """
    return await _accounts(tx, _ACCOUNTS + " for no key update of a", keys)


async def lock_accounts_below(tx: Tx, owner: str, kind: AccountKind) -> list[Account]:
    """Lock and return the accounts of a kind whose owner is ``owner``, a slash and more."""
    cursor = await tx.execute(
        "select owner, kind, balance, held, granted from account"
        " where owner >= %s || '/' and owner < %s || '0' and kind = %s"
        " order by owner, kind for no key update",
        (owner, owner, kind),
    )
    return [_account(row) for row in await cursor.fetchall()]


async def insert_transfers(tx: Tx, movements: Sequence[Movement], *, at: datetime) -> None:
    """Post movements in one statement; the database moves the balances and may refuse."""
    columns = list(
        zip(
            *(
                (m.from_owner, m.to_owner, m.kind, m.amount, m.cause, m.cause_id, m.reverses)
                for m in movements
            ),
            strict=True,
        )
    )
    await tx.execute(
        "insert into transfer"
        " (from_owner, to_owner, kind, amount, cause, cause_id, reverses, at)"
        " select *, %s from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[],"
        " %s::text[], %s::text[], %s::bigint[])",
        (at, *map(list, columns)),
    )


async def insert_grants(
    tx: Tx, owners: Sequence[str], kind: AccountKind, *, amount: int, cause_id: str, at: datetime
) -> None:
    """Issue ``amount`` to each of ``owners`` in one statement."""
    # One text that the server splits: an array parameter costs a Python call an element.
    await tx.execute(
        "insert into transfer (from_owner, to_owner, kind, amount, cause, cause_id, at)"
        " select %s, owner, %s, %s, %s, %s, %s"
        " from unnest(string_to_array(%s, E'\\n')) as owner",
        (ISSUED, kind, amount, Cause.ISSUE, cause_id, at, "\n".join(owners)),
    )


async def list_transfers(tx: Tx, cause_id: str) -> list[Transfer]:
    """Return the transfers of one cause (such as a redemption), oldest first."""
    query: LiteralString = f"select {_TRANSFER} from transfer where cause_id = %s order by id"
    return await _transfers(tx, query, (cause_id,))


async def end_locked_holds(tx: Tx, holds: Sequence[Hold], state: str) -> None:
    """Move those of ``holds`` that are pending to ``state``; their accounts must be locked."""
    if holds:
        await tx.execute(
            "update hold set state = %s where state = 'pending' and (id, owner, kind) in"
            " (select * from unnest(%s::text[], %s::text[], %s::text[]))",
            (state, [h.id for h in holds], [h.owner for h in holds], [h.kind for h in holds]),
        )


async def list_pending_holds(tx: Tx, keys: Sequence[AccountKey]) -> list[Hold]:
    """Return the pending reservations on these accounts."""
    query: LiteralString = (
        f"select {_HOLD} from hold where state = 'pending' and (owner, kind) in"
        " (select * from unnest(%s::text[], %s::text[])) order by owner, kind, id"
    )
    return await _holds(tx, query, ([k.owner for k in keys], [k.kind for k in keys]))


async def insert_holds(tx: Tx, holds: Sequence[Hold]) -> None:
    """Reserve in one statement; the database refuses more than the accounts have available."""
    columns = list(
        zip(
            *(
                (h.id, h.owner, h.kind, h.amount, h.cause_id, h.expires_at, h.created_at)
                for h in holds
            ),
            strict=True,
        )
    )
    await tx.execute(
        "insert into hold (id, owner, kind, amount, cause_id, expires_at, created_at)"
        " select * from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[],"
        " %s::timestamptz[], %s::timestamptz[])",
        tuple(map(list, columns)),
    )


async def list_due_holds(tx: Tx, *, now: datetime, limit: int) -> list[Hold]:
    """Return pending reservations whose time has passed, the longest overdue first."""
    query: LiteralString = (
        f"select {_HOLD} from hold where state = 'pending' and expires_at <= %s"
        " order by expires_at, id limit %s"
    )
    return await _holds(tx, query, (now, limit))


async def list_holds(tx: Tx, hold_ids: Sequence[str]) -> list[Hold]:
    """Return the reservations under these ids, ended or not."""
    query: LiteralString = f"select {_HOLD} from hold where id = any(%s) order by owner, kind, id"
    return await _holds(tx, query, (list(hold_ids),))


_CHECKS: tuple[tuple[str, LiteralString], ...] = (
    (
        "balance equals the sum of transfers",
        """
        with leg as (
            select from_owner as owner, kind, -amount as amount from transfer
             where left(from_owner, 1) <> '@'
            union all
            select to_owner, kind, amount from transfer where left(to_owner, 1) <> '@'
        ), summed as (select owner, kind, sum(amount)::bigint as amount from leg group by 1, 2)
        select coalesce(a.owner, s.owner) || ' ' || coalesce(a.kind, s.kind),
               coalesce(s.amount, 0), coalesce(a.balance, 0)
          from account a full join summed s on s.owner = a.owner and s.kind = a.kind
         where coalesce(s.amount, 0) <> coalesce(a.balance, 0)
            or a.owner is null or s.owner is null
        """,
    ),
    (
        "granted equals what was issued less what was withdrawn",
        """
        with summed as (
            select case cause when 'issue' then to_owner else from_owner end as owner, kind,
                   sum(case cause when 'issue' then amount else -amount end)::bigint as amount
              from transfer where cause in ('issue', 'withdraw') group by 1, 2
        )
        select a.owner || ' ' || a.kind, coalesce(s.amount, 0), a.granted
          from account a left join summed s on s.owner = a.owner and s.kind = a.kind
         where coalesce(s.amount, 0) <> a.granted
        """,
    ),
    (
        "held equals the sum of pending holds",
        """
        with summed as (
            select owner, kind, sum(amount)::bigint as amount from hold
             where state = 'pending' group by 1, 2
        )
        select a.owner || ' ' || a.kind, coalesce(s.amount, 0), a.held
          from account a left join summed s on s.owner = a.owner and s.kind = a.kind
         where coalesce(s.amount, 0) <> a.held
        """,
    ),
    (
        "no account is overdrawn",
        """
        select owner || ' ' || kind, 0::bigint, balance - held from account
         where balance - held < 0
        """,
    ),
    (
        "what was returned of a transfer equals its reversals",
        """
        with summed as (
            select reverses as id, sum(amount)::bigint as amount from transfer
             where reverses is not null group by 1
        )
        select 'transfer ' || t.id, coalesce(s.amount, 0), t.reversed
          from transfer t left join summed s on s.id = t.id
         where coalesce(s.amount, 0) <> t.reversed
            or t.reversed > t.amount
        """,
    ),
    (
        "transfers between all accounts and the outside sum to zero",
        """
        with outside as (
            select coalesce(sum(case when left(from_owner, 1) = '@' then amount
                                     when left(to_owner, 1) = '@' then -amount
                                     else 0 end), 0)::bigint as net
              from transfer
        ), inside as (select coalesce(sum(balance), 0)::bigint as net from account)
        select 'project', outside.net, inside.net from outside, inside
         where outside.net <> inside.net
        """,
    ),
)


_WHOLE_CHECK: LiteralString = " union all ".join(
    "select %s::text, subject, expected, found"
    " from (" + query + ") as broken (subject, expected, found)"
    for _, query in _CHECKS
)


async def list_discrepancies(tx: Tx) -> list[Discrepancy]:
    """Recompute every figure of the project's ledger from its transfers; empty when clean.

    All checks are one statement, so they see one snapshot however much is going on meanwhile.
    """
    cursor = await tx.execute(_WHOLE_CHECK, [rule for rule, _ in _CHECKS])
    return [Discrepancy(*row) for row in await cursor.fetchall()]


async def count_ledger(tx: Tx) -> tuple[int, int]:
    """Return how many accounts and how many transfers the project has."""
    cursor = await tx.execute(
        "select (select count(*) from account), (select count(*) from transfer)"
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0], row[1]


async def _accounts(
    tx: Tx, query: LiteralString, keys: Sequence[AccountKey]
) -> dict[AccountKey, Account]:
    cursor = await tx.execute(query, ([k.owner for k in keys], [k.kind for k in keys]))
    accounts = [_account(row) for row in await cursor.fetchall()]
    return {AccountKey(a.owner, a.kind): a for a in accounts}


def _account(row: TupleRow) -> Account:
    owner, kind, balance, held, granted = row
    return Account(owner=owner, kind=AccountKind(kind), balance=balance, held=held, granted=granted)


async def _transfers(tx: Tx, query: LiteralString, parameters: Sequence[Any]) -> list[Transfer]:
    async with tx.cursor(row_factory=struct_row(Transfer)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()


async def _holds(tx: Tx, query: LiteralString, parameters: Sequence[Any]) -> list[Hold]:
    async with tx.cursor(row_factory=struct_row(Hold)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()
