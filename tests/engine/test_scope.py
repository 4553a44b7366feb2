"""Which lines a scope covers."""

from typing import Any

import msgspec
import pytest

from kaquan.engine import LineInput, Scope, build_cart

LINE = LineInput(
    product_id="p1",
    sku_id="p1-red",
    unit_price=1,
    attributes={
        "brand": "Jinhe",
        "department": "grocery",
        "collections": ("spring", "sale"),
        "shelf": 7,
        "organic": True,
    },
)


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        pytest.param({}, True, id="empty is everything"),
        pytest.param({"product_ids": ["p1"]}, True, id="product covers its SKUs"),
        pytest.param({"product_ids": ["p2"]}, False, id="another product"),
        pytest.param({"sku_ids": ["p1-red"]}, True, id="SKU"),
        pytest.param({"sku_ids": ["p1-blue"]}, False, id="another SKU"),
        pytest.param({"sku_ids": ["p1-blue"], "product_ids": ["p1"]}, True, id="either id"),
        pytest.param({"attributes": {"brand": ["Jinhe", "X"]}}, True, id="one of the values"),
        pytest.param(
            {"attributes": {"brand": ["Jinhe"], "department": ["drinks"]}},
            False,
            id="every attribute must fit",
        ),
        pytest.param(
            {"attributes": {"brand": ["X"]}, "product_ids": ["p1"]}, True, id="id or attributes"
        ),
        pytest.param({"attributes": {"colour": ["red"]}}, False, id="attribute not there"),
        pytest.param({"attributes": {"collections": ["sale"]}}, True, id="one of the labels"),
        pytest.param({"attributes": {"shelf": ["7"]}}, True, id="number as text"),
        pytest.param({"attributes": {"organic": ["true"]}}, True, id="boolean as text"),
        pytest.param({"excluded_product_ids": ["p1"]}, False, id="excluded from everything"),
        pytest.param({"excluded_product_ids": ["p2"]}, True, id="another one excluded"),
        pytest.param(
            {"product_ids": ["p1"], "excluded_sku_ids": ["p1-red"]}, False, id="exclusion wins"
        ),
        pytest.param(
            {"product_ids": ["p1"], "excluded_attributes": {"brand": ["Jinhe"]}},
            False,
            id="exclusion by attribute wins",
        ),
    ],
)
def test_covers(scope: dict[str, Any], covers: bool) -> None:
    line = build_cart([LINE]).lines[0]
    assert msgspec.convert(scope, Scope).covers(line) is covers


def test_line_without_ids_is_only_in_a_scope_of_everything() -> None:
    cart = build_cart([LineInput(unit_price=1)])
    assert Scope().indexes(cart) == (0,)
    assert Scope(product_ids=frozenset({"p1"})).indexes(cart) == ()
