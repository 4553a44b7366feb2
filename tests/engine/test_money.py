"""Allocation and rounding: tables worked out by hand, and properties."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaquan.engine import MAX_MINOR, Rounding, allocate, divide_half_even, take_rate
from kaquan.engine.money import round_exact, share_of_units

AMOUNTS = st.integers(0, MAX_MINOR)
WEIGHTS = st.lists(st.integers(0, MAX_MINOR), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        pytest.param(100, [1, 1, 1], [34, 33, 33], id="a tie goes to the earlier"),
        pytest.param(101, [1, 1, 1], [34, 34, 33], id="two over"),
        pytest.param(10, [1, 2, 4], [1, 3, 6], id="1.43 2.86 5.71"),
        pytest.param(5, [0, 7, 0], [0, 5, 0], id="nothing for a zero weight"),
        pytest.param(1, [3, 4], [0, 1], id="the larger fraction, not the earlier"),
        pytest.param(0, [0, 0], [0, 0], id="nothing on nothing"),
        pytest.param(0, [], [], id="no lines"),
        pytest.param(MAX_MINOR, [1, 1], [2**52, 2**52 - 1], id="the largest amount"),
    ],
)
def test_allocate(amount: int, weights: list[int], shares: list[int]) -> None:
    assert allocate(amount, weights) == shares


@pytest.mark.parametrize(
    ("amount", "weights"),
    [
        pytest.param(1, [], id="no lines"),
        pytest.param(1, [0, 0], id="only zero weights"),
        pytest.param(-1, [1], id="negative amount"),
        pytest.param(1, [2, -1], id="negative weight"),
    ],
)
def test_allocate_refuses(amount: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weight"):
        allocate(amount, weights)


@settings(deadline=None)
@given(AMOUNTS, WEIGHTS.filter(any))
def test_allocate_is_exact_and_within_one_unit_of_the_proportion(
    amount: int, weights: list[int]
) -> None:
    shares = allocate(amount, weights)
    whole = sum(weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - Fraction(amount * weight, whole)) < 1
        assert share == 0 or weight > 0
        if amount <= whole:
            assert share <= weight


@settings(deadline=None)
@given(AMOUNTS, WEIGHTS.filter(any))
def test_allocate_never_favours_the_smaller_or_the_later_line(
    amount: int, weights: list[int]
) -> None:
    shares = allocate(amount, weights)
    for earlier in range(len(weights)):
        for later in range(earlier + 1, len(weights)):
            if weights[earlier] == weights[later]:
                assert 0 <= shares[earlier] - shares[later] <= 1
            elif weights[earlier] < weights[later]:
                assert shares[earlier] <= shares[later]
            else:
                assert shares[earlier] >= shares[later]


@settings(deadline=None)
@given(AMOUNTS, st.integers(1, MAX_MINOR), st.data())
def test_units_of_a_line_are_worth_their_allocation(
    amount: int, quantity: int, data: st.DataObject
) -> None:
    units = data.draw(st.integers(0, quantity))
    share = share_of_units(amount, quantity, units=units)
    assert share == allocate(amount, (units, quantity - units))[0]


@pytest.mark.parametrize(
    ("amount_minor", "rate_bps", "expected"),
    [
        (10, 2500, 2),
        (30, 2500, 8),
        (50, 2500, 12),
        (11, 2500, 3),
        (9, 2500, 2),
        (1, 4999, 0),
        (1, 5001, 1),
        (999, 10_000, 999),
        (MAX_MINOR, 10_000, MAX_MINOR),
    ],
)
def test_take_rate(amount_minor: int, rate_bps: int, expected: int) -> None:
    assert take_rate(amount_minor, rate_bps) == expected


@pytest.mark.parametrize(
    ("numerator", "denominator", "half_even", "half_up", "down"),
    [
        (0, 7, 0, 0, 0),
        (1, 2, 0, 1, 0),
        (3, 2, 2, 2, 1),
        (5, 2, 2, 3, 2),
        (7, 3, 2, 2, 2),
        (8, 3, 3, 3, 2),
        (MAX_MINOR, 1, MAX_MINOR, MAX_MINOR, MAX_MINOR),
    ],
)
def test_roundings(
    numerator: int, denominator: int, half_even: int, half_up: int, down: int
) -> None:
    exact = Fraction(numerator, denominator)
    rounded = {one: round_exact(exact, one) for one in Rounding}
    assert rounded == {
        Rounding.HALF_EVEN: half_even,
        Rounding.HALF_UP: half_up,
        Rounding.DOWN: down,
    }
    assert {one: round_exact(-exact, one) for one in Rounding} == dict.fromkeys(Rounding, 0)


@settings(deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 10**4))
def test_divide_half_even_agrees_with_decimal(numerator: int, denominator: int) -> None:
    doubled = Fraction(2 * numerator, denominator)
    if doubled.denominator == 1:
        expected = int((Decimal(int(doubled)) / 2).quantize(Decimal(1), ROUND_HALF_EVEN))
    else:
        expected = int(Fraction(numerator, denominator) + Fraction(1, 2))
    assert divide_half_even(numerator, denominator) == expected
