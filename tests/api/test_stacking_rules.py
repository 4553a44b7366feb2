"""The project's stacking rules over HTTP, and orders that offers add goods to."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]
RULES = "/v1/kaquan/stacking-rules"


async def add_voucher(api: Client, code: str, **fields: object) -> None:
    body = {"discount": {"type": "AMOUNT", "amount_off": 100}, **fields}
    answer = await api.post(f"/v1/vouchers/{code}", json=body)
    assert answer.status_code == 200, answer.text


def request(*codes: str, **fields: object) -> dict[str, Any]:
    redeemables = [{"object": "voucher", "id": code} for code in codes]
    return {"redeemables": redeemables, "order": {"amount": 1_000}, **fields}


async def test_the_defaults_and_a_change(api: Client) -> None:
    first = (await api.get(RULES)).json()
    assert first["redeemables_limit"] == 30
    assert first["redeemables_application_mode"] == "ALL"
    assert first["discount_calculation_mode"] == "DISCOUNTED_AMOUNT"
    change = {
        "applicable_redeemables_limit": 1,
        "redeemables_application_mode": "PARTIAL",
        "discount_calculation_mode": "INITIAL_AMOUNT",
        "redeemables_sorting_rule": "PRIORITY",
        "grouped_redeemables_sorting_rule": "TOGETHER",
        "by_lane": True,
        "discount_rounding": "HALF_UP",
    }
    changed = (await api.put(RULES, json=change)).json()
    assert changed == {**first, **change} == (await api.get(RULES)).json()
    assert (await api.delete(RULES)).json() == first == (await api.get(RULES)).json()


async def test_checkouts_go_by_them(api: Client) -> None:
    for code in ("A", "B"):
        await add_voucher(api, code)
    await add_voucher(api, "OFF", active=False)
    change = {"applicable_redeemables_limit": 1, "redeemables_application_mode": "PARTIAL"}
    await api.put(RULES, json=change)
    tried = (await api.post("/v1/validations", json=request("OFF", "A", "B"))).json()
    assert [one["id"] for one in tried["redeemables"]] == ["A"]
    assert [one["id"] for one in tried["skipped_redeemables"]] == ["B"]
    assert tried["stacking_rules"]["applicable_redeemables_limit"] == 1
    told = (await api.post("/v1/redemptions", json=request("OFF", "A", "B"))).json()
    assert [one["voucher"]["code"] for one in told["redemptions"]] == ["A"]
    await api.put(RULES, json={"redeemables_limit": 2})
    refused = await api.post("/v1/redemptions", json=request("OFF", "A", "B"))
    assert (refused.status_code, refused.json()["key"]) == (400, "too_many_redeemables")


@pytest.mark.parametrize(
    ("change", "status", "key", "field"),
    [
        ({"redeemables_limit": 31}, 400, "invalid_payload", "redeemables_limit"),
        ({"redeemables_sorting_rule": "LUCK"}, 400, "invalid_payload", "redeemables_sorting_rule"),
        (
            {"exclusive_categories": ["a"], "joint_categories": ["a"]},
            400,
            "invalid_stacking_rules",
            "exclusive_categories",
        ),
        (
            {"no_effect_redeem_anyway_categories": ["nowhere"]},
            400,
            "invalid_stacking_rules",
            "no_effect_redeem_anyway_categories[0]",
        ),
        (
            {"applicable_redeemables_category_limits": {"nowhere": 2}},
            400,
            "invalid_stacking_rules",
            "applicable_redeemables_category_limits.nowhere",
        ),
        (
            {"redeemables_rollback_order_mode": "NO_ORDER"},
            400,
            "invalid_payload",
            "redeemables_rollback_order_mode",
        ),
    ],
)
async def test_rules_that_make_no_sense(
    api: Client, change: dict[str, Any], status: int, key: str, field: str
) -> None:
    answer = await api.put(RULES, json=change)
    told = answer.json()
    assert (answer.status_code, told["key"], told["field"]) == (status, key, field)


async def test_free_units_show_in_the_order(api: Client) -> None:
    """Issued in the dialect's words, under the merchant's id of the product."""
    for name, price in (("tea", 500), ("rice", 2_000)):
        await api.post("/v1/products", json={"source_id": name, "name": name, "price": price})
    discount = {"type": "UNIT", "unit_off": 2, "unit_type": "tea", "effect": "ADD_NEW_ITEMS"}
    await add_voucher(api, "GIFT", discount=discount)
    await add_voucher(api, "OFF")
    order = {"items": [{"source_id": "rice", "quantity": 1}], "source_id": "o-1"}
    tried = (await api.post("/v1/validations", json=request("OFF", "GIFT", order=order))).json()
    off, gift = (one["order"] for one in tried["redeemables"])
    assert (off["amount"], off["total_amount"], len(off["items"])) == (2_000, 1_900, 1)
    assert (gift["amount"], gift["total_amount"], len(gift["items"])) == (3_000, 1_900, 2)
    assert gift["items_applied_discount_amount"] == 1_000
    told = (await api.post("/v1/redemptions", json=request("OFF", "GIFT", order=order))).json()
    stored = (await api.get("/v1/orders/o-1")).json()
    for shown in (tried["order"], told["order"], stored):
        assert (shown["amount"], shown["initial_amount"], shown["total_amount"]) == (
            3_000,
            2_000,
            1_900,
        )
        added = shown["items"][1]
        assert (added["quantity"], added["initial_quantity"]) == (2, 0)
        assert (added["amount"], added["discount_amount"], added["subtotal_amount"]) == (
            1_000,
            1_000,
            0,
        )
    (given,) = told["redemptions"][1]["kaquan"]["added"]
    assert (given["position"], given["quantity"]) == (1, 2)


async def test_delivery_and_payment(api: Client) -> None:
    offer = {
        "effect": {"code": "shipping_off"},
        "condition": {"code": "paid_by", "payment_methods": ["card"]},
    }
    await api.post("/v1/vouchers/FREE", json={"kaquan": {"offer": offer}})
    order = {
        "items": [{"source_id": "rice", "price": 2_000}],
        "kaquan": {"shipping_minor": 800},
    }
    body = request("FREE", order=order)
    refused = await api.post("/v1/redemptions", json=body)
    assert (refused.status_code, refused.json()["key"]) == (400, "order_rules_violated")
    told = (
        await api.post("/v1/redemptions", json={**body, "kaquan": {"payment_method": "card"}})
    ).json()
    assert (told["order"]["amount"], told["order"]["total_amount"]) == (2_800, 2_000)
    assert told["order"]["kaquan"]["shipping_minor"] == 800


async def test_a_key_may_be_the_only_one_to_redeem(api: Client) -> None:
    effect = {"code": "amount_off", "amount_minor": 5}
    offer = {"effect": effect, "condition": {"code": "redeemed_by", "redeemer_ids": ["nobody"]}}
    await api.post("/v1/vouchers/MINE", json={"kaquan": {"offer": offer}})
    refused = await api.post("/v1/redemptions", json=request("MINE"))
    assert refused.json()["reasons"][0]["code"] == "wrong_redeemer"


async def test_every_offer_can_be_shown(api: Client) -> None:
    """Also those that the dialect has no words for."""
    effects: list[tuple[dict[str, Any], str]] = [
        ({"code": "cheapest_free", "of": 3}, "APPLY_TO_ITEMS"),
        ({"code": "shipping_off"}, "APPLY_TO_ORDER"),
        ({"code": "points_multiplier", "extra_points": 5}, "APPLY_TO_ORDER"),
        ({"code": "service_entitlement", "service_id": "wash"}, "APPLY_TO_ORDER"),
        ({"code": "buy_x_get_y", "buy_quantity": 2}, "APPLY_TO_ITEMS"),
    ]
    for number, (effect, place) in enumerate(effects):
        made = await api.post(
            f"/v1/vouchers/V{number}", json={"kaquan": {"offer": {"effect": effect}}}
        )
        assert made.json()["discount"] == {"type": "AMOUNT", "effect": place, "is_dynamic": True}
