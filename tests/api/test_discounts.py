"""Discounts of the dialect and offers of the engine: one meaning in both directions."""

from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

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
        ({"type": "UNIT", "unit_off": 1}, "discount.type"),
        ({"type": "FIXED", "fixed_amount": 1}, "discount.type"),
        ({"type": "AMOUNT", "amount_off": 1, "effect": "ADD_NEW_ITEMS"}, "discount.effect"),
        (
            {"type": "AMOUNT", "amount_off": 1, "amount_off_formula": "1"},
            "discount.amount_off_formula",
        ),
    ],
)
async def test_what_cannot_be_given_yet(api: Client, discount: dict[str, Any], field: str) -> None:
    answer = await api.post("/v1/vouchers/A", json={"discount": discount})
    told = answer.json()
    assert (answer.status_code, told["key"], told["field"]) == (501, "not_supported", field)
