"""Results from the database, compared with tea-tasting on the same rows; waiting, and sizing."""

from datetime import timedelta, timezone
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt

from conftest import NOW
from insight.rows import Sale, add_campaign, add_customers, add_sale
from kaquan.experiments import (
    Experiment,
    ExperimentDraft,
    Factor,
    Metric,
    Overrides,
    Variant,
    assign_variant,
    create_experiment,
    get_experiment,
    start_experiment,
)
from kaquan.insight import (
    CannotPlan,
    Comparison,
    NoComparison,
    SizePlan,
    SizeRequest,
    Stratified,
    plan_size,
    read_results,
    say_compared,
)
from kaquan.insight.experiment import (
    EVEN_POLICY,
    Lack,
    Moments,
    detectable_difference,
    move_weights,
    needed_customers,
    thompson_weights,
)
from kaquan.runtime import InvalidInput, Tx

ARMS = (Variant(name="plain", weight_bps=5000), Variant(name="bold", weight_bps=5000))
HORIZON = timedelta(days=14)


async def running(tx: Tx, **fields: Any) -> Experiment:
    given: dict[str, Any] = {"name": "Words", "arms": ARMS} | fields
    campaign = await add_campaign(tx, metadata={"margin_rate_bps": 4000})
    made = await create_experiment(tx, ExperimentDraft(campaign_id=campaign, **given), now=NOW)
    return await start_experiment(tx, made.id, now=NOW)


async def put(
    tx: Tx, experiment: Experiment, arms: dict[str, str], *, chance: float = 0.5, day: int = 0
) -> None:
    await tx.execute(
        "insert into experiment_exposure (experiment_id, customer_id, arm, propensity, assigned_at)"
        " select %s, c, a, %s, %s from unnest(%s::text[], %s::text[]) as t (c, a)",
        (
            *(experiment.id, chance, NOW + timedelta(days=day)),
            *(list(arms), list(arms.values())),
        ),
    )


async def shop(tx: Tx, experiment: Experiment, people: int, *, seed: int) -> pd.DataFrame:
    """People with purchases before and after; the bold arm buys for more."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    names = [f"c{number:04}" for number in range(people)]
    await add_customers(tx, *names, at=NOW - timedelta(days=100))
    for number, name in enumerate(names):
        arm, usual = ("plain", "bold")[number % 2], float(random.gamma(2, 2000))
        before = round(usual * random.uniform(0.5, 1.5))
        spent = [round(usual * random.uniform(0.4, 1.6)) for _ in range(int(random.integers(0, 3)))]
        spent = [amount + 600 * (arm == "bold") for amount in spent]
        await add_sale(tx, Sale(customer_id=name, at=NOW - timedelta(days=5), amount=before))
        for amount in spent:
            at = NOW + timedelta(days=float(random.uniform(0, 13.9)))
            await add_sale(tx, Sale(customer_id=name, at=at, amount=amount, discount=amount // 10))
        paid = sum(amount - amount // 10 for amount in spent)
        rows.append(
            {
                "variant": arm,
                "revenue": paid,
                "before": before,
                "orders": len(spent),
                "buyer": int(bool(spent)),
                "margin": sum(amount * 0.4 - amount // 10 for amount in spent),
            }
        )
    await put(tx, experiment, {name: ARMS[i % 2].name for i, name in enumerate(names)})
    # What is outside of the window, or of nobody's concern, changes nothing.
    for at in (NOW - timedelta(days=29), NOW + HORIZON):
        await add_sale(tx, Sale(customer_id="c0001", at=at, amount=10**7))
    await add_sale(tx, Sale(customer_id="c0001", at=NOW, amount=10**7, status="CANCELED"))
    return pd.DataFrame(rows)


async def test_agrees_with_tea_tasting_on_the_same_rows(tx: Tx) -> None:
    experiment = await running(tx)
    frame = await shop(tx, experiment, 300, seed=3)
    results = await read_results(tx, experiment, now=NOW + HORIZON)
    theirs = tt.Experiment(
        revenue=tt.Mean("revenue", "before"),
        margin=tt.Mean("margin", "before"),
        order_value=tt.RatioOfMeans("revenue", "orders"),
        buyers=tt.Mean("buyer", "before"),
    ).analyze(frame, control="plain")
    for metric in (Metric.REVENUE, Metric.MARGIN, Metric.ORDER_VALUE, Metric.BUYERS):
        (ours,) = results.readings[metric].comparisons
        assert isinstance(ours, Comparison)
        expected: Any = theirs[metric.value]
        low, high = expected.effect_size_ci_lower, expected.effect_size_ci_upper
        assert ours.difference.value == pytest.approx(expected.effect_size, rel=2e-3)
        assert ours.difference.low == pytest.approx(low, rel=2e-3)
        assert ours.difference.high == pytest.approx(high, rel=2e-3)
        assert ours.difference.p == pytest.approx(expected.pvalue, rel=2e-2)
    removed = results.readings[Metric.REVENUE].variance_removed
    assert removed is not None
    assert removed > 0.1
    assert results.margin_rate_bps == 4000
    assert not results.margin_assumed
    assert results.reading.sample_ratio_p == pytest.approx(1.0)


async def test_nobody_counts_before_their_days_are_over(tx: Tx) -> None:
    experiment = await running(tx)
    await shop(tx, experiment, 20, seed=1)
    early = await read_results(tx, experiment, now=NOW + timedelta(days=13))
    (nothing,) = early.reading.comparisons
    assert isinstance(nothing, NoComparison)
    assert early.next_at == NOW + HORIZON
    assert "2026-03-15" in say_compared(early, nothing, currency="CNY", language="en")
    ahead = timezone(timedelta(hours=13))
    assert "2026-03-16" in say_compared(
        early, nothing, currency="CNY", language="en", zone=ahead
    ), "the day is the project's"
    # Somebody else's days that are not over explain no lack of those that are.
    alike = msgspec.structs.replace(nothing, lack=Lack.NO_VARIANCE)
    assert "all units of the arm" in say_compared(early, alike, currency="CNY", language="en")
    assert [(size.assigned, size.counted) for size in early.sizes] == [(10, 0), (10, 0)]
    assert early.looks == ()


async def test_looks_add_up_to_the_result_and_bounds_are_wider(tx: Tx) -> None:
    experiment = await running(tx)
    names = [f"p{number:03}" for number in range(120)]
    await add_customers(tx, *names, at=NOW)
    for number, name in enumerate(names):
        sale = Sale(customer_id=name, at=NOW + timedelta(days=9), amount=1000 + 37 * (number % 11))
        await add_sale(tx, sale)
    for day in range(4):
        mine = {name: ARMS[i % 2].name for i, name in enumerate(names[30 * day : 30 * day + 30])}
        await put(tx, experiment, mine, day=day)
    results = await read_results(tx, experiment, now=NOW + timedelta(days=30))
    (final,) = results.reading.comparisons
    assert isinstance(final, Comparison)
    assert [look.n for look in results.looks] == [30, 60, 90, 120]
    assert results.looks[-1].value == final.difference.value
    assert final.always_low < final.difference.low < final.difference.high < final.always_high


async def test_differing_chances_are_weighed(tx: Tx) -> None:
    """A group that buys for ten times as much mostly got the bold arm: unweighed it would win."""
    experiment = await running(tx)
    random = np.random.default_rng(5)
    names = [f"w{number:04}" for number in range(1200)]
    await add_customers(tx, *names, at=NOW)
    for number, name in enumerate(names):
        rich = number % 2 == 0
        bold = random.random() < (0.8 if rich else 0.2)
        likely = bold == rich
        amount = int((10_000 if rich else 1000) * random.uniform(0.9, 1.1))
        await add_sale(tx, Sale(customer_id=name, at=NOW + timedelta(days=1), amount=amount))
        await put(
            tx, experiment, {name: "bold" if bold else "plain"}, chance=0.8 if likely else 0.2
        )
    results = await read_results(tx, experiment, now=NOW + HORIZON)
    (found,) = results.reading.comparisons
    assert results.weighed
    assert isinstance(found, Comparison)
    assert found.difference.low < 0 < found.difference.high
    assert abs(found.difference.value) < 1500
    assert results.reading.sample_ratio_p is None


async def test_a_sample_ratio_that_cannot_be_chance_is_said(tx: Tx) -> None:
    experiment = await running(tx)
    names = [f"s{number:03}" for number in range(200)]
    await add_customers(tx, *names, at=NOW)
    await put(tx, experiment, {name: ARMS[i < 60].name for i, name in enumerate(names)})
    results = await read_results(tx, experiment, now=NOW)
    assert results.reading.sample_ratio_p is not None
    assert results.reading.sample_ratio_p < 1e-6
    assert results.reading.notes


async def test_effects_of_factors(tx: Tx) -> None:
    levels = {"a": Overrides(), "b": Overrides(valid_days=3)}
    words = {"x": Overrides(), "y": Overrides(subject="y")}
    factors = (Factor(name="days", levels=levels), Factor(name="words", levels=words))
    experiment = await running(tx, arms=(), factors=factors)
    names = [f"f{number:03}" for number in range(80)]
    await add_customers(tx, *names, at=NOW)
    for number, name in enumerate(names):
        arm = experiment.arms[number % 4]
        amount = 1000 + (number // 4) * 10 + (700 if arm.levels["days"] == "b" else 0)
        await add_sale(tx, Sale(customer_id=name, at=NOW, amount=amount))
        await put(tx, experiment, {name: arm.name}, chance=0.25)
    results = await read_results(tx, experiment, now=NOW + HORIZON)
    found = {one.factors: one for one in results.known_effects}
    assert {one: round(found[one].difference.value, 6) for one in found} == {
        ("days",): 700,
        ("words",): 0,
        ("days", "words"): 0,
    }
    assert found["days",].levels == ("b",)
    early = await read_results(tx, experiment, now=NOW)
    assert isinstance(early.effects, NoComparison)


async def test_the_control_can_be_chosen_and_must_be_an_arm(tx: Tx) -> None:
    experiment = await running(tx)
    await shop(tx, experiment, 20, seed=1)
    results = await read_results(tx, experiment, control="bold", now=NOW + HORIZON)
    assert [one.arm for one in results.reading.comparisons] == ["plain"]
    with pytest.raises(InvalidInput):
        await read_results(tx, experiment, control="none", now=NOW)


def test_needed_and_detectable_are_inverse_and_as_in_the_books() -> None:
    # Two-sided 5 %, 80 %, half a deviation, equal arms: 63 each by the normal approximation.
    assert needed_customers(1.0, 0.5, shares=(0.5, 0.5)) == 126
    n = needed_customers(4.0, 0.1, shares=(0.2, 0.4, 0.4), power=0.9)
    assert detectable_difference(4.0, n, shares=(0.2, 0.4, 0.4), power=0.9) == pytest.approx(
        0.1, rel=1e-4
    )


async def test_sizes_by_the_projects_own_customers(tx: Tx) -> None:
    few = await plan_size(tx, SizeRequest(), now=NOW)
    assert few == CannotPlan("too_few_customers", 0)
    names = [f"z{number:03}" for number in range(100)]
    await add_customers(tx, *names, at=NOW - timedelta(days=60))
    assert await plan_size(tx, SizeRequest(), now=NOW) == CannotPlan("nothing_varies", 100)
    await add_sale(tx, Sale(customer_id=names[0], at=NOW - timedelta(days=2), amount=900))
    # One buyer of a hundred: a share of a mean that may as well be zero sizes nothing.
    assert await plan_size(tx, SizeRequest(), now=NOW) == CannotPlan("mean_near_zero", 100)
    await tx.execute("update orders set status = 'CANCELED'")
    random = np.random.default_rng(2)
    for name in names:
        usual = float(random.gamma(2, 1000))
        for days in (3, 20):
            at = NOW - timedelta(days=days)
            await add_sale(
                tx, Sale(customer_id=name, at=at, amount=round(usual * random.uniform(0.9, 1.1)))
            )
    plan = await plan_size(tx, SizeRequest(detect=0.1), now=NOW)
    assert isinstance(plan, SizePlan)
    assert plan.explained > 0.9
    assert plan.needed == needed_customers(
        plan.deviation**2 * (1 - plan.explained), 0.1 * plan.mean, shares=(0.5, 0.5)
    )
    assert (plan.audience, plan.days) == (100, 14)
    blunt = await plan_size(tx, SizeRequest(metric=Metric.ORDER_VALUE, detect=0.001), now=NOW)
    assert isinstance(blunt, SizePlan)
    assert blunt.needed > 100
    assert blunt.days is None


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("shares", {"shares": (1.0,)}),
        ("shares", {"shares": (1.0, 0.0)}),
        ("detect", {"detect": 0.0}),
        ("power", {"power": 1.0}),
        ("horizon_days", {"horizon_days": 0}),
    ],
)
async def test_sizing_refuses(tx: Tx, field: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        await plan_size(tx, SizeRequest(**given), now=NOW)
    assert refused.value.field == field


def test_weights_follow_the_chance_of_being_best_above_a_floor() -> None:
    far = [Moments(n=500, mean=mean, variance=1.0) for mean in (0.0, 1.0, 0.2)]
    assert thompson_weights(far, seed=1) == [500, 9000, 500]
    close = [Moments(n=500, mean=0.0, variance=1.0) for _ in range(2)]
    weights = thompson_weights(close, seed=1)
    assert sum(weights) == 10_000
    assert abs(weights[0] - 5000) < 150


async def test_amounts_are_capped_at_a_percentile_of_all_arms(tx: Tx) -> None:
    """Of 100 customers who spent 1 to 100, the 90th percentile is 90."""
    plain = await running(tx, metric=Metric.REVENUE)
    names = [f"k{number:03}" for number in range(100)]
    await add_customers(tx, *names, at=NOW)
    for number, name in enumerate(names):
        sale = Sale(customer_id=name, at=NOW + timedelta(days=1), amount=number + 1)
        await add_sale(tx, sale)
    await put(tx, plain, {name: ARMS[i >= 50].name for i, name in enumerate(names)})
    capped = msgspec.structs.replace(plain, winsor_bps=9000)
    means = [
        (await read_results(tx, one, now=NOW + HORIZON)).reading.means for one in (plain, capped)
    ]
    assert means[0] == {"plain": 25.5, "bold": 75.5}
    assert means[1] == {"plain": 25.5, "bold": 75.5 - sum(range(1, 11)) / 50}


async def test_strata_are_of_the_time_before(tx: Tx) -> None:
    """The stratified difference by hand from the rows; metrics beside the own one have a q."""
    experiment = await running(tx)
    frame: Any = await shop(tx, experiment, 300, seed=3)
    results = await read_results(tx, experiment, now=NOW + HORIZON)
    (found,) = results.stratified
    assert isinstance(found, Stratified)
    bounds = np.quantile(frame["before"], [1 / 3, 2 / 3], method="inverted_cdf")
    frame["stratum"] = [int((before > bounds).sum()) for before in frame["before"]]
    by_cell = frame.groupby(["stratum", "variant"])["revenue"].mean().unstack()
    sizes = frame["stratum"].value_counts(normalize=True)
    wanted = float((sizes * (by_cell["bold"] - by_cell["plain"])).sum())
    assert (found.strata, found.difference.value) == (3, pytest.approx(wanted))
    assert found.variance_removed > 0
    (other,) = results.readings[Metric.MARGIN].comparisons
    (own,) = results.reading.comparisons
    assert isinstance(other, Comparison)
    assert isinstance(own, Comparison)
    assert other.q is not None
    assert other.q >= other.difference.p
    assert own.q is None


async def test_an_adaptive_experiment_moves_its_weights(tx: Tx) -> None:
    experiment = await running(tx, adaptive=True)
    await shop(tx, experiment, 180, seed=4)
    assert await move_weights(tx, experiment.id, now=NOW + HORIZON) is None
    names = [f"m{number:03}" for number in range(240)]
    await add_customers(tx, *names, at=NOW)
    for number, name in enumerate(names):
        amount = 90_000 + 10 * number if number % 2 else 100 + number
        await add_sale(tx, Sale(customer_id=name, at=NOW + timedelta(days=1), amount=amount))
    await put(tx, experiment, {name: ARMS[i % 2].name for i, name in enumerate(names)})
    results = await read_results(tx, experiment, now=NOW + HORIZON)
    values = {one.policy: one for one in results.policies}
    assert set(values) == {"plain", "bold", EVEN_POLICY, "*now"}
    assert values["bold"].snips is not None
    assert values["bold"].snips.value == pytest.approx(results.reading.means["bold"])
    weights = await move_weights(tx, experiment.id, now=NOW + HORIZON)
    assert weights == [500, 9500]
    moved = await get_experiment(tx, experiment.id)
    assert moved.weights == weights
    drawn = [assign_variant(moved, f"cust_{number}") for number in range(400)]
    assert {one.propensity for one in drawn if one and one.arm == "bold"} == {0.95}
