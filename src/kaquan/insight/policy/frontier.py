"""What a policy is worth by what it may spend: measured on the training folds, budget by budget."""

import numpy as np

from kaquan.insight.allocation import (
    BudgetTooSmall,
    Interval,
    Learnt,
    allocate,
    choose_by_fold,
    estimate,
    list_uniform,
)
from kaquan.insight.policy.choose import Choice
from kaquan.insight.policy.model import Measured
from kaquan.insight.uplift import Floats, Trial


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
    learnts: list[Learnt], trial: Trial, *, choice: Choice, steps: int
) -> tuple[Measured, ...]:
    """Measure the personal and the best uniform policy at budgets that the test rows span.

    Gains are beside arm 0, by doubly robust scores averaged over ``learnts``; nothing where
    ``steps`` is 0, and no point for a budget that the training rows' cheapest arms exceed.
    """
    if not steps:
        return ()
    net, cost = choice.net, choice.cost
    if choice.allowed is not None:
        net, cost = (np.where(choice.allowed, one, one[:, :1]) for one in (net, cost))
    found = (_measure(learnts, trial, budget) for budget in list_budgets(net, cost, steps=steps))
    return tuple(one for one in found if one is not None)


def _measure(learnts: list[Learnt], trial: Trial, budget: float) -> Measured | None:
    try:
        chosen = [choose_by_fold(learnt, budget=budget) for learnt in learnts]
    except BudgetTooSmall:
        return None
    net = np.mean([one.net for one in learnts], axis=0)
    cost = np.mean([one.cost for one in learnts], axis=0)
    gains, spends = (
        np.mean(
            [
                (getattr(learnt, name) * chance).sum(axis=1)
                for learnt, chance in zip(learnts, chosen, strict=True)
            ],
            axis=0,
        )
        for name in ("net", "cost")
    )
    uniforms = list_uniform(net.mean(axis=0), cost.mean(axis=0), budget=budget)
    if not uniforms:
        return None
    best = uniforms[0]
    control = net[:, 0]
    return Measured(
        budget=budget,
        spend=float(spends.mean()),
        gain=_estimate(gains - control, trial),
        uniform_spend=best.spend,
        uniform_gain=_estimate(best.influence(net, cost, spend=budget) - control, trial),
    )


def _estimate(values: Floats, trial: Trial) -> Interval:
    """As `estimate`; exactly nothing where nobody gets anything else than arm 0."""
    if not values.any():
        return Interval(value=0.0, low=0.0, high=0.0, standard_error=0.0)
    return estimate(values, customer=trial.customer)
