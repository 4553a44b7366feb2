"""Money in answers: order-level and item-level never mix, and steps add up."""

from typing import Any

from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

ITEMS = [
    {"source_id": "a", "quantity": 2, "price": 1_000},
    {"source_id": "b", "quantity": 1, "price": 3_000},
]


async def add_voucher(api: Client, code: str, **discount: object) -> None:
    answer = await api.post(f"/v1/vouchers/{code}", json={"discount": discount})
    assert answer.status_code == 200, answer.text


def request(*codes: str, **order: object) -> dict[str, Any]:
    redeemables = [{"object": "voucher", "id": code} for code in codes]
    return {"redeemables": redeemables, "order": order}


def figures(order: dict[str, Any]) -> dict[str, int]:
    return {name: order[name] for name in order if name.endswith("amount")}


async def test_item_level_and_order_level(api: Client) -> None:
    await add_voucher(api, "ITEMS", type="PERCENT", percent_off=10, effect="APPLY_TO_ITEMS")
    await add_voucher(api, "ORDER", type="AMOUNT", amount_off=500)
    answer = (await api.post("/v1/redemptions", json=request("ITEMS", "ORDER", items=ITEMS))).json()
    first, second = (redemption["order"] for redemption in answer["redemptions"])
    assert figures(first) == {
        "amount": 5_000,
        "initial_amount": 5_000,
        "items_discount_amount": 500,
        "total_discount_amount": 500,
        "total_amount": 4_500,
        "items_applied_discount_amount": 500,
        "total_applied_discount_amount": 500,
    }
    assert figures(second) == {
        "amount": 5_000,
        "initial_amount": 5_000,
        "discount_amount": 500,
        "items_discount_amount": 500,
        "total_discount_amount": 1_000,
        "total_amount": 4_000,
        "applied_discount_amount": 500,
        "total_applied_discount_amount": 500,
    }
    assert figures(answer["order"]) == figures(second) | {
        "items_applied_discount_amount": 500,
        "total_applied_discount_amount": 1_000,
    }
    lines = [figures(item) for item in answer["order"]["items"]]
    assert lines == [
        {
            "amount": 2_000,
            "initial_amount": 2_000,
            "discount_amount": 200,
            "applied_discount_amount": 200,
            "subtotal_amount": 1_800,
        },
        {
            "amount": 3_000,
            "initial_amount": 3_000,
            "discount_amount": 300,
            "applied_discount_amount": 300,
            "subtotal_amount": 2_700,
        },
    ]
    stored = (await api.get(f"/v1/orders/{answer['order']['id']}")).json()
    assert stored["total_amount"] == 4_000
    assert [item["subtotal_amount"] for item in stored["items"]] == [1_800, 2_700]


async def test_an_order_redeemed_on_earlier(api: Client) -> None:
    await add_voucher(api, "ONE", type="AMOUNT", amount_off=500)
    await add_voucher(api, "TWO", type="AMOUNT", amount_off=300)
    first = (await api.post("/v1/redemptions", json=request("ONE", amount=2_000))).json()
    second = await api.post("/v1/redemptions", json=request("TWO", id=first["order"]["id"]))
    assert figures(second.json()["order"]) == {
        "amount": 2_000,
        "initial_amount": 2_000,
        "discount_amount": 800,
        "total_discount_amount": 800,
        "total_amount": 1_200,
        "applied_discount_amount": 300,
        "total_applied_discount_amount": 300,
    }


async def test_how_far_it_is(api: Client) -> None:
    offer = {
        "effect": {"code": "amount_off", "amount_minor": 500},
        "condition": {"code": "minimum_spend", "amount_minor": 5_000},
    }
    await api.post("/v1/vouchers/FAR", json={"kaquan": {"offer": offer}})
    answer = await api.post("/v1/redemptions", json=request("FAR", amount=2_650))
    told = answer.json()
    assert (answer.status_code, told["key"]) == (400, "order_rules_violated")
    assert told["message"] == "order does not match validation rules"
    (reason,) = told["reasons"]
    assert reason["code"] == "minimum_spend_not_met"
    assert reason["params"]["missing_minor"] == 2_350
    assert "¥23.50" in told["detail"]
    (attempt,) = (await api.get("/v1/redemptions")).json()["redemptions"]
    assert (attempt["status"], attempt["failure_code"]) == ("FAILED", "order_rules_violated")


async def test_a_date_means_the_project_s_day(api: Client) -> None:
    body = {"discount": {"type": "AMOUNT", "amount_off": 1}}
    shown = await api.post(
        "/v1/vouchers/DAY",
        json=body | {"start_date": "2026-05-01", "expiration_date": "2026-05-31"},
    )
    told = shown.json()
    assert told["start_date"] == "2026-04-30T16:00:00Z"
    assert told["expiration_date"] == "2026-05-31T16:00:00Z"
