"""Which money belongs to which coupon: the rules of docs/explanation/demo-data.md, row by row."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from kaquan.cli.demo.attribution import (
    CoveredLine,
    Evidence,
    Presented,
    attribute_discounts,
)

AT = datetime(2017, 4, 1, 15, 0, tzinfo=UTC)
DOLLAR, OTHER_DOLLAR, HALF = 52100026076, 57143020076, 51111037250
FREE_GOODS = 53000000014
STORES_OWN = 10000089290


class Coupon(NamedTuple):
    number: int
    upc: int
    breadth: int = 10
    basket: int = 1


class Covered(NamedTuple):
    coupon: int
    line: int
    coupon_minor: int = 0
    card_minor: int = 0


class Expected(NamedTuple):
    number: int
    evidence: Evidence
    value_minor: int | None


class Case(NamedTuple):
    name: str
    coupons: list[Coupon]
    covered: list[Covered]
    expected: list[Expected]


CASES = [
    Case(
        "the till's figure wins over the printed one",
        [Coupon(1, DOLLAR)],
        [Covered(1, 11, coupon_minor=75)],
        [Expected(1, Evidence.TILL, 75)],
    ),
    Case(
        "several lines of one coupon add up",
        [Coupon(1, DOLLAR)],
        [Covered(1, 11, coupon_minor=60), Covered(1, 12, coupon_minor=40), Covered(1, 13)],
        [Expected(1, Evidence.TILL, 100)],
    ),
    Case(
        "a line two coupons cover goes to the narrower; the other has its printed value",
        [Coupon(1, DOLLAR, breadth=500), Coupon(2, OTHER_DOLLAR, breadth=3)],
        [Covered(1, 11, coupon_minor=90), Covered(2, 11, coupon_minor=90)],
        [Expected(1, Evidence.PRINTED, 100), Expected(2, Evidence.TILL, 90)],
    ),
    Case(
        "without money at the till the printed value counts",
        [Coupon(1, DOLLAR), Coupon(2, HALF)],
        [Covered(1, 11), Covered(2, 12)],
        [Expected(1, Evidence.PRINTED, 100), Expected(2, Evidence.PRINTED, 50)],
    ),
    Case(
        "no covered goods: nothing is known",
        [Coupon(1, DOLLAR)],
        [],
        [Expected(1, Evidence.NONE, None)],
    ),
    Case(
        "a coupon for free goods names no amount",
        [Coupon(1, FREE_GOODS)],
        [Covered(1, 11)],
        [Expected(1, Evidence.NONE, None)],
    ),
    Case(
        "a store's coupon is worth the card discount that recurs with it",
        [Coupon(1, STORES_OWN), Coupon(2, STORES_OWN, basket=2), Coupon(3, STORES_OWN, basket=3)],
        [
            Covered(1, 11, card_minor=35),
            Covered(1, 12, card_minor=80),
            Covered(2, 21, card_minor=35),
            Covered(3, 31, card_minor=20),
        ],
        [
            Expected(1, Evidence.CARD, 35),
            Expected(2, Evidence.CARD, 35),
            Expected(3, Evidence.CARD, 20),
        ],
    ),
    Case(
        "an amount seen once is no evidence of a store coupon's value",
        [Coupon(1, STORES_OWN)],
        [Covered(1, 11, card_minor=35)],
        [Expected(1, Evidence.NONE, None)],
    ),
    Case(
        "two store coupons do not share a line's card discount",
        [Coupon(1, STORES_OWN), Coupon(2, STORES_OWN)],
        [Covered(1, 11, card_minor=50), Covered(2, 11, card_minor=50)],
        [Expected(1, Evidence.CARD, 50), Expected(2, Evidence.NONE, None)],
    ),
    Case(
        "a store's coupon leaves manufacturers' coupon money alone",
        [Coupon(1, STORES_OWN), Coupon(2, STORES_OWN, basket=2)],
        [Covered(1, 11, coupon_minor=100), Covered(2, 21, coupon_minor=100)],
        [Expected(1, Evidence.NONE, None), Expected(2, Evidence.NONE, None)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_attribution(case: Case) -> None:
    replays = attribute_discounts(
        [
            Presented(
                number=coupon.number,
                household_id=7,
                campaign_id=1,
                coupon_upc=coupon.upc,
                breadth=coupon.breadth,
                basket_id=coupon.basket,
                placed_at=AT,
            )
            for coupon in case.coupons
        ],
        [
            CoveredLine(
                number=covered.coupon,
                line_id=covered.line,
                coupon_minor=covered.coupon_minor,
                card_minor=covered.card_minor,
            )
            for covered in case.covered
        ],
    )
    found = [Expected(r.presented.number, r.evidence, r.face_value_minor) for r in replays]
    assert found == case.expected
