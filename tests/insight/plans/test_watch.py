"""Approved plans are watched: what holds stays, what does not is withdrawn, and sends no more."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from msgspec.structs import replace

from conftest import NOW
from insight.rows import add_campaign, add_customers
from kaquan.experiments import (
    HOLDOUT,
    Arm,
    Assignment,
    ExperimentConflict,
    ExperimentDraft,
    ExperimentKind,
    Overrides,
    Preset,
    Variant,
    create_experiment,
    get_experiment,
    halt_plan,
    insert_presets,
    place_customers,
    start_experiment,
    stop_experiment,
)
from kaquan.insight.allocation import Standing, explore, watch_certificate
from kaquan.insight.plans import (
    NoCertificate,
    Plan,
    PlanDraft,
    PlanResult,
    PlanStatus,
    get_plan,
    list_watches,
    say_watch,
    watch_plan,
)
from kaquan.insight.plans.store import Observed, insert_plan, update_plan
from kaquan.insight.plans.watch import measure_differences
from kaquan.insight.plans.watch_store import list_watched
from kaquan.outreach.store import list_withheld
from kaquan.runtime import Tx
from kaquan.segments import create_segment

ARMS = ("nothing", "twenty")
FLOOR = 0.2
PEOPLE = 1500
CERTIFIED = PlanResult(
    control="nothing",
    certified=True,
    reason="better",
    best_uniform={"twenty": 1.0},
    arm_names=ARMS,
    learnt_from=1,
    audience=PEOPLE,
)


def choose_all(*, seed: int, people: int = PEOPLE, usual: float = 3000) -> list[Preset]:
    """The even customers are meant to get nothing, the odd ones a voucher."""
    choice = np.arange(people) % 2
    drawn = explore(choice, arms=2, floor=FLOOR, seed=seed)
    arms: list[int] = drawn.arm.tolist()
    chances_of: list[list[float]] = drawn.propensity.tolist()
    return [
        Preset(
            customer_id=f"n{number:04}",
            arm=ARMS[arms[number]],
            propensity=chances[arms[number]],
            gain_minor=0,
            cost_minor=0,
            intended=ARMS[number % 2],
            reason="best",
            chances=chances,
            expected=[usual, usual],
        )
        for number, chances in enumerate(chances_of)
    ]


def spend(preset: Preset, *, effect: float, random: np.random.Generator) -> int:
    """Even customers would spend ``effect`` less with a voucher: the plan is right if it is above 0."""
    even = int(preset.customer_id[1:]) % 2 == 0
    lost = effect if even and preset.arm == "twenty" else 0.0
    return int(3000 + random.normal(0, 300) - lost)


async def approved(tx: Tx) -> tuple[Plan, list[Preset]]:
    """A certified plan, approved now."""
    campaign_id = await add_campaign(tx, metadata={"margin_rate_bps": 10_000})
    segment = await create_segment(
        tx, "all", {"attribute": "order_count", "operator": "at_least", "value": 0}, now=NOW
    )
    presets = choose_all(seed=1)
    await add_customers(tx, *(one.customer_id for one in presets), at=NOW - timedelta(days=9))
    draft = ExperimentDraft(
        name="Plan",
        kind=ExperimentKind.PLAN,
        campaign_id=campaign_id,
        arms=(
            Variant(name="nothing", weight_bps=5000, overrides=Overrides(nothing=True)),
            Variant(name="twenty", weight_bps=5000),
        ),
        horizon_days=7,
    )
    experiment = await create_experiment(tx, draft, now=NOW)
    await insert_presets(tx, experiment.id, presets)
    await start_experiment(tx, experiment.id, now=NOW)
    plan = Plan(
        id="plan_1",
        name="Spring",
        learnt_from=experiment.id,
        segment_id=segment.id,
        experiment_id=experiment.id,
        status=PlanStatus.PENDING,
        request=PlanDraft(
            name="Spring", learnt_from="x", segment_id=segment.id, campaign_id=campaign_id
        ),
        result=None,
        approved_by=None,
        approved_at=None,
        created_at=NOW,
        updated_at=None,
    )
    await insert_plan(tx, plan)
    plan = replace(
        plan, status=PlanStatus.APPROVED, result=CERTIFIED, approved_by="Ann", approved_at=NOW
    )
    await update_plan(tx, plan)
    return plan, presets


async def serve(
    tx: Tx, plan: Plan, presets: list[Preset], *, at: datetime, effect: float
) -> dict[str, str]:
    """Place some customers as a sending would, and let them buy a day later."""
    assert plan.experiment_id is not None
    experiment = await get_experiment(tx, plan.experiment_id)
    treated = {one.customer_id: Assignment(Arm.TREATMENT, 1.0) for one in presets}
    placed = await place_customers(tx, experiment, treated, now=at)
    random = np.random.default_rng(at.day)
    amounts = [spend(one, effect=effect, random=random) for one in presets]
    await tx.execute(
        "insert into orders (id, customer_id, status, amount_minor, placed_at, created_at)"
        " select 'o' || gen_random_uuid(), c, 'PAID', a, %s, %s"
        " from unnest(%s::text[], %s::bigint[]) as t (c, a)",
        (
            *(at + timedelta(days=1), at + timedelta(days=1)),
            [one.customer_id for one in presets],
            amounts,
        ),
    )
    return {customer_id: one.arm for customer_id, one in placed.items()}


async def test_a_certificate_holds_until_the_effect_is_reversed(tx: Tx) -> None:
    plan, presets = await approved(tx)
    assert await list_watched(tx) == [plan.id]
    # Nobody's days are over: nothing can be said, and nothing is withdrawn.
    await serve(tx, plan, presets[:500], at=NOW, effect=400)
    early = await watch_plan(tx, plan.id, now=NOW + timedelta(days=6))
    assert (early.standing, early.observed, early.waiting) == (Standing.STANDS, 0, 500)
    assert "too few" in say_watch(early, currency="CNY", language="en")
    # A week later the plan has done what it promised.
    good = await watch_plan(tx, plan.id, now=NOW + timedelta(days=8))
    assert (good.standing, good.observed) == (Standing.CONFIRMED, 500)
    assert good.low is not None
    assert good.low > 0
    # From then on those who were to get nothing answer the voucher most.
    await serve(tx, plan, presets[500:1300], at=NOW + timedelta(days=9), effect=-1500)
    bad = await watch_plan(tx, plan.id, now=NOW + timedelta(days=17))
    assert (bad.standing, bad.observed) == (Standing.WITHDRAWN, 1300)
    assert bad.withdrawn_after is not None
    assert bad.withdrawn_after > 500
    assert "已撤回" in say_watch(bad, currency="CNY", language="zh")
    after = await get_plan(tx, plan.id)
    assert (after.status, after.withdrawn_at) == (PlanStatus.WITHDRAWN, bad.looked_at)
    looks = await list_watches(tx, plan.id, limit=2)
    assert (looks.total, looks.items) == (3, [bad, good])
    # It sends nothing more, to nobody, and the rest of the campaign is not sent instead.
    rest = await serve(tx, plan, presets[1200:], at=NOW + timedelta(days=18), effect=0)
    assert set(rest.values()) == {"nothing"}
    assert await list_watched(tx) == []
    with pytest.raises(NoCertificate):
        await watch_plan(tx, plan.id, now=NOW + timedelta(days=19))


async def test_what_has_not_left_does_not_leave(tx: Tx) -> None:
    plan, presets = await approved(tx)
    await serve(tx, plan, presets, at=NOW, effect=-1500)
    assert plan.experiment_id is not None
    await tx.execute(
        "insert into webhook_endpoint (id, url, events, active, format, ordered, secret, created_at)"
        " values ('wh_1', 'https://example.com', '{campaign.plan.withdrawn}', true, 'standard',"
        " false, %s, %s)",
        (b"s" * 24, NOW),
    )
    campaign_id = plan.request.campaign_id
    for name, status, due in (
        ("waits", "queued", NOW + timedelta(days=30)),
        ("leaves", "sending", NOW + timedelta(days=8)),
        ("gone", "sent", None),
    ):
        await tx.execute(
            "insert into message (id, campaign_id, customer_id, channel, address, subject, html,"
            " plain, status, due_at, created_at)"
            " values (%s, %s, %s, 'email', '', '', '', '', %s, %s, %s)",
            (name, campaign_id, presets[0].customer_id, status, due, NOW),
        )
    watch = await watch_plan(tx, plan.id, now=NOW + timedelta(days=8))
    assert watch.standing is Standing.WITHDRAWN
    cursor = await tx.execute("select id, status from message order by id")
    assert await cursor.fetchall() == [("gone", "sent"), ("leaves", "sending"), ("waits", "failed")]
    cursor = await tx.execute("select type, entity_id, at from event_outbox")
    assert await cursor.fetchall() == [("campaign.plan.withdrawn", plan.id, watch.looked_at)]
    # What was being tried when the plan was withdrawn is not tried again.
    assert await list_withheld(tx, ["leaves", "nobody's"]) == {"leaves"}
    await stop_experiment(tx, plan.experiment_id, now=NOW + timedelta(days=9))
    assert await list_withheld(tx, ["leaves"]) == set()


async def test_only_a_running_plan_can_be_halted(tx: Tx) -> None:
    plan, _ = await approved(tx)
    assert plan.experiment_id is not None
    first = await halt_plan(tx, plan.experiment_id, now=NOW)
    assert await halt_plan(tx, plan.experiment_id, now=NOW + timedelta(days=1)) == first
    await stop_experiment(tx, plan.experiment_id, now=NOW)
    with pytest.raises(ExperimentConflict):
        await halt_plan(tx, plan.experiment_id, now=NOW)


def test_a_plan_that_is_as_good_as_one_arm_is_hardly_ever_withdrawn() -> None:
    """A/A: whatever arm is given changes nothing, looked at after every customer."""
    random = np.random.default_rng(5)
    withdrawn = 0
    for number in range(200):
        presets = choose_all(seed=number, people=600, usual=1000)
        outcomes = random.exponential(1000, len(presets))
        observed = [
            Observed(one.customer_id, one.arm, one.propensity, NOW, float(outcome), 0.0)
            for one, outcome in zip(presets, outcomes, strict=True)
        ]
        differences = measure_differences(
            CERTIFIED, {one.customer_id: one for one in presets}, observed
        )
        withdrawn += watch_certificate(differences).standing is Standing.WITHDRAWN
    assert withdrawn <= 10


def test_whom_the_campaign_held_out_and_strangers_are_left_out() -> None:
    presets = {one.customer_id: one for one in choose_all(seed=1, people=4, usual=500)}
    observed = [
        Observed("n0000", HOLDOUT, 0.1, NOW, 5.0, 0.0),
        Observed("who", "twenty", 0.5, NOW, 5.0, 0.0),
        Observed("n0002", "twenty", FLOOR, NOW + timedelta(days=1), 700.0, 0.0),
        Observed("n0001", "twenty", 1 - FLOOR, NOW, 900.0, 0.0),
    ]
    # n0001 gets the uniform arm and differs by nothing; n0002 was meant to get nothing:
    # 500 less 500 + (700 − 500) / .2.
    found = measure_differences(CERTIFIED, presets, observed)
    assert found == pytest.approx([0.0, -1000.0])
