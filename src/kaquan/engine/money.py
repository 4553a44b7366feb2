"""Exact integer arithmetic on minor units: rates and allocation."""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, TypeAlias

import msgspec

MAX_MINOR = 2**53 - 1
"""Largest amount accepted: every integer up to here survives a trip through JSON."""

FULL_RATE_BPS = 10_000

PositiveMinor: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_MINOR)]
RateBps: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=FULL_RATE_BPS)]


class Rounding(StrEnum):
    """What becomes of a fraction of a minor unit: the project says it, for every rate alike."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    DOWN = "down"


def divide_half_even(numerator: int, denominator: int) -> int:
    """Quotient of two non-negative integers, halves to the even neighbour (IEEE 754 §4.3.1)."""
    quotient, rest = divmod(numerator, denominator)
    doubled = 2 * rest
    if doubled > denominator or (doubled == denominator and quotient % 2 == 1):
        return quotient + 1
    return quotient


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """Quotient of two non-negative integers, rounded as it is said."""
    if rounding is Rounding.HALF_EVEN:
        return divide_half_even(numerator, denominator)
    if rounding is Rounding.HALF_UP:
        return (2 * numerator + denominator) // (2 * denominator)
    return numerator // denominator


def take_rate(amount_minor: int, rate_bps: int, rounding: Rounding = Rounding.HALF_EVEN) -> int:
    """Share of an amount in minor units, rounded once; 10,000 bps gives all of it."""
    return divide(amount_minor * rate_bps, FULL_RATE_BPS, rounding)


def round_exact(number: Fraction, rounding: Rounding) -> int:
    """A number in minor units, rounded as it is said; below zero is zero."""
    positive = max(number, Fraction(0))
    return divide(positive.numerator, positive.denominator, rounding)


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` in proportion to `weights` by largest remainder (Hamilton's method).

    Both are non-negative integers. The shares sum to `amount` exactly, each lies within one unit
    of its exact proportion, and a unit that two shares claim equally goes to the earlier one.
    When `amount` is at most the sum of the weights, no share exceeds its weight.
    Raises ValueError for a negative input, or when there is an amount and nothing to carry it.
    """
    if amount < 0 or min(weights, default=0) < 0:
        raise ValueError("amounts and weights cannot be negative")
    whole = sum(weights)
    if whole == 0:
        if amount:
            raise ValueError("an amount needs at least one weight above zero")
        return [0] * len(weights)
    shares: list[int] = []
    remainders: list[int] = []
    for weight in weights:
        share, remainder = divmod(amount * weight, whole)
        shares.append(share)
        remainders.append(remainder)
    missing = amount - sum(shares)
    if missing:
        # The sort is stable, so equal remainders stay in line order.
        by_remainder = sorted(range(len(shares)), key=remainders.__getitem__, reverse=True)
        for index in by_remainder[:missing]:
            shares[index] += 1
    return shares


def share_of_units(amount_minor: int, quantity: int, *, units: int) -> int:
    """What `units` of a line's `quantity` equal units are worth, rounded half up.

    As `allocate` to those units and to the others, of which the first comes earlier.
    """
    return (2 * amount_minor * units + quantity) // (2 * quantity)
