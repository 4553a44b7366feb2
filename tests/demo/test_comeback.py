"""The measure of the new campaign's coupons: the rule that its description states."""

from typing import NamedTuple

import pytest

from kaquan.cli.demo.comeback import Measure, measure_coupon
from kaquan.engine import parse_offer


class Case(NamedTuple):
    usual_minor: int
    spend_minor: int
    off_minor: int
    why: str


@pytest.mark.parametrize(
    "case",
    [
        Case(4_000, 5_000, 700, "a quarter more is a step of $5; 15 % is $7.50"),
        Case(4_001, 5_500, 800, "a cent more is the next step; 15 % is $8.25"),
        Case(0, 2_000, 300, "never below $20"),
        Case(1_600, 2_000, 300, "just the least"),
        Case(16_000, 20_000, 3_000, "just the most"),
        Case(90_000, 20_000, 3_000, "never above $200"),
    ],
    ids=lambda case: case.why,
)
def test_measure(case: Case) -> None:
    measure = measure_coupon(case.usual_minor)
    assert measure == Measure(case.spend_minor, case.off_minor)
    assert parse_offer({"id": "x", **measure.offer()})
