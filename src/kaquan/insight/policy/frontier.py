"""What a policy is worth by what it may spend: measured on the training folds, budget by budget."""

from collections.abc import Sequence

import numpy as np

from kaquan.insight.allocation import (
    BudgetTooSmall,
    Ceiling,
    Interval,
    Learnt,
    allocate,
    blend,
    estimate,
    measure_policies,
)
from kaquan.insight.policy.choose import Choice
from kaquan.insight.policy.model import Measured, PolicyRequest
from kaquan.insight.uplift import Floats, Trial

STEPS_WITHIN_LIMITS = 6
"""Budgets measured where further limits make each a linear programme a fold."""
_MOST_CELLS_WITHIN_LIMITS = 100_000


def list_budgets(net: Floats, cost: Floats, *, steps: int) -> list[float]:
    """Return ``steps`` + 1 budgets per row from the cheapest choice to the best without a budget.

    One alone where the best choice is the cheapest.
    """
    least = float(cost.min(axis=1).mean())
    most = allocate(net, cost, budget=None).cost / max(len(cost), 1)
    if most - least <= 1e-9 * max(abs(most), 1.0):
        return [most]
    return [least + (most - least) * step / steps for step in range(steps + 1)]


def measure_frontier(
    learnts: list[Learnt],
    trial: Trial,
    request: PolicyRequest,
    *,
    ceilings: Sequence[Ceiling],
    choice: Choice,
    control: Floats,
) -> tuple[Measured, ...]:
    """Measure the personal and the best uniform policy at budgets that the test rows span.

    Gains are beside ``control``, the trial's scores of arm 0 alone, by doubly robust scores
    averaged over ``learnts``, which have the exploration in them; nothing where no steps are asked
    for, or where the limits would take too long, and no point for a budget that the training rows'
    cheapest arms exceed.
    """
    steps = request.steps
    if steps and ceilings:
        steps = STEPS_WITHIN_LIMITS if learnts[0].net.size <= _MOST_CELLS_WITHIN_LIMITS else 0
    if not steps:
        return ()
    net, cost, allowed = choice.net, choice.cost, choice.allowed
    if allowed is not None:
        net, cost = (np.where(allowed, one, one[:, :1]) for one in (net, cost))
    net, cost = (blend(one, floor=request.floor, allowed=allowed) for one in (net, cost))
    found = (
        _measure(learnts, trial, budget, ceilings=ceilings, control=control)
        for budget in list_budgets(net, cost, steps=steps)
    )
    return tuple(one for one in found if one is not None)


def _measure(
    learnts: list[Learnt],
    trial: Trial,
    budget: float,
    *,
    ceilings: Sequence[Ceiling],
    control: Floats,
) -> Measured | None:
    try:
        found = measure_policies(learnts, budget=budget, ceilings=ceilings)
    except BudgetTooSmall:
        return None
    best, influence = found.rivals[0], found.influences[0]
    return Measured(
        budget=budget,
        spend=float(found.spend.mean()),
        gain=_estimate(found.personal - control, trial),
        uniform_spend=best.spend,
        uniform_gain=_estimate(influence - control, trial),
    )


def _estimate(values: Floats, trial: Trial) -> Interval:
    """As `estimate`; exactly nothing where nobody gets anything else than arm 0."""
    if not values.any():
        return Interval(value=0.0, low=0.0, high=0.0, standard_error=0.0)
    return estimate(values, customer=trial.customer)
