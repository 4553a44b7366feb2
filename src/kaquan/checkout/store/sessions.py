"""SQL of sessions: vouchers that are locked for a checkout."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg.types.json import Jsonb

from kaquan.checkout.session_model import Lock
from kaquan.runtime import Page, Tx, struct_row

LARGEST_PAGE = 100

_COLUMNS: LiteralString = (
    "s.key, s.voucher_id, v.code as voucher_code, s.hold_id, s.customer_id, s.redeemable, s.ttl,"
    " s.ttl_unit, s.discount_minor, s.expires_at, s.created_at"
)
_FROM: LiteralString = "voucher_session s join voucher v on v.id = s.voucher_id"
_ORDERS: Mapping[str, LiteralString] = {
    "created_at": "s.created_at, s.key",
    "-created_at": "s.created_at desc, s.key desc",
    "expires_at": "s.expires_at, s.key",
    "-expires_at": "s.expires_at desc, s.key desc",
}
ORDERS = tuple(_ORDERS)


async def list_locks(tx: Tx, key: str) -> list[Lock]:
    """Return what a session locks or has locked, in the order in which it was placed."""
    query: LiteralString = f"select {_COLUMNS} from {_FROM} where s.key = %s order by s.hold_id"
    async with tx.cursor(row_factory=struct_row(Lock)) as cursor:
        await cursor.execute(query, (key,))
        return await cursor.fetchall()


async def find_lock(tx: Tx, key: str, voucher_id: str) -> Lock | None:
    """Return a session's lock of a voucher, out of time or not."""
    query: LiteralString = f"select {_COLUMNS} from {_FROM} where s.key = %s and s.voucher_id = %s"
    async with tx.cursor(row_factory=struct_row(Lock)) as cursor:
        await cursor.execute(query, (key, voucher_id))
        return await cursor.fetchone()


async def list_locks_of(
    tx: Tx, voucher_id: str, *, now: datetime, order: str, limit: int, page: int
) -> Page[Lock]:
    """Return a page of the locks that stand on a voucher, with the exact total."""
    query: LiteralString = (
        f"select {_COLUMNS} from {_FROM} where s.voucher_id = %s and s.expires_at > %s"
        f" order by {_ORDERS[order]} limit %s offset %s"
    )
    async with tx.cursor(row_factory=struct_row(Lock)) as cursor:
        await cursor.execute(query, (voucher_id, now, limit, (page - 1) * limit))
        items = await cursor.fetchall()
    counted = await tx.execute(
        "select count(*) from voucher_session where voucher_id = %s and expires_at > %s",
        (voucher_id, now),
    )
    return Page(items, (await counted.fetchall())[0][0])


async def list_own_holds(tx: Tx, key: str, voucher_ids: Sequence[str]) -> set[str]:
    """Return the ids of the holds that a session has on these vouchers."""
    cursor = await tx.execute(
        "select hold_id from voucher_session where key = %s and voucher_id = any(%s)",
        (key, list(voucher_ids)),
    )
    return {hold_id for (hold_id,) in await cursor.fetchall()}


async def write_locks(tx: Tx, locks: Sequence[Lock]) -> None:
    """Store locks in one statement, each in the place of the session's earlier one."""
    await tx.execute(
        "insert into voucher_session as s (key, voucher_id, hold_id, customer_id, redeemable, ttl,"
        " ttl_unit, discount_minor, expires_at, created_at)"
        " select * from jsonb_to_recordset(%s) as r (key text, voucher_id text, hold_id text,"
        " customer_id text, redeemable jsonb, ttl numeric, ttl_unit text, discount_minor bigint,"
        " expires_at timestamptz, created_at timestamptz)"
        " on conflict (project_id, key, voucher_id) do update set hold_id = excluded.hold_id,"
        " customer_id = excluded.customer_id, redeemable = excluded.redeemable,"
        " ttl = excluded.ttl, ttl_unit = excluded.ttl_unit,"
        " discount_minor = excluded.discount_minor, expires_at = excluded.expires_at,"
        " created_at = excluded.created_at",
        (Jsonb(msgspec.to_builtins(list(locks))),),
    )


async def delete_locks(tx: Tx, key: str, voucher_ids: Sequence[str]) -> int:
    """Forget a session's locks of these vouchers; returns how many there were."""
    cursor = await tx.execute(
        "delete from voucher_session where key = %s and voucher_id = any(%s)",
        (key, list(voucher_ids)),
    )
    return cursor.rowcount


async def delete_overdue_locks(tx: Tx, *, now: datetime, limit: int) -> int:
    """Forget locks whose time has passed, the longest overdue first; returns how many."""
    cursor = await tx.execute(
        "delete from voucher_session s using ("
        "   select key, voucher_id from voucher_session where expires_at <= %s"
        "    order by expires_at limit %s for update skip locked) as due"
        " where s.key = due.key and s.voucher_id = due.voucher_id",
        (now, limit),
    )
    return cursor.rowcount
