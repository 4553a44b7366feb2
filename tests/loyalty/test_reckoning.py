"""How many points things earn and rewards cost."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaquan.customers import Order, OrderLine, OrderStatus
from kaquan.loyalty import Basis, EarningTerms, PointsMapping
from kaquan.loyalty.reckon import points_of_returned, reckon_points, reckon_price

AT = datetime(2026, 3, 1, tzinfo=UTC)


def line(product_id: str, amount: int, discount: int = 0) -> OrderLine:
    return OrderLine(
        product_id=product_id,
        source_id=None,
        quantity=2,
        unit_price_minor=amount // 2,
        amount_minor=amount,
        discount_minor=discount,
    )


ORDER = Order(
    id="ord_1",
    source_id=None,
    customer_id="cust_1",
    location_id=None,
    status=OrderStatus.PAID,
    amount_minor=10_050,
    discount_minor=1_000,
    items_discount_minor=50,
    total_minor=9_000,
    lines=(line("tea", 8_000, 50), line("pot", 2_050)),
    metadata={"stamps": 7.9, "bad": "7", "true": True, "huge": 1e300, "minus": -5},
    placed_at=AT,
    created_at=AT,
    updated_at=None,
)


@pytest.mark.parametrize(
    ("basis", "every", "points", "more", "expected"),
    [
        (Basis.FIXED, 1, 25, {}, 25),
        (Basis.ORDER_AMOUNT, 1_000, 3, {}, 30),
        (Basis.ORDER_TOTAL_AMOUNT, 1_000, 3, {}, 27),
        (Basis.ORDER_TOTAL_AMOUNT, 9_001, 3, {}, 0),
        (Basis.ORDER_ITEMS_QUANTITY, 3, 5, {}, 5),
        (Basis.ORDER_ITEMS_AMOUNT, 100, 1, {}, 100),
        (Basis.ORDER_ITEMS_SUBTOTAL_AMOUNT, 100, 1, {}, 100),
        (Basis.ORDER_METADATA, 1, 2, {"property": "stamps"}, 14),
        (Basis.ORDER_METADATA, 1, 2, {"property": "bad"}, 0),
        (Basis.ORDER_METADATA, 1, 2, {"property": "true"}, 0),
        (Basis.ORDER_METADATA, 1, 2, {"property": "huge"}, 0),
        (Basis.ORDER_METADATA, 1, 2, {"property": "minus"}, 0),
        (Basis.ORDER_METADATA, 1, 2, {"property": "missing"}, 0),
        (Basis.CUSTOMER_METADATA, 10, 1, {"property": "age"}, 4),
        (Basis.CUSTOM_EVENT_METADATA, 1, 1, {"property": "photos"}, 3),
    ],
)
def test_points(basis: Basis, every: int, points: int, more: dict[str, Any], expected: int) -> None:
    terms = EarningTerms(basis=basis, every=every, points=points, **more)
    found = reckon_points(terms, order=ORDER, customer={"age": 42}, event={"photos": 3})
    assert found == expected


def test_points_of_some_goods_only() -> None:
    terms = EarningTerms(basis=Basis.ORDER_ITEMS_AMOUNT, every=100, points=1)
    found = reckon_points(terms, order=ORDER, covers=lambda one: one.product_id == "pot")
    assert found == 20


@pytest.mark.parametrize(
    ("mapping", "earned", "price"),
    [
        (None, 30, 25),
        (PointsMapping(type="MULTIPLY", multiplier=Decimal("1.5")), 45, 38),
        (PointsMapping(type="MULTIPLY", multiplier=Decimal("0.01")), 0, 1),
        (PointsMapping(type="CUSTOM", points=4), 40, 4),
    ],
)
def test_what_a_tier_makes_of_points(
    mapping: PointsMapping | None, earned: int, price: int
) -> None:
    terms = EarningTerms(basis=Basis.ORDER_AMOUNT, every=1_000, points=3)
    assert reckon_points(terms, mapping, order=ORDER) == earned
    assert reckon_price(25, mapping) == price


@given(
    points=st.integers(1, 10**9),
    parts=st.lists(st.integers(0, 10**6), min_size=1, max_size=6),
)
def test_returns_in_parts_take_all_back_in_the_end(points: int, parts: list[int]) -> None:
    whole = sum(parts)
    taken = 0
    for count in range(1, len(parts) + 1):
        target = points_of_returned(points, sum(parts[:count]), whole)
        assert taken <= target <= points
        taken = target
    assert taken == points


ROW = re.compile(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| (\d+) \|$", re.MULTILINE)


def test_the_page_on_points_is_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "algorithms" / "points.md").read_text()
    rows = ROW.findall(page)
    assert len(rows) == 4
    for points, whole, returned, taken in rows:
        minor = [int(Decimal(money) * 100) for money in (returned, whole)]
        assert points_of_returned(int(points), *minor) == int(taken)
