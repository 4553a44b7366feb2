"""Asking for vouchers: a few are made at once, many by a job that shows its progress."""

from datetime import datetime

import msgspec

from kaquan.campaigns.codes import code_space
from kaquan.campaigns.issue import (
    LIKE_TEMPLATE,
    ensure_room,
    issue_vouchers,
    refuse_promotion,
)
from kaquan.campaigns.jobs import issue_requested_vouchers
from kaquan.campaigns.model import VoucherLike
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Tx,
    check_whole_number,
    defer_job,
    get_project,
    start_action,
    update_action,
)

SYNCHRONOUS_LIMIT = 1_000
LARGEST_REQUEST = 10_000_000

_ACTION = "campaigns.issue_vouchers"


async def request_vouchers(
    tx: Tx, campaign_id: str, count: int, *, like: VoucherLike = LIKE_TEMPLATE, now: datetime
) -> AsyncAction:
    """Ask for ``count`` vouchers of a campaign: up to 1,000 are made here, more by a job.

    They are made from the campaign's template, but for what ``like`` says.

    The action returned is done in the first case and pending in the second. Raises NotFound,
    and InvalidInput at once when so many codes could be guessed.
    """
    check_whole_number(count, "count", least=1, most=LARGEST_REQUEST)
    campaign = await get_campaign(tx, campaign_id)
    refuse_promotion(campaign)
    space = code_space(like.code_config or campaign.voucher_template.code)
    await ensure_room(tx, space, count, campaign_id=campaign.id, window=campaign.window, now=now)
    request = {
        "campaign_id": campaign.id,
        "count": count,
        "like": msgspec.to_builtins(like),
    }
    action = await start_action(tx, _ACTION, request=request, total=count, now=now)
    if count > SYNCHRONOUS_LIMIT:
        project = await get_project(tx)
        await defer_job(
            tx, issue_requested_vouchers, project_id=project.project_id, action_id=action.id
        )
        return action
    await issue_vouchers(tx, campaign.id, count, like=like, now=now)
    await update_action(tx, action.id, status=ActionStatus.DONE, done=count, now=now)
    return msgspec.structs.replace(action, status=ActionStatus.DONE, done=count)
