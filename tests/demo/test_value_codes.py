"""Values read from the bar codes of coupons, against ones known from the data and the standard."""

from typing import NamedTuple

import pytest

from kaquan.cli.demo.value_codes import is_manufacturers, printed_value_minor


class Case(NamedTuple):
    coupon_upc: int
    manufacturers: bool
    value_minor: int | None
    why: str


@pytest.mark.parametrize(
    "case",
    [
        Case(52100026076, True, 100, "76 is one dollar off"),
        Case(51111037250, True, 50, "a code that is simply the cents"),
        Case(51600070033, True, 100, "33 is one dollar off two"),
        Case(51254711078, True, 150, "78 is a dollar and a half"),
        Case(53000000061, True, 1000, "61 is ten dollars, the most there is"),
        Case(53000000014, True, None, "14 is buy one, get one free: no amount"),
        Case(53000000000, True, None, "0 asks the cashier"),
        Case(10000085475, False, None, "the store's own coupon has no value code"),
    ],
    ids=lambda case: case.why,
)
def test_value_of_a_coupon(case: Case) -> None:
    assert is_manufacturers(case.coupon_upc) is case.manufacturers
    assert printed_value_minor(case.coupon_upc) == case.value_minor


def test_no_code_is_worth_more_than_ten_dollars_or_less_than_ten_cents() -> None:
    values = [printed_value_minor(50000000000 + code) for code in range(100)]
    named = [value for value in values if value is not None]
    assert (min(named), max(named)) == (10, 1000)
