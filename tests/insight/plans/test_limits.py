"""Limits of a plan: who is closed to what, what the floor spends, and why each gets what he gets."""

from functools import cache
from typing import Any

import numpy as np
import pytest

from conftest import NOW
from insight.plans.test_plans import LIGHT
from kaquan.experiments import HOLDOUT
from kaquan.insight.allocation import CostOn
from kaquan.insight.plans import LackCode, PlanDraft, PlanResult, SegmentCap, Why, say_plan
from kaquan.insight.plans.asked import Bounds
from kaquan.insight.plans.decide import Decision, decide, spread
from kaquan.insight.plans.limit_store import Had
from kaquan.insight.plans.spread import close_arms
from kaquan.insight.plans.store import Observed
from kaquan.insight.policy import PolicyRequest, PolicyResult, evaluate_policy
from kaquan.insight.tabular import Table, make_column

ARMS = (HOLDOUT, "five", "twenty")
FACE = {HOLDOUT: 0, "five": 500, "twenty": 2000}
PEOPLE = 1500
CONTACTING = frozenset({"five", "twenty"})


def experiment(*, alike: bool = False) -> tuple[list[Observed], dict[str, tuple[float, ...]]]:
    """Frequent buyers, the even ones, need no voucher; the others answer the large one."""
    random = np.random.default_rng(7)
    observed: list[Observed] = []
    past: dict[str, tuple[float, ...]] = {}
    for number in range(PEOPLE):
        arm, frequent = ARMS[int(random.integers(3))], number % 2 == 0 and not alike
        chance = 0.7 if frequent else {HOLDOUT: 0.12, "five": 0.15, "twenty": 0.7}[arm]
        bought = bool(random.random() < chance)
        paid = FACE[arm] * bought
        margin = int(random.integers(4000, 6000)) * bought - paid
        name = f"n{number:04}"
        observed.append(Observed(name, arm, 1 / 3, NOW, float(margin), float(paid)))
        past[name] = (float(number % 2), float(random.random()))
    return observed, past


OBSERVED, PAST = experiment()
VIPS = frozenset(name for number, name in enumerate(PAST) if number % 3 == 1)
LARGEST = {"nothing": 0.0, "five": 500.0, "twenty": 2000.0}


def learn_all(
    draft: PlanDraft, observed: list[Observed], past: dict[str, tuple[float, ...]], bounds: Bounds
) -> Decision:
    return decide(
        draft,
        observed=observed,
        past=past,
        audience=past,
        features=("kind", "noise"),
        control="nothing",
        bounds=bounds,
        learning=LIGHT,
    )


@cache
def learnt() -> PolicyResult:
    """What the experiment shows: learnt once, whatever the limits."""
    columns = {
        "kind": [f"{row[0]}" for row in PAST.values()],
        "noise": [f"{row[1]}" for row in PAST.values()],
    }
    seen = {
        "arm": ["nothing" if one.arm == HOLDOUT else one.arm for one in OBSERVED],
        "margin": [f"{one.margin + one.paid}" for one in OBSERVED],
        "paid": [f"{one.paid}" for one in OBSERVED],
    }
    train, test = (
        Table(
            name=name,
            rows=PEOPLE,
            columns={key: make_column(key, texts) for key, texts in given.items()},
        )
        for name, given in (("experiment", columns | seen), ("audience", columns))
    )
    asked = PolicyRequest(
        arm="arm",
        control="nothing",
        outcome="margin",
        value=1.0,
        costs=LARGEST,
        cost_on=CostOn.MEASURED,
        paid="paid",
        repeats=2,
        steps=12,
    )
    return evaluate_policy(train, test, asked, plan=LIGHT)


def make(bounds: Bounds | None = None, **fields: Any) -> Decision:
    """A plan by what was learnt, with other limits."""
    bounds = bounds or Bounds()
    asked: dict[str, Any] = {"floor_bps": 200} | fields
    draft = PlanDraft(name="Spring", learnt_from="e", segment_id="s", **asked)
    closed = close_arms(draft, bounds.now, largest=LARGEST)
    return spread(learnt(), draft, list(PAST), bounds=bounds, closed=closed, control="nothing")


def lacks_of(decision: Decision) -> list[LackCode]:
    return [lack.code for lack in decision.result.lacks]


def used(result: PlanResult, name: str) -> tuple[float, float]:
    one = next(one for one in result.limits if one.name == name)
    return one.used, one.most


COST = 700_000
"""About what the plan costs without a budget, in minor units."""


CLOSED_TO = {
    name: Had(contacts=3 * (number % 5 == 1), discount_minor=0) for number, name in enumerate(PAST)
}
SPENT = {
    name: Had(contacts=0, discount_minor=800 * (number % 4 == 1))
    for number, name in enumerate(PAST)
}


@pytest.mark.parametrize(
    ("bounds", "fields"),
    [
        (None, {}),
        (None, {"floor_bps": 10}),
        (None, {"budget_minor": int(COST / 2)}),
        (Bounds(contacting=CONTACTING, now=CLOSED_TO, past=CLOSED_TO), {"contact_limit": 3}),
        (Bounds(now=SPENT, past=SPENT), {"person_cap_minor": 2500}),
        (Bounds(contacting=CONTACTING), {"contacts": 300}),
    ],
)
def test_chances_sum_to_one_and_every_open_arm_keeps_the_floor(
    bounds: Bounds | None, fields: dict[str, Any]
) -> None:
    decision = make(bounds, **fields)
    assert decision.result.lacks == ()
    names = decision.result.arm_names
    chances = np.array([one.chances for one in decision.presets])
    floor = fields.get("floor_bps", 200) / 10_000
    assert chances.sum(axis=1) == pytest.approx(1)
    assert (chances[chances > 0] >= floor - 1e-12).all()
    limited = {"contact_limit", "person_cap_minor"} & set(fields)
    assert bool((chances == 0).any()) == bool(limited)
    for one in decision.presets:
        assert one.propensity == one.chances[names.index(one.arm)] > 0
        assert max(one.chances) == one.chances[names.index(one.intended or "")]


def test_arms_are_drawn_as_often_as_their_chances_say() -> None:
    decision = make(floor_bps=2000)
    names = decision.result.arm_names
    expected = np.sum([one.chances for one in decision.presets], axis=0)
    counts = [sum(one.arm == name for one in decision.presets) for name in names]
    # Four standard deviations of a sum of coin tosses.
    assert np.abs(counts - expected).max() < 4 * np.sqrt(PEOPLE / 4)


def test_a_plan_keeps_its_budget_with_what_exploration_spends() -> None:
    budget = int(COST / 2)
    result = (decision := make(budget_minor=budget)).result
    assert result.cost_total_minor <= budget * (1 + 1e-9)
    assert used(result, "budget")[0] == pytest.approx(result.cost_total_minor)
    assert result.shadow_price is not None
    assert result.shadow_price > 0
    assert 0 <= result.gap < 0.05
    assert Why.BUDGET in {one.reason for one in decision.presets}


def test_contacts_and_segments_have_their_caps() -> None:
    caps = (SegmentCap(segment_id="vip", budget_minor=int(COST / 20), contacts=60),)
    bounds = Bounds(contacting=CONTACTING, members={"vip": VIPS}, past_members={"vip": VIPS})
    decision = make(bounds, contacts=300, segment_caps=caps)
    result = decision.result
    for name in ("contacts", "vip/budget", "vip/contacts"):
        taken, most = used(result, name)
        assert taken <= most * (1 + 1e-9)
    chances = np.array([one.chances for one in decision.presets])
    assert chances[:, 1:].sum() == pytest.approx(used(result, "contacts")[0])
    assert result.moved > 0
    assert {Why.SEGMENT_CAP, Why.CONTACTS} <= {one.reason for one in decision.presets}
    assert "Limits keep" in say_plan(result, currency="CNY", language="en")
    assert "因为各项上限" in say_plan(result, currency="CNY", language="zh")
    assert result.certified
    spending = [point.cost_minor for point in result.frontier]
    assert spending == sorted(spending)


@pytest.mark.parametrize(
    ("cap", "certified"),
    [
        (SegmentCap(segment_id="vip", contacts=60), False),
        (SegmentCap(segment_id="vip", budget_minor=int(COST / 20)), False),
        # Caps that change nothing leave the choice the one that was measured.
        (SegmentCap(segment_id="vip", contacts=500, budget_minor=COST), True),
    ],
)
def test_what_no_experiment_measured_is_not_certified(cap: SegmentCap, certified: bool) -> None:
    """Nobody knows who was in the segment when the experiment's customers got their arms."""
    bounds = Bounds(contacting=CONTACTING, members={"vip": VIPS})
    decision = make(bounds, segment_caps=(cap,))
    result = decision.result
    assert result.certified is certified
    kinds = {"vip/contacts": cap.contacts, "vip/budget": cap.budget_minor}
    for name in (name for name, most in kinds.items() if most is not None):
        taken, most = used(result, name)
        assert 0 < taken <= most * (1 + 1e-9)
    assert {point.measured for point in result.frontier} == {None}
    if not certified:
        assert (result.reason, result.difference) == ("limits_unmeasured", None)
        reasons = {one.reason for one in decision.presets}
        assert reasons <= {Why.UNIFORM, Why.DRAWN, Why.SEGMENT_CAP, Why.BUDGET}
        assert "is not known" in say_plan(result, currency="CNY", language="en")
        assert "无从得知" in say_plan(result, currency="CNY", language="zh")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("known", "fields"),
    [
        (True, {"segment_caps": (SegmentCap(segment_id="vip", contacts=60),)}),
        (False, {"contacts": 700, "budget_minor": int(COST * 1.3), "floor_bps": 500}),
    ],
)
def test_what_is_certified_is_the_choice_under_all_limits(
    known: bool, fields: dict[str, Any]
) -> None:
    """The experiment's rows have the audience's limits a customer; the truth is in the interval."""
    members = {"vip": VIPS} if known else {}
    bounds = Bounds(contacting=CONTACTING, members={"vip": VIPS}, past_members=members)
    draft = PlanDraft(name="x", learnt_from="e", segment_id="s", **fields)
    decision = learn_all(draft, OBSERVED, PAST, bounds)
    result = decision.result
    assert result.certified, result.why
    names = result.arm_names
    truly = np.array([[true_margin(one.customer_id, arm) for arm in names]
                      for one in decision.presets])  # fmt: skip
    executed = np.array([one.chances for one in decision.presets])
    shares = np.array([result.best_uniform.get(arm, 0.0) for arm in names])
    floor = draft.floor_bps / 10_000
    uniform = floor + (1 - floor * len(names)) * shares
    gained = float((truly * (executed - uniform)).sum(axis=1).mean())
    assert result.difference_low is not None
    assert result.difference_high is not None
    # Learnt from all rows, the plan is at least about as good as the one that was measured.
    spread_of = result.difference_high - result.difference_low
    assert result.difference_low - spread_of / 2 < gained < result.difference_high + spread_of / 2
    if "contacts" in fields:
        contacted = float(uniform[[names.index(arm) for arm in CONTACTING]].sum()) * PEOPLE
        assert contacted <= fields["contacts"] * (1 + 1e-6)


def true_margin(customer_id: str, arm: str) -> float:
    """What a customer of `experiment` is expected to bring under an arm, after its discount."""
    frequent, face = int(customer_id[1:]) % 2 == 0, {"nothing": 0, "five": 500, "twenty": 2000}
    chance = 0.7 if frequent else {"nothing": 0.12, "five": 0.15, "twenty": 0.7}[arm]
    return chance * (4999.5 - face[arm])


def test_what_is_closed_to_a_person_is_never_given() -> None:
    decision = make(Bounds(contacting=CONTACTING, now=CLOSED_TO, past=CLOSED_TO), contact_limit=3)
    reasons: dict[str | None, int] = {}
    for one in decision.presets:
        if CLOSED_TO[one.customer_id].contacts:
            assert one.arm == "nothing"
            reasons[one.reason] = reasons.get(one.reason, 0) + 1
    assert reasons[Why.CONTACT_LIMIT] > 100
    assert decision.result.certified
    assert decision.result.closed_contacts == PEOPLE // 5
    capped = make(Bounds(now=SPENT, past=SPENT), person_cap_minor=2500)
    given = {one.arm for one in capped.presets if SPENT[one.customer_id].discount_minor}
    assert given == {"nothing", "five"}
    assert Why.PERSON_CAP in {one.reason for one in capped.presets}


@pytest.mark.parametrize(
    ("code", "bounds", "fields"),
    [
        (LackCode.EXPLORATION, None, {"budget_minor": 0}),
        (LackCode.EXPLORATION, None, {"budget_minor": 100}),
        (LackCode.ALL_CLOSED, Bounds(now=SPENT, past=SPENT), {"person_cap_minor": 400}),
        (LackCode.LIMITS, Bounds(contacting=CONTACTING), {"contacts": 5}),
        (
            LackCode.LIMITS,
            Bounds(contacting=CONTACTING, members={"vip": frozenset(PAST)}),
            {"segment_caps": (SegmentCap(segment_id="vip", budget_minor=0),)},
        ),
    ],
)
def test_limits_that_leave_no_choice_are_told(
    code: LackCode, bounds: Bounds | None, fields: dict[str, Any]
) -> None:
    decision = make(bounds, **fields)
    assert (lacks_of(decision), decision.presets) == ([code], [])
    said = [say_plan(decision.result, currency="CNY", language=one) for one in ("zh", "en")]
    assert len(set(said)) == 2
    assert not any("{" in text or "None" in text for text in said)


@pytest.mark.slow
def test_customers_who_are_alike_share_one_arm_by_lot() -> None:
    observed, past = experiment(alike=True)
    blank: dict[str, tuple[float, ...]] = dict.fromkeys(past, (0.0, 0.0))
    draft = PlanDraft(name="x", learnt_from="e", segment_id="s", budget_minor=int(COST / 2))
    decision = learn_all(draft, observed, blank, Bounds())
    result = decision.result
    assert not result.certified
    # Who gets which is drawn: either half of the list has both.
    halves = (decision.presets[: PEOPLE // 2], decision.presets[PEOPLE // 2 :])
    assert all(len({one.intended for one in half}) == 2 for half in halves)
    assert {one.reason for one in decision.presets} <= {Why.UNIFORM, Why.BUDGET, Why.DRAWN}


def test_the_frontier_is_measured_with_bands() -> None:
    points = make().result.frontier
    assert len(points) > 10
    gains = [point.gain_minor for point in points]
    assert gains == sorted(gains)
    for point in points[1:]:
        assert point.gain_low is not None
        assert point.gain_high is not None
        assert point.measured is not None
        assert point.gain_low < point.measured < point.gain_high
        assert sum(point.planned) == PEOPLE
    best = max(points, key=lambda point: point.gain_minor)
    assert best.measured is not None
    assert best.uniform_gain is not None
    assert best.measured > best.uniform_gain
