"""One campaign: what it did and earned, its vouchers, and its redemptions."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.campaigns import (
    Campaign,
    CampaignCounts,
    CampaignKind,
    Voucher,
    count_campaign_contents,
    get_campaign,
    list_vouchers,
    voucher_usage,
)
from kaquan.checkout import list_redemptions
from kaquan.console.language import N_, translations
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.campaign_charts import funnel_chart, lift_chart
from kaquan.console.pages.campaign_work import list_work
from kaquan.console.pages.names import customers_by_id
from kaquan.console.pages.paging import PAGE_SIZE
from kaquan.console.pages.redemptions import (
    REDEMPTION_COLUMNS,
    RESULTS,
    redemption_rows,
    result_filter,
)
from kaquan.console.pages.words import (
    CAMPAIGN_PHASES,
    DISTRIBUTION_STATES,
    Badge,
    voucher_badge,
)
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.customers import Customer
from kaquan.engine import parse_offer
from kaquan.experiments import list_experiments
from kaquan.insight import CampaignReport, report_campaign, sentence
from kaquan.ledger import Account, AccountKey, AccountKind, list_accounts
from kaquan.outreach import Distribution, list_distributions, offer_sentence
from kaquan.runtime import AsyncAction, Tx
from kaquan.segments import Segment, list_segments
from kaquan.trust import Ability

DISTRIBUTIONS_SHOWN = 5
EXPERIMENTS_SHOWN = 5

VOUCHERS = ListShape(
    columns=(
        Column(key="code", label=N_("Code"), sortable=True),
        Column(key="state", label=N_("Status")),
        Column(key="holder", label=N_("Holder")),
        Column(key="left", label=N_("Uses left"), numeric=True),
        Column(key="published", label=N_("Given out")),
    ),
    filters=(
        Filter(
            name="status",
            label=N_("Status"),
            choices=(
                Choice(value="given", label=N_("Given out")),
                Choice(value="stock", label=N_("Not given out")),
                Choice(value="off", label=N_("Switched off")),
            ),
        ),
    ),
    search_label=N_("Search by the beginning of a code"),
)
REDEMPTIONS = ListShape(columns=REDEMPTION_COLUMNS, filters=(RESULTS,), searchable=False)


class CampaignHead(msgspec.Struct, frozen=True):
    """What stands above each of a campaign's pages."""

    campaign: Campaign
    badge: Badge
    counts: CampaignCounts
    offer: str
    work: list[AsyncAction] = []
    manages: bool = False

    @property
    def tries(self) -> bool:
        """Whether a cart tells something of it: what pays from a balance has none to show."""
        return self.campaign.kind in (CampaignKind.DISCOUNT_COUPONS, CampaignKind.PROMOTION)


class Sending(msgspec.Struct, frozen=True):
    """A distribution with the name of its audience."""

    distribution: Distribution
    segment: Segment | None
    badge: Badge


class VoucherRow(msgspec.Struct, frozen=True):
    """A voucher of the list."""

    voucher: Voucher
    badge: Badge
    holder: Customer | None
    left: int | None


@get("/console/campaigns/{campaign_id:str}", include_in_schema=False)
async def show_campaign(
    request: Request[Any, Any, Any], campaign_id: FromPath[str]
) -> Response[str]:
    """What the campaign did, and what may be concluded."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        head = await _read_head(tx, campaign_id, page)
        report = await report_campaign(tx, head.campaign.id, now=page.now)
        budget = await _budget(tx, head.campaign)
        sendings = await _sendings(tx, head.campaign)
        experiments = await list_experiments(
            tx, campaign_id=head.campaign.id, limit=EXPERIMENTS_SHOWN
        )
    return render(
        request,
        "pages/campaign.html",
        head=head,
        report=report,
        verdict=sentence(report, page.language.value),
        budget=budget,
        sendings=sendings,
        experiments=experiments.items,
        charts=_charts(report, page),
    )


@get("/console/campaigns/{campaign_id:str}/vouchers", include_in_schema=False)
async def show_vouchers(
    request: Request[Any, Any, Any], campaign_id: FromPath[str]
) -> Response[str]:
    """The campaign's vouchers, with search by code."""
    page = page_of(request)
    query = VOUCHERS.read(page.query)
    status = query.filters.get("status")
    async with page_snapshot(request) as tx:
        head = await _read_head(tx, campaign_id, page)
        found = await list_vouchers(
            tx,
            campaign_id=head.campaign.id,
            search=query.search or None,
            held={"given": True, "stock": False}.get(status or ""),
            active=False if status == "off" else None,
            order=("-" if query.descending else "") + (query.sort or "-created_at"),
            cursor=query.cursor or None,
            limit=PAGE_SIZE,
        )
        usage = await voucher_usage(tx, found.items)
        holders = await customers_by_id(tx, [one.holder_id for one in found.items])
    rows = [
        VoucherRow(
            one,
            voucher_badge(one, usage[one.id], head.campaign, now=page.now),
            holders.get(one.holder_id or ""),
            usage[one.id].left,
        )
        for one in found.items
    ]
    listing = Listing(
        shape=VOUCHERS,
        query=query,
        rows=rows,
        count=Count(value=found.total),
        next_cursor=found.next_cursor,
    )
    return render(request, "pages/campaign_vouchers.html", head=head, listing=listing)


@get("/console/campaigns/{campaign_id:str}/redemptions", include_in_schema=False)
async def show_campaign_redemptions(
    request: Request[Any, Any, Any], campaign_id: FromPath[str]
) -> Response[str]:
    """Attempts to redeem the campaign's vouchers, newest first."""
    page = page_of(request)
    query = REDEMPTIONS.read(page.query)
    wanted = result_filter(query)
    async with page_snapshot(request) as tx:
        head = await _read_head(tx, campaign_id, page)
        found = await list_redemptions(
            tx,
            campaign_id=head.campaign.id,
            kind=wanted.kind,
            result=wanted.result,
            cursor=query.cursor or None,
            limit=PAGE_SIZE,
        )
        rows = await redemption_rows(tx, found.items, page)
    listing = Listing(
        shape=REDEMPTIONS,
        query=query,
        rows=rows,
        count=Count(value=found.total),
        next_cursor=found.next_cursor,
    )
    return render(request, "pages/campaign_redemptions.html", head=head, listing=listing)


async def _read_head(tx: Tx, campaign_id: str, page: PageView) -> CampaignHead:
    campaign = await get_campaign(tx, campaign_id)
    counts = await count_campaign_contents(tx, [campaign.id])
    offer = translations(page.language).gettext(N_("each tier has its own"))
    if campaign.offer:
        offer = offer_sentence(
            parse_offer(campaign.offer), language=page.language.value, currency=page.currency
        )
    badge = CAMPAIGN_PHASES[campaign.phase(page.now)]
    manages = page.person is not None and page.person.may(Ability.MANAGE)
    work = await list_work(tx, campaign.id)
    return CampaignHead(campaign, badge, counts[campaign.id], offer, work, manages)


async def _budget(tx: Tx, campaign: Campaign) -> Account | None:
    key = AccountKey(campaign.id, AccountKind.BUDGET)
    return None if campaign.budget_minor is None else (await list_accounts(tx, [key])).get(key)


async def _sendings(tx: Tx, campaign: Campaign) -> list[Sending]:
    found = await list_distributions(tx, campaign_id=campaign.id, limit=DISTRIBUTIONS_SHOWN)
    segments = {one.id: one for one in await list_segments(tx)} if found else {}
    return [
        Sending(one, segments.get(one.segment_id), DISTRIBUTION_STATES[one.status]) for one in found
    ]


def _charts(report: CampaignReport, page: PageView) -> list[Any]:
    charts = [funnel_chart(report, page) if report.funnel.published else None]
    charts.append(lift_chart(report, page))
    return [chart for chart in charts if chart is not None]
