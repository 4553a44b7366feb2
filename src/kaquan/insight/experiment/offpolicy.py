"""What another way of choosing arms would have brought, from customers whose chances are logged."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
from scipy.special import ndtri

from kaquan.insight.experiment.intervals import LEVEL

Vector: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
FEWEST_EFFECTIVE = 30
"""Below so many customers' worth of information no interval is given."""
_SEED = 1


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """Customers of an experiment, an entry each in every list.

    ``arm`` counts into the experiment's arms, ``chance`` is the logged probability of that arm,
    ``outcome`` the metric, ``before`` what was known of the customer beforehand (one number).
    """

    arm: Sequence[int]
    chance: Sequence[float]
    outcome: Sequence[float]
    before: Sequence[float]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate of the mean outcome, with its 95 % interval."""

    value: float
    low: float
    high: float


class PolicyValue(msgspec.Struct, frozen=True, kw_only=True):
    """A way of choosing, valued three ways; ``effective_n`` is Kish's effective sample size.

    ``ips`` weighs by inverse chances, ``snips`` makes the weights sum to one, ``doubly_robust`` adds
    a regression on the time before, and is the one to go by. All are None below
    `FEWEST_EFFECTIVE`: too few of the customers were treated as the policy would.
    """

    policy: str
    effective_n: float
    ips: Value | None
    snips: Value | None
    doubly_robust: Value | None


class _Columns(msgspec.Struct, frozen=True, kw_only=True):
    arm: Any
    chance: Vector
    outcome: Vector
    expected: Vector


def value_policies(
    logged: Logged, policies: Mapping[str, Sequence[float]]
) -> tuple[PolicyValue, ...]:
    """Value policies, each given as the chance of every arm.

    IPS: Horvitz, Thompson (1952). SNIPS: Swaminathan, Joachims (2015), The self-normalized
    estimator for counterfactual learning, NIPS, with the linearised variance of Hájek's ratio.
    Doubly robust: Dudík, Langford, Li (2011), Doubly robust policy evaluation and learning, ICML;
    the model of an arm's outcome is a straight line in ``before``, fitted in two halves and used on
    the other (Chernozhukov et al. 2018), and the variance that of the summands. Chances were logged
    as they were when the customer came, so the summands are a martingale's differences even where
    an adaptive experiment moved them.
    """
    arm = np.asarray(logged.arm, dtype=np.intp)
    outcome = np.asarray(logged.outcome, dtype=np.float64)
    before = np.asarray(logged.before, dtype=np.float64)
    arms = max((len(one) for one in policies.values()), default=0)
    columns = _Columns(
        arm=arm,
        chance=np.asarray(logged.chance, dtype=np.float64),
        outcome=outcome,
        expected=_expect(arm, outcome, before, arms=arms),
    )
    return tuple(
        _value(name, np.asarray(chances, dtype=np.float64), columns)
        for name, chances in policies.items()
    )


def _value(name: str, chances: Vector, seen: _Columns) -> PolicyValue:
    weight = chances[seen.arm] / seen.chance
    total = float(weight.sum())
    effective = total**2 / float((weight**2).sum()) if total > 0 else 0.0
    if effective < FEWEST_EFFECTIVE:
        return PolicyValue(
            policy=name, effective_n=effective, ips=None, snips=None, doubly_robust=None
        )
    mean = float((weight * seen.outcome).sum()) / total
    own = seen.expected[np.arange(len(seen.arm)), seen.arm]
    return PolicyValue(
        policy=name,
        effective_n=effective,
        ips=_mean(weight * seen.outcome),
        snips=_around(mean, weight * (seen.outcome - mean) * len(seen.arm) / total),
        doubly_robust=_mean(seen.expected @ chances + weight * (seen.outcome - own)),
    )


def _mean(summands: Vector) -> Value:
    mean = float(summands.mean())
    return _around(mean, summands - mean)


def _around(value: float, deviations: Vector) -> Value:
    n = len(deviations)
    half = float(ndtri((1 + LEVEL) / 2)) * float((deviations**2).sum() / n / (n - 1)) ** 0.5
    return Value(value=value, low=value - half, high=value + half)


def _expect(arm: Any, outcome: Vector, before: Vector, *, arms: int) -> Vector:
    """Each customer's expected outcome under every arm, by a line fitted to the other half."""
    expected = np.zeros((len(outcome), arms))
    half = np.random.default_rng(_SEED).permutation(len(outcome)) % 2
    for side in (0, 1):
        for number in range(arms):
            seen = (half != side) & (arm == number)
            slope, level = _line(before[seen], outcome[seen])
            here = half == side
            expected[here, number] = level + slope * before[here]
    return expected


def _line(before: Vector, outcome: Vector) -> tuple[float, float]:
    if not len(outcome):
        return 0.0, 0.0
    centre, level = float(before.mean()), float(outcome.mean())
    spread = float(((before - centre) ** 2).sum())
    if spread <= 0:
        return 0.0, level
    slope = float(((before - centre) * (outcome - level)).sum()) / spread
    return slope, level - slope * centre
