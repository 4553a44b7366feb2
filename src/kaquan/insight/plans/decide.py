"""From a past experiment to a choice for each customer of an audience; pure."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from kaquan.experiments import Preset
from kaquan.insight.allocation import BudgetTooSmall, Explored, LearningPlan, explore
from kaquan.insight.plans.asked import (
    Bounds,
    Rows,
    add_closed,
    add_members,
    plain_table,
    policy_request,
    sum_limits,
    train_table,
)
from kaquan.insight.plans.frontier import draw_frontier
from kaquan.insight.plans.model import (
    ArmSummary,
    Lack,
    LackCode,
    PlanDraft,
    PlanResult,
    UniformPoint,
    Why,
)
from kaquan.insight.plans.spread import (
    SLACK,
    Chosen,
    Closures,
    Rules,
    TooTight,
    choose,
    close_arms,
    say_reasons,
)
from kaquan.insight.plans.store import Observed
from kaquan.insight.plans.words import LIMITS_UNMEASURED, say_unmeasured
from kaquan.insight.policy import (
    PolicyEvaluation,
    PolicyResult,
    Predicted,
    evaluate_policy,
)
from kaquan.insight.uplift import Floats, Ints
from kaquan.runtime import InvalidInput


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What came out, and the choice for each customer."""

    result: PlanResult
    presets: list[Preset]


def decide(
    request: PlanDraft,
    *,
    observed: Sequence[Observed],
    past: Rows,
    audience: Rows,
    features: Sequence[str],
    control: str,
    bounds: Bounds | None = None,
    learning: LearningPlan | None = None,
) -> Decision:
    """Learn from ``observed`` with ``past`` features, and choose for the ``audience``.

    ``control`` is the arm that gets nothing; those whom the campaign held out count as its.
    The outcome is the margin before the campaign's discount, the cost that discount as it was
    measured; chances of arms are the logged ones where they differed. What ``bounds`` close to a
    customer is closed alike in the experiment's rows, and for the uniform policy; limits of sums
    hold there a customer as they do in the audience.
    """
    bounds = bounds or Bounds()
    seen = [one for one in observed if one.customer_id in past]
    asked = msgspec.structs.replace(
        policy_request(request, seen, control),
        limits=tuple(sum_limits(request, bounds, audience=audience)),
    )
    shut = [close_arms(request, had, largest=asked.costs) for had in (bounds.past, bounds.now)]
    train = train_table(seen, past, features, control)
    train = add_members(train, [one.customer_id for one in seen], asked.limits, bounds)
    test = plain_table("audience", list(audience), [audience[one] for one in audience], features)
    if any(shut):
        asked = msgspec.structs.replace(asked, closed="closed")
        people = ([one.customer_id for one in seen], list(audience))
        train, test = (
            add_closed(table, who, closed, bounds.contacting)
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
        unmeasured=frozenset(
            cap.segment_id
            for cap in request.segment_caps
            if cap.segment_id not in bounds.past_members
        ),
    )


def _assemble(
    found: PolicyResult, predicted: Predicted, rules: Rules, *, customers: list[str], control: str
) -> Decision:
    request, gain = rules.draft, predicted.net - predicted.net[:, [rules.control]]
    seen, chosen, evaluation = _choose(found.evaluation, predicted, rules, gain=gain)
    certified = evaluation.certified
    explored = explore(
        chosen.choice,
        arms=len(predicted.arms),
        floor=rules.floor,
        seed=request.seed,
        allowed=rules.allowed,
    )
    why, moved = say_reasons(seen, rules, chosen, given=explored.arm, certified=certified)
    result = _describe(
        evaluation,
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


def _choose(
    evaluation: PolicyEvaluation, predicted: Predicted, rules: Rules, *, gain: Floats
) -> tuple[Floats, Chosen, PolicyEvaluation]:
    """Choose by customer where that is certified under all limits, else as for the average one.

    Returns what customers were taken to gain as well, and the evaluation of what was chosen.
    """
    seed = rules.draft.seed
    if evaluation.certified:
        free = choose(gain, predicted.cost, rules.measured, seed=seed)
        others = rules.list_unmeasured(free.choice, predicted.cost)
        if all(one.used <= one.most * (1 + SLACK) for one in others):
            kept = msgspec.structs.replace(free, limits=(*free.limits, *others))
            return gain, kept, evaluation
        evaluation = msgspec.structs.replace(
            evaluation,
            certified=False,
            reason=LIMITS_UNMEASURED,
            why=say_unmeasured(evaluation, "en"),
            why_zh=say_unmeasured(evaluation, "zh"),
        )
    # Without a certificate every customer counts as the average one, so that who gets what is
    # told by the limits and by lot alone.
    alike, spent = (
        np.broadcast_to(figures.mean(axis=0), figures.shape) for figures in (gain, predicted.cost)
    )
    return alike, choose(alike, spent, rules, seed=seed), evaluation


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
    # What was measured is another policy than the one planned, where a limit could not be.
    difference = None if evaluation.reason == LIMITS_UNMEASURED else measured.difference
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
