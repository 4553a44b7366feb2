"""Points that wait: they come to the card on their day, or before when somebody says so.

What waits is in an account of its own, so the ledger refuses to give it twice. Rows are locked
before accounts, as whoever takes points back for returned goods does.
"""

from datetime import datetime, timedelta

from kaquan.ledger import AccountKind, issue, post_transfers, withdraw
from kaquan.loyalty.errors import PointsExceeded
from kaquan.loyalty.model import PointEarning
from kaquan.loyalty.points_model import PendingChange, PendingPage, PendingPoints
from kaquan.loyalty.programmes import get_member, get_programme
from kaquan.loyalty.store.pending import (
    add_to_earning,
    count_pending,
    insert_pending,
    list_pending,
    lock_pending,
    update_pending,
)
from kaquan.runtime import InvalidInput, Tx, check_whole_number, get_project


async def hold_back(tx: Tx, earning: PointEarning, *, days: int, now: datetime) -> None:
    """Let what an earning gives wait for so many days in the project's zone."""
    zone = (await get_project(tx)).zone
    await insert_pending(
        tx,
        earning.id,
        voucher_id=earning.voucher_id,
        campaign_id=earning.campaign_id,
        points=earning.points,
        activates_on=now.astimezone(zone).date() + timedelta(days=days),
        at=now,
    )
    held = issue(earning.id, AccountKind.POINTS, earning.points, cause_id=earning.id)
    await post_transfers(tx, [held], now=now)


async def take_from_pending(
    tx: Tx, earning_id: str, *, waiting: int, wanted: int, now: datetime
) -> None:
    """Take back what waits, which is locked, as far as it goes."""
    amount = min(waiting, wanted)
    if amount:
        back = withdraw(earning_id, AccountKind.POINTS, amount, cause_id=earning_id)
        await post_transfers(tx, [back], now=now)
        state = "pending" if amount < waiting else "canceled"
        await update_pending(tx, earning_id, points=waiting - amount, state=state, at=now)


async def activate_pending(
    tx: Tx, member_id: str, pending_id: str, *, now: datetime
) -> PendingChange:
    """Let what waits count now. Raises NotFound, also for what ended before."""
    voucher, _ = await get_member(tx, member_id)
    waiting = await lock_pending(tx, pending_id, voucher_id=voucher.id)
    movements = [
        withdraw(waiting.id, AccountKind.POINTS, waiting.points, cause_id=waiting.id),
        issue(voucher.id, AccountKind.POINTS, waiting.points, cause_id=waiting.id),
    ]
    await post_transfers(tx, movements, now=now)
    await update_pending(tx, waiting.id, points=waiting.points, state="activated", at=now)
    return await _changed(tx, waiting, waiting.points)


async def cancel_pending(
    tx: Tx, member_id: str, pending_id: str, *, now: datetime
) -> PendingChange:
    """Let what waits never count. Raises NotFound, also for what ended before."""
    voucher, _ = await get_member(tx, member_id)
    waiting = await lock_pending(tx, pending_id, voucher_id=voucher.id)
    gone = withdraw(waiting.id, AccountKind.POINTS, waiting.points, cause_id=waiting.id)
    await post_transfers(tx, [gone], now=now)
    # What was never given is not taken back with the goods.
    await add_to_earning(tx, waiting.id, -waiting.points)
    await update_pending(tx, waiting.id, points=waiting.points, state="canceled", at=now)
    return await _changed(tx, waiting, -waiting.points)


async def adjust_pending(
    tx: Tx, member_id: str, pending_id: str, points: int, *, now: datetime
) -> PendingChange:
    """Let more or fewer points wait; at least one stays. Raises NotFound, InvalidInput,
    PointsExceeded."""
    check_whole_number(abs(points), "points", least=1)
    voucher, _ = await get_member(tx, member_id)
    waiting = await lock_pending(tx, pending_id, voucher_id=voucher.id)
    left = waiting.points + points
    if left < 0:
        message = f"{waiting.points} points are pending; {-points} cannot be taken off."
        raise PointsExceeded(message, field="points")
    if left == 0:
        message = "To take all of them off, cancel the pending points."
        raise InvalidInput(message, field="points")
    check_whole_number(left, "points", least=1)
    move = issue if points > 0 else withdraw
    movement = move(waiting.id, AccountKind.POINTS, abs(points), cause_id=waiting.id)
    await post_transfers(tx, [movement], now=now)
    await add_to_earning(tx, waiting.id, points)
    await update_pending(tx, waiting.id, points=left, at=now)
    return await _changed(tx, waiting, points)


async def list_pending_points(
    tx: Tx,
    *,
    programme: str | None = None,
    member_id: str | None = None,
    after: str | None = None,
    descending: bool = True,
    limit: int,
) -> PendingPage:
    """Return what waits for a member, or for all of a programme. Raises NotFound."""
    campaign = None if programme is None else await get_programme(tx, programme)
    voucher = None
    if member_id is not None:
        voucher, _ = await get_member(tx, member_id, programme=programme)
    return await list_pending(
        tx,
        campaign_id=None if campaign is None else campaign.id,
        voucher_id=None if voucher is None else voucher.id,
        after=after,
        descending=descending,
        limit=limit,
    )


async def _changed(tx: Tx, waiting: PendingPoints, points: int) -> PendingChange:
    left = await count_pending(tx, waiting.voucher_id)
    return PendingChange(voucher_id=waiting.voucher_id, points=points, left=left)
