"""Welch's difference and the relative lift: published vectors, degenerate cases, coverage."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaquan.insight import (
    Because,
    CannotSay,
    Estimate,
    Sample,
    relative_lift,
    welch_difference,
)


def estimate(finding: Estimate | CannotSay) -> Estimate:
    assert isinstance(finding, Estimate)
    return finding


class Degenerate(NamedTuple):
    name: str
    treatment: list[int]
    holdout: list[int]
    because: Because


DEGENERATE = [
    Degenerate("no treated customer", [], [1, 2, 3], Because.EMPTY_TREATMENT),
    Degenerate("nobody held out", [1, 2, 3], [], Because.EMPTY_HOLDOUT),
    Degenerate("nobody at all", [], [], Because.EMPTY_TREATMENT),
    Degenerate("one held out", [1, 2, 3], [5], Because.TOO_FEW),
    Degenerate("one treated", [1], [5, 6], Because.TOO_FEW),
    Degenerate("nobody bought", [0, 0, 0], [0, 0], Because.NO_VARIANCE),
    Degenerate("no held-out customer bought", [0, 9, 4], [0, 0, 0], Because.NO_VARIANCE),
    Degenerate("all treated spent the same", [7, 7], [1, 2], Because.NO_VARIANCE),
]


@pytest.mark.parametrize("case", DEGENERATE, ids=lambda case: case.name)
def test_what_cannot_be_said_is_said(case: Degenerate) -> None:
    treatment, holdout = Sample.of(case.treatment), Sample.of(case.holdout)
    for finding in (welch_difference(treatment, holdout), relative_lift(treatment, holdout)):
        assert isinstance(finding, CannotSay)
        assert finding.because is case.because
        assert (finding.treatment_n, finding.holdout_n) == (treatment.n, holdout.n)


def test_no_percentage_of_a_baseline_that_may_be_zero() -> None:
    treatment, holdout = Sample.of([10, 20, 30, 40]), Sample.of([0, 0, 0, 9])
    assert isinstance(welch_difference(treatment, holdout), Estimate)
    finding = relative_lift(treatment, holdout)
    assert isinstance(finding, CannotSay)
    assert finding.because is Because.BASELINE_NEAR_ZERO


values = st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=30)


@given(values, values)
def test_samples_of_disjoint_groups_add_up(left: list[int], right: list[int]) -> None:
    assert Sample.of(left) + Sample.of(right) == Sample.of(left + right)


@given(values)
def test_the_variance_is_the_textbook_one(numbers: list[int]) -> None:
    variance = float(np.var(np.array(numbers, dtype=float), ddof=1))
    assert Sample.of(numbers).variance == pytest.approx(variance, rel=1e-9, abs=1e-3)


def test_sums_of_large_equal_amounts_leave_no_variance() -> None:
    """In floats the difference of the squares would be noise."""
    amounts = [9_007_199_254_740_991] * 3
    finding = welch_difference(Sample.of(amounts), Sample.of([1, 2]))
    assert isinstance(finding, CannotSay)
    assert finding.because is Because.NO_VARIANCE


@given(values, values)
def test_exchanging_the_arms_mirrors_the_difference(left: list[int], right: list[int]) -> None:
    forth = welch_difference(Sample.of(left), Sample.of(right))
    back = welch_difference(Sample.of(right), Sample.of(left))
    if isinstance(forth, CannotSay) or isinstance(back, CannotSay):
        assert type(forth) is type(back)
        return
    assert (forth.value, forth.low, forth.high) == pytest.approx(
        (-back.value, -back.high, -back.low)
    )
    assert forth.p == pytest.approx(back.p)


def test_a_scaled_estimate_keeps_its_order_and_certainty() -> None:
    found = estimate(welch_difference(Sample.of([6, 8, 10, 12]), Sample.of([1, 3, 5])))
    mirrored = found.scaled(-2)
    assert (mirrored.low, mirrored.value, mirrored.high) == (-2 * found.high, -12, -2 * found.low)
    assert mirrored.p == found.p


def test_intervals_of_experiments_without_effect_cover_zero_as_often_as_promised() -> None:
    """A/A: 2,000 experiments on skewed spending (most customers buy nothing), arms 9 to 1."""
    draw = np.random.default_rng(20260301)
    runs = 2000
    covered = 0
    for _ in range(runs):
        spend = draw.binomial(1, 0.4, 3000) * draw.lognormal(8, 0.8, 3000).round()
        amounts = [int(amount) for amount in spend]
        found = estimate(welch_difference(Sample.of(amounts[:2700]), Sample.of(amounts[2700:])))
        covered += found.covers_zero
    # Four standard errors of a share of 95 % over 2,000 runs are 1.9 points.
    assert covered / runs == pytest.approx(0.95, abs=0.02)
