"""``/v1/reports``: our own addition, what a campaign earned."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads
from kaquan.campaigns import get_campaign
from kaquan.insight import CampaignReport, CannotSay, Finding, Lift, report_campaign, sentence
from kaquan.insight.metrics import (
    MOST_DAYS,
    USUAL_DAYS,
    NotTold,
    Spill,
    find_promoted,
    read_source,
    read_spillover,
    work_out,
)
from kaquan.runtime import get_project


class FunnelView(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the vouchers; money in minor units, the rate in basis points."""

    published: int
    used: int
    redeemed: int
    rolled_back: int
    usage_rate_bps: int | None
    discount_amount: int
    orders: int
    revenue_amount: int
    average_order_amount: int | None


class FindingView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value with its 95 % interval, or why there is none (``cannot_say``)."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    cannot_say: str | None = None


class LiftView(msgspec.Struct, frozen=True, kw_only=True):
    """Treated against held-out customers: minor units per customer, a share, and in all."""

    treated: int
    held_out: int
    revenue_per_customer: FindingView
    revenue_relative: FindingView
    margin_per_customer: FindingView
    margin_total: FindingView


class ReportView(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign's figures and what they say, in both languages."""

    campaign_id: str
    campaign: str
    currency: str
    audience: int
    first_assigned_at: datetime | None
    until: datetime
    generated_at: datetime
    funnel: FunnelView
    margin_rate_bps: int
    lift: LiftView | None
    verdict: str
    sentence: dict[Literal["zh", "en"], str]
    object: Literal["campaign_report"] = "campaign_report"


def view_report(report: CampaignReport) -> ReportView:
    """Map a report to the wire."""
    funnel = report.funnel
    return ReportView(
        campaign_id=report.campaign_id,
        campaign=report.campaign_name,
        currency=report.currency,
        audience=report.audience,
        first_assigned_at=report.first_assigned_at,
        until=report.until,
        generated_at=report.generated_at,
        funnel=FunnelView(
            published=funnel.published,
            used=funnel.used,
            redeemed=funnel.redeemed,
            rolled_back=funnel.rolled_back,
            usage_rate_bps=funnel.usage_rate_bps,
            discount_amount=funnel.discount_minor,
            orders=funnel.orders,
            revenue_amount=funnel.revenue_minor,
            average_order_amount=funnel.average_order_minor,
        ),
        margin_rate_bps=report.margin_rate_bps,
        lift=None if report.lift is None else _view_lift(report.lift),
        verdict=report.verdict,
        sentence={"zh": sentence(report, "zh"), "en": sentence(report, "en")},
    )


def _view_lift(lift: Lift) -> LiftView:
    return LiftView(
        treated=lift.treated,
        held_out=lift.held_out,
        revenue_per_customer=_view_finding(lift.revenue),
        revenue_relative=_view_finding(lift.revenue_relative),
        margin_per_customer=_view_finding(lift.margin),
        margin_total=_view_finding(lift.margin_total),
    )


def _view_finding(finding: Finding) -> FindingView:
    if isinstance(finding, CannotSay):
        return FindingView(cannot_say=finding.because)
    return FindingView(value=finding.value, low=finding.low, high=finding.high, p=finding.p)


@reads("/campaigns/{campaign_id:str}", "Report on a campaign")
async def read_report(campaign_id: FromPath[str], call: CurrentCall) -> ReportView:
    """Report what a campaign, by id or name, handed out and what it earned."""
    async with call.transaction() as tx:
        return view_report(await report_campaign(tx, campaign_id, now=call.now))


class SpillView(msgspec.Struct, frozen=True, kw_only=True):
    """Treated against held-out customers: minor units a customer, of goods as sold.

    ``spill`` is promoted (the goods the offer names), similar (others of their categories: below zero
    is cannibalisation), other (all the rest: above zero is a halo), or afterwards (everything in as
    many days after: below zero is pull-forward).
    """

    spill: Spill
    treated: int
    held_out: int
    per_customer: FindingView


class SpilloverView(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign did to other goods and to the time after it, over days from assignment."""

    campaign_id: str
    currency: str
    days: int
    as_of: datetime
    data: list[SpillView]
    object: Literal["campaign_spillover"] = "campaign_spillover"


@reads("/campaigns/{campaign_id:str}/spillover", "Report on goods beside a campaign's")
async def read_campaign_spillover(
    campaign_id: FromPath[str],
    call: CurrentCall,
    request: AnyRequest,
    days: Annotated[int, QueryParameter(ge=1, le=MOST_DAYS)] = USUAL_DAYS,
) -> SpilloverView:
    """Compare what treated and held-out customers bought of other goods, and afterwards."""
    async with call.transaction() as tx:
        campaign = await get_campaign(tx, campaign_id)
        goods = await find_promoted(tx, campaign.id)
        source = await read_source(tx)
        currency = (await get_project(tx)).currency
    found = await work_out(
        request.app.state.settings,
        source,
        lambda engine: read_spillover(engine, campaign.id, goods, days=days),
    )
    return SpilloverView(
        campaign_id=campaign.id,
        currency=currency,
        days=days,
        as_of=source.as_of,
        data=[
            SpillView(
                spill=one.spill,
                treated=one.treated,
                held_out=one.held_out,
                per_customer=FindingView(cannot_say=one.finding)
                if isinstance(one.finding, NotTold)
                else _view_finding(one.finding),
            )
            for one in found.effects
        ],
    )


def reports_router() -> Router:
    """Routes of reports."""
    return Router(
        path="/reports", route_handlers=[read_report, read_campaign_spillover], tags=["Reports"]
    )
