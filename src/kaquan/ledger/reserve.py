"""Ending holds: what a checkout reserved is free when it pays, gives up or runs out of time."""

from collections.abc import Sequence
from datetime import datetime

from kaquan.ledger.model import AccountKey, Hold
from kaquan.ledger.store import (
    end_locked_holds,
    list_due_holds,
    list_holds,
    list_pending_holds,
    lock_accounts,
)
from kaquan.runtime import Tx


async def release_holds(tx: Tx, hold_ids: Sequence[str]) -> None:
    """Free what is still reserved under these ids; it is no error when nothing is."""
    holds = await list_holds(tx, hold_ids)
    await _lock_held(tx, holds)
    await end_locked_holds(tx, holds, "released")


async def release_expired_holds(tx: Tx, *, now: datetime, limit: int = 1000) -> int:
    """Free reservations whose time has passed; returns how many were freed."""
    due = await list_due_holds(tx, now=now, limit=limit)
    await _lock_held(tx, due)
    # Whoever was waited for may have ended some of them.
    standing = set(await list_pending_holds(tx, sorted({AccountKey(h.owner, h.kind) for h in due})))
    still = [hold for hold in due if hold in standing]
    await end_locked_holds(tx, still, "expired")
    return len(still)


async def _lock_held(tx: Tx, holds: Sequence[Hold]) -> None:
    """Lock what the holds are on, accounts before holds, in the order every writer keeps."""
    await lock_accounts(tx, sorted({AccountKey(hold.owner, hold.kind) for hold in holds}))
