"""Runs the tables of docs/algorithms/allocation.md."""

import numpy as np
import pytest

from insight.pages import Row, number, numbers, rows_of
from kaquan.insight.allocation import Limit, allocate, allocate_within, concave_fit

BUDGETS = rows_of("allocation.md", "budget")
CURVES = rows_of("allocation.md", "doses")
VALUES = np.array([[0, 4, 6], [0, 3, 7], [0, 5, 5.5], [0, 1, 2.0]])
COSTS = np.array([0, 1, 2.0])


def test_the_page_has_its_tables() -> None:
    assert (len(BUDGETS), len(CURVES)) == (8, 2)


@pytest.mark.parametrize("row", BUDGETS, ids=lambda row: row["budget"])
def test_a_budget_of_the_page(row: Row) -> None:
    found = allocate(VALUES, COSTS, budget=number(row["budget"]))
    assert found.choice.tolist() == numbers(row["arms"])
    figures = (found.value, found.cost, found.shadow_price, found.gap)
    expected = [number(row[name]) for name in ("value", "cost", "shadow price", "gap")]
    assert figures == pytest.approx(expected, abs=1e-9)


def test_the_limits_of_the_page() -> None:
    found = allocate_within(
        VALUES,
        [
            Limit(name="contacts", use=np.array([0.0, 1.0, 1.0]), most=3),
            Limit(name="budget", use=COSTS, most=5),
        ],
    )
    assert (found.choice.tolist(), found.value) == ([2, 2, 1, 0], 18)
    assert found.shadow_prices == pytest.approx({"contacts": 2, "budget": 2})


@pytest.mark.parametrize("row", CURVES, ids=lambda row: row["effects"])
def test_a_curve_of_the_page(row: Row) -> None:
    doses, effects, weights = (np.array(numbers(row[n])) for n in ("doses", "effects", "weights"))
    expected = numbers(row["nearest concave curve"])
    assert concave_fit(doses, effects, weights) == pytest.approx(expected, abs=6e-6)
