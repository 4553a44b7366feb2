"""The answer put together: figures, shares, statements."""

from typing import Any

import numpy as np

from kaquan.insight.allocation import (
    Certificate,
    Interval,
    Learnt,
    Reason,
    UniformValue,
    estimate,
)
from kaquan.insight.policy.arms import cheapest
from kaquan.insight.policy.choose import Choice
from kaquan.insight.policy.measure import measure_choice
from kaquan.insight.policy.model import (
    ArmFigures,
    Compared,
    Measured,
    PolicyEvaluation,
    PolicyRequest,
    PolicyResult,
    Predicted,
)
from kaquan.insight.policy.prepare import Prepared, say_drift
from kaquan.insight.policy.words import describe_uniform, say_silence, say_why
from kaquan.insight.tabular import Table, is_identifier
from kaquan.insight.uplift import Floats, Ints, Trial


def report(
    train: Table,
    test: Table,
    request: PolicyRequest,
    *,
    prepared: Prepared,
    certificate: Certificate,
    reason: str,
    choice: Choice,
    trial: Trial,
    learnts: list[Learnt],
    frontier: tuple[Measured, ...],
) -> PolicyResult:
    """Put the answer together where there is a policy that can be valued."""
    names = prepared.arms.names
    best = certificate.best
    said = [*prepared.statements, *say_drift(prepared.plan, test)]
    folds = _compare_folds(certificate, rows=len(trial.arm))
    measured = measure_choice(test, request, prepared=prepared, best=best, choice=choice, said=said)
    shown = measured or folds
    tested = measured is not None
    said += _say_disagreement(certificate, measured, test)
    said += _say_beside_control(learnts, trial, best=best, prepared=prepared)
    described = describe_uniform(_named(best.shares, names))
    if prepared.trial is not None and np.isinf(best.value.low):
        said.append("The rows of the best uniform policy leave its value without an interval.")
    evaluation = PolicyEvaluation(
        status="certified" if certificate.certified else "uniform",
        certified=certificate.certified,
        reason=str(reason),
        why=say_why(certificate, reason=reason, best=described, rows=len(trial.arm)),
        why_zh=say_why(
            certificate,
            reason=reason,
            best=describe_uniform(_named(best.shares, names), language="zh"),
            rows=len(trial.arm),
            language="zh",
        ),
        policy=_shares(choice.written, names),
        policy_cost_total=choice.spend,
        best_uniform_arm=_one_arm(best.shares, names, prepared),
        best_uniform=_named(best.shares, names),
        personalised=_shares(choice.personal, names),
        **_values(shown),
        basis="test" if tested else "train_folds",
        train=folds,
        test=measured,
        rows_needed=certificate.rows_needed if reason == Reason.COVERS_ZERO else None,
        budget=request.budget,
        budget_per_customer=None if request.budget is None else request.budget / test.rows,
        budget_shadow_price=None if request.budget is None else choice.shadow_price,
        arms=_arm_figures(
            train, request, prepared=prepared, learnts=learnts, trial=trial, rows=test.rows
        ),
        features=[feature.name for feature in prepared.plan.features],
        left_out=prepared.plan.left_out,
        statements=said,
        train_rows=train.rows,
        test_rows=test.rows,
        seed=request.seed,
    )
    return PolicyResult(
        evaluation=evaluation,
        chosen=[names[arm] for arm in choice.written.tolist()],
        identifiers=_identifiers(test, request),
        predicted=_predicted(choice, names, learnts),
        frontier=frontier,
    )


def _values(shown: Compared) -> dict[str, Any]:
    """The values of the policies that are compared, with their intervals."""
    values: dict[str, Any] = {"personalised_value": shown.personalised_value.value}
    for name, value in (
        ("policy", shown.written_value),
        ("best_uniform", shown.best_uniform_value),
    ):
        values[f"{name}_value"] = value.value
        values |= {f"{name}_low": _finite(value.low), f"{name}_high": _finite(value.high)}
    gain = shown.difference
    values["difference"] = gain.value if gain else None
    values["difference_low"] = _finite(gain.low) if gain else None
    values["difference_high"] = _finite(gain.high) if gain else None
    return values


def _predicted(choice: Choice, names: list[str], learnts: list[Learnt]) -> Predicted:
    return Predicted(
        arms=names,
        net=choice.net,
        cost=choice.cost,
        allowed=choice.allowed,
        steady=all(all(one.steady) for one in learnts),
    )


def report_silence(
    train: Table, test: Table, request: PolicyRequest, *, prepared: Prepared, reason: str
) -> PolicyResult:
    """Answer when no policy can be valued: the cheapest arm for everybody, and no figures."""
    per_head = None if request.budget is None else request.budget / test.rows
    arm = cheapest(prepared.arms, budget_per_customer=per_head)
    blank: dict[str, Any] = dict.fromkeys(
        field
        for field in PolicyEvaluation.__struct_fields__
        if field.startswith(("policy_", "best_", "personalised", "difference"))
    )
    evaluation = PolicyEvaluation(
        **blank,
        status="cannot_say",
        certified=False,
        reason=str(reason),
        why=say_silence(reason, arm),
        why_zh=say_silence(reason, arm, language="zh"),
        policy={arm: 1.0},
        basis=None,
        train=None,
        test=None,
        rows_needed=None,
        budget=request.budget,
        budget_per_customer=per_head,
        budget_shadow_price=None,
        arms=[
            ArmFigures(
                arm=name,
                rows=count,
                mean_outcome=None,
                cost=prepared.arms.costs[name],
                value=None,
                spend=None,
                affordable=None,
            )
            for name, count in prepared.arms.rows.items()
        ],
        features=[feature.name for feature in prepared.plan.features],
        left_out=prepared.plan.left_out,
        statements=prepared.statements,
        train_rows=train.rows,
        test_rows=test.rows,
        seed=request.seed,
    )
    return PolicyResult(
        evaluation=evaluation,
        chosen=[arm] * test.rows,
        identifiers=_identifiers(test, request),
    )


def _compare_folds(certificate: Certificate, *, rows: int) -> Compared:
    assert certificate.personal is not None
    best = certificate.best.value
    return Compared(
        rows=rows,
        personalised_value=certificate.personal,
        best_uniform_value=best,
        difference=certificate.difference,
        written_value=certificate.personal if certificate.certified else best,
    )


def _say_beside_control(
    learnts: list[Learnt], trial: Trial, *, best: UniformValue, prepared: Prepared
) -> list[str]:
    """Say so when the best uniform policy is not known to beat giving nobody anything."""
    names, control = prepared.arms.names, prepared.arms.control
    if control not in names:
        return [f"Arm {control} is not measured: what any arm adds to no offer cannot be said."]
    place = names.index(control)
    if best.shares[place] == 1.0:
        return []
    net = np.mean([one.net for one in learnts], axis=0)
    found = estimate(net @ best.shares - net[:, place], customer=trial.customer)
    if found.low > 0 or not np.isfinite(found.low):
        return []
    unsure = (
        f"{describe_uniform(_named(best.shares, names))} is not known to beat {control} for all:"
        f" {found.value:+.4g} per customer, 95 % interval {found.low:.4g} to {found.high:.4g}."
    )
    return [unsure]


def _say_disagreement(
    certificate: Certificate, measured: Compared | None, test: Table
) -> list[str]:
    if measured is None or measured.difference is None or not certificate.certified:
        return []
    if measured.difference.high < 0:
        contradicted = (
            f"{test.name} contradicts the certificate: there the personal policy did worse than"
            " the uniform one. Do not deploy it before you know why."
        )
        return [contradicted]
    if measured.difference.low <= 0:
        return [f"On {test.name} alone the difference is not beyond chance."]
    return []


def _arm_figures(
    train: Table,
    request: PolicyRequest,
    *,
    prepared: Prepared,
    learnts: list[Learnt],
    trial: Trial,
    rows: int,
) -> list[ArmFigures]:
    net = np.mean([one.net for one in learnts], axis=0)
    cost = np.mean([one.cost for one in learnts], axis=0)
    found: list[ArmFigures] = []
    for name, count in prepared.arms.rows.items():
        place = prepared.arms.names.index(name) if name in prepared.arms.names else None
        spend = None if place is None else float(cost[:, place].mean())
        limit = np.inf if request.budget is None else request.budget / rows
        found.append(
            ArmFigures(
                arm=name,
                rows=count,
                mean_outcome=None
                if place is None
                else float(trial.outcome[trial.arm == place].mean()),
                cost=prepared.arms.costs[name],
                value=None
                if place is None
                else _bounded(estimate(net[:, place], customer=trial.customer)),
                spend=spend,
                affordable=None if spend is None else spend <= limit * (1 + 1e-9) + 1e-12,
            )
        )
    return found


def _identifiers(test: Table, request: PolicyRequest) -> list[str]:
    """Columns by which people find their rows again."""
    return [
        name
        for name, column in test.columns.items()
        if name not in (request.arm, request.outcome, "arm") and is_identifier(column)
    ][:1]


def _bounded(interval: Interval) -> Interval | None:
    return interval if np.isfinite(interval.low) else None


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _shares(chosen: Ints, names: list[str]) -> dict[str, float]:
    counts = np.bincount(chosen, minlength=len(names)) / max(len(chosen), 1)
    return dict(zip(names, counts.tolist(), strict=True))


def _named(shares: Floats, names: list[str]) -> dict[str, float]:
    return {name: share for name, share in zip(names, shares.tolist(), strict=True) if share > 0}


def _one_arm(shares: Floats, names: list[str], prepared: Prepared) -> str:
    """The arm of a uniform policy, of a lottery the dearer one: what the budget is spent on."""
    cost = prepared.stakes.cost
    return names[max(np.flatnonzero(shares).tolist(), key=lambda arm: (cost[arm], shares[arm]))]
