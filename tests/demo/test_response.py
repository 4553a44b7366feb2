"""The simulated answers: who does what with a coupon, and the effect that is truly in them."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from kaquan.cli.demo.response import (
    LARGE,
    SMALL,
    CouponTried,
    OwnBasket,
    answer,
    group_baskets,
    reckon_truth,
)

DAYS = 14
PEOPLE = range(1, 2_001)


def basket(household_id: int, paid_minor: int, *, is_new: bool) -> OwnBasket:
    return OwnBasket(
        household_id=household_id,
        basket_id=household_id * 10 + is_new,
        placed_at=datetime(2017, 10 if is_new else 8, 5, tzinfo=UTC),
        paid_minor=paid_minor,
        is_new=is_new,
    )


def coupon(*, lured: float, carried: float) -> CouponTried:
    return CouponTried(name="any", spend_minor=5_000, off_minor=600, lured=lured, carried=carried)


class Case(NamedTuple):
    lured: float
    carried: float
    revenue_minor: float
    margin_minor: float
    why: str


@pytest.mark.parametrize(
    "case",
    [
        Case(1, 1, 8_000 - 600, 8_000 * 0.3 - 600, "everybody comes once more"),
        Case(0, 1, -600, -600, "everybody saves on what is bought anyway"),
        Case(0, 0, 0, 0, "nobody cares"),
    ],
    ids=lambda case: case.why,
)
def test_the_truth_of_plain_rules(case: Case) -> None:
    own = {n: [basket(n, 8_000, is_new=False), basket(n, 6_000, is_new=True)] for n in PEOPLE}
    tried = coupon(lured=case.lured, carried=case.carried)
    truth = reckon_truth(tried, PEOPLE, own, days=DAYS)
    assert truth.revenue_minor == pytest.approx(case.revenue_minor)
    assert truth.margin_minor == pytest.approx(case.margin_minor)


def test_who_has_no_basket_of_that_size_does_nothing() -> None:
    everybody = coupon(lured=1, carried=1)
    assert all(answer(number, everybody, (), days=DAYS) is None for number in PEOPLE)
    new = {number: [basket(number, 6_000, is_new=True)] for number in PEOPLE}
    answers = [answer(number, everybody, new[number], days=DAYS) for number in PEOPLE]
    assert all(one is not None and not one.extra for one in answers)


def test_the_better_coupon_moves_everybody_whom_the_lesser_one_moves() -> None:
    own = group_baskets(
        basket(n, 5_000 + n, is_new=is_new) for n in PEOPLE for is_new in (False, True)
    )
    for number in PEOPLE:
        lesser = answer(number, SMALL, own[number], days=DAYS)
        better = answer(number, LARGE, own[number], days=DAYS)
        assert better is not None or lesser is None
        if lesser is not None and lesser.extra:
            assert better is not None
            assert (better.extra, better.basket, better.day) == (True, lesser.basket, lesser.day)


def test_the_shares_are_those_declared_and_the_answers_repeat() -> None:
    own = {n: [basket(n, 8_000, is_new=False), basket(n, 6_000, is_new=True)] for n in PEOPLE}
    answers = [answer(number, SMALL, own[number], days=DAYS) for number in PEOPLE]
    assert answers == [answer(number, SMALL, own[number], days=DAYS) for number in PEOPLE]
    given = [one for one in answers if one is not None]
    extra = sum(one.extra for one in given) / len(PEOPLE)
    carried = sum(not one.extra for one in given) / len(PEOPLE)
    assert extra == pytest.approx(SMALL.lured, abs=0.04)
    assert carried == pytest.approx((1 - SMALL.lured) * SMALL.carried, abs=0.04)
    assert {one.day for one in given} == set(range(DAYS))


def test_of_nobody_the_truth_is_nothing() -> None:
    assert reckon_truth(SMALL, (), {}, days=DAYS).margin_minor == 0
