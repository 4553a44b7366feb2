"""Holds: reserving an amount for a checkout until it pays, gives up or runs out of time."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg

from kaquan.ledger.model import AccountKey, Hold
from kaquan.ledger.post import Overdrawn
from kaquan.ledger.store import (
    end_hold,
    end_locked_holds,
    insert_holds,
    list_due_holds,
    list_holds,
    list_pending_holds,
    lock_accounts,
)
from kaquan.runtime import Duplicate, NotFound, Tx

DEFAULT_TTL = timedelta(minutes=15)


async def place_hold(
    tx: Tx,
    hold_id: str,
    key: AccountKey,
    *,
    amount: int,
    cause_id: str,
    now: datetime,
    ttl: timedelta = DEFAULT_TTL,
) -> Hold:
    """Reserve ``amount`` of an account under ``hold_id`` for ``ttl``.

    Raises Overdrawn when less than that is available, and Duplicate when ``hold_id`` was used on
    this account before; ``tx`` stays usable after both.
    """
    await lock_accounts(tx, [key])
    hold = Hold(
        id=hold_id,
        owner=key.owner,
        kind=key.kind,
        amount=amount,
        state="pending",
        cause_id=cause_id,
        expires_at=now + ttl,
        created_at=now,
    )
    try:
        async with tx.transaction():
            await insert_holds(tx, [hold])
    except psycopg.errors.UniqueViolation as error:
        message = f"There is a hold '{hold_id}' on this account already."
        raise Duplicate(message) from error
    except psycopg.errors.ForeignKeyViolation as error:
        raise Overdrawn("An account that was never opened holds nothing.") from error
    except psycopg.errors.CheckViolation as error:
        if error.diag.constraint_name == "account_not_overdrawn":
            raise Overdrawn("The account does not hold what was to be reserved.") from error
        raise
    return hold


async def release_hold(tx: Tx, hold_id: str) -> None:
    """Free a reservation. Raises NotFound when none is pending under this id."""
    await _lock_held(tx, await list_holds(tx, [hold_id]))
    if not await end_hold(tx, hold_id, "released"):
        raise NotFound("hold", hold_id)


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
