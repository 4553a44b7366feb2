"""The rules of offers as sentences."""

from typing import Any

import pytest

from kaquan.console import Language
from kaquan.engine import parse_offer
from kaquan.runtime import format_price
from kaquan.storefront.terms import list_terms

OFF = {"code": "amount_off", "amount_minor": 500}
BREAD = {"product_ids": ["bread"]}
FIRST = {"code": "first_order"}
VIP = {"code": "in_segment", "segment_id": "seg_1"}
SPEND = {"code": "minimum_spend", "amount_minor": 5000}


@pytest.mark.parametrize(
    ("effect", "condition", "cap", "terms"),
    [
        pytest.param({}, None, None, [], id="no rule"),
        pytest.param({"scope": BREAD}, None, None, ["For selected goods only"], id="goods"),
        pytest.param({}, SPEND, None, ["Spend at least ¥50"], id="spend"),
        pytest.param(
            {},
            {**SPEND, "scope": BREAD},
            None,
            ["Spend at least ¥50 on selected goods"],
            id="spend on goods",
        ),
        pytest.param(
            {},
            {"all": [SPEND, {"all": [FIRST, VIP]}]},
            None,
            ["Spend at least ¥50", "For your first order", "For invited customers"],
            id="all of several",
        ),
        pytest.param(
            {},
            {"any": [FIRST, {"all": [SPEND, VIP]}]},
            None,
            ["One of these: For your first order; Spend at least ¥50 and For invited customers"],
            id="one of several",
        ),
        pytest.param(
            {}, {"not": FIRST}, None, ["Not for your first order"], id="not the first order"
        ),
        pytest.param(
            {}, {"not": VIP}, None, ["Not for some groups of customers"], id="not a segment"
        ),
        pytest.param(
            {},
            {"not": {"code": "has_items", "scope": BREAD}},
            None,
            ["Not together with some goods"],
            id="not with goods",
        ),
        pytest.param(
            {},
            {"not": SPEND},
            None,
            ["Further rules apply; staff can check the coupon for you"],
            id="a rule without words",
        ),
        pytest.param(
            {},
            {"code": "has_items", "quantity": 3},
            None,
            ["At least 3 items in the cart"],
            id="items",
        ),
        pytest.param(
            {},
            {"code": "has_items", "quantity": 3, "scope": BREAD},
            None,
            ["At least 3 of the selected goods in the cart"],
            id="items of a kind",
        ),
        pytest.param(
            {},
            {"code": "per_customer_count", "at_most": 2},
            2,
            ["At most 2 per person"],
            id="the same cap twice",
        ),
    ],
)
def test_rules_in_words(
    effect: dict[str, Any], condition: dict[str, Any] | None, cap: int | None, terms: list[str]
) -> None:
    data: dict[str, Any] = {"id": "offer_1", "effect": {**OFF, **effect}}
    if condition is not None:
        data["condition"] = condition
    said = list_terms(
        parse_offer(data),
        per_customer_cap=cap,
        language=Language.EN,
        money=lambda minor: format_price(minor, currency="CNY", language="en"),
    )
    assert list(said) == terms
