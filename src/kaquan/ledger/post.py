"""Moving value: issue, take, give back. The database has the last word on every balance."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from kaquan.ledger.model import (
    EXPIRED,
    ISSUED,
    REDEEMED,
    UNLIMITED,
    AccountKey,
    AccountKind,
    Cause,
    Movement,
    Transfer,
)
from kaquan.ledger.store import insert_grants, insert_transfers, lock_accounts
from kaquan.runtime import KaquanError, Tx

_OUTSIDE = "@"


class Overdrawn(KaquanError):
    """The accounts do not hold what was asked of them; nothing was moved."""

    key = "quantity_exceeded"


class OverReturned(KaquanError):
    """More was to be given back than had been taken; nothing was moved."""

    key = "already_rolled_back"


async def post_transfers(tx: Tx, movements: Sequence[Movement], *, now: datetime) -> None:
    """Post movements together: all or none. Locks their accounts in primary-key order first.

    Raises Overdrawn when an account lacks the amount, and OverReturned when a return exceeds
    what is left to return; ``tx`` stays usable after both.
    """
    if not movements:
        return
    keys = {
        AccountKey(owner, m.kind)
        for m in movements
        for owner in (m.from_owner, m.to_owner)
        if not owner.startswith(_OUTSIDE)
    }
    await lock_accounts(tx, sorted(keys))
    try:
        async with tx.transaction():
            await insert_transfers(tx, movements, at=now)
    except psycopg.errors.CheckViolation as error:
        if error.diag.constraint_name == "account_not_overdrawn":
            raise Overdrawn("An account does not hold what was asked of it.") from error
        if error.diag.constraint_name == "transfer_not_returned_twice":
            raise OverReturned("More would be returned than was taken.") from error
        raise
    except psycopg.errors.ForeignKeyViolation as error:
        raise Overdrawn("An account that was never opened holds nothing.") from error


async def post_to_locked(tx: Tx, movements: Sequence[Movement], *, now: datetime) -> None:
    """Post movements between accounts that the caller has locked and found to suffice.

    One statement, fit for a pipeline. When the database refuses all the same, an invariant is
    broken: its error ends the transaction.
    """
    if movements:
        await insert_transfers(tx, movements, at=now)


async def issue_to_each(
    tx: Tx, owners: Sequence[str], kind: AccountKind, *, amount: int, cause_id: str, now: datetime
) -> None:
    """Grant ``amount`` to each of many accounts that are all new, in one statement.

    Nothing is locked first: nobody else can know an account that did not exist.
    """
    if owners and amount:
        await insert_grants(tx, owners, kind, amount=amount, cause_id=cause_id, at=now)


def issue(owner: str, kind: AccountKind, amount: int, *, cause_id: str) -> Movement:
    """Grant ``amount`` to an account, opening it if need be."""
    return Movement(
        from_owner=ISSUED,
        to_owner=owner,
        kind=kind,
        amount=amount,
        cause=Cause.ISSUE,
        cause_id=cause_id,
    )


def withdraw(owner: str, kind: AccountKind, amount: int, *, cause_id: str) -> Movement:
    """Take back a grant that was not used."""
    return Movement(
        from_owner=owner,
        to_owner=ISSUED,
        kind=kind,
        amount=amount,
        cause=Cause.WITHDRAW,
        cause_id=cause_id,
    )


def take(owner: str, kind: AccountKind, amount: int, *, cause_id: str) -> Movement:
    """Use ``amount`` of an account for a redemption."""
    return Movement(
        from_owner=owner,
        to_owner=REDEEMED,
        kind=kind,
        amount=amount,
        cause=Cause.REDEEM,
        cause_id=cause_id,
    )


def expire(owner: str, kind: AccountKind, amount: int, *, cause_id: str) -> Movement:
    """Let ``amount`` of an account that was not used in time be gone."""
    return Movement(
        from_owner=owner,
        to_owner=EXPIRED,
        kind=kind,
        amount=amount,
        cause=Cause.EXPIRE,
        cause_id=cause_id,
    )


def tally(
    owner: str, amount: int, *, cause_id: str, kind: AccountKind = AccountKind.USED
) -> Movement:
    """Count a use of something without a limit, or what a redemption earned (``kind`` points)."""
    return Movement(
        from_owner=UNLIMITED,
        to_owner=owner,
        kind=kind,
        amount=amount,
        cause=Cause.REDEEM,
        cause_id=cause_id,
    )


def give_back(transfer: Transfer, amount: int, *, cause_id: str) -> Movement:
    """Return ``amount`` of an earlier transfer."""
    return Movement(
        from_owner=transfer.to_owner,
        to_owner=transfer.from_owner,
        kind=transfer.kind,
        amount=amount,
        cause=Cause.RETURN,
        cause_id=cause_id,
        reverses=transfer.id,
    )
