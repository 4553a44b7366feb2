"""What the search at the top finds: customers, campaigns and codes."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get

from kaquan.campaigns import Campaign, list_campaigns, list_vouchers, voucher_usage
from kaquan.console.listing import SEARCH_MAX
from kaquan.console.page import PageView
from kaquan.console.pages.campaign import VoucherRow
from kaquan.console.pages.names import campaigns_by_id, customers_by_id
from kaquan.console.pages.words import CAMPAIGN_PHASES, Badge, voucher_badge
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.customers import Customer, list_customers
from kaquan.runtime import Page, Tx

SHOWN = 8


class FoundCampaign(msgspec.Struct, frozen=True):
    """A campaign with where it stands."""

    campaign: Campaign
    badge: Badge


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, some of each kind and how many there are in all."""

    customers: Page[Customer]
    campaigns: list[FoundCampaign]
    campaign_count: int
    vouchers: list[VoucherRow]
    voucher_count: int

    @property
    def nothing(self) -> bool:
        """Whether nothing was found at all."""
        return not (self.customers.items or self.campaigns or self.vouchers)


@get("/console/search", include_in_schema=False)
async def show_search(request: Request[Any, Any, Any]) -> Response[str]:
    """What the words in `q` find."""
    page = page_of(request)
    words = dict(page.query).get("q", "").strip()[:SEARCH_MAX]
    findings = None
    if words:
        async with page_snapshot(request) as tx:
            findings = await _find(tx, words, page)
    return render(request, "pages/search.html", words=words, findings=findings)


async def _find(tx: Tx, words: str, page: PageView) -> Findings:
    campaigns = await list_campaigns(tx, search=words, limit=SHOWN)
    vouchers, voucher_count = await _find_vouchers(tx, words, page)
    return Findings(
        customers=await list_customers(tx, search=words, limit=SHOWN),
        campaigns=[
            FoundCampaign(one, CAMPAIGN_PHASES[one.phase(page.now)]) for one in campaigns.items
        ],
        campaign_count=campaigns.total,
        vouchers=vouchers,
        voucher_count=voucher_count,
    )


async def _find_vouchers(tx: Tx, words: str, page: PageView) -> tuple[list[VoucherRow], int]:
    """Vouchers whose code begins so; codes are mostly in capitals, whatever was typed."""
    found = await list_vouchers(tx, search=words, limit=SHOWN)
    if not found.items and words.upper() != words:
        found = await list_vouchers(tx, search=words.upper(), limit=SHOWN)
    usage = await voucher_usage(tx, found.items)
    holders = await customers_by_id(tx, [one.holder_id for one in found.items])
    campaigns = await campaigns_by_id(tx, [one.campaign_id for one in found.items])
    rows = [
        VoucherRow(
            one,
            voucher_badge(one, usage[one.id], campaigns.get(one.campaign_id or ""), now=page.now),
            holders.get(one.holder_id or ""),
            usage[one.id].left,
        )
        for one in found.items
    ]
    return rows, found.total
