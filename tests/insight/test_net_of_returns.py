"""What came back counts nowhere: one definition in summaries, spend rules, reports and scores."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from kaquan.campaigns import CampaignDraft, VoucherDraft, add_voucher, create_campaign
from kaquan.checkout import (
    CheckoutRequest,
    GoodsBack,
    OfOrder,
    OrderReturn,
    Redeemable,
    Redeemed,
    ReturnRequest,
    redeem,
    return_goods,
    validate,
)
from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderLineDraft,
    get_customer_summary,
    read_portrait,
    upsert_customer,
)
from kaquan.insight import dashboard, list_campaign_uses, report_campaign
from kaquan.runtime import Tx
from kaquan.segments import score_rfm

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Case(NamedTuple):
    name: str
    back: list[int]
    """Units that come back, a return each, of 4 × 25.00 with 20 % off."""
    orders: int
    revenue: int
    discount: int


CASES = [
    Case("nothing back", [], 1, 8_000, 2_000),
    Case("a quarter", [1], 1, 6_000, 1_500),
    Case("a quarter and a half", [1, 2], 1, 2_000, 500),
    Case("all of it", [2, 2], 0, 0, 0),
]


async def buy(tx: Tx) -> tuple[str, str]:
    """Anna buys with a coupon of a campaign; returns her id and the campaign's."""
    anna = await upsert_customer(tx, CustomerDraft(source_id="anna"), now=NOW)
    offer: dict[str, Any] = {"effect": {"code": "percent_off", "rate_bps": 2_000}}
    campaign = await create_campaign(tx, CampaignDraft(name="Spring", offer=offer), now=NOW)
    await add_voucher(tx, VoucherDraft(code="TWENTY", campaign_id=campaign.id), now=NOW)
    order = OrderDraft(
        source_id="o-1",
        lines=(OrderLineDraft(source_id="tea", quantity=4, unit_price_minor=2_500),),
    )
    request = CheckoutRequest(redeemables=(Redeemable(id="TWENTY"),), order=order, customer=anna.id)
    assert isinstance(await redeem(tx, request, now=NOW), Redeemed)
    return anna.id, campaign.id


async def spent_by_rule(tx: Tx, customer_id: str, at_least: int) -> bool:
    """Whether a rule takes her to have spent that much."""
    offer = {
        "effect": {"code": "amount_off", "amount_minor": 1},
        "condition": {"code": "customer_spend", "at_least_minor": at_least},
    }
    voucher = await add_voucher(tx, VoucherDraft(offer=offer), now=NOW)
    request = CheckoutRequest(
        redeemables=(Redeemable(id=voucher.code),),
        order=OrderDraft(amount_minor=100),
        customer=customer_id,
    )
    return (await validate(tx, request, now=NOW + timedelta(days=1))).valid


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_every_figure_is_net_of_what_came_back(tx: Tx, case: Case) -> None:
    anna, campaign = await buy(tx)
    refunded = 0
    for units in case.back:
        back = ReturnRequest(goods=(GoodsBack(line=0, quantity=units),))
        done = await return_goods(tx, OfOrder("o-1"), back, now=NOW + timedelta(hours=1))
        assert isinstance(done, OrderReturn)
        assert done.refund_minor is not None
        refunded += done.refund_minor
    later = NOW + timedelta(days=1)
    assert refunded == 8_000 - case.revenue
    summary = await get_customer_summary(tx, anna)
    assert (summary.order_count, summary.spend_minor) == (case.orders, case.revenue)
    assert summary.last_order_minor == case.revenue
    funnel = (await report_campaign(tx, campaign, now=later)).funnel
    assert (funnel.orders, funnel.revenue_minor) == (case.orders, case.revenue)
    assert funnel.discount_minor == case.discount
    home = await dashboard(tx, now=later)
    assert (home.totals.orders, home.totals.revenue_minor) == (case.orders, case.revenue)
    assert home.recent.revenue_minor == case.revenue
    assert sum(week.revenue_minor for week in home.weeks) == case.revenue
    use = (await list_campaign_uses(tx, [campaign], now=later))[campaign]
    assert use.discount_minor == case.discount
    await score_rfm(tx, as_of=later)
    scores = await (await tx.execute("select monetary_minor from rfm_score")).fetchall()
    assert scores == [(case.revenue,)] * case.orders
    portrait = await read_portrait(tx, anna, now=later)
    assert portrait.discount_rate_bps == (2_000 if case.orders else None)
    assert await spent_by_rule(tx, anna, case.revenue + 1) is False
    if case.revenue:
        assert await spent_by_rule(tx, anna, case.revenue) is True
