"""What has to be looked up before offers can be decided on."""

from typing import Any

import pytest

from kaquan.engine import Needs, find_needs, parse_offer

OFF = {"code": "amount_off", "amount_minor": 1}


@pytest.mark.parametrize(
    ("offer", "needs"),
    [
        pytest.param({"effect": OFF}, Needs(), id="nothing"),
        pytest.param(
            {
                "effect": OFF,
                "condition": {
                    "any": [
                        {"code": "in_segment", "segment_id": "a"},
                        {"not": {"code": "in_segment", "segment_id": "b"}},
                    ]
                },
            },
            Needs(segment_ids=frozenset({"a", "b"})),
            id="segments",
        ),
        pytest.param(
            {
                "effect": OFF,
                "condition": {"code": "redemption_count", "of": "customer", "period": "day"}
                | {"at_most": 1},
            },
            Needs(redemption_counts=frozenset({"customer/day"})),
            id="counts",
        ),
        pytest.param(
            {
                "effect": {
                    "code": "free_units",
                    "units": [
                        {"product_id": "p"},
                        {"product_id": "p", "sku_id": "s"},
                    ],
                }
            },
            Needs(catalogue_ids=frozenset({"p", "s"})),
            id="prices of free goods",
        ),
        pytest.param(
            {
                "effect": {
                    "code": "bundle_price",
                    "price_minor": 1,
                    "parts": [{"scope": {"excluded_attributes": {"brand": ["x"]}}}],
                }
            },
            Needs(attribute_names=frozenset({"brand"})),
            id="attributes of goods, deep inside",
        ),
        pytest.param(
            {"effect": OFF, "condition": {"not": {"code": "first_order"}}},
            Needs(order_count=True),
            id="order count",
        ),
        pytest.param(
            {
                "effect": OFF
                | {
                    "amount_formula": "if(customer_spend > 1, -(customer_order_count), "
                    'max(1, customer_metadata("a"))) + order_metadata("b")'
                }
            },
            Needs(order_count=True, spend=True, customer_attributes=True),
            id="formula",
        ),
        pytest.param(
            {
                "effect": {
                    "code": "free_units",
                    "units": [
                        {
                            "product_id": "p",
                            "quantity_formula": 'if(customer_tier = "gold", 2, 1)',
                        }
                    ],
                }
            },
            Needs(catalogue_ids=frozenset({"p"}), tier=True),
            id="formula of a part",
        ),
        pytest.param(
            {
                "effect": OFF,
                "condition": {
                    "all": [
                        {"code": "birthday_window"},
                        {"code": "code_holder"},
                        {"code": "in_tier", "tier_ids": ["gold"]},
                        {"code": "customer_attribute", "name": "a", "operator": "present"},
                    ]
                },
                "window": {"after_claim": {"days": 1}},
            },
            Needs(birthday=True, holder=True, tier=True, customer_attributes=True, claim=True),
            id="the customer and the code",
        ),
    ],
)
def test_needs(offer: dict[str, Any], needs: Needs) -> None:
    assert find_needs([parse_offer({"id": "o", **offer})]) == needs


def test_needs_of_several_offers_are_added_up() -> None:
    offers = [
        parse_offer({"id": name, "effect": OFF, "condition": condition})
        for name, condition in (
            ("a", {"code": "in_segment", "segment_id": "s"}),
            ("b", {"code": "customer_spend", "at_least_minor": 1}),
        )
    ]
    assert find_needs(offers) == Needs(segment_ids=frozenset({"s"}), spend=True)
