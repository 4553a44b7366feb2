"""From a past experiment to a choice for each customer of an audience; pure."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from kaquan.experiments import HOLDOUT, Preset
from kaquan.insight.allocation import BudgetTooSmall, CostOn, Explored, LearningPlan, explore
from kaquan.insight.plans.frontier import STEPS, draw_frontier
from kaquan.insight.plans.limit_store import Had
from kaquan.insight.plans.model import (
    ArmSummary,
    Lack,
    LackCode,
    PlanDraft,
    PlanResult,
    UniformPoint,
    Why,
)
from kaquan.insight.plans.spread import Closures, Rules, TooTight, choose, close_arms, say_reasons
from kaquan.insight.plans.store import Observed
from kaquan.insight.policy import (
    CLOSED_BY,
    PolicyEvaluation,
    PolicyRequest,
    PolicyResult,
    Predicted,
    evaluate_policy,
)
from kaquan.insight.tabular import Table, make_column
from kaquan.insight.uplift import Floats, Ints
from kaquan.runtime import InvalidInput

_Rows: TypeAlias = Mapping[str, tuple[float | None, ...]]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What the limits go by: arms that send a message, what customers of the experiment had had
    when they got their arm and those of the audience have had, and who is in capped segments.
    """

    contacting: frozenset[str] = frozenset()
    past: Mapping[str, Had] = {}
    now: Mapping[str, Had] = {}
    members: Mapping[str, frozenset[str]] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What came out, and the choice for each customer."""

    result: PlanResult
    presets: list[Preset]


def decide(
    request: PlanDraft,
    *,
    observed: Sequence[Observed],
    past: _Rows,
    audience: _Rows,
    features: Sequence[str],
    control: str,
    bounds: Bounds | None = None,
    learning: LearningPlan | None = None,
) -> Decision:
    """Learn from ``observed`` with ``past`` features, and choose for the ``audience``.

    ``control`` is the arm that gets nothing; those whom the campaign held out count as its.
    The outcome is the margin before the campaign's discount, the cost that discount as it was
    measured; chances of arms are the logged ones where they differed. What ``bounds`` close to a
    customer is closed alike in the experiment's rows, and for the uniform policy.
    """
    bounds = bounds or Bounds()
    seen = [one for one in observed if one.customer_id in past]
    asked = _policy_request(request, seen, control)
    shut = [close_arms(request, had, largest=asked.costs) for had in (bounds.past, bounds.now)]
    train = _train_table(seen, past, features, control)
    test = _table("audience", list(audience), [audience[one] for one in audience], features)
    if any(shut):
        asked = msgspec.structs.replace(asked, closed="closed")
        people = ([one.customer_id for one in seen], list(audience))
        train, test = (
            _with_closed(table, who, closed, bounds.contacting)
            for table, who, closed in zip((train, test), people, shut, strict=True)
        )
    try:
        found = evaluate_policy(train, test, asked, plan=learning)
    except (InvalidInput, BudgetTooSmall) as error:
        if isinstance(error, InvalidInput) and error.field != "--budget":
            raise
        return _lacking(Lack(code=LackCode.BUDGET))
    return spread(
        found, request, list(audience), bounds=bounds, closed=shut[1], control=asked.control
    )


def spread(
    found: PolicyResult,
    request: PlanDraft,
    customers: list[str],
    *,
    bounds: Bounds,
    closed: Mapping[str, Closures],
    control: str,
) -> Decision:
    """Give every customer of the audience an arm by what was learnt, within the request's limits."""
    if found.predicted is None:
        return _lacking(Lack(code=LackCode.SAME_OUTCOMES))
    rules = _rules(request, found.predicted, customers, bounds=bounds, closed=closed)
    if not np.delete(rules.allowed, rules.control, axis=1).any():
        return _lacking(Lack(code=LackCode.ALL_CLOSED))
    try:
        return _assemble(found, found.predicted, rules, customers=customers, control=control)
    except TooTight as error:
        return _lacking(error.lack)


def _lacking(lack: Lack) -> Decision:
    return Decision(result=PlanResult(lacks=(lack,)), presets=[])


def _with_closed(
    table: Table,
    customers: Sequence[str],
    closed: Mapping[str, Closures],
    contacting: frozenset[str],
) -> Table:
    texts = [_closed_names(closed.get(one), contacting) for one in customers]
    columns = table.columns | {"closed": make_column("closed", texts)}
    return msgspec.structs.replace(table, columns=columns)


def _closed_names(one: Closures | None, contacting: frozenset[str]) -> str:
    if one is None:
        return ""
    return CLOSED_BY.join(sorted({*one.dear, *(contacting if one.messages else ())}))


def _rules(
    request: PlanDraft,
    predicted: Predicted,
    customers: list[str],
    *,
    bounds: Bounds,
    closed: Mapping[str, Closures],
) -> Rules:
    place = {arm: number for number, arm in enumerate(predicted.arms)}
    contacting = np.array([arm in bounds.contacting for arm in predicted.arms])
    over_contacts = np.zeros(predicted.net.shape, dtype=np.bool_)
    over_cap = np.zeros_like(over_contacts)
    for row, customer in enumerate(customers):
        one = closed.get(customer)
        if one is None:
            continue
        over_contacts[row] = contacting & one.messages
        over_cap[row, [place[arm] for arm in one.dear if arm in place]] = True
    return Rules(
        draft=request,
        control=0,
        contacting=contacting,
        over_contacts=over_contacts,
        over_cap=over_cap,
        members=tuple(
            (cap, np.array([one in bounds.members[cap.segment_id] for one in customers]))
            for cap in request.segment_caps
        ),
    )


def _policy_request(request: PlanDraft, seen: Sequence[Observed], control: str) -> PolicyRequest:
    most = {control: 0.0}
    for one in seen:
        arm = control if one.arm == HOLDOUT else one.arm
        most[arm] = max(most.get(arm, 0.0), one.paid)
    chances = {(one.arm, one.propensity) for one in seen}
    return PolicyRequest(
        arm="arm",
        control=control,
        outcome="margin",
        value=1.0,
        costs=most,
        cost_on=CostOn.MEASURED,
        paid="paid",
        budget=None if request.budget_minor is None else float(request.budget_minor),
        propensity="chance" if len(chances) > len({arm for arm, _ in chances}) else None,
        ignore=("chance", "customer"),
        seed=request.seed,
        steps=STEPS,
    )


def _train_table(
    seen: Sequence[Observed], past: _Rows, features: Sequence[str], control: str
) -> Table:
    table = _table(
        "experiment",
        [one.customer_id for one in seen],
        [past[one.customer_id] for one in seen],
        features,
    )
    columns = {
        "arm": [control if one.arm == HOLDOUT else one.arm for one in seen],
        "margin": [f"{one.margin + one.paid!r}" for one in seen],
        "paid": [f"{one.paid!r}" for one in seen],
        "chance": [f"{one.propensity!r}" for one in seen],
    }
    made = {name: make_column(name, texts) for name, texts in columns.items()}
    return msgspec.structs.replace(table, columns=table.columns | made)


def _table(
    name: str,
    customers: Sequence[str],
    rows: Sequence[tuple[float | None, ...]],
    features: Sequence[str],
) -> Table:
    texts = {
        feature: ["" if row[place] is None else f"{row[place]:.6g}" for row in rows]
        for place, feature in enumerate(features)
    }
    columns = {feature: make_column(feature, column) for feature, column in texts.items()}
    columns["customer"] = make_column("customer", list(customers))
    return Table(name=name, rows=len(customers), columns=columns)


def _assemble(
    found: PolicyResult, predicted: Predicted, rules: Rules, *, customers: list[str], control: str
) -> Decision:
    request, certified = rules.draft, found.evaluation.certified
    gain = predicted.net - predicted.net[:, [rules.control]]
    # Without a certificate every customer counts as the average one, so that who gets what is
    # told by the limits and by lot alone.
    seen, spent = (
        figures if certified else np.broadcast_to(figures.mean(axis=0), figures.shape)
        for figures in (gain, predicted.cost)
    )
    chosen = choose(seen, spent, rules, seed=request.seed)
    explored = explore(
        chosen.choice,
        arms=len(predicted.arms),
        floor=rules.floor,
        seed=request.seed,
        allowed=rules.allowed,
    )
    why, moved = say_reasons(seen, rules, chosen, given=explored.arm, certified=certified)
    result = _describe(
        found.evaluation,
        control=control,
        planned=np.bincount(explored.arm, minlength=len(predicted.arms)),
        names=predicted.arms,
    )
    budgeted = request.budget_minor is not None
    return Decision(
        result=msgspec.structs.replace(
            result,
            gain_total_minor=float((explored.propensity * gain).sum()),
            cost_total_minor=float((explored.propensity * predicted.cost).sum()),
            shadow_price=chosen.price("budget") if budgeted else None,
            gap=chosen.gap,
            limits=chosen.limits,
            arm_names=tuple(predicted.arms),
            closed_contacts=int(rules.over_contacts.any(axis=1).sum()),
            closed_cap=int(rules.over_cap.any(axis=1).sum()),
            moved=moved,
            frontier=draw_frontier(
                gain, predicted.cost, rules, measured=found.frontier, seed=request.seed
            ),
            uniforms=_uniforms(gain, predicted.cost, rules, names=predicted.arms),
        ),
        presets=_presets(
            predicted, explored, chosen.choice, gain=gain, why=why, customers=customers
        ),
    )


def _presets(
    predicted: Predicted,
    explored: Explored,
    choice: Ints,
    *,
    gain: Floats,
    why: Sequence[Why],
    customers: list[str],
) -> list[Preset]:
    rows, names = np.arange(len(customers)), predicted.arms
    arms: list[int] = explored.arm.tolist()
    meant: list[int] = choice.tolist()
    chances: list[list[float]] = explored.propensity.tolist()
    expected: list[list[float]] = predicted.net.tolist()
    gains: list[float] = gain[rows, explored.arm].tolist()
    costs: list[float] = predicted.cost[rows, explored.arm].tolist()
    return [
        Preset(
            customer_id=customer_id,
            arm=names[arms[row]],
            propensity=chances[row][arms[row]],
            gain_minor=gains[row],
            cost_minor=costs[row],
            intended=names[meant[row]],
            reason=why[row].value,
            chances=chances[row],
            expected=expected[row],
        )
        for row, customer_id in enumerate(customers)
    ]


def _uniforms(
    gain: Floats, cost: Floats, rules: Rules, *, names: list[str]
) -> tuple[UniformPoint, ...]:
    """Each arm for all to whom it is open, explored around."""
    spent, brought = (
        rules.blend(np.where(rules.allowed, one, one[:, [rules.control]])) for one in (cost, gain)
    )
    return tuple(
        UniformPoint(arm, float(spent[:, number].sum()), float(brought[:, number].sum()))
        for number, arm in enumerate(names)
    )


def _describe(
    evaluation: PolicyEvaluation, *, control: str, planned: Ints, names: list[str]
) -> PlanResult:
    measured = evaluation.train
    assert measured is not None
    difference = measured.difference
    return PlanResult(
        control=control,
        certified=evaluation.certified,
        reason=evaluation.reason,
        why=evaluation.why,
        statements=tuple(evaluation.statements),
        best_uniform=evaluation.best_uniform or {},
        best_uniform_value=measured.best_uniform_value.value,
        personal_value=measured.personalised_value.value,
        difference=None if difference is None else difference.value,
        difference_low=None if difference is None else difference.low,
        difference_high=None if difference is None else difference.high,
        rows_needed=evaluation.rows_needed,
        learnt_from=evaluation.train_rows,
        audience=evaluation.test_rows,
        arms=tuple(
            ArmSummary(
                arm=one.arm,
                learnt_from=one.rows,
                value=None if one.value is None else one.value.value,
                value_low=None if one.value is None else one.value.low,
                value_high=None if one.value is None else one.value.high,
                cost=one.spend,
                planned=int(planned[names.index(one.arm)]) if one.arm in names else 0,
            )
            for one in evaluation.arms
        ),
        features=tuple(evaluation.features),
    )
