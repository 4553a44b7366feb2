"""Campaigns: the list, with what became of each one's vouchers."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get

from kaquan.campaigns import Campaign, CampaignPhase, list_campaigns
from kaquan.console.language import N_
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListShape
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.words import CAMPAIGN_PHASES, Badge
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot, person_of
from kaquan.insight import CampaignUse, list_campaign_uses
from kaquan.trust import Ability

SHAPE = ListShape(
    columns=(
        Column(key="name", label=N_("Campaign"), sortable=True),
        Column(key="status", label=N_("Status")),
        Column(key="starts_at", label=N_("From"), sortable=True),
        Column(key="expires_at", label=N_("Until"), sortable=True),
        Column(key="published", label=N_("Published"), numeric=True),
        Column(key="redeemed", label=N_("Redeemed"), numeric=True),
        Column(key="usage", label=N_("Usage"), numeric=True),
    ),
    filters=(
        Filter(
            name="status",
            label=N_("Status"),
            choices=tuple(
                Choice(value=phase.value, label=badge.word)
                for phase, badge in CAMPAIGN_PHASES.items()
            ),
        ),
    ),
    search_label=N_("Search campaigns"),
)


class CampaignRow(msgspec.Struct, frozen=True):
    """A campaign of the list."""

    campaign: Campaign
    badge: Badge
    use: CampaignUse


@get("/console/campaigns", include_in_schema=False)
async def show_campaigns(request: Request[Any, Any, Any]) -> Response[str]:
    """The list of campaigns, the newest first."""
    page = page_of(request)
    query = SHAPE.read(page.query)
    number = page_number(query.cursor)
    status = query.filters.get("status")
    async with page_snapshot(request) as tx:
        found = await list_campaigns(
            tx,
            search=query.search or None,
            phase=(CampaignPhase(status), page.now) if status else None,
            order=("-" if query.descending else "") + (query.sort or "-created_at"),
            page=number,
            limit=PAGE_SIZE,
        )
        uses = await list_campaign_uses(tx, [one.id for one in found.items], now=page.now)
    rows = [
        CampaignRow(one, CAMPAIGN_PHASES[one.phase(page.now)], uses[one.id]) for one in found.items
    ]
    more = found.total > number * PAGE_SIZE
    listing = Listing(
        shape=SHAPE,
        query=query,
        rows=rows,
        count=Count(value=found.total),
        next_cursor=str(number + 1) if more else None,
    )
    designs = person_of(request).may(Ability.MANAGE)
    return render(request, "pages/campaigns.html", listing=listing, designs=designs)
