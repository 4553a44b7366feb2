"""A campaign's report, reconciled with data small enough to be worked out by hand."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from insight.rows import (
    Attempt,
    Sale,
    add_attempt,
    add_campaign,
    add_customers,
    add_sale,
    expose,
    publish,
)
from kaquan.insight import (
    Because,
    CannotSay,
    Estimate,
    Funnel,
    Lift,
    Sample,
    Verdict,
    compare_arms,
    report_campaign,
    welch_difference,
)
from kaquan.insight.model import ArmSamples
from kaquan.runtime import InvalidInput, NotFound, Tx

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def estimate(finding: Estimate | CannotSay) -> Estimate:
    assert isinstance(finding, Estimate)
    return finding


async def test_the_funnel_counts_what_stands(tx: Tx) -> None:
    """Five vouchers; of six redemptions one is rolled back, one by its parent, one failed."""
    camp = await add_campaign(tx)
    people = ["ann", "bea", "cal", "dan", "eve"]
    await add_customers(tx, *people, at=START)
    ann, bea, cal, dan, _ = [await publish(tx, camp, name, at=day(1)) for name in people]
    first = await add_sale(tx, Sale(customer_id="ann", at=day(2), amount=10_000, discount=2_000))
    second = await add_sale(tx, Sale(customer_id="bea", at=day(3), amount=5_001, discount=1_000))
    undone = await add_sale(tx, Sale(customer_id="cal", at=day(4), amount=9_000, status="CANCELED"))
    unpaid = await add_sale(tx, Sale(customer_id="dan", at=day(5), amount=7_000, status="CREATED"))

    def redeemed(voucher: str, order: str, discount: int, *, items: int = 0) -> Attempt:
        return Attempt(
            campaign_id=camp,
            voucher_id=voucher,
            at=day(6),
            order_id=order,
            discount=discount,
            items_discount=items,
        )

    await add_attempt(tx, redeemed(ann, first, 1_500, items=100))
    await add_attempt(tx, redeemed(ann, first, 400))
    await add_attempt(tx, redeemed(bea, second, 1_000))
    await add_attempt(tx, redeemed(dan, unpaid, 50))
    rolled = await add_attempt(tx, redeemed(cal, undone, 3_000))
    back = Attempt(campaign_id=camp, voucher_id=cal, at=day(7), kind="rollback", reverses_id=rolled)
    await add_attempt(tx, back)
    parent = await add_attempt(tx, Attempt(campaign_id=None, voucher_id=None, at=day(6)))
    child = redeemed(cal, undone, 3_000)
    await add_attempt(tx, structs.replace(child, parent_id=parent))
    await add_attempt(
        tx,
        Attempt(campaign_id=None, voucher_id=None, at=day(8), kind="rollback", reverses_id=parent),
    )
    await add_attempt(tx, Attempt(campaign_id=camp, voucher_id=ann, at=day(9), failed=True))
    failed_back = structs.replace(back, failed=True, reverses_id=parent)
    await add_attempt(tx, failed_back)

    report = await report_campaign(tx, camp, now=NOW)
    assert report.funnel == Funnel(
        published=5,
        used=3,  # ann, bea, dan
        redeemed=4,
        rolled_back=2,
        discount_minor=3_050,
        orders=2,  # dan's is not paid
        revenue_minor=8_000 + 4_001,
    )
    assert report.funnel.usage_rate_bps == 6_000
    assert report.funnel.average_order_minor == 6_000  # 6,000.5 to the even one
    assert (report.audience, report.lift, report.verdict) == (0, None, Verdict.NO_HOLDOUT)

    before_rollback = await report_campaign(tx, camp, now=day(6.5))
    assert (before_rollback.funnel.redeemed, before_rollback.funnel.rolled_back) == (6, 0)


async def test_nothing_published_has_no_rates(tx: Tx) -> None:
    report = await report_campaign(tx, await add_campaign(tx), now=NOW)
    assert report.funnel.usage_rate_bps is None
    assert report.funnel.average_order_minor is None


async def test_lift_is_welch_on_what_each_assigned_customer_paid(tx: Tx) -> None:
    """Treated paid 6, 8, 10 and 12, the held-out 1, 3 and 5 (in hundreds, at a 50 % margin)."""
    camp = await add_campaign(
        tx, expires_at=day(20), metadata={"margin_rate_bps": 5_000, "other": "x"}
    )
    paid = {"t6": 600, "t8": 800, "t10": 1000, "t12": 1200, "h1": 100, "h3": 300, "h5": 500}
    await add_customers(tx, *paid, "outsider", at=START)
    for name, amount in paid.items():
        arm = "treatment" if name.startswith("t") else "holdout"
        await expose(tx, camp, name, arm=arm, at=day(2))
        # Two orders each, one on the very moment of assignment.
        await add_sale(tx, Sale(customer_id=name, at=day(2), amount=100))
        await add_sale(tx, Sale(customer_id=name, at=day(9), amount=amount - 100))
        for ignored in (
            Sale(customer_id=name, at=day(1.9), amount=7_777),
            Sale(customer_id=name, at=day(20.1), amount=7_777),
            Sale(customer_id=name, at=day(3), amount=7_777, status="CREATED"),
            Sale(customer_id=name, at=day(3), amount=7_777, status="CANCELED"),
            Sale(customer_id=name, at=day(3), amount=7_777, status="RETURNED"),
        ):
            await add_sale(tx, ignored)
    await add_sale(tx, Sale(customer_id="outsider", at=day(5), amount=7_777))
    await add_sale(tx, Sale(customer_id=None, at=day(5), amount=7_777))

    report = await report_campaign(tx, "Spring", now=NOW)
    assert (report.campaign_id, report.until, report.audience) == (camp, day(20), 7)
    assert report.first_assigned_at == day(2)
    assert isinstance(report.lift, Lift)
    revenue = estimate(report.lift.revenue)
    assert revenue.value == 600
    assert revenue.standard_error == pytest.approx(100 * math.sqrt(3))
    assert (revenue.low, revenue.high) == pytest.approx((153.65770, 1046.34230), abs=1e-4)
    assert estimate(report.lift.revenue_relative).value == pytest.approx(2.0)
    margin = estimate(report.lift.margin)
    assert margin.value == pytest.approx(300)
    assert (margin.low, margin.high) == pytest.approx((revenue.low / 2, revenue.high / 2))
    total = estimate(report.lift.margin_total)
    assert (total.value, total.low) == pytest.approx((1_200, 4 * margin.low))
    # The interval is clear of zero, and yet seven customers prove nothing.
    assert report.verdict is Verdict.TOO_EARLY


async def test_margin_is_earned_on_the_price_and_pays_for_every_discount(tx: Tx) -> None:
    """At 30 %: 1,000 full price earns 300; 1,000 less 200 earns 100; no order earns nothing."""
    camp = await add_campaign(tx)
    await add_customers(tx, "t1", "t2", "h1", "h2", at=START)
    for name in ("t1", "t2", "h1", "h2"):
        arm = "treatment" if name.startswith("t") else "holdout"
        await expose(tx, camp, name, arm=arm, at=START)
    await add_sale(
        tx, Sale(customer_id="t1", at=day(1), amount=1_000, discount=150, items_discount=50)
    )
    await add_sale(tx, Sale(customer_id="h1", at=day(1), amount=1_000))
    report = await report_campaign(tx, camp, now=NOW)
    assert report.margin_rate_bps == 3_000
    assert report.lift is not None
    expected = estimate(welch_difference(Sample.of([100, 0]), Sample.of([300, 0])))
    margin = estimate(report.lift.margin)
    assert (margin.value, margin.low, margin.high) == pytest.approx(
        (-100, expected.low, expected.high)
    )
    assert estimate(report.lift.revenue).value == -100  # 800 against 1,000, over two people


async def test_sums_stay_exact_beyond_what_floats_hold(tx: Tx) -> None:
    camp = await add_campaign(tx)
    largest = 2**53 - 1
    await add_customers(tx, "t1", "t2", "h1", "h2", at=START)
    for name, amount in {"t1": largest, "t2": largest, "h1": 1, "h2": 2}.items():
        arm = "treatment" if name.startswith("t") else "holdout"
        await expose(tx, camp, name, arm=arm, at=START)
        await add_sale(tx, Sale(customer_id=name, at=day(1), amount=amount))
    lift = (await report_campaign(tx, camp, now=NOW)).lift
    assert lift is not None
    assert isinstance(lift.revenue, CannotSay)
    assert lift.revenue.because is Because.NO_VARIANCE


async def test_who_never_bought_counts_as_zero_and_gaps_are_named(tx: Tx) -> None:
    camp = await add_campaign(tx)
    await add_customers(tx, "t1", "t2", "h1", at=START)
    await expose(tx, camp, "t1", arm="treatment", at=START)
    await expose(tx, camp, "t2", arm="treatment", at=START)
    nobody = await report_campaign(tx, camp, now=NOW)
    assert (nobody.lift, nobody.verdict, nobody.audience) == (None, Verdict.NO_HOLDOUT, 2)
    await expose(tx, camp, "h1", arm="holdout", at=START)
    report = await report_campaign(tx, camp, now=NOW)
    assert report.verdict is Verdict.CANNOT_SAY
    assert report.lift is not None
    gap = report.lift.margin
    assert isinstance(gap, CannotSay)
    assert (gap.because, gap.treatment_n, gap.holdout_n) == (Because.TOO_FEW, 2, 1)
    assert report.lift.margin_total == gap


def arm(*values: int, times: int = 1) -> ArmSamples:
    sample = Sample.of(values * times)
    return ArmSamples(revenue=sample, margin=sample)


async def test_a_verdict_needs_an_interval_clear_of_zero_and_a_hundred_customers(tx: Tx) -> None:
    camp = await add_campaign(tx)
    names = [f"{kind}{number}" for kind in "th" for number in range(120)]
    await add_customers(tx, *names, at=START)
    for name in names:
        arm_name = "treatment" if name.startswith("t") else "holdout"
        await expose(tx, camp, name, arm=arm_name, at=START)
        odd = int(name[1:]) % 2
        spent = 2_000 + 100 * odd if name.startswith("t") else 1_000 + 100 * odd
        await add_sale(tx, Sale(customer_id=name, at=day(1), amount=spent))
    report = await report_campaign(tx, camp, now=NOW)
    assert report.verdict is Verdict.EARNED
    assert report.lift is not None
    assert estimate(report.lift.margin).value == pytest.approx(300)
    assert estimate(report.lift.margin_total).value == pytest.approx(120 * 300)
    for name in names[:120]:
        await add_sale(tx, Sale(customer_id=name, at=day(2), amount=1_000, discount=1_000))
    assert (await report_campaign(tx, camp, now=NOW)).verdict is Verdict.COST


@pytest.mark.parametrize("rate", [-1, 10_001, 0.3, "30%", True])
async def test_a_margin_rate_that_is_none_is_refused(tx: Tx, rate: object) -> None:
    camp = await add_campaign(tx, metadata={"margin_rate_bps": rate})
    with pytest.raises(InvalidInput) as caught:
        await report_campaign(tx, camp, now=NOW)
    assert caught.value.field == "metadata.margin_rate_bps"


async def test_the_project_may_set_the_margin_rate(tx: Tx) -> None:
    await tx.execute("""update project set settings = '{"margin_rate_bps": 4200}'""")
    own = await add_campaign(tx, "own", metadata={"margin_rate_bps": 0})
    general = await add_campaign(tx, "general")
    assert (await report_campaign(tx, general, now=NOW)).margin_rate_bps == 4_200
    assert (await report_campaign(tx, own, now=NOW)).margin_rate_bps == 0


async def test_a_campaign_that_is_not_there(tx: Tx) -> None:
    with pytest.raises(NotFound):
        await report_campaign(tx, "camp_nowhere", now=NOW)


def test_arms_are_compared_in_minor_units() -> None:
    """Margins arrive in ten-thousandths of a minor unit."""
    lift = compare_arms(arm(30_000, 50_000), arm(10_000, 30_000))
    assert estimate(lift.margin).value == pytest.approx(2.0)
    assert estimate(lift.revenue).value == 20_000
    assert estimate(lift.margin_total).value == pytest.approx(4.0)
