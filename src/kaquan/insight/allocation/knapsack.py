"""Who gets which arm within one budget: the multiple-choice knapsack, for millions of customers."""

from functools import reduce
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from kaquan.insight.uplift import Floats, Ints

_DOUBLINGS = 200
_BISECTIONS = 60
_FEW = 64
_ROUNDING = 1e-12


_Chosen: TypeAlias = tuple[NDArray[np.int8], Floats]
"""Each customer's arm and its cost."""


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """One arm for each customer.

    ``shadow_price`` is what another unit of budget would bring, 0 where money is left over.
    ``gap`` is how far the value may be below the best possible one, as a share of it: the dual
    bound less the value, so that it holds for this very result.
    """

    choice: Ints
    value: float
    cost: float
    shadow_price: float
    gap: float


class BudgetTooSmall(ValueError):
    """Even the cheapest arm for everybody costs more than the budget."""


def allocate(value: Floats, cost: Floats, *, budget: float | None) -> Allocation:
    """Choose an arm for each row so that total cost is within ``budget`` and total value largest.

    ``value`` and ``cost`` are customers × arms, or ``cost`` one row for all customers. Lagrangian
    bisection on the price of budget: Sinha & Zoltners, "The multiple-choice knapsack problem",
    Operations Research 27 (1979). A customer whose arm is the same at both ends of the price
    interval is settled and drops out, so all bisections together cost a few passes. What the last
    interval leaves open is upgraded in order of value per cost while the budget lasts.
    Raises BudgetTooSmall. Among equal arms the cheaper is taken.
    """
    rows, arms = value.shape
    if rows == 0:
        return Allocation(
            choice=np.zeros(0, dtype=np.int64), value=0.0, cost=0.0, shadow_price=0.0, gap=0.0
        )
    values = [np.ascontiguousarray(value[:, arm], dtype=np.float64) for arm in range(arms)]
    costs = [np.broadcast_to(cost, value.shape)[:, arm] for arm in range(arms)]
    costs = [np.ascontiguousarray(column, dtype=np.float64) for column in costs]
    free, free_cost = _best(values, costs, 0.0)
    # Ten times 0.1 is above 1 by a rounding error, and yet within a budget of 1.
    budget = None if budget is None else budget * (1 + _ROUNDING)
    if budget is None or free_cost.sum() <= budget:
        total = float(_taken(values, free).sum())
        return Allocation(
            choice=free.astype(np.int64),
            value=total,
            cost=float(free_cost.sum()),
            shadow_price=0.0,
            gap=0.0,
        )
    least = float(reduce(np.minimum, costs).sum())
    if least > budget:
        message = f"the cheapest arms cost {least:g}, the budget is {budget:g}"
        raise BudgetTooSmall(message)
    return _spend(values, costs, (free, free_cost), budget=budget)


def _spend(
    values: list[Floats], costs: list[Floats], free: _Chosen, *, budget: float
) -> Allocation:
    choice = np.empty_like(free[0])
    open_rows = np.arange(len(choice))
    _, low_cost = free
    price_low = 0.0
    price_high, (high_choice, high_cost) = _dear_enough(values, costs, budget)
    settled = 0.0
    here, there = values, costs
    for _ in range(_BISECTIONS):
        still = low_cost != high_cost
        choice[open_rows[~still]] = high_choice[~still]
        settled += float(high_cost[~still].sum())
        open_rows = open_rows[still]
        here = [column[still] for column in here]
        there = [column[still] for column in there]
        low_cost, high_cost, high_choice = low_cost[still], high_cost[still], high_choice[still]
        middle = (price_low + price_high) / 2
        if len(open_rows) <= _FEW or not price_low < middle < price_high:
            break
        middle_choice, middle_cost = _best(here, there, middle)
        if settled + float(middle_cost.sum()) <= budget:
            price_high, high_choice, high_cost = middle, middle_choice, middle_cost
        else:
            price_low, low_cost = middle, middle_cost
    choice[open_rows] = high_choice
    spent = settled + float(high_cost.sum())
    _upgrade(choice, open_rows, values=here, costs=there, left=budget - spent)
    price = _fair_price(here, there, low=price_low, high=price_high, left=budget - settled)
    return _weigh(values, costs, choice, budget=budget, price=price)


def _upgrade(
    choice: NDArray[np.int8],
    open_rows: Ints,
    *,
    values: list[Floats],
    costs: list[Floats],
    left: float,
) -> None:
    """Take the open customers' steps up while the budget lasts, the best value per cost first."""
    value, cost = np.array(values), np.array(costs)
    now = choice[open_rows].astype(np.int64)
    while len(open_rows):
        columns = np.arange(len(open_rows))
        more = cost - cost[now, columns]
        gain = value - value[now, columns]
        worth = np.where((more > 0) & (gain > 0), gain / np.where(more > 0, more, 1.0), 0.0)
        # A step that the budget cannot pay is no step; a smaller one may still fit.
        worth[more > left] = 0.0
        best = worth.max(axis=0)
        order = np.argsort(-best, kind="stable")
        order = order[best[order] > 0]
        if not len(order):
            break
        target = worth.argmax(axis=0)
        fits = np.cumsum(more[target[order], order]) <= left
        taken = order[: max(int(np.argmin(fits)) if not fits.all() else len(fits), 1)]
        left -= float(more[target[taken], taken].sum())
        now[taken] = target[taken]
    choice[open_rows] = now


def _fair_price(
    values: list[Floats], costs: list[Floats], *, low: float, high: float, left: float
) -> float:
    """The least price at which the open customers keep to what the settled ones left them."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        _, spent = _best(values, costs, middle)
        low, high = (low, middle) if spent.sum() <= left else (middle, high)
    return high


def _weigh(
    values: list[Floats],
    costs: list[Floats],
    choice: NDArray[np.int8],
    *,
    budget: float,
    price: float,
) -> Allocation:
    value = float(_taken(values, choice).sum())
    bound = float(_dual(values, costs, price)) + price * budget
    scale = max(abs(bound), abs(value), 1e-300)
    return Allocation(
        choice=choice.astype(np.int64),
        value=value,
        cost=float(_taken(costs, choice).sum()),
        shadow_price=price,
        gap=max(bound - value, 0.0) / scale,
    )


def _best(values: list[Floats], costs: list[Floats], price: float) -> _Chosen:
    """Return each customer's best arm when budget has a price, the cheaper of equals; its cost."""
    worth = values[0] - price * costs[0]
    arm = np.zeros(len(worth), dtype=np.int8)
    spent = costs[0].copy()
    for other in range(1, len(values)):
        rival = values[other] - price * costs[other]
        better = rival > worth
        tied = rival == worth
        if tied.any():
            better |= tied & (costs[other] < spent)
        np.copyto(worth, rival, where=better)
        np.copyto(spent, costs[other], where=better)
        np.copyto(arm, np.int8(other), where=better)
    return arm, spent


def _dual(values: list[Floats], costs: list[Floats], price: float) -> float:
    worth = values[0] - price * costs[0]
    for other in range(1, len(values)):
        np.maximum(worth, values[other] - price * costs[other], out=worth)
    return float(worth.sum())


def _dear_enough(values: list[Floats], costs: list[Floats], budget: float) -> tuple[float, _Chosen]:
    """A price at which demand is within the budget, and that demand."""
    spread = float(np.max([np.abs(column).max() for column in values]))
    price = max(spread / max(float(np.max(costs)), 1e-300), 1e-12)
    for _ in range(_DOUBLINGS):
        chosen = _best(values, costs, price)
        if chosen[1].sum() <= budget:
            return price, chosen
        price *= 4
    message = f"no price keeps the cost within {budget:g}"
    raise BudgetTooSmall(message)


def _taken(columns: list[Floats], choice: NDArray[np.int8]) -> Floats:
    taken = columns[0].copy()
    for arm in range(1, len(columns)):
        np.copyto(taken, columns[arm], where=choice == arm)
    return taken
