"""Statistics on sufficient statistics: counts, sums and sums of squares in, one typed result out.

Where a figure cannot be had (an empty arm, no variance), the result is a `CannotSay` with its
cause, never a number that looks fine. The formulas and their sources are in
docs/algorithms/lift.md.
"""

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias

import msgspec
from scipy.special import stdtr, stdtrit

LEVEL = 0.95
"""Coverage of the intervals."""


class Sample(msgspec.Struct, frozen=True):
    """What is needed to know of ``n`` values: their sum and their sum of squares.

    Samples of disjoint groups add up with ``+``. With integers every figure up to the variance
    is exact; floats are accepted too.
    """

    n: int = 0
    total: int | float = 0
    total_sq: int | float = 0

    @classmethod
    def of(cls, values: Iterable[int | float]) -> "Sample":
        """Summarise single values."""
        n, total, total_sq = 0, 0, 0
        for value in values:
            n, total, total_sq = n + 1, total + value, total_sq + value * value
        return cls(n, total, total_sq)

    def __add__(self, other: "Sample") -> "Sample":
        return Sample(self.n + other.n, self.total + other.total, self.total_sq + other.total_sq)

    @property
    def mean(self) -> float:
        """The mean; needs one value at least."""
        return self.total / self.n

    @property
    def variance(self) -> float:
        """The unbiased sample variance; needs two values at least."""
        spread = self.n * self.total_sq - self.total * self.total
        return max(spread, 0) / (self.n * (self.n - 1))

    @property
    def mean_variance(self) -> float:
        """The squared standard error of the mean; needs two values at least."""
        return self.variance / self.n


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A value with its 95 % interval, standard error and two-sided p-value against zero."""

    value: float
    low: float
    high: float
    standard_error: float
    p: float
    degrees_of_freedom: float

    @property
    def covers_zero(self) -> bool:
        """True when the interval contains zero, so that the sign is not known."""
        return self.low <= 0 <= self.high

    def scaled(self, factor: float) -> "Estimate":
        """The same estimate in another unit, such as for ``factor`` customers at once."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Estimate(
            value=self.value * factor,
            low=low,
            high=high,
            standard_error=self.standard_error * abs(factor),
            p=self.p,
            degrees_of_freedom=self.degrees_of_freedom,
        )


class Because(StrEnum):
    """Why there is no estimate."""

    EMPTY_TREATMENT = "empty_treatment"
    EMPTY_HOLDOUT = "empty_holdout"
    TOO_FEW = "too_few"
    NO_VARIANCE = "no_variance"
    BASELINE_NEAR_ZERO = "baseline_near_zero"


class CannotSay(msgspec.Struct, frozen=True, kw_only=True):
    """No estimate can be given, and why."""

    because: Because
    treatment_n: int
    holdout_n: int


Finding: TypeAlias = Estimate | CannotSay


def welch_difference(treatment: Sample, holdout: Sample) -> Finding:
    """Estimate mean(treatment) − mean(holdout), without assuming equal variances.

    Welch, B. L. (1947), "The generalization of 'Student's' problem when several different
    population variances are involved", Biometrika 34, 28–35.
    """
    obstacle = _find_obstacle(treatment, holdout)
    if obstacle is not None:
        return obstacle
    return _estimate(
        treatment.mean - holdout.mean,
        variance=treatment.mean_variance + holdout.mean_variance,
        degrees_of_freedom=_welch_degrees(treatment, holdout),
    )


def relative_lift(treatment: Sample, holdout: Sample) -> Finding:
    """Estimate mean(treatment) ÷ mean(holdout) − 1 by the delta method.

    The variance is the first-order one of a ratio of two independent means (van der Vaart,
    "Asymptotic Statistics", 1998, chapter 3), the degrees of freedom are Welch's. Says
    ``BASELINE_NEAR_ZERO`` where the holdout's mean is not itself clearly away from zero: there
    Fieller's exact set (1954) is unbounded, and no interval around the ratio means anything.
    """
    obstacle = _find_obstacle(treatment, holdout)
    if obstacle is not None:
        return obstacle
    degrees = _welch_degrees(treatment, holdout)
    base = holdout.mean
    if base * base <= _quantile(degrees) ** 2 * holdout.mean_variance:
        return _cannot_say(Because.BASELINE_NEAR_ZERO, treatment, holdout)
    ratio = treatment.mean / base
    return _estimate(
        ratio - 1,
        variance=(treatment.mean_variance + ratio * ratio * holdout.mean_variance) / base**2,
        degrees_of_freedom=degrees,
    )


def _find_obstacle(treatment: Sample, holdout: Sample) -> CannotSay | None:
    if treatment.n == 0:
        return _cannot_say(Because.EMPTY_TREATMENT, treatment, holdout)
    if holdout.n == 0:
        return _cannot_say(Because.EMPTY_HOLDOUT, treatment, holdout)
    if min(treatment.n, holdout.n) < 2:
        return _cannot_say(Because.TOO_FEW, treatment, holdout)
    if treatment.variance == 0 or holdout.variance == 0:
        return _cannot_say(Because.NO_VARIANCE, treatment, holdout)
    return None


def _cannot_say(because: Because, treatment: Sample, holdout: Sample) -> CannotSay:
    return CannotSay(because=because, treatment_n=treatment.n, holdout_n=holdout.n)


def _welch_degrees(treatment: Sample, holdout: Sample) -> float:
    """The Welch–Satterthwaite degrees of freedom."""
    of_treatment, of_holdout = treatment.mean_variance, holdout.mean_variance
    return (of_treatment + of_holdout) ** 2 / (
        of_treatment**2 / (treatment.n - 1) + of_holdout**2 / (holdout.n - 1)
    )


def _estimate(value: float, *, variance: float, degrees_of_freedom: float) -> Estimate:
    error = math.sqrt(variance)
    half = _quantile(degrees_of_freedom) * error
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        standard_error=error,
        p=2 * float(stdtr(degrees_of_freedom, -abs(value) / error)),
        degrees_of_freedom=degrees_of_freedom,
    )


def _quantile(degrees_of_freedom: float) -> float:
    """Student's t below which the upper half of the interval ends."""
    return float(stdtrit(degrees_of_freedom, (1 + LEVEL) / 2))
