"""A plan that waits for approval, for the two customers of `console.shop`."""

from datetime import datetime

from console.shop import Shop
from kaquan.experiments import ExperimentDraft, Overrides, Preset, Variant, create_experiment
from kaquan.insight.plans import Plan, PlanDraft, PlanResult, Why
from kaquan.insight.plans.decide import Decision
from kaquan.insight.plans.model import ArmSummary, FrontierPoint, LimitUse, UniformPoint
from kaquan.insight.plans.run import create_plan, store_decision
from kaquan.runtime import Tx

ARMS = ("nothing", "five", "twenty")
STEPS = 21


async def add_plan(tx: Tx, shop: Shop, *, now: datetime) -> Plan:
    """Store a certified plan, without learning it from anybody."""
    twenty = {"id": "o2", "effect": {"code": "amount_off", "amount_minor": 2000}}
    experiment = await create_experiment(
        tx,
        ExperimentDraft(
            name="Faces tried",
            campaign_id=shop.campaign.id,
            arms=(
                Variant(name="nothing", weight_bps=3_000, overrides=Overrides(nothing=True)),
                Variant(name="five", weight_bps=3_000),
                Variant(name="twenty", weight_bps=4_000, overrides=Overrides(offer=twenty)),
            ),
        ),
        now=now,
    )
    draft = PlanDraft(name="Spring plan", learnt_from=experiment.id, segment_id=shop.segment.id)
    plan = await create_plan(tx, draft, now=now)
    presets = [
        Preset(
            customer_id=customer.id,
            arm=arm,
            propensity=0.98,
            gain_minor=gain,
            cost_minor=gain / 3,
            intended=arm,
            reason=why.value,
            chances=[0.01 if other != arm else 0.98 for other in ARMS],
            expected=[1_000.0, 1_200.0, 1_000.0 + gain],
        )
        for customer, arm, gain, why in (
            (shop.regular, "nothing", 0.0, Why.BEST),
            (shop.newcomer, "twenty", 900.0, Why.BEST),
        )
    ]
    return await store_decision(tx, plan.id, Decision(result=_result(), presets=presets), now=now)


def _result() -> PlanResult:
    return PlanResult(
        control="nothing",
        certified=True,
        reason="better",
        why="Personal arms beat twenty for all at equal spend.",
        best_uniform={"twenty": 1.0},
        best_uniform_value=61_000.0,
        personal_value=68_000.0,
        difference=7_000.0,
        difference_low=2_100.0,
        difference_high=11_900.0,
        shadow_price=1.4,
        learnt_from=1_500,
        audience=2,
        gain_total_minor=90_000.0,
        cost_total_minor=30_000.0,
        arms=tuple(
            ArmSummary(
                arm=arm,
                learnt_from=500,
                value=60_000.0 + 500 * number,
                value_low=55_000.0 + 500 * number,
                value_high=65_000.0 + 500 * number,
                cost=1_000.0 * number,
                planned=number,
            )
            for number, arm in enumerate(ARMS)
        ),
        frontier=tuple(
            FrontierPoint(
                cost_minor=2_000.0 * step,
                gain_minor=20_000.0 * step**0.5,
                budget_minor=2_000.0 * step,
                measured=19_000.0 * step**0.5,
                gain_low=12_000.0 * step**0.5,
                gain_high=26_000.0 * step**0.5,
                uniform_gain=11_000.0 * step**0.5,
                shadow_price=10 / (step + 1),
                planned=(2_000 - 90 * step, 40 * step, 50 * step),
            )
            for step in range(STEPS)
        ),
        uniforms=(UniformPoint("twenty", 40_000.0, 70_000.0),),
        arm_names=ARMS,
        limits=(LimitUse(name="contacts", most=500, used=480.0, shadow_price=30.0),),
        moved=12,
    )
