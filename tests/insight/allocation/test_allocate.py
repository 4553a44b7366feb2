"""Allocation within budgets and limits, against trying everything."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from kaquan.insight.allocation import (
    BudgetTooSmall,
    Infeasible,
    Limit,
    allocate,
    allocate_within,
    explore,
    fit_dose_curves,
    list_uniform,
)
from kaquan.insight.uplift import Floats

_SOLVE: Any = vars(optimize)["linprog"]


def best_by_trying(value: Floats, cost: Floats, budget: float) -> float:
    rows, arms = int(value.shape[0]), int(value.shape[1])
    each = np.arange(rows)
    return max(
        float(value[each, choice].sum())
        for choice in map(np.array, product(range(arms), repeat=rows))
        if cost[each, choice].sum() <= budget
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_best_uniform_policy_is_the_linear_programmes(seed: int) -> None:
    random = np.random.default_rng(seed)
    arms = int(random.integers(2, 6))
    value, cost = random.normal(size=arms), np.r_[0.0, random.uniform(0.1, 3, arms - 1)]
    contact = np.r_[0.0, random.integers(0, 2, arms - 1)].astype(np.float64)
    budget, contacts = (float(one) for one in random.uniform(0.05, 1.2, 2))
    found = list_uniform(value, cost, budget=budget, others=[(contact, contacts)])
    solved: Any = _SOLVE(
        -value,
        A_ub=np.vstack([cost, contact]),
        b_ub=[budget, contacts],
        A_eq=np.ones((1, arms)),
        b_eq=[1.0],
    )
    assert found[0].value == pytest.approx(-float(solved.fun))
    for one in found:
        assert one.shares.sum() == pytest.approx(1)
        assert cost @ one.shares <= budget + 1e-9
        assert contact @ one.shares <= contacts + 1e-9
    # What another unit of a limit adds is what the programme's multipliers say.
    prices = -np.asarray(solved.ineqlin.marginals)
    assert found[0].rates == pytest.approx(prices.tolist(), abs=1e-9)


@pytest.mark.parametrize("seed", range(40))
def test_value_is_within_the_reported_gap_of_the_best(seed: int) -> None:
    random = np.random.default_rng(seed)
    value = random.normal(size=(5, 3)).round(1)
    cost = np.abs(random.normal(size=(5, 3))).round(1)
    cost[:, 0] = 0
    budget = float(random.uniform(0, 3))
    found = allocate(value, cost, budget=budget)
    best = best_by_trying(value, cost, budget)
    assert found.cost <= budget * (1 + 1e-11)
    assert found.value <= best + 1e-9
    bound = found.value + found.gap * max(abs(found.value), abs(best)) / max(1 - found.gap, 1e-9)
    assert best <= bound + 1e-9


def test_many_customers_come_close_to_the_bound() -> None:
    random = np.random.default_rng(1)
    doses = np.array([0.0, 1.0, 2.0, 5.0, 10.0, 20.0])
    half, most = random.uniform(2, 20, (30_000, 1)), random.gamma(1, 8, (30_000, 1))
    value = most * doses / (doses + half)
    found = allocate(value, doses, budget=30_000.0)
    assert found.cost <= 30_000
    assert found.gap <= 1e-6
    richer = allocate(value, doses, budget=30_100.0)
    assert (richer.value - found.value) / 100 == pytest.approx(found.shadow_price, rel=0.01)


def test_without_a_budget_everybody_gets_the_best_and_the_cheaper_of_equals() -> None:
    value = np.array([[1.0, 1.0, 0.0], [0.0, 2.0, 3.0]])
    found = allocate(value, np.array([2.0, 1.0, 0.0]), budget=None)
    assert (found.choice.tolist(), found.shadow_price, found.gap) == ([1, 2], 0.0, 0.0)


def test_nobody_and_too_little() -> None:
    assert len(allocate(np.empty((0, 2)), np.zeros(2), budget=0).choice) == 0
    with pytest.raises(BudgetTooSmall, match="cheapest arms cost 3"):
        allocate(np.zeros((3, 2)), np.array([1.0, 2.0]), budget=2.5)
    exact = allocate(np.ones((3, 2)), np.array([0.1, 0.2]), budget=0.1 + 0.1 + 0.1)
    assert exact.choice.tolist() == [0, 0, 0]


@pytest.mark.parametrize("seed", range(15))
def test_side_constraints_hold_and_small_problems_are_exact(seed: int) -> None:
    random = np.random.default_rng(seed)
    value, cost = random.random((6, 3)), random.random((6, 3))
    value[:, 0] = cost[:, 0] = 0
    segment = np.array([True, True, True, False, False, False])
    sent = np.array([0.0, 1.0, 1.0])
    limits = [
        Limit(name="budget", use=cost, most=1.2),
        Limit(name="segment", use=sent, most=1, rows=segment),
    ]
    allowed = random.random((6, 3)) < 0.8
    allowed[:, 0] = True
    found = allocate_within(value, limits, allowed=allowed)
    each = np.arange(6)
    legal = [
        float(value[each, choice].sum())
        for choice in map(np.array, product(range(3), repeat=6))
        if allowed[each, choice].all()
        and cost[each, choice].sum() <= 1.2 + 1e-9
        and sent[choice][segment].sum() <= 1
    ]
    assert found.value == pytest.approx(max(legal))
    assert found.used["budget"] <= 1.2 + 1e-9
    assert allowed[each, found.choice].all()


def test_rounding_many_customers_keeps_every_limit() -> None:
    random = np.random.default_rng(3)
    value, cost = random.random((2000, 4)), random.random((2000, 4))
    value[:, 0] = cost[:, 0] = 0
    limits = [
        Limit(name="budget", use=cost, most=100.0),
        Limit(name="contacts", use=np.array([0.0, 1, 1, 1]), most=700),
    ]
    found = allocate_within(value, limits)
    assert found.used["budget"] <= 100 + 1e-6
    assert found.used["contacts"] <= 700
    assert found.gap < 1e-3
    one = allocate_within(value, limits[:1])
    assert one.value == pytest.approx(allocate(value, cost, budget=100.0).value, rel=1e-3)


def test_limits_that_cannot_be_kept_and_problems_too_large_are_refused() -> None:
    with pytest.raises(Infeasible):
        allocate_within(np.zeros((2, 2)), [Limit(name="none", use=np.ones(2), most=1)])
    with pytest.raises(ValueError, match="cells"):
        allocate_within(np.zeros((200_001, 2)), [])


def test_dose_curves_rise_flatten_and_are_never_below_zero() -> None:
    doses = np.array([2.0, 5.0, 10.0])
    true = np.array([[0.3], [0.1]]) * doses / (doses + 4.0)
    found = fit_dose_curves(doses, np.vstack([true, [[-0.1, -0.1, 0.0]]]))
    assert found.half == pytest.approx(4.0, rel=0.25)
    curves = found.predict(np.array([0.0, 1.0, 2.0, 4.0, 8.0, 16.0]))
    assert curves[:2, 0].tolist() == [0.0, 0.0]
    steps = np.diff(curves[:2], axis=1)
    assert (steps > 0).all()
    assert curves[2].tolist() == [0.0] * 6
    with pytest.raises(ValueError, match="doses"):
        fit_dose_curves(np.array([-1.0, 2.0]), np.zeros((1, 2)))


def test_exploration_follows_the_choice_but_leaves_every_arm_its_chance() -> None:
    choice = np.arange(30_000) % 3
    found = explore(choice, arms=3, floor=0.05, seed=1)
    assert found.propensity.sum(axis=1) == pytest.approx(np.ones(30_000))
    assert found.propensity.min() == pytest.approx(0.05)
    assert (found.arm == choice).mean() == pytest.approx(0.9, abs=0.01)
    assert explore(choice, arms=3, floor=0.0, seed=1).arm.tolist() == choice.tolist()
    with pytest.raises(ValueError, match="floor"):
        explore(choice, arms=3, floor=0.4, seed=1)
