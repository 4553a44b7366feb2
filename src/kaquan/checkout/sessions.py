"""Locking vouchers for a checkout, and letting them go again.

A session reserves what a redemption of the same request would take: a use of the voucher, of the
person's cap and of whatever else is limited, and the discount out of the budget. Redeeming
through the session's key takes it and frees the reservation; others meet what is left.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from kaquan.campaigns import get_voucher
from kaquan.checkout.held import end_free_holds
from kaquan.checkout.limits import follow_caps, list_takings
from kaquan.checkout.model import Attempt, Validation
from kaquan.checkout.session_model import Lock, Session
from kaquan.checkout.snapshot import Snapshot
from kaquan.checkout.store.sessions import (
    LARGEST_PAGE,
    ORDERS,
    delete_locks,
    delete_overdue_locks,
    find_lock,
    list_locks,
    list_locks_of,
    write_locks,
)
from kaquan.checkout.store.situation import expect_unchanged
from kaquan.engine import Applied
from kaquan.ledger import (
    Hold,
    insert_holds,
    post_to_locked,
    release_expired_holds,
    release_holds,
)
from kaquan.runtime import InvalidInput, NotFound, Page, Tx, new_ids


async def place_session(tx: Tx, snapshot: Snapshot, validation: Validation) -> tuple[Lock, ...]:
    """Reserve what was found to apply, in the place of all that the session reserved before.

    The snapshot is a locked one and the validation valid. Returns a lock for each voucher. Raises
    SerializationFailure when a definition was changed since it was read: ``tx`` is over then.
    """
    session = snapshot.request.session
    assert session is not None
    assert validation.valid
    applied = [a for a in validation.attempts if isinstance(a.result, Applied)]
    opened = follow_caps(
        [a.coupon for a in applied if a.coupon is not None],
        snapshot.redemptions,
        accounts=snapshot.accounts,
    )
    locks = _build_locks(snapshot, session, applied)
    holds = _build_holds(snapshot, applied, locks)
    voucher_ids = {coupon.voucher.id for coupon in snapshot.coupons.values()}
    await _release_others(tx, session, voucher_ids)
    await end_free_holds(
        tx, snapshot.free_holds, session=session, voucher_ids=voucher_ids, now=snapshot.now
    )
    await post_to_locked(tx, opened, now=snapshot.now)
    if holds:
        await insert_holds(tx, holds)
    await write_locks(tx, locks)
    await expect_unchanged(tx, [snapshot.marks])
    return locks


async def get_lock(tx: Tx, code: str, key: str, *, now: datetime) -> Lock:
    """Return a session's lock of a voucher. Raises NotFound, also once its time has passed."""
    lock = await find_lock(tx, key, (await get_voucher(tx, code)).id)
    if lock is None or lock.expires_at <= now:
        raise NotFound("session", key)
    return lock


async def list_voucher_locks(
    tx: Tx, code: str, *, now: datetime, order: str = "-created_at", limit: int = 10, page: int = 1
) -> Page[Lock]:
    """Return a page of the locks that stand on a voucher.

    ``order`` is created_at or expires_at, with ``-`` in front for descending. Raises NotFound for
    the voucher, and InvalidInput.
    """
    if order not in ORDERS:
        message = f"Sessions can be ordered by {', '.join(ORDERS)}."
        raise InvalidInput(message, field="order")
    if not 1 <= limit <= LARGEST_PAGE or page < 1:
        message = f"A page has 1 to {LARGEST_PAGE} entries, and pages are counted from 1."
        raise InvalidInput(message, field="limit")
    voucher = await get_voucher(tx, code)
    return await list_locks_of(tx, voucher.id, now=now, order=order, limit=limit, page=page)


async def release_lock(tx: Tx, code: str, key: str, *, now: datetime) -> None:
    """Free what a session reserved of a voucher. Raises NotFound when nothing is (any more)."""
    lock = await get_lock(tx, code, key, now=now)
    await release_holds(tx, [lock.hold_id])
    if not await delete_locks(tx, key, [lock.voucher_id]):
        raise NotFound("session", key)


async def release_voucher_locks(tx: Tx, code: str, *, now: datetime) -> int:
    """Free what all sessions reserved of a voucher; returns how many locks that ended."""
    released = 0
    while locks := (await list_voucher_locks(tx, code, now=now, limit=LARGEST_PAGE)).items:
        released += await _release(tx, locks)
    return released


async def release_session(tx: Tx, key: str) -> int:
    """Free everything that a session reserved; returns how many locks that ended."""
    return await _release(tx, await list_locks(tx, key))


async def expire_sessions(tx: Tx, *, now: datetime, limit: int = 1000) -> int:
    """Free what is out of time; returns how many reservations and locks that ended."""
    freed = await release_expired_holds(tx, now=now, limit=limit)
    return freed + await delete_overdue_locks(tx, now=now, limit=limit)


async def _release_others(tx: Tx, session: Session, voucher_ids: Iterable[str]) -> None:
    """Let go what the session locked and no longer asks for.

    Accounts of another request's vouchers are locked out of order here: two sessions that swap
    their vouchers can meet in a deadlock, which the caller tries again.
    """
    named = set(voucher_ids)
    others = [lock for lock in await list_locks(tx, session.key) if lock.voucher_id not in named]
    if others:
        await _release(tx, others)


async def _release(tx: Tx, locks: Sequence[Lock]) -> int:
    await release_holds(tx, [lock.hold_id for lock in locks])
    return sum([await delete_locks(tx, lock.key, [lock.voucher_id]) for lock in locks])


def _build_locks(
    snapshot: Snapshot, session: Session, applied: Sequence[Attempt]
) -> tuple[Lock, ...]:
    # Ids of one call share their time: sorted, they keep the order of application.
    ids = sorted(new_ids("hold", len(applied)))
    locks: list[Lock] = []
    for attempt, hold_id in zip(applied, ids, strict=True):
        assert attempt.coupon is not None
        assert isinstance(attempt.result, Applied)
        lock = Lock(
            key=session.key,
            voucher_id=attempt.coupon.voucher.id,
            voucher_code=attempt.coupon.voucher.code,
            hold_id=hold_id,
            customer_id=snapshot.customer_id,
            redeemable=msgspec.to_builtins(attempt.redeemable),
            ttl=session.ttl,
            ttl_unit=session.ttl_unit,
            discount_minor=attempt.result.total_discount_minor,
            expires_at=snapshot.now + session.life,
            created_at=snapshot.now,
        )
        locks.append(lock)
    return tuple(locks)


def _build_holds(
    snapshot: Snapshot, applied: Sequence[Attempt], locks: Sequence[Lock]
) -> list[Hold]:
    """A hold for each thing that the redemption would take out of a limited account."""
    return [
        Hold(
            id=lock.hold_id,
            owner=movement.from_owner,
            kind=movement.kind,
            amount=movement.amount,
            state="pending",
            cause_id=lock.key,
            expires_at=lock.expires_at,
            created_at=lock.created_at,
        )
        for attempt, lock in zip(applied, locks, strict=True)
        for movement in list_takings(
            attempt, persons=snapshot.redemptions, redemption_id=lock.hold_id
        )
        if not movement.from_owner.startswith("@")
    ]
