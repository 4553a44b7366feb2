"""Asking for deletions: small ones are done at once, large ones by a job that shows its progress."""

from datetime import datetime

import msgspec

from kaquan.campaigns.delete_in_parts import DeletionRequest
from kaquan.campaigns.deletion import delete_campaign, purge_from_bin
from kaquan.campaigns.jobs import delete_requested_campaign
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.deletions import count_hidden
from kaquan.campaigns.store.vouchers import count_vouchers
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    BinnedKind,
    Tx,
    defer_job,
    delete_bin_entry,
    get_bin_entry,
    get_project,
    keep_in_bin,
    list_actions,
    start_action,
    update_action,
)

AT_ONCE = 2_000
"""So many vouchers are deleted while the caller waits."""

DELETE_ACTION = "campaigns.delete"
_COUNTED_UP_TO = 10_000_000


async def request_deletion(
    tx: Tx,
    id_or_name: str,
    *,
    force: bool = False,
    deleted_by: str | None = None,
    at_once: int = AT_ONCE,
    now: datetime,
) -> AsyncAction:
    """Ask for a campaign to be deleted with its vouchers; the action is done when they are few.

    Asked for again while it goes on, the same action is told. Raises NotFound.
    """
    campaign = await get_campaign(tx, id_or_name, lock=True)
    for action in await list_actions(tx, kind=DELETE_ACTION, unfinished=True, limit=100):
        going_on = action.status in (ActionStatus.PENDING, ActionStatus.RUNNING)
        if going_on and action.request.get("campaign_id") == campaign.id:
            return action
    count = await count_vouchers(tx, campaign.id, at_most=_COUNTED_UP_TO)
    if count <= at_once:
        await delete_campaign(tx, campaign.id, force=force, deleted_by=deleted_by, now=now)
        request = {"campaign_id": campaign.id, "force": force}
        action = await start_action(tx, DELETE_ACTION, request=request, total=1, now=now)
        await update_action(tx, action.id, status=ActionStatus.DONE, done=1, now=now)
        return msgspec.structs.replace(action, status=ActionStatus.DONE, done=1)
    entry_id = await keep_in_bin(
        tx,
        BinnedKind.CAMPAIGN,
        campaign.id,
        name=campaign.name,
        deleted_by=deleted_by,
        now=now,
    )
    asked = DeletionRequest(campaign_id=campaign.id, entry_id=entry_id, force=force)
    return await _start(tx, asked, total=count * (2 if force else 1), now=now)


async def request_purge(
    tx: Tx, entry_id: str, *, at_once: int = AT_ONCE, now: datetime
) -> AsyncAction | None:
    """Delete what lies in the bin for good: many vouchers by a job, whose action is returned.

    Raises NotFound.
    """
    entry = await get_bin_entry(tx, entry_id)
    if entry.resource_type is BinnedKind.CAMPAIGN:
        count = await count_hidden(tx, entry.id, at_most=_COUNTED_UP_TO)
        if count > at_once:
            await delete_bin_entry(tx, entry.id)
            asked = DeletionRequest(
                campaign_id=entry.resource_id, entry_id=entry.id, force=True, hidden=True
            )
            return await _start(tx, asked, total=count, now=now)
    await purge_from_bin(tx, entry_id, now=now)
    return None


async def _start(tx: Tx, asked: DeletionRequest, *, total: int, now: datetime) -> AsyncAction:
    request = msgspec.to_builtins(asked)
    action = await start_action(tx, DELETE_ACTION, request=request, total=total, now=now)
    project = await get_project(tx)
    await defer_job(
        tx, delete_requested_campaign, project_id=project.project_id, action_id=action.id
    )
    return action
