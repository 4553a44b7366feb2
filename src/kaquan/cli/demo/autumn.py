"""The measured campaign: two coupons and a holdout in October 2017, rehearsed beforehand with
nothing.

What the households bought is real; how they answer the coupons is simulated (``response``).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from kaquan.campaigns import (
    Campaign,
    CampaignDraft,
    CodeConfig,
    VoucherTemplate,
    create_campaign,
    find_campaign,
)
from kaquan.cli.demo.comeback import SENDER
from kaquan.cli.demo.dataset import Dataset, midnight
from kaquan.cli.demo.response import (
    LARGE,
    MARGIN_RATE_BPS,
    SMALL,
    TRIED,
    CouponTried,
    OwnBasket,
    Truth,
    group_baskets,
    reckon_truth,
)
from kaquan.cli.demo.store import list_household_numbers
from kaquan.cli.demo.work import Done, Progress, Work
from kaquan.experiments import (
    ExperimentDraft,
    Metric,
    Overrides,
    Variant,
    assign_arm,
    place_customers,
    start_experiment,
    stop_experiment,
)
from kaquan.insight import CannotPlan, SizePlan, SizeRequest, plan_size
from kaquan.outreach import (
    DistributionStatus,
    Mailing,
    advance_distribution,
    default_template,
    define_experiment,
    start_distribution,
)
from kaquan.runtime import Tx
from kaquan.segments import create_segment, evaluate_segment, list_member_ids

NAME = "Autumn basket"
EXPERIMENT = "Autumn basket: $5 or $8"
REHEARSAL = "Autumn basket: rehearsal with nothing (A/A)"
AUDIENCE = "Shopped in late summer 2017"
FIRST_DAY = date(2017, 10, 2)
DAYS = 14
COPIED_WEEKS = 26
"""How far back the baskets lie that an extra trip is copied from."""
HOLDOUTS_BPS = (1_000, 2_000, 3_000, 4_000, 5_000)
"""Shares that are considered; the one with which the smallest effect would be seen is taken."""
_HOLDOUT_WHEN_UNKNOWN_BPS = 4_000
_CHUNK = 10_000


def starts_at() -> datetime:
    """The first moment of the campaign."""
    return midnight(FIRST_DAY)


def ends_at() -> datetime:
    """The moment at which it is over."""
    return midnight(FIRST_DAY + timedelta(days=DAYS))


def rehearsed_at() -> datetime:
    """The first moment of the rehearsal, which ends where the campaign begins."""
    return midnight(FIRST_DAY - timedelta(days=DAYS))


def audience_rule() -> dict[str, Any]:
    """At least one purchase in the four weeks before the rehearsal: nothing later is looked at."""
    before = FIRST_DAY - timedelta(days=DAYS)
    window = {"from": str(before - timedelta(days=28)), "to": str(before - timedelta(days=1))}
    return {"done": "order", "within": window}


def read_own_baskets(dataset: Dataset, coupon: CouponTried) -> dict[int, list[OwnBasket]]:
    """By household, the baskets on which this coupon works: half a year's, and the campaign's."""
    return group_baskets(
        dataset.own_baskets(
            since=midnight(FIRST_DAY - timedelta(weeks=COPIED_WEEKS)),
            start=starts_at(),
            until=ends_at(),
            least_minor=coupon.spend_minor,
        )
    )


class AutumnFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the campaign's metadata says of it: how it was sized, and the effects that were put in.

    ``detectable_minor`` is the effect on a household's margin that so many households would show
    four times in five, ``mean_minor`` a household's margin before; None where nothing can be sized.
    """

    simulated: bool = True
    margin_rate_bps: int = MARGIN_RATE_BPS
    audience: int
    detectable_minor: int | None
    mean_minor: int | None
    truth: list[Truth]


async def send_autumn(work: Work, progress: Progress) -> Done:
    """Size the campaign, rehearse it with nothing, and give the coupons out, as of autumn 2017.

    All of it is one transaction. The coupons go to wallets, so no messages are written.
    """
    async with work.transaction() as tx:
        campaign = await find_campaign(tx, NAME)
        if campaign is None:
            campaign = await _hold_campaign(tx, work)
    facts = read_facts(campaign)
    progress.reach(facts.audience, facts.audience)
    return Done(rows=facts.audience)


def read_facts(campaign: Campaign) -> AutumnFacts:
    """Return what is noted on the campaign."""
    return msgspec.convert(campaign.metadata, AutumnFacts)


async def _hold_campaign(tx: Tx, work: Work) -> Campaign:
    segment = await create_segment(tx, AUDIENCE, audience_rule(), now=rehearsed_at())
    await evaluate_segment(tx, segment.id, now=rehearsed_at())
    members = await list_member_ids(tx, segment.id, limit=_CHUNK)
    holdout_bps, size = await _size(tx, segment.id)
    numbers = await list_household_numbers(tx, members)
    facts = AutumnFacts(
        audience=len(members),
        detectable_minor=None if size is None else round(size.detectable * abs(size.mean)),
        mean_minor=None if size is None else round(size.mean),
        truth=[_truth(work.dataset, coupon, numbers) for coupon in TRIED],
    )
    campaign = await create_campaign(tx, _draft(facts, holdout_bps), now=rehearsed_at())
    await _rehearse(tx, campaign, members)
    await _send(tx, campaign, segment.id, work=work)
    return campaign


async def _size(tx: Tx, segment_id: str) -> tuple[int, SizePlan | None]:
    """Return the holdout's share with which the smallest effect shows, and what is then foreseen.

    It looks at the two weeks before the campaign and at nothing later.
    """
    plans: list[tuple[int, SizePlan]] = []
    for holdout_bps in HOLDOUTS_BPS:
        share = holdout_bps / 10_000
        request = SizeRequest(
            metric=Metric.MARGIN,
            horizon_days=DAYS,
            shares=(share, *[(1 - share) / len(TRIED)] * len(TRIED)),
            segment_id=segment_id,
        )
        plan = await plan_size(tx, request, now=starts_at())
        if isinstance(plan, CannotPlan):
            return _HOLDOUT_WHEN_UNKNOWN_BPS, None
        plans.append((holdout_bps, plan))
    return min(plans, key=lambda one: one[1].detectable)


def _truth(dataset: Dataset, coupon: CouponTried, numbers: Sequence[int]) -> Truth:
    return reckon_truth(coupon, numbers, read_own_baskets(dataset, coupon), days=DAYS)


def _draft(facts: AutumnFacts, holdout_bps: int) -> CampaignDraft:
    return CampaignDraft(
        name=NAME,
        description=(
            "A measured campaign with a known answer: what these households bought in October 2017"
            " is real, who used the coupons is simulated by a rule that the demo's documentation"
            " states. The effects that the rule puts in are in the metadata."
        ),
        offer=_offer(SMALL),
        voucher_template=VoucherTemplate(code=CodeConfig(prefix="FALL-")),
        # What it costs if everybody gets the dearer coupon and uses it.
        budget_minor=max(facts.audience, 1) * max(coupon.off_minor for coupon in TRIED),
        per_customer_cap=1,
        holdout_bps=holdout_bps,
        starts_at=starts_at(),
        expires_at=ends_at(),
        metadata=msgspec.to_builtins(facts),
    )


def _offer(coupon: CouponTried) -> dict[str, Any]:
    tier = {"spend_minor": coupon.spend_minor, "off_minor": coupon.off_minor}
    return {"effect": {"code": "threshold_off", "tiers": [tier]}}


async def _rehearse(tx: Tx, campaign: Campaign, members: Sequence[str]) -> None:
    """Draw the campaign's own holdout and two groups, give nobody anything, and end with it."""
    arms = tuple(
        Variant(name=name, weight_bps=5_000, overrides=Overrides(nothing=True))
        for name in ("group A", "group B")
    )
    draft = _design(REHEARSAL, campaign, arms, audience=len(members))
    drawn = await define_experiment(tx, draft, now=rehearsed_at())
    running = await start_experiment(tx, drawn.id, now=rehearsed_at())
    assigned = {
        member: assign_arm(campaign.id, member, holdout_bps=campaign.holdout_bps)
        for member in members
    }
    await place_customers(tx, running, assigned, now=rehearsed_at())
    await stop_experiment(tx, running.id, now=starts_at())


async def _send(tx: Tx, campaign: Campaign, segment_id: str, *, work: Work) -> None:
    """Give each household what its arm gets; the job that was asked for as well finds it done."""
    arms = (
        Variant(name=SMALL.name, weight_bps=5_000, overrides=Overrides(channel="wallet")),
        Variant(
            name=LARGE.name,
            weight_bps=5_000,
            overrides=Overrides(channel="wallet", offer=_offer(LARGE)),
        ),
    )
    draft = _design(EXPERIMENT, campaign, arms, audience=read_facts(campaign).audience)
    drawn = await define_experiment(tx, draft, now=rehearsed_at())
    await start_experiment(tx, drawn.id, now=starts_at())
    mailing = Mailing(sender=SENDER, base_url=work.access.address, deliver=False)
    sent = await start_distribution(
        tx, campaign.id, segment_id, template=default_template("en"), now=starts_at()
    )
    while sent.status in (DistributionStatus.PENDING, DistributionStatus.RUNNING):
        sent = await advance_distribution(
            tx, sent.id, mailing=mailing, now=starts_at(), chunk=_CHUNK
        )


def _design(
    name: str, campaign: Campaign, arms: tuple[Variant, ...], *, audience: int
) -> ExperimentDraft:
    return ExperimentDraft(
        name=name,
        campaign_id=campaign.id,
        arms=arms,
        metric=Metric.MARGIN,
        horizon_days=DAYS,
        planned_n=max(audience, 1),
    )
