"""Discounts of the dialect and offers of the engine: one meaning in both directions."""

from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]


def free_unit(product_id: str, quantity: int, adding: str) -> dict[str, Any]:
    """One kind of goods as the engine writes it."""
    return {
        "product_id": product_id,
        "sku_id": None,
        "quantity": quantity,
        "quantity_formula": None,
        "adding": adding,
    }


EFFECTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"type": "AMOUNT", "amount_off": 1000, "effect": "APPLY_TO_ORDER"},
        {"code": "amount_off", "amount_minor": 1000},
    ),
    (
        {"type": "AMOUNT", "amount_off": 1000.0},
        {"code": "amount_off", "amount_minor": 1000},
    ),
    (
        {"type": "AMOUNT", "amount_off": 50, "effect": "APPLY_TO_ITEMS"},
        {"code": "amount_off", "amount_minor": 50, "target": "items"},
    ),
    (
        {"type": "PERCENT", "percent_off": 12.5, "amount_limit": 600},
        {"code": "percent_off", "rate_bps": 1250, "cap_minor": 600},
    ),
    (
        {"type": "PERCENT", "percent_off": 33.33, "effect": "APPLY_TO_ITEMS",
         "aggregated_amount_limit": 900},
        {"code": "percent_off", "rate_bps": 3333, "total_cap_minor": 900, "target": "items"},
    ),
    (
        {"type": "AMOUNT", "amount_off": 50, "effect": "APPLY_TO_ITEMS_BY_QUANTITY",
         "aggregated_amount_limit": 900},
        {"code": "amount_off", "amount_minor": 50, "target": "items", "giving": "per_unit",
         "total_cap_minor": 900},
    ),
    (
        {"type": "AMOUNT", "amount_off": 50, "effect": "APPLY_TO_ITEMS_PROPORTIONALLY"},
        {"code": "amount_off", "amount_minor": 50, "target": "items", "giving": "by_amount"},
    ),
    (
        {"type": "AMOUNT", "amount_off": 50,
         "effect": "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY"},
        {"code": "amount_off", "amount_minor": 50, "target": "items", "giving": "by_quantity"},
    ),
    (
        {"type": "FIXED", "fixed_amount": 990, "effect": "APPLY_TO_ITEMS"},
        {"code": "fixed_price", "price_minor": 990, "target": "items"},
    ),
    (
        {"type": "FIXED", "fixed_amount": 0},
        {"code": "fixed_price", "price_minor": 0},
    ),
    (
        {"type": "UNIT", "unit_off": 2, "unit_type": "tea", "effect": "ADD_MISSING_ITEMS"},
        {"code": "free_units", "units": [free_unit("tea", 2, "missing")]},
    ),
    (
        {"type": "UNIT", "effect": "ADD_MANY_ITEMS", "units": [
            {"unit_off": 1, "unit_type": "tea", "effect": "ADD_NEW_ITEMS"},
            {"unit_off": 3, "unit_type": "rice", "effect": "ADD_MISSING_ITEMS"},
        ]},
        {"code": "free_units",
         "units": [free_unit("tea", 1, "new"), free_unit("rice", 3, "missing")]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("discount", "effect"), EFFECTS)
async def test_both_ways(api: Client, discount: dict[str, Any], effect: dict[str, Any]) -> None:
    made = await api.post("/v1/vouchers/A", json={"discount": discount})
    shown = made.json()
    assert shown["kaquan"]["offer"]["effect"] == effect
    expected = {"effect": "APPLY_TO_ORDER"} | discount
    assert msgspec.convert(shown["discount"], dict[str, Any]) == expected


async def test_thresholds_show_their_first_step(api: Client) -> None:
    offer = {
        "effect": {
            "code": "threshold_off",
            "tiers": [
                {"spend_minor": 10_000, "off_minor": 1_000},
                {"spend_minor": 20_000, "off_minor": 3_000},
            ],
        }
    }
    made = await api.post("/v1/campaigns", json={"name": "steps", "kaquan": {"offer": offer}})
    shown = made.json()
    assert shown["voucher"]["discount"] == {
        "type": "AMOUNT",
        "amount_off": 1_000,
        "effect": "APPLY_TO_ORDER",
        "is_dynamic": True,
    }
    assert shown["kaquan"]["offer"]["effect"] == offer["effect"]


@pytest.mark.parametrize(
    ("discount", "field"),
    [
        (
            {"type": "UNIT", "unit_off": 1, "unit_type": "tea", "effect": "ADD_SAME_ITEMS"},
            "discount.effect",
        ),
        ({"type": "FIXED", "fixed_amount": 1, "effect": "ADD_NEW_ITEMS"}, "discount.effect"),
        ({"type": "AMOUNT", "amount_off": 1, "effect": "ADD_NEW_ITEMS"}, "discount.effect"),
    ],
)
async def test_what_cannot_be_given_yet(api: Client, discount: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/vouchers/A", json={"discount": discount})
    told = answer.json()
    assert (answer.status_code, told["key"], told["field"]) == (501, "not_supported", field)


@pytest.mark.parametrize(
    ("discount", "effect", "customer", "taken"),
    [
        (
            {"type": "AMOUNT", "amount_off": 50, "amount_off_formula": "ORDER_AMOUNT / 4"},
            {"amount_formula": "ORDER_AMOUNT / 4"},
            {},
            500,
        ),
        (
            {"type": "PERCENT", "percent_off": 5,
             "percent_off_formula": 'CUSTOMER_METADATA("rate")'},
            {"rate_formula": '100 * (CUSTOMER_METADATA("rate"))'},
            {"rate": 20},
            400,
        ),
        (
            {"type": "PERCENT", "percent_off": 5,
             "percent_off_formula": 'CUSTOMER_METADATA("rate")'},
            {"rate_formula": '100 * (CUSTOMER_METADATA("rate"))'},
            {},
            100,
        ),
        (
            {"type": "FIXED", "fixed_amount": 1_000, "fixed_amount_formula": "MAX(1200; 900)"},
            {"price_formula": "MAX(1200; 900)"},
            {},
            800,
        ),
    ],
)  # fmt: skip
async def test_formulas(
    api: Client,
    discount: dict[str, Any],
    effect: dict[str, Any],
    customer: dict[str, Any],
    taken: int,
) -> None:
    """In the units of the number beside it, which is what counts where the formula has no value."""
    made = await api.post("/v1/vouchers/A", json={"discount": discount})
    shown = made.json()
    assert shown["discount"] == {"effect": "APPLY_TO_ORDER", **discount, "is_dynamic": True}
    assert effect.items() <= shown["kaquan"]["offer"]["effect"].items()
    await api.post("/v1/customers", json={"source_id": "li", "metadata": customer})
    answer = await api.post(
        "/v1/validations",
        json={
            "redeemables": [{"object": "voucher", "id": "A"}],
            "order": {"amount": 2_000},
            "customer": {"source_id": "li"},
        },
    )
    assert answer.json()["order"]["total_discount_amount"] == taken


@pytest.mark.parametrize(
    ("formula", "key"),
    [
        ("ORDER_AMOUNT /", "formula_syntax"),
        ("1) + (2", "formula_syntax"),
        ("SECRET", "formula_unknown_name"),
        ("1 + " * 300 + "1", "formula_too_long"),
    ],
)
async def test_what_is_no_formula(api: Client, formula: str, key: str) -> None:
    discount = {"type": "PERCENT", "percent_off": 5, "percent_off_formula": formula}
    answer = await api.post("/v1/vouchers/A", json={"discount": discount})
    told = answer.json()
    assert (answer.status_code, told["key"]) == (400, key)
    assert told["field"] == "discount.percent_off_formula"
