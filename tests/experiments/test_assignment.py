"""The rule of docs/algorithms/assignment.md: its table, its uniformity, its independence."""

from itertools import pairwise
from pathlib import Path

import pytest

from kaquan.experiments import Arm, Assignment, assign_arm
from kaquan.runtime import InvalidInput

PAGE = Path(__file__).parents[2] / "docs" / "algorithms" / "assignment.md"
SHARES_BPS = (1000, 3000, 5000)

CRITICAL = {1: 10.83, 19: 43.82}
"""Chi-square that chance exceeds once in a thousand, by degrees of freedom (NIST, 1.3.6.7.4)."""


def worked_examples() -> list[tuple[str, str, int, bool]]:
    """Campaign, customer, share, and whether the customer is held out of it."""
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `camp")]
    cells = [[cell.strip(" `") for cell in row.strip("|").split("|")] for row in rows]
    return [
        (row[0], row[1], share_bps, answer == "yes")
        for row in cells
        for share_bps, answer in zip(SHARES_BPS, row[4:], strict=True)
    ]


@pytest.mark.parametrize(("campaign", "customer", "holdout_bps", "held_out"), worked_examples())
def test_worked_example(campaign: str, customer: str, holdout_bps: int, held_out: bool) -> None:
    arm = assign_arm(campaign, customer, holdout_bps=holdout_bps).arm
    assert (arm is Arm.HOLDOUT) is held_out


def test_page_has_its_examples() -> None:
    assert len(worked_examples()) == 18


@pytest.mark.parametrize(
    ("holdout_bps", "expected"),
    [
        (0, Assignment(Arm.TREATMENT, 1.0)),
        (10_000, Assignment(Arm.HOLDOUT, 1.0)),
        (2317, Assignment(Arm.TREATMENT, 0.7683)),
        (2318, Assignment(Arm.HOLDOUT, 0.2318)),
    ],
)
def test_edges_and_propensity(holdout_bps: int, expected: Assignment) -> None:
    assert assign_arm("camp_spring", "cust_chen", holdout_bps=holdout_bps) == expected


@pytest.mark.parametrize("holdout_bps", [-1, 10_001])
def test_impossible_share(holdout_bps: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        assign_arm("camp_spring", "cust_ada", holdout_bps=holdout_bps)
    assert refusal.value.field == "holdout_bps"


def held_out(campaign: str, holdout_bps: int, customers: int) -> set[int]:
    return {
        number
        for number in range(customers)
        if assign_arm(campaign, f"cust_{number}", holdout_bps=holdout_bps).arm is Arm.HOLDOUT
    }


def test_places_are_uniform() -> None:
    customers = 10_000
    shares = range(500, 10_001, 500)
    sizes = [len(held_out("camp_uniform", share, customers)) for share in shares]
    bins = [after - before for before, after in pairwise([0, *sizes])]
    assert sum(bins) == customers
    expected = customers / len(bins)
    assert sum((size - expected) ** 2 / expected for size in bins) < CRITICAL[len(bins) - 1]


def test_raising_the_share_moves_nobody_back() -> None:
    small, large = (held_out("camp_grow", share, 2_000) for share in (700, 2_500))
    assert small < large


@pytest.mark.parametrize(
    ("first", "second", "independent"),
    [
        ("camp_a", "camp_b", True),
        ("camp_1", "camp_11", True),
        ("camp_a", "camp_a", False),
    ],
)
def test_campaigns_are_independent(first: str, second: str, independent: bool) -> None:
    customers = 10_000
    one, two = held_out(first, 3_000, customers), held_out(second, 3_000, customers)
    chi_square = 0.0
    for in_one in (True, False):
        for in_two in (True, False):
            found = sum(
                (number in one) is in_one and (number in two) is in_two
                for number in range(customers)
            )
            shares = [
                len(group) if inside else customers - len(group)
                for group, inside in ((one, in_one), (two, in_two))
            ]
            expected = shares[0] * shares[1] / customers
            chi_square += (found - expected) ** 2 / expected
    assert (chi_square < CRITICAL[1]) is independent
