"""Who gets which arm when there are more limits than one budget: a linear programme, by HiGHS."""

from typing import Any

import msgspec
import numpy as np
from scipy import optimize
from scipy.sparse import csr_matrix

from kaquan.insight.uplift import Flags, Floats, Ints

_OPTIMIZE: Any = optimize
MOST_CELLS = 400_000
"""Rows times arms that are solved; beyond, split the customers and share the limits out."""
_EXACT_CELLS = 400
_PART_CELLS = 24_000
_TOLERANCE = 1e-9


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """``sum(use of the chosen arms over the rows) <= most``.

    ``use`` is rows × arms or one row for all customers: costs for a budget, ones for a number of
    contacts; ``rows`` are those that count, all when None: a segment's cap.
    """

    name: str
    use: Floats
    most: float
    rows: Flags | None = None

    def matrix(self, shape: tuple[int, int]) -> Floats:
        """What each cell uses of the limit, rows × arms."""
        use = np.broadcast_to(np.asarray(self.use, dtype=np.float64), shape)
        return use if self.rows is None else np.where(self.rows[:, None], use, 0.0)


class LimitedAllocation(msgspec.Struct, frozen=True, kw_only=True):
    """One arm for each customer; what each limit used, and what another unit of it would bring.

    ``gap`` is how far the value may be below the best possible, as a share of it.
    """

    choice: Ints
    value: float
    gap: float
    used: dict[str, float]
    shadow_prices: dict[str, float]


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    value: Floats
    uses: Floats
    most: Floats
    allowed: Flags

    def matrix(self) -> Any:
        """The limits' left-hand sides, limits × cells."""
        return csr_matrix(self.uses.reshape(len(self.most), -1))


class Infeasible(ValueError):
    """No choice of arms keeps all limits."""


def allocate_within(
    value: Floats, limits: list[Limit], *, allowed: Flags | None = None
) -> LimitedAllocation:
    """Choose an arm for each row within all limits, of the largest total value.

    ``allowed`` (rows × arms) forbids arms to customers, such as those who may not be contacted.
    The linear relaxation has at most as many undecided rows as there are limits (Sinha & Zoltners
    1979); these are settled by trying their arms, best first, or exactly when the problem is small.
    Raises Infeasible, and ValueError when rows × arms exceed `MOST_CELLS`.
    """
    rows, arms = value.shape
    if rows * arms > MOST_CELLS:
        message = f"{rows} customers × {arms} arms are more than {MOST_CELLS} cells"
        raise ValueError(message)
    if rows == 0:
        zeros = {limit.name: 0.0 for limit in limits}
        return LimitedAllocation(
            choice=np.zeros(0, dtype=np.int64), value=0, gap=0, used=zeros, shadow_prices=zeros
        )
    uses = np.array([limit.matrix(value.shape) for limit in limits]).reshape(-1, rows, arms)
    most = np.array([limit.most for limit in limits], dtype=np.float64)
    open_arms = np.ones(value.shape, dtype=np.bool_) if allowed is None else allowed
    problem = _Problem(value=value, uses=uses, most=most, allowed=open_arms)
    share, prices, bound = _relax(problem)
    choice = _round(problem, share)
    if choice is None or rows * arms <= _EXACT_CELLS:
        choice = _solve_exactly(problem)
    each = np.arange(int(rows))
    total = float(value[each, choice].sum())
    return LimitedAllocation(
        choice=choice,
        value=total,
        gap=max(bound - total, 0.0) / max(abs(bound), abs(total), 1e-300),
        used={
            limit.name: float(use[each, choice].sum())
            for limit, use in zip(limits, uses, strict=True)
        },
        shadow_prices={
            limit.name: price for limit, price in zip(limits, prices.tolist(), strict=True)
        },
    )


def allocate_in_parts(
    value: Floats, limits: list[Limit], *, allowed: Flags | None = None, seed: int
) -> LimitedAllocation:
    """As `allocate_within`, for any number of rows: dealt at random into parts that are solved one
    by one, each with its share of every limit.

    A limit's part is what its rows use at least, and of what remains the share of its rows that
    count. ``gap`` is by the dual bound of the whole at the parts' average prices, and so holds for
    this very result. Raises Infeasible.
    """
    rows, arms = value.shape
    if rows * arms <= _PART_CELLS:
        return allocate_within(value, limits, allowed=allowed)
    parts = np.array_split(
        np.random.default_rng(seed).permutation(rows), -(-rows * arms // _PART_CELLS)
    )
    open_arms = np.ones(value.shape, dtype=np.bool_) if allowed is None else allowed
    uses = [limit.matrix(value.shape) for limit in limits]
    least = [np.where(open_arms, use, np.inf).min(axis=1) for use in uses]
    choice = np.zeros(rows, dtype=np.int64)
    prices = np.zeros(len(limits))
    for part in parts:
        shares = [
            _share_out(limit, part, use=use[part], least=low)
            for limit, use, low in zip(limits, uses, least, strict=True)
        ]
        found = allocate_within(value[part], shares, allowed=open_arms[part])
        choice[part] = found.choice
        prices += np.array(list(found.shadow_prices.values())) / len(parts)
    each = np.arange(int(rows))
    total = float(value[each, choice].sum())
    priced = value - sum(price * use for price, use in zip(prices, uses, strict=True))
    bound = float(np.where(open_arms, priced, -np.inf).max(axis=1).sum())
    bound += sum(price * limit.most for price, limit in zip(prices.tolist(), limits, strict=True))
    return LimitedAllocation(
        choice=choice,
        value=total,
        gap=max(bound - total, 0.0) / max(abs(bound), abs(total), 1e-300),
        used={
            limit.name: float(use[each, choice].sum())
            for limit, use in zip(limits, uses, strict=True)
        },
        shadow_prices={
            limit.name: price for limit, price in zip(limits, prices.tolist(), strict=True)
        },
    )


def _share_out(limit: Limit, part: Ints, *, use: Floats, least: Floats) -> Limit:
    counting = np.ones(len(least), dtype=np.bool_) if limit.rows is None else limit.rows
    share = float(counting[part].sum()) / max(float(counting.sum()), 1.0)
    most = float(least[part].sum()) + share * (limit.most - float(least.sum()))
    return Limit(name=limit.name, use=use, most=most)


def _relax(problem: _Problem) -> tuple[Floats, Floats, float]:
    """Solve the relaxation: shares of each arm, a price for each limit, the best value."""
    value, most, allowed = problem.value, problem.most, problem.allowed
    rows, arms = value.shape
    found: Any = _OPTIMIZE.linprog(
        -value.ravel(),
        A_ub=problem.matrix() if len(most) else None,
        b_ub=most if len(most) else None,
        A_eq=_one_arm_each(rows, arms),
        b_eq=np.ones(rows),
        bounds=np.column_stack([np.zeros(rows * arms), allowed.ravel().astype(np.float64)]),
        method="highs",
    )
    if not found.success:
        raise Infeasible(str(found.message))
    prices = -np.asarray(found.ineqlin.marginals) if len(most) else np.zeros(0)
    return np.asarray(found.x).reshape(rows, arms), np.maximum(prices, 0.0), -float(found.fun)


def _round(problem: _Problem, share: Floats) -> Ints | None:
    """Settle the rows that the relaxation left between arms; None when that finds no way."""
    value, uses, most = problem.value, problem.uses, problem.most
    allowed = problem.allowed
    choice = share.argmax(axis=1)
    undecided = np.flatnonzero(share.max(axis=1) < 1 - 1e-7)
    rows = np.arange(len(choice))
    decided = np.ones(len(choice), dtype=np.bool_)
    decided[undecided] = False
    left = most - uses[:, rows[decided], choice[decided]].sum(axis=1)
    # What each undecided row cannot go below keeps its place free until its turn.
    thriftiest = np.where(allowed[undecided], uses[:, undecided].sum(axis=0), np.inf).argmin(axis=1)
    left = left - uses[:, undecided, thriftiest].sum(axis=1)
    slack = _TOLERANCE * np.maximum(np.abs(most), 1.0)
    for row, thrifty in zip(undecided.tolist(), thriftiest.tolist(), strict=True):
        left = left + uses[:, row, thrifty]
        for arm in np.argsort(-value[row], kind="stable").tolist():
            if allowed[row, arm] and (uses[:, row, arm] <= left + slack).all():
                choice[row] = arm
                left = left - uses[:, row, arm]
                break
        else:
            return None
    return choice


def _solve_exactly(problem: _Problem) -> Ints:
    value, most, allowed = problem.value, problem.most, problem.allowed
    rows, arms = value.shape
    constraints: list[Any] = [_OPTIMIZE.LinearConstraint(_one_arm_each(rows, arms), 1, 1)]
    if len(most):
        constraints.append(_OPTIMIZE.LinearConstraint(problem.matrix(), -np.inf, most))
    found: Any = _OPTIMIZE.milp(
        -value.ravel(),
        constraints=constraints,
        integrality=np.ones(rows * arms),
        bounds=_OPTIMIZE.Bounds(0, allowed.ravel().astype(np.float64)),
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        raise Infeasible(str(found.message))
    return np.asarray(found.x).reshape(rows, arms).argmax(axis=1)


def _one_arm_each(rows: int, arms: int) -> Any:
    cells = rows * arms
    return csr_matrix(
        (np.ones(cells), (np.repeat(np.arange(rows), arms), np.arange(cells))), shape=(rows, cells)
    )
