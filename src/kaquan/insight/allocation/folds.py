"""The policy that each fold's rows would have got, by what the other folds taught, within limits."""

from collections.abc import Sequence

import msgspec
import numpy as np

from kaquan.insight.allocation.knapsack import BudgetTooSmall, allocate
from kaquan.insight.allocation.learn import Learnt
from kaquan.insight.allocation.limits import Limit, allocate_in_parts
from kaquan.insight.allocation.uniform import list_uniform
from kaquan.insight.uplift import Flags, Floats, Ints


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on a sum beside the budget, over a trial's rows.

    ``most`` is a row that counts; ``use`` rows × arms, expected costs when None; ``rows`` are those
    that count, all when None: a segment's cap.
    """

    name: str
    most: float
    use: Floats | None = None
    rows: Flags | None = None


def choose_by_fold(
    learnt: Learnt, *, budget: float | None, ceilings: Sequence[Ceiling] = ()
) -> Floats:
    """Return each row's chances of the arms under the policy learnt from the other folds.

    One arm each, except in a fold where customers were found not to differ: the best uniform
    policy of the other folds is used there. Limits are shared out by numbers of customers who
    count. Raises BudgetTooSmall; what exploring spends is spent whatever the limits.
    """
    probability = np.zeros(learnt.net.shape)
    for number, steady in enumerate(learnt.steady):
        rows = np.flatnonzero(learnt.fold == number)
        if ceilings:
            probability[rows, _choose_within(learnt, rows, budget=budget, ceilings=ceilings)] = 1.0
            continue
        least = float(learnt.predicted_cost[rows].min(axis=1).sum()) if learnt.floor else 0.0
        if steady:
            per_head = None if budget is None else max(budget, least / len(rows))
            uniform = list_uniform(*learnt.without[number], budget=per_head)
            if not uniform and not learnt.floor:
                message = f"no arm costs as little as {budget:g} a customer"
                raise BudgetTooSmall(message)
            shares = uniform[0].shares if uniform else np.eye(len(probability[0]))[0]
            probability[rows] = shares
            continue
        total = None if budget is None else max(budget * len(rows), least)
        chosen = allocate(learnt.predicted[rows], learnt.predicted_cost[rows], budget=total)
        probability[rows, chosen.choice] = 1.0
    return probability


def _choose_within(
    learnt: Learnt, rows: Ints, *, budget: float | None, ceilings: Sequence[Ceiling]
) -> Ints:
    """Choose for one fold within all limits; customers who do not differ count as the average."""
    number = int(learnt.fold[rows[0]])
    value, cost = learnt.predicted[rows], learnt.predicted_cost[rows]
    if learnt.steady[number]:
        value, cost = (np.broadcast_to(one, value.shape).copy() for one in learnt.without[number])
    limits = [] if budget is None else [Limit(name="budget", use=cost, most=budget * len(rows))]
    for ceiling in ceilings:
        counting = np.ones(len(rows), np.bool_) if ceiling.rows is None else ceiling.rows[rows]
        limits.append(
            Limit(
                name=ceiling.name,
                use=cost if ceiling.use is None else ceiling.use[rows],
                most=ceiling.most * int(counting.sum()),
                rows=counting,
            )
        )
    limits = [_at_least(limit, cost.shape) for limit in limits]
    return allocate_in_parts(value, limits, seed=number).choice


def _at_least(limit: Limit, shape: tuple[int, int]) -> Limit:
    """A limit below what its customers use whatever they get holds them to that."""
    least = float(limit.matrix(shape).min(axis=1).sum())
    if limit.most >= least:
        return limit
    return Limit(name=limit.name, use=limit.use, most=least * (1 + 1e-9) + 1e-9, rows=limit.rows)
