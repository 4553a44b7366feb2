"""What is asked of `evaluate_policy`, and its answer."""

from typing import Literal, TypeAlias

import msgspec

from kaquan.insight.allocation import CostOn, Interval
from kaquan.insight.uplift import Flags, Floats

CLOSED_BY = "\x1f"
"""Parts the names of closed arms in a column."""
Status: TypeAlias = Literal["certified", "uniform", "cannot_say"]


class SumLimit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit on a sum beside the budget: ``most`` a row that counts.

    Counted are rows given one of ``arms``, or what rows are expected to cost when None. ``members``
    names a column of the training file that is not empty for the rows that count, all when None.
    """

    name: str
    most: float
    arms: frozenset[str] | None = None
    members: str | None = None


class PolicyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the columns mean and what is at stake.

    ``value`` is the worth of one unit of outcome, ``costs`` that of each arm, ``budget`` the most
    that all rows of the test file together may cost, in the same money. ``propensity`` names a
    column with the chance that the row had of the arm it got, ``paid`` one with what the row cost
    (costs are then the most that an arm can cost), ``customer`` one that numbers the persons,
    ``closed`` one of both files with the arms that the row may not get, parted by `CLOSED_BY`;
    ``repeats`` is how many times rows are dealt into folds. ``steps`` asks for that many budgets
    to be measured between the cheapest policy and the dearest (`PolicyResult.frontier`).
    ``floor`` is the chance that every open arm will keep, ``limits`` those beside the budget: what
    is certified is the policy as it will be carried out.
    """

    arm: str
    control: str
    outcome: str
    value: float
    costs: dict[str, float]
    cost_on: CostOn = CostOn.SEND
    budget: float | None = None
    ignore: tuple[str, ...] = ()
    propensity: str | None = None
    paid: str | None = None
    customer: str | None = None
    closed: str | None = None
    seed: int = 1
    repeats: int = 3
    steps: int = 0
    floor: float = 0.0
    limits: tuple[SumLimit, ...] = ()


class ArmFigures(msgspec.Struct, frozen=True, kw_only=True):
    """An arm in the training file; money per customer if everybody got it.

    ``value`` is net of the cost and None where too few rows had the arm.
    """

    arm: str
    rows: int
    mean_outcome: float | None
    cost: float
    value: Interval | None
    spend: float | None
    affordable: bool | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A personalised policy beside the best uniform one, measured on some rows; per customer."""

    rows: int
    personalised_value: Interval
    best_uniform_value: Interval
    difference: Interval | None
    written_value: Interval


class PolicyEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer; money is per customer and net of cost unless a name says otherwise.

    ``policy`` describes the arms written for the test file: ``policy_value`` is theirs, and
    ``difference`` is the learnt personalised policy less the best uniform one, whichever was
    written. ``basis`` says on which rows these were measured; ``certified`` is always decided on
    the training file alone, whose figures are in ``train``.
    ``why_zh`` is ``why`` in Chinese. None stands for what cannot be said.
    """

    status: Status
    certified: bool
    reason: str
    why: str
    why_zh: str
    policy: dict[str, float]
    policy_value: float | None
    policy_low: float | None
    policy_high: float | None
    policy_cost_total: float | None
    best_uniform_arm: str | None
    best_uniform: dict[str, float] | None
    best_uniform_value: float | None
    best_uniform_low: float | None
    best_uniform_high: float | None
    personalised: dict[str, float] | None
    personalised_value: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    basis: Literal["train_folds", "test"] | None
    train: Compared | None
    test: Compared | None
    rows_needed: int | None
    budget: float | None
    budget_per_customer: float | None
    budget_shadow_price: float | None
    arms: list[ArmFigures]
    features: list[str]
    left_out: dict[str, str]
    statements: list[str]
    train_rows: int
    test_rows: int
    seed: int


class Predicted(msgspec.Struct, frozen=True, kw_only=True):
    """What each arm is expected to bring (net of its cost) and to cost, test rows × ``arms``.

    ``allowed`` are the arms open to each row, ``steady`` that customers do not differ.
    """

    arms: list[str]
    net: Floats
    cost: Floats
    allowed: Flags | None = None
    steady: bool = False


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Both policies within a budget, on the training folds; per customer, gains beside the control.

    ``budget`` and ``spend`` are per customer, ``uniform_spend`` is the best uniform policy's.
    """

    budget: float
    spend: float
    gain: Interval
    uniform_spend: float
    uniform_gain: Interval


class PolicyResult(msgspec.Struct, frozen=True, kw_only=True):
    """The evaluation, the arm of each row of the test file, and its columns that tell rows apart.

    ``predicted`` is None when nothing can be said of any policy; ``frontier`` is what was measured
    by budget, where that was asked for.
    """

    evaluation: PolicyEvaluation
    chosen: list[str]
    identifiers: list[str]
    predicted: Predicted | None = None
    frontier: tuple[Measured, ...] = ()
