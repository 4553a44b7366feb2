"""The new campaign: a threshold coupon for lapsing but valuable households, made to measure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from kaquan.campaigns import (
    Campaign,
    CampaignDraft,
    CodeConfig,
    VoucherChange,
    VoucherTemplate,
    create_campaign,
    find_campaign,
    publish_to_customers,
    update_voucher,
)
from kaquan.cli.demo.audience import LAPSING
from kaquan.cli.demo.dataset import TIME_ZONE, midnight
from kaquan.cli.demo.store import list_usual_baskets
from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.experiments import Arm, assign_arm, record_exposures
from kaquan.outreach import (
    EMAIL,
    Distribution,
    DistributionStatus,
    Mailing,
    advance_distribution,
    default_template,
    list_distributions,
    start_distribution,
)
from kaquan.runtime import Tx
from kaquan.segments import get_segment, list_member_ids

NAME = "Welcome back"
HOLDOUT_BPS = 1_000
VALID_DAYS = 30
SENDER = "Complete Journey grocery <coupons@example.com>"
_STEP_MINOR = 500
_LOWEST_MINOR, _HIGHEST_MINOR = 2_000, 20_000
_USUAL_WHEN_UNKNOWN_MINOR = 4_000


class Measure(msgspec.Struct, frozen=True):
    """What one household has to spend, and what it then gets off, in minor units."""

    spend_minor: int
    off_minor: int

    def offer(self) -> dict[str, Any]:
        """The coupon of this measure, as the engine reads it."""
        tier = {"spend_minor": self.spend_minor, "off_minor": self.off_minor}
        return {"effect": {"code": "threshold_off", "tiers": [tier]}}


def measure_coupon(usual_basket_minor: int) -> Measure:
    """Ask for a quarter more than the usual basket, rounded up to $5, and give 15 % of that.

    Between $20 and $200 are asked for; what is given is rounded down to whole dollars.
    """
    wanted = -(-usual_basket_minor * 5 // 4)
    rounded = -(-wanted // _STEP_MINOR) * _STEP_MINOR
    spend = min(max(rounded, _LOWEST_MINOR), _HIGHEST_MINOR)
    return Measure(spend, spend * 15 // 10_000 * 100)


async def send_comeback(work: Work, progress: Progress) -> Done:
    """Create the campaign, hold out a tenth, give the others their coupon, and write to them.

    All of it is one transaction. The messages stay in the outbox whatever mail server is set:
    the addresses are made up.
    """
    async with work.transaction() as tx:
        segment = await get_segment(tx, LAPSING)
        members = await list_member_ids(tx, segment.id)
        usual = await list_usual_baskets(tx, members)
        measures = {
            member: measure_coupon(usual.get(member, _USUAL_WHEN_UNKNOWN_MINOR))
            for member in members
        }
        campaign = await find_campaign(tx, NAME)
        if campaign is None:
            campaign = await _create(tx, work, measures)
            await _publish(tx, campaign, measures, work=work)
            await _send(tx, campaign, segment.id, work=work)
        sent = (await list_distributions(tx, campaign_id=campaign.id, limit=1))[0]
        progress.reach(sent.audience, len(members))
    return Done(
        rows=sent.audience,
        figures={
            "published": sent.published,
            "held_out": sent.held_out,
            "messages": sent.published - sent.unreachable,
            "budget_minor": campaign.budget_minor or 0,
        },
    )


async def _create(tx: Tx, work: Work, measures: Mapping[str, Measure]) -> Campaign:
    last_day = work.now.astimezone(ZoneInfo(TIME_ZONE)).date() + timedelta(days=VALID_DAYS)
    draft = CampaignDraft(
        name=NAME,
        description=(
            "For households that used to spend much and stay away: spend a quarter more than "
            "your usual basket, get 15% of that back. Each coupon states its own amounts."
        ),
        offer=measure_coupon(_USUAL_WHEN_UNKNOWN_MINOR).offer(),
        voucher_template=VoucherTemplate(code=CodeConfig(prefix="BACK-")),
        # What it costs if everybody comes.
        budget_minor=sum(measure.off_minor for measure in measures.values()),
        per_customer_cap=1,
        holdout_bps=HOLDOUT_BPS,
        starts_at=work.now,
        expires_at=midnight(last_day + timedelta(days=1)),
    )
    return await create_campaign(tx, draft, now=work.now)


async def _publish(
    tx: Tx, campaign: Campaign, measures: Mapping[str, Measure], *, work: Work
) -> None:
    """Assign arms, and give each treated household a voucher with its own measure."""
    assigned = [
        (member, assign_arm(campaign.id, member, holdout_bps=campaign.holdout_bps))
        for member in measures
    ]
    standing = await record_exposures(tx, campaign.id, assigned, now=work.now)
    treated = [member for member in measures if standing[member].arm is Arm.TREATMENT]
    publications = await publish_to_customers(tx, campaign.id, treated, channel=EMAIL, now=work.now)
    for publication in publications:
        change = VoucherChange(offer=measures[publication.customer_id].offer())
        await update_voucher(tx, publication.voucher_id, change, now=work.now)


async def _send(tx: Tx, campaign: Campaign, segment_id: str, *, work: Work) -> Distribution:
    """Write the messages now; the job that was asked for as well will find nothing left to do."""
    mailing = Mailing(sender=SENDER, base_url=work.access.address, deliver=False)
    sent = await start_distribution(
        tx, campaign.id, segment_id, template=default_template("en"), now=work.now
    )
    while sent.status in (DistributionStatus.PENDING, DistributionStatus.RUNNING):
        sent = await advance_distribution(tx, sent.id, mailing=mailing, now=work.now)
    return sent
