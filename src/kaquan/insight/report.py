"""A campaign's report: what became of its vouchers, and what it earned against the holdout."""

from datetime import datetime

from kaquan.insight.model import ArmSamples, CampaignReport, Lift, ReportedCampaign, Verdict
from kaquan.insight.statistics import (
    CannotSay,
    Estimate,
    Finding,
    relative_lift,
    welch_difference,
)
from kaquan.insight.store import get_arm_samples, get_funnel, get_reported_campaign
from kaquan.runtime import InvalidInput, Tx

DEFAULT_MARGIN_RATE_BPS = 3000
"""Share of the price before discounts that is left after the cost of goods, unless set."""
SMALLEST_ARM = 100
"""With fewer customers in an arm it is always too early to tell."""
_SCALE = 10_000


async def report_campaign(tx: Tx, id_or_name: str, *, now: datetime) -> CampaignReport:
    """Report on a campaign as of ``now``.

    Lift compares, per assigned customer, the paid orders placed from the assignment to the
    campaign's end or ``now``. The margin rate is the campaign's metadata ``margin_rate_bps``,
    else the project's setting of that name, else 3000. Raises NotFound, and InvalidInput for a
    margin rate that is none.
    """
    campaign = await get_reported_campaign(tx, id_or_name)
    rate = _margin_rate(campaign)
    until = min(now, campaign.expires_at or now)
    arms = await get_arm_samples(tx, campaign.id, margin_rate_bps=rate, until=until)
    treatment = arms.get("treatment", ArmSamples())
    holdout = arms.get("holdout", ArmSamples())
    lift = compare_arms(treatment, holdout) if holdout.revenue.n else None
    return CampaignReport(
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        currency=campaign.currency,
        first_assigned_at=campaign.first_assigned_at,
        until=until,
        generated_at=now,
        audience=treatment.revenue.n + holdout.revenue.n,
        funnel=await get_funnel(tx, campaign.id, now=now),
        margin_rate_bps=rate,
        lift=lift,
        verdict=_judge(lift),
    )


def compare_arms(treatment: ArmSamples, holdout: ArmSamples) -> Lift:
    """Estimate what treatment made of a customer's revenue and margin."""
    margin = _scaled(welch_difference(treatment.margin, holdout.margin), 1 / _SCALE)
    return Lift(
        treated=treatment.revenue.n,
        held_out=holdout.revenue.n,
        revenue=welch_difference(treatment.revenue, holdout.revenue),
        revenue_relative=relative_lift(treatment.revenue, holdout.revenue),
        margin=margin,
        margin_total=_scaled(margin, treatment.revenue.n),
    )


def _scaled(finding: Finding, factor: float) -> Finding:
    return finding.scaled(factor) if isinstance(finding, Estimate) else finding


def _judge(lift: Lift | None) -> Verdict:
    if lift is None:
        return Verdict.NO_HOLDOUT
    if isinstance(lift.margin, CannotSay):
        return Verdict.CANNOT_SAY
    if lift.margin.covers_zero or min(lift.treated, lift.held_out) < SMALLEST_ARM:
        return Verdict.TOO_EARLY
    return Verdict.EARNED if lift.margin.value > 0 else Verdict.COST


def _margin_rate(campaign: ReportedCampaign) -> int:
    rate = campaign.margin_rate
    if rate is None:
        rate = campaign.project_margin_rate
    if rate is None:
        return DEFAULT_MARGIN_RATE_BPS
    if isinstance(rate, bool) or not isinstance(rate, int) or not 0 <= rate <= _SCALE:
        message = f"margin_rate_bps must be a whole number from 0 to {_SCALE}, not {rate!r}."
        raise InvalidInput(message, field="metadata.margin_rate_bps")
    return rate
