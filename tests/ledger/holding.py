"""Reserving on an account as a checkout does, with nothing of a checkout around it."""

from datetime import datetime, timedelta

import psycopg

from kaquan.ledger import (
    AccountKey,
    Hold,
    Overdrawn,
    insert_holds,
    lock_accounts,
    release_holds,
)
from kaquan.runtime import Duplicate, NotFound, Tx

TTL = timedelta(minutes=15)


async def place_hold(
    tx: Tx,
    hold_id: str,
    key: AccountKey,
    *,
    amount: int,
    cause_id: str,
    now: datetime,
    ttl: timedelta = TTL,
) -> Hold:
    """Reserve so much of an account; raises Overdrawn, and Duplicate for an id that was used."""
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
    except (psycopg.errors.ForeignKeyViolation, psycopg.errors.CheckViolation) as error:
        raise Overdrawn("The account does not hold what was to be reserved.") from error
    return hold


async def release_hold(tx: Tx, hold_id: str) -> None:
    """Free what is reserved under an id; raises NotFound when nothing is."""
    pending = "select from hold where id = %s and state = 'pending' limit 1"
    if (await tx.execute(pending, (hold_id,))).rowcount == 0:
        raise NotFound("hold", hold_id)
    await release_holds(tx, [hold_id])
