"""From a past experiment to a choice for each customer of an audience; pure."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from kaquan.experiments import HOLDOUT, WHOLE_BPS, Preset
from kaquan.insight.allocation import BudgetTooSmall, CostOn, LearningPlan, allocate, explore
from kaquan.insight.plans.model import (
    ArmSummary,
    FrontierPoint,
    Lack,
    LackCode,
    PlanDraft,
    PlanResult,
    UniformPoint,
)
from kaquan.insight.plans.store import Observed
from kaquan.insight.policy import (
    PolicyEvaluation,
    PolicyRequest,
    PolicyResult,
    Predicted,
    evaluate_policy,
)
from kaquan.insight.tabular import Table, make_column
from kaquan.insight.uplift import Ints
from kaquan.runtime import InvalidInput

_POINTS = 12

_Rows: TypeAlias = Mapping[str, tuple[float | None, ...]]


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
    learning: LearningPlan | None = None,
) -> Decision:
    """Learn from ``observed`` with ``past`` features, and choose for the ``audience``.

    ``control`` is the arm that gets nothing; those whom the campaign held out count as its.
    The outcome is the margin before the campaign's discount, the cost that discount as it was
    measured; chances of arms are the logged ones where they differed.
    """
    seen = [one for one in observed if one.customer_id in past]
    train = _train_table(seen, past, features, control)
    test = _table("audience", list(audience), [audience[one] for one in audience], features)
    try:
        found = evaluate_policy(train, test, _policy_request(request, seen, control), plan=learning)
    except (InvalidInput, BudgetTooSmall) as error:
        if isinstance(error, InvalidInput) and error.field != "--budget":
            raise
        return Decision(result=PlanResult(lacks=(Lack(code=LackCode.BUDGET),)), presets=[])
    if found.predicted is None:
        return Decision(result=PlanResult(lacks=(Lack(code=LackCode.SAME_OUTCOMES),)), presets=[])
    return _assemble(request, found, found.predicted, customers=list(audience), control=control)


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
    request: PlanDraft,
    found: PolicyResult,
    predicted: Predicted,
    *,
    customers: list[str],
    control: str,
) -> Decision:
    place = {arm: number for number, arm in enumerate(predicted.arms)}
    choice = np.array([place[arm] for arm in found.chosen], dtype=np.int64)
    explored = explore(
        choice,
        arms=len(predicted.arms),
        floor=request.floor_bps / WHOLE_BPS,
        seed=request.seed,
    )
    rows = np.arange(len(customers))
    given: list[int] = explored.arm.tolist()
    gain = predicted.net - predicted.net[:, [place[control]]]
    presets = [
        Preset(
            customer_id=customer_id,
            arm=predicted.arms[arm],
            propensity=chance,
            gain_minor=gained,
            cost_minor=cost,
        )
        for customer_id, arm, chance, gained, cost in zip(
            customers,
            given,
            explored.propensity[rows, explored.arm].tolist(),
            gain[rows, explored.arm].tolist(),
            predicted.cost[rows, explored.arm].tolist(),
            strict=True,
        )
    ]
    frontier, uniforms = _frontier(predicted, control=place[control])
    result = _describe(
        found.evaluation,
        control=control,
        planned=np.bincount(explored.arm, minlength=len(predicted.arms)),
        names=predicted.arms,
    )
    return Decision(
        result=msgspec.structs.replace(
            result,
            gain_total_minor=float((explored.propensity * gain).sum()),
            cost_total_minor=float((explored.propensity * predicted.cost).sum()),
            frontier=frontier,
            uniforms=uniforms,
        ),
        presets=presets,
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
        shadow_price=evaluation.budget_shadow_price,
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


def _frontier(
    predicted: Predicted, *, control: int
) -> tuple[tuple[FrontierPoint, ...], tuple[UniformPoint, ...]]:
    """Expected gain over nobody getting anything, by what may be spent; and one arm for all."""
    gain = predicted.net - predicted.net[:, [control]]
    least = float(predicted.cost.min(axis=1).sum())
    most = allocate(gain, predicted.cost, budget=None)
    points = [
        allocate(gain, predicted.cost, budget=least + (most.cost - least) * step / _POINTS)
        for step in range(_POINTS + 1)
    ]
    uniforms = [
        UniformPoint(arm, float(predicted.cost[:, number].sum()), float(gain[:, number].sum()))
        for number, arm in enumerate(predicted.arms)
    ]
    return tuple(FrontierPoint(one.cost, one.value) for one in points), tuple(uniforms)
