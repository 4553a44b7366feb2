"""An estimate with its interval, and p-values judged together."""

from collections.abc import Sequence

import msgspec
from scipy.special import stdtr, stdtrit

LEVEL = 0.95


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A value with its 95 % interval, standard error and two-sided p-value against zero."""

    value: float
    low: float
    high: float
    standard_error: float
    p: float


def student_interval(
    value: float, error: float, freedom: float, bounds: tuple[float, float] | None = None
) -> Interval:
    """Student's interval, or other ``bounds`` with Student's p-value."""
    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    low, high = bounds or (value - half, value + half)
    return Interval(
        value=value,
        low=low,
        high=high,
        standard_error=error,
        p=2 * float(stdtr(freedom, -abs(value) / error)),
    )


def holm(ps: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false alarm keeps within the level.

    Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6: the k-th smallest of m times m − k + 1, never falling.
    """
    adjusted, largest = [0.0] * len(ps), 0.0
    for k, place in enumerate(sorted(range(len(ps)), key=lambda i: ps[i])):
        largest = max(largest, min(1.0, (len(ps) - k) * ps[place]))
        adjusted[place] = largest
    return adjusted


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Adjust p-values so that at most the level's share of what is called a find is expected false.

    Benjamini, Hochberg (1995), Controlling the false discovery rate, Journal of the Royal
    Statistical Society B 57, 289–300: the k-th smallest of m times m / k, never rising from the end.
    """
    adjusted, smallest = [0.0] * len(ps), 1.0
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    for k in range(len(ps), 0, -1):
        place = order[k - 1]
        smallest = min(smallest, ps[place] * len(ps) / k)
        adjusted[place] = smallest
    return adjusted
