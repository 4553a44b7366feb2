"""Redemptions: every attempt, with its result and, where it was refused, the reason in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get

from kaquan.campaigns import Campaign
from kaquan.checkout import Redemption, RedemptionKind, RedemptionResult, list_redemptions
from kaquan.console.language import N_
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListQuery, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.names import campaigns_by_id, customers_by_id
from kaquan.console.pages.paging import PAGE_SIZE
from kaquan.console.pages.reasons import refusal_in_words
from kaquan.console.pages.words import Badge, redemption_badge
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.customers import Customer
from kaquan.runtime import Tx

RESULTS = Filter(
    name="result",
    label=N_("Result"),
    choices=(
        Choice(value="redeemed", label=N_("Redeemed")),
        Choice(value="refused", label=N_("Refused")),
        Choice(value="undone", label=N_("Undoing")),
    ),
)
REDEMPTION_COLUMNS = (
    Column(key="code", label=N_("Voucher")),
    Column(key="result", label=N_("Result")),
    Column(key="customer", label=N_("Customer")),
    Column(key="discount", label=N_("Discount"), numeric=True),
    Column(key="order", label=N_("Order"), numeric=True),
    Column(key="at", label=N_("When")),
)
SHAPE = ListShape(columns=REDEMPTION_COLUMNS, filters=(RESULTS,), searchable=False)


class RedemptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of the list; `reason` is empty unless it was refused."""

    redemption: Redemption
    badge: Badge
    reason: str
    customer: Customer | None
    campaign: Campaign | None


class ResultFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What the result filter means to the register."""

    kind: RedemptionKind | None = None
    result: RedemptionResult | None = None


_MEANINGS = {
    "redeemed": ResultFilter(kind=RedemptionKind.REDEMPTION, result=RedemptionResult.SUCCESS),
    "refused": ResultFilter(result=RedemptionResult.FAILURE),
    "undone": ResultFilter(kind=RedemptionKind.ROLLBACK, result=RedemptionResult.SUCCESS),
}


@get("/console/redemptions", include_in_schema=False)
async def show_redemptions(request: Request[Any, Any, Any]) -> Response[str]:
    """The register of all campaigns, newest first."""
    page = page_of(request)
    query = SHAPE.read(page.query)
    wanted = result_filter(query)
    async with page_snapshot(request) as tx:
        found = await list_redemptions(
            tx,
            kind=wanted.kind,
            result=wanted.result,
            cursor=query.cursor or None,
            limit=PAGE_SIZE,
        )
        rows = await redemption_rows(tx, found.items, page)
    listing = Listing(
        shape=SHAPE,
        query=query,
        rows=rows,
        count=Count(value=found.total),
        next_cursor=found.next_cursor,
    )
    return render(request, "pages/redemptions.html", listing=listing)


def result_filter(query: ListQuery) -> ResultFilter:
    """The kind and result that the list's filter asks for."""
    return _MEANINGS.get(query.filters.get("result", ""), ResultFilter())


async def redemption_rows(
    tx: Tx, redemptions: Sequence[Redemption], page: PageView
) -> list[RedemptionRow]:
    """Rows for a list of attempts, with the names they refer to."""
    customers = await customers_by_id(tx, [one.customer_id for one in redemptions])
    campaigns = await campaigns_by_id(tx, [one.campaign_id for one in redemptions])
    return [
        RedemptionRow(
            redemption=one,
            badge=redemption_badge(one),
            reason=refusal_in_words(one, page) if one.failure_code else "",
            customer=customers.get(one.customer_id or ""),
            campaign=campaigns.get(one.campaign_id or ""),
        )
        for one in redemptions
    ]
