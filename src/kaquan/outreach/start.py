"""Asking for a distribution, and for one that failed to go on."""

from datetime import datetime

import msgspec

from kaquan.campaigns import CampaignKind, get_campaign
from kaquan.outreach.jobs import distribute
from kaquan.outreach.model import EMAIL, Distribution, DistributionStatus, EmailTemplate
from kaquan.outreach.render import check_template
from kaquan.outreach.store import insert_distribution, lock_distribution, update_distribution
from kaquan.runtime import InvalidInput, Tx, defer_job, get_project, new_id
from kaquan.segments import get_segment


async def start_distribution(
    tx: Tx, campaign: str, segment: str, *, template: EmailTemplate, now: datetime
) -> Distribution:
    """Ask for a campaign to be sent to a segment by e-mail; a job does it after the commit.

    Campaign and segment are named by id or name. Raises NotFound, and InvalidInput for a
    template that cannot be used or a campaign that is switched off, over, or a promotion.
    """
    sent = await get_campaign(tx, campaign)
    if sent.kind is CampaignKind.PROMOTION:
        message = "A promotion gives nobody a voucher: there is nothing to send."
        raise InvalidInput(message, field="campaign_id")
    if not sent.active:
        raise InvalidInput("The campaign is switched off.", field="campaign_id")
    if sent.expires_at is not None and sent.expires_at <= now:
        raise InvalidInput("The campaign is over.", field="campaign_id")
    audience = await get_segment(tx, segment)
    check_template(template)
    distribution = Distribution(
        id=new_id("dist"),
        campaign_id=sent.id,
        segment_id=audience.id,
        channel=EMAIL,
        template=template,
        status=DistributionStatus.PENDING,
        audience=0,
        held_out=0,
        published=0,
        unreachable=0,
        done_up_to="",
        error=None,
        created_at=now,
        updated_at=None,
    )
    await insert_distribution(tx, distribution)
    await _defer(tx, distribution)
    return distribution


async def resume_distribution(tx: Tx, distribution_id: str, *, now: datetime) -> Distribution:
    """Let a distribution that failed go on where it stopped; others are left as they are."""
    distribution = await lock_distribution(tx, distribution_id)
    if distribution.status is not DistributionStatus.FAILED:
        return distribution
    resumed = msgspec.structs.replace(
        distribution,
        status=DistributionStatus.RUNNING
        if distribution.done_up_to
        else DistributionStatus.PENDING,
        error=None,
        updated_at=now,
    )
    await update_distribution(tx, resumed)
    await _defer(tx, resumed)
    return resumed


async def _defer(tx: Tx, distribution: Distribution) -> None:
    project = await get_project(tx)
    await defer_job(tx, distribute, project_id=project.project_id, distribution_id=distribution.id)
