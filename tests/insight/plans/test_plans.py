"""Plans: learnt from a past experiment, refused with what is lacking, executed when approved."""

from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from conftest import NOW
from insight.rows import Attempt, Sale, add_attempt, add_campaign, add_customers, add_sale, publish
from kaquan.experiments import (
    HOLDOUT,
    Arm,
    Assignment,
    Experiment,
    ExperimentDraft,
    ExperimentStatus,
    Overrides,
    Variant,
    create_experiment,
    find_running,
    get_experiment,
    list_presets,
    place_customers,
    start_experiment,
    stop_experiment,
)
from kaquan.insight.allocation import LearningPlan
from kaquan.insight.plans import (
    LackCode,
    NotReady,
    Plan,
    PlanDraft,
    PlanStatus,
    approve_plan,
    get_plan,
    list_plans,
    say_plan,
)
from kaquan.insight.plans.run import create_plan, gather_material, run_plan, store_decision
from kaquan.insight.plans.store import FEATURES, list_features
from kaquan.insight.uplift import TreePlan
from kaquan.runtime import Duplicate, InvalidInput, Tx
from kaquan.segments import create_segment

LIGHT = LearningPlan(
    outcome=TreePlan(rounds=12, leaves=4, learning_rate=0.2),
    effect=TreePlan(rounds=12, leaves=4, learning_rate=0.2, shrinkage=20.0),
)
FIVE, TWENTY = (
    {"id": f"o{amount}", "effect": {"code": "amount_off", "amount_minor": amount}}
    for amount in (500, 2000)
)
ARMS = (
    Variant(name="five", weight_bps=5000),
    Variant(name="twenty", weight_bps=5000, overrides=Overrides(offer=TWENTY)),
)
LATER = NOW + timedelta(days=20)


async def tried(
    tx: Tx, people: int, *, arms: tuple[str, ...] = (HOLDOUT, "five", "twenty"), **campaign: Any
) -> Experiment:
    """An experiment that is over: frequent buyers need no voucher, others answer the large one."""
    random = np.random.default_rng(7)
    given: dict[str, Any] = {"metadata": {"margin_rate_bps": 5000}} | campaign
    campaign_id = await add_campaign(tx, **given)
    await tx.execute(
        "update campaign set offer = %s::jsonb where id = %s",
        (msgspec.json.encode(FIVE).decode(), campaign_id),
    )
    made = await create_experiment(
        tx, ExperimentDraft(name="Faces", campaign_id=campaign_id, arms=ARMS), now=NOW
    )
    await start_experiment(tx, made.id, now=NOW)
    names = [f"n{number:04}" for number in range(people)]
    await add_customers(tx, *names, at=NOW - timedelta(days=200))
    orders: list[tuple[str, int, int, Any]] = []
    drawn: dict[str, str] = {}
    paying: list[tuple[str, int]] = []
    for number, name in enumerate(names):
        frequent, drawn[name] = number % 2 == 0, str(random.choice(arms))
        orders += [
            (name, 4000, 0, NOW - timedelta(days=int(day)))
            for day in random.integers(1, 80, 6 if frequent else 1)
        ]
        chance = 0.7 if frequent else {HOLDOUT: 0.05, "five": 0.1, "twenty": 0.6}[drawn[name]]
        if random.random() < chance:
            off = {HOLDOUT: 0, "five": 500, "twenty": 2000}[drawn[name]]
            amount = int(random.integers(8000, 12_000))
            orders.append((name, amount, off, NOW + timedelta(days=3)))
            if off:
                paying.append((name, off))
    await add_orders(tx, orders)
    for name, off in paying:
        await redeem(tx, campaign_id, name, off)
    await tx.execute(
        "insert into experiment_exposure (experiment_id, customer_id, arm, propensity, assigned_at)"
        " select %s, c, a, %s, %s from unnest(%s::text[], %s::text[]) as t (c, a)",
        (made.id, 1 / len(arms), NOW, list(drawn), list(drawn.values())),
    )
    await stop_experiment(tx, made.id, now=LATER)
    await create_segment(
        tx, "all", {"attribute": "order_count", "operator": "at_least", "value": 0}, now=NOW
    )
    return await get_experiment(tx, made.id)


async def add_orders(tx: Tx, orders: list[tuple[str, int, int, Any]]) -> None:
    columns = [list(column) for column in zip(*orders, strict=True)]
    await tx.execute(
        "insert into orders (id, customer_id, status, amount_minor, discount_minor, placed_at,"
        " created_at) select 'o' || gen_random_uuid(), c, 'PAID', a, d, p, p"
        " from unnest(%s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[]) as t (c, a, d, p)",
        columns,
    )


async def redeem(tx: Tx, campaign_id: str, name: str, off: int) -> None:
    at = NOW + timedelta(days=3)
    await tx.execute(
        "insert into redemption (id, kind, result, customer_id, campaign_id, channel,"
        " discount_minor, created_at) values ('r' || gen_random_uuid(), 'redemption', 'SUCCESS',"
        " %s, %s, 'API', %s, %s)",
        (name, campaign_id, off, at),
    )


async def make(tx: Tx, experiment: Experiment, **fields: Any) -> Plan:
    draft = PlanDraft(name="Spring", learnt_from=experiment.id, segment_id="all", **fields)
    plan = await create_plan(tx, draft, now=LATER)
    decision = run_plan(await gather_material(tx, plan.id, now=LATER), learning=LIGHT)
    return await store_decision(tx, plan.id, decision, now=LATER)


async def test_a_plan_gives_vouchers_to_those_who_answer_and_waits_for_a_person(tx: Tx) -> None:
    experiment = await tried(tx, 1500)
    plan = await make(tx, experiment, floor_bps=200)
    assert plan.status is PlanStatus.READY
    result = plan.result
    assert result is not None
    assert result.certified, result.why
    assert result.difference_low is not None
    assert result.difference_low > 0
    assert plan.experiment_id is not None
    presets = (await list_presets(tx, plan.experiment_id, limit=2000)).items
    assert len(presets) == 1500
    frequent = [one for one in presets if int(one.customer_id[1:]) % 2 == 0]
    rare = [one for one in presets if int(one.customer_id[1:]) % 2 == 1]
    share = [sum(one.arm == "twenty" for one in group) / len(group) for group in (frequent, rare)]
    assert share[0] < 0.3
    assert share[1] > 0.7
    assert {round(one.propensity, 4) for one in presets} == {0.02, 0.96}
    assert sum(arm.planned for arm in result.arms) == 1500
    # The least that can be spent is what exploring both offers costs.
    explored = 0.02 * sum(one.cost_minor for one in result.uniforms)
    assert result.frontier[0].cost_minor == pytest.approx(explored)
    gains = [point.gain_minor for point in result.frontier]
    assert gains == sorted(gains)
    assert "Certified" in say_plan(result, currency="CNY", language="en")
    assert "已认证" in say_plan(result, currency="CNY", language="zh")
    # Nothing of it happens before somebody has approved.
    assert experiment.campaign_id is not None
    assert await find_running(tx, experiment.campaign_id) is None
    approved = await approve_plan(tx, plan.id, by="Ann", now=LATER)
    assert (approved.status, approved.approved_by) == (PlanStatus.APPROVED, "Ann")
    executing = await find_running(tx, experiment.campaign_id)
    assert executing is not None
    treated = {presets[0].customer_id: Assignment(Arm.TREATMENT, 0.9)}
    placed = await place_customers(tx, executing, treated, now=LATER)
    assert placed[presets[0].customer_id].arm == presets[0].arm
    expected = presets[0].propensity * 0.9
    assert placed[presets[0].customer_id].propensity == pytest.approx(expected)
    with pytest.raises(NotReady):
        await approve_plan(tx, plan.id, by="Ann", now=LATER)


@pytest.mark.slow
async def test_a_budget_binds_and_has_a_price(tx: Tx) -> None:
    experiment = await tried(tx, 1500)
    free = (await make(tx, experiment, floor_bps=10)).result
    assert free is not None
    tight = PlanDraft(
        name="Tight",
        learnt_from=experiment.id,
        segment_id="all",
        budget_minor=int(free.cost_total_minor / 3),
        floor_bps=10,
    )
    plan = await create_plan(tx, tight, now=LATER)
    material = await gather_material(tx, plan.id, now=LATER)
    result = run_plan(material, learning=LIGHT).result
    assert tight.budget_minor is not None
    assert result.cost_total_minor <= tight.budget_minor * (1 + 1e-9)
    assert result.shadow_price is not None
    if result.certified:
        assert result.shadow_price > 0


@pytest.mark.parametrize(
    ("lacks", "people", "arms", "campaign"),
    [
        ({LackCode.MARGIN}, 900, (HOLDOUT, "five", "twenty"), {"metadata": {}}),
        ({LackCode.HOLDOUT}, 600, ("five", "twenty"), {}),
        ({LackCode.ARM_TOO_SMALL}, 600, (HOLDOUT, "five"), {}),
        ({LackCode.ARM_TOO_SMALL, LackCode.AUDIENCE}, 12, (HOLDOUT, "five", "twenty"), {}),
    ],
)
async def test_refuses_and_says_what_is_lacking(
    tx: Tx, lacks: set[LackCode], people: int, arms: tuple[str, ...], campaign: dict[str, Any]
) -> None:
    experiment = await tried(tx, people, arms=arms, **campaign)
    plan = await make(tx, experiment)
    assert plan.status is PlanStatus.REFUSED
    assert plan.result is not None
    assert {lack.code for lack in plan.result.lacks} == lacks
    for language in ("zh", "en"):
        assert "{" not in say_plan(plan.result, currency="CNY", language=language)
    assert plan.experiment_id is None
    with pytest.raises(NotReady):
        await approve_plan(tx, plan.id, by="Ann", now=LATER)


async def test_before_the_days_are_over_nothing_is_learnt(tx: Tx) -> None:
    experiment = await tried(tx, 60)
    plan = await create_plan(
        tx, PlanDraft(name="Early", learnt_from=experiment.id, segment_id="all"), now=NOW
    )
    material = await gather_material(tx, plan.id, now=NOW + timedelta(days=13))
    assert [lack.code for lack in material.lacks] == [LackCode.NOT_OVER]


async def test_features_know_nothing_of_what_came_later(tx: Tx) -> None:
    """Whatever happens after the moment, and whatever becomes of what was before, changes none."""
    campaign = await add_campaign(tx)
    await add_customers(tx, "p", at=NOW - timedelta(days=40))
    before = await add_sale(tx, Sale(customer_id="p", at=NOW - timedelta(days=2), amount=700))
    known = (await list_features(tx, [("p", NOW)]))["p"]
    assert dict(zip(FEATURES, known, strict=True)) == pytest.approx(
        {
            "orders_30": 1, "orders_90": 1, "orders_365": 1, "spend_30": 700, "spend_90": 700,
            "spend_365": 700, "largest_order": 700, "days_since_last": 2, "days_since_first": 2,
            "days_known": 40, "redeemed_365": 0, "discount_365": 0, "published_90": 0,
        }
    )  # fmt: skip
    await tx.execute("update orders set status = 'RETURNED' where id = %s", (before,))
    await tx.execute("update customer set name = 'New', metadata = '{\"a\": 1}' where id = 'p'")
    for at in (NOW, NOW + timedelta(days=1)):
        await add_sale(tx, Sale(customer_id="p", at=at, amount=9999))
        voucher = await publish(tx, campaign, "p", at=at)
        attempt = Attempt(campaign_id=campaign, voucher_id=voucher, at=at, discount=50)
        attempt_id = await add_attempt(tx, attempt)
        await tx.execute("update redemption set customer_id = 'p' where id = %s", (attempt_id,))
    # An order told later of a day before was not known then either.
    await tx.execute(
        "insert into orders (id, customer_id, status, amount_minor, placed_at, created_at)"
        " values ('late', 'p', 'PAID', 5, %s, %s)",
        (NOW - timedelta(days=1), NOW + timedelta(days=1)),
    )
    assert (await list_features(tx, [("p", NOW)]))["p"] == known
    after = (await list_features(tx, [("p", NOW + timedelta(days=2))]))["p"]
    assert after != known


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": ""}),
        ("budget_minor", {"budget_minor": -1}),
        ("floor_bps", {"floor_bps": 4000}),
        ("floor_bps", {"floor_bps": 0}),
        ("seed", {"seed": -1}),
    ],
)
async def test_refuses_bad_input(tx: Tx, field: str, given: dict[str, Any]) -> None:
    experiment = await tried(tx, 3)
    asked: dict[str, Any] = {"name": "x", "learnt_from": experiment.id, "segment_id": "all"}
    with pytest.raises(InvalidInput) as refused:
        await create_plan(tx, PlanDraft(**(asked | given)), now=NOW)
    assert refused.value.field == field


async def test_names_are_taken_once_and_plans_are_listed(tx: Tx) -> None:
    experiment = await tried(tx, 3)
    draft = PlanDraft(name="x", learnt_from=experiment.name, segment_id="all")
    plan = await create_plan(tx, draft, now=NOW)
    with pytest.raises(Duplicate):
        await create_plan(tx, draft, now=NOW)
    assert await get_plan(tx, "x") == plan
    page = await list_plans(tx, limit=1)
    assert (page.total, page.items) == (1, [plan])
    assert (await get_experiment(tx, experiment.id)).status is ExperimentStatus.STOPPED
