"""Runs the tables of docs/algorithms/certificate.md."""

import numpy as np
import pytest

from insight.pages import Row, number, numbers, rows_of
from kaquan.insight.allocation import Reason, bounds_over_time, estimate, list_uniform

BUDGETS = rows_of("certificate.md", "budget")
INTERVALS = rows_of("certificate.md", "contributions")
BOUNDS = rows_of("certificate.md", "customers")
REASONS = rows_of("certificate.md", "reason")


def test_the_page_has_its_tables() -> None:
    assert (len(BUDGETS), len(INTERVALS), len(BOUNDS)) == (6, 3, 4)
    named = [row["reason"].strip("`") for row in REASONS]
    assert [*named, "better"] == [reason.value for reason in Reason]


@pytest.mark.parametrize("row", BUDGETS, ids=lambda row: row["budget"])
def test_a_uniform_policy_of_the_page(row: Row) -> None:
    budget = None if row["budget"] == "none" else number(row["budget"])
    best = list_uniform(np.array([1, 1.6, 1.4]), np.array([0, 2.0, 0.5]), budget=budget)[0]
    assert best.shares == pytest.approx(numbers(row["best shares"]), abs=6e-6)
    expected = (number(row["value"]), number(row["spend"]))
    assert (best.value, best.spend) == pytest.approx(expected, abs=6e-6)


@pytest.mark.parametrize("row", INTERVALS, ids=lambda row: row["contributions"] + row["person"])
def test_an_interval_of_the_page(row: Row) -> None:
    person = np.array(numbers(row["person"])).astype(np.int64) if row["person"] else None
    found = estimate(np.array(numbers(row["contributions"])), customer=person)
    expected = [number(row[name]) for name in ("mean", "low", "high")]
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=6e-6)


@pytest.mark.parametrize("row", BOUNDS, ids=lambda row: row["customers"])
def test_a_bound_of_the_page(row: Row) -> None:
    count = int(row["customers"])
    low, high = bounds_over_time(np.resize([0.0, 1.0], count), alpha=0.025)
    assert (low[-1], high[-1]) == pytest.approx((number(row["low"]), number(row["high"])), abs=6e-6)
