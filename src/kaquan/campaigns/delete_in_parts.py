"""Deleting campaigns of very many vouchers: a part in each transaction of a job.

Each voucher is either as it was or deleted, at every moment; the campaign goes with the last part.
Whoever deletes for good has the vouchers' grants withdrawn and the rows removed after that.
"""

from datetime import datetime
from typing import Any

import msgspec

from kaquan.campaigns.deletion import withdraw_grants, withdraw_limits
from kaquan.campaigns.store.deletions import (
    hide_campaign,
    hide_part,
    list_hidden_part,
    purge_deleted,
    purge_vouchers,
)
from kaquan.campaigns.store.rules import delete_terms
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    KaquanError,
    NotFound,
    Tx,
    delete_bin_entry,
    get_action,
    get_bin_entry,
    update_action,
)

PART = 5_000
"""Vouchers in one transaction: well under a second of work."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a deletion is: behind which voucher, hiding or, after that, purging."""

    after: str = ""
    purging: bool = False


class DeletionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be deleted, under the id of its entry in the bin; with ``force`` for good."""

    campaign_id: str
    entry_id: str
    force: bool
    hidden: bool = False


async def continue_deletion(
    tx: Tx, action_id: str, *, limit: int = PART, now: datetime
) -> AsyncAction:
    """Delete the next part, advance the action in the same transaction, and return it.

    Nothing is done twice or left out whatever happens between two parts. When somebody took the
    campaign out of the bin meanwhile, the action fails.
    """
    action = await get_action(tx, action_id, lock=True)
    if action.status in (ActionStatus.DONE, ActionStatus.FAILED):
        return action
    request = msgspec.convert(action.request, DeletionRequest)
    progress = msgspec.convert(action.result or {}, Progress)
    if request.hidden or progress.purging:
        done, step = await _purge_part(tx, request, progress, limit=limit, now=now)
    else:
        try:
            await get_bin_entry(tx, request.entry_id, lock=True)
        except NotFound as error:
            return await fail_deletion(tx, action_id, error, now=now)
        done, step = await _hide_part(tx, request, progress, limit=limit)
    await update_action(
        tx,
        action_id,
        status=ActionStatus.DONE if step is None else ActionStatus.RUNNING,
        done=action.done + done,
        result={} if step is None else msgspec.to_builtins(step),
        now=now,
    )
    return await get_action(tx, action_id)


async def fail_deletion(tx: Tx, action_id: str, error: Exception, *, now: datetime) -> AsyncAction:
    """End the action as failed; what is deleted stays deleted."""
    action = await get_action(tx, action_id, lock=True)
    result: dict[str, Any] = {"key": KaquanError.key, "message": "A fault stopped the deletion."}
    if isinstance(error, KaquanError):
        result = {"key": error.key, "message": error.message}
    await update_action(
        tx, action_id, status=ActionStatus.FAILED, done=action.done, result=result, now=now
    )
    return await get_action(tx, action_id)


async def _hide_part(
    tx: Tx, request: DeletionRequest, progress: Progress, *, limit: int
) -> tuple[int, Progress | None]:
    """Hide a part, the campaign with the last one; returns how many, and what comes next."""
    count, after = await hide_part(
        tx,
        request.campaign_id,
        deletion_id=request.entry_id,
        after=progress.after,
        limit=limit,
    )
    if count == limit:
        return count, Progress(after=after)
    # Together with whatever was made since.
    await hide_campaign(tx, request.campaign_id, deletion_id=request.entry_id)
    if not request.force:
        return count, None
    await delete_bin_entry(tx, request.entry_id)
    return count, Progress(purging=True)


async def _purge_part(
    tx: Tx, request: DeletionRequest, progress: Progress, *, limit: int, now: datetime
) -> tuple[int, Progress | None]:
    """Withdraw what is left of a part and remove it, the campaign with the last one."""
    ids = await list_hidden_part(
        tx,
        request.campaign_id,
        deletion_id=request.entry_id,
        after=progress.after,
        limit=limit,
    )
    await withdraw_grants(tx, ids, now=now)
    if ids and await purge_vouchers(tx, ids):
        await delete_terms(tx, ids)
    if len(ids) == limit:
        return len(ids), Progress(after=ids[-1], purging=True)
    await withdraw_limits(tx, request.campaign_id, now=now)
    if await purge_deleted(tx, request.entry_id):
        await delete_terms(tx, [request.campaign_id])
    return len(ids), None
