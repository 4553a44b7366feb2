"""Carts tried against drafts over HTTP, and the best combination."""

from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

TEN_OFF = {"type": "AMOUNT", "amount_off": 1_000, "effect": "APPLY_TO_ORDER"}
DEAR = {
    "effect": {"code": "percent_off", "rate_bps": 2_000},
    "condition": {"code": "minimum_spend", "amount_minor": 15_000},
}


def cart(amount: int, **more: Any) -> dict[str, Any]:
    """A cart of that amount."""
    return {"order": {"amount": amount}} | more


async def simulate(api: Client, **body: Any) -> dict[str, Any]:
    """What a simulation answers."""
    answer = await api.post("/v1/kaquan/simulations", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_several_carts_against_several_drafts(api: Client) -> None:
    answer = await simulate(
        api,
        offers=[{"key": "ten", "discount": TEN_OFF}, {"key": "dear", "offer": DEAR}],
        carts=[cart(10_000), cart(20_000)],
    )
    small, large = answer["carts"]
    assert (small["valid"], small["total_discount_amount"]) == (True, 1_000)
    assert small["order"]["total_amount"] == 9_000
    ten, dear = small["offers"]
    assert (ten["id"], ten["status"], ten["discount_amount"]) == ("ten", "APPLICABLE", 1_000)
    assert (dear["status"], dear["reasons"][0]["distance"]["value"]) == ("INAPPLICABLE", 6_000)
    assert dear["trace"]["checks"][-1]["code"] == "minimum_spend"
    # Twenty percent of the 190.00 that the first offer left.
    assert large["total_discount_amount"] == 1_000 + 3_800
    assert answer["currency"] == "CNY"


async def test_a_stored_campaign_that_is_off_and_has_not_begun(api: Client) -> None:
    campaign = {
        "name": "Later",
        "campaign_type": "DISCOUNT_COUPONS",
        "start_date": "2100-01-01T00:00:00Z",
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": TEN_OFF},
    }
    made = (await api.post("/v1/campaigns", json=campaign)).json()
    assert (await api.post(f"/v1/campaigns/{made['id']}/disable")).status_code == 200
    asked: dict[str, Any] = {"offers": [{"campaign": "Later"}], "carts": [cart(10_000)]}
    verdicts = [
        (await simulate(api, **asked, **more))["carts"][0]["valid"]
        for more in ({}, {"now": "2100-01-01T00:00:00Z"}, {"ignore_period": True})
    ]
    assert verdicts == [False, True, True]
    stored = (await api.get("/v1/campaigns/Later")).json()
    assert (stored["active"], stored["vouchers_count"]) == (False, made["vouchers_count"])


class Wrong(NamedTuple):
    name: str
    body: dict[str, Any]
    status: int
    field: str | None


WRONG = [
    Wrong("nothing", {}, 400, ""),
    Wrong("no offers", {"offers": [], "carts": [cart(1)]}, 400, "offers"),
    Wrong("no carts", {"offers": [{"discount": TEN_OFF}], "carts": []}, 400, "carts"),
    Wrong("an empty offer", {"offers": [{}], "carts": [cart(1)]}, 400, "offers[0]"),
    Wrong(
        "two in one",
        {"offers": [{"discount": TEN_OFF, "campaign": "X"}], "carts": [cart(1)]},
        400,
        "offers[0]",
    ),
    Wrong(
        "one key twice",
        {"offers": [{"key": "a", "discount": TEN_OFF}] * 2, "carts": [cart(1)]},
        400,
        "offers[1].key",
    ),
    Wrong(
        "no discount",
        {"offers": [{"discount": {"type": "AMOUNT"}}], "carts": [cart(1)]},
        400,
        "offers[0].discount.amount_off",
    ),
    Wrong(
        "a bad offer",
        {"offers": [{"offer": {"effect": {"code": "magic"}}}], "carts": [cart(1)]},
        400,
        "kaquan.offer.effect.code",
    ),
    Wrong(
        "ends before it begins",
        {
            "offers": [
                {"discount": TEN_OFF, "start_date": "2026-02-02", "expiration_date": "2026-02-01"}
            ],
            "carts": [cart(1)],
        },
        400,
        "offers[0].expiration_date",
    ),
    Wrong("no such campaign", {"offers": [{"campaign": "X"}], "carts": [cart(1)]}, 404, None),
    Wrong(
        "a bad time",
        {"offers": [{"discount": TEN_OFF}], "carts": [cart(1)], "now": "soon"},
        400,
        "now",
    ),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
async def test_wrong_simulations_name_the_field(api: Client, case: Wrong) -> None:
    answer = await api.post("/v1/kaquan/simulations", json=case.body)
    assert answer.status_code == case.status, answer.text
    if case.field:
        assert answer.json()["field"] == case.field


async def test_the_best_of_what_is_held_and_named(api: Client) -> None:
    for code, amount in (("SMALL", 100), ("LARGE", 900)):
        body = {"type": "DISCOUNT_VOUCHER", "discount": TEN_OFF | {"amount_off": amount}}
        await api.post(f"/v1/vouchers/{code}", json=body)
        await api.post(
            "/v1/publications", json={"voucher": code, "customer": {"source_id": "anna"}}
        )
    body = {
        "customer": {"source_id": "anna"},
        "order": {"amount": 10_000},
        "redeemables": [{"object": "voucher", "id": "NOBODY"}],
    }
    answer = await api.post("/v1/kaquan/best-combinations", json=body)
    assert answer.status_code == 200, answer.text
    best = answer.json()
    assert {one["id"] for one in best["redeemables"]} == {"SMALL", "LARGE"}
    assert (best["total_discount_amount"], best["exact"]) == (1_000, True)
    assert best["order"]["total_amount"] == 9_000
    (left,) = best["left_out"]
    assert (left["id"], left["reasons"][0]["code"]) == ("NOBODY", "voucher_not_found")
    named = await api.post("/v1/kaquan/best-combinations", json=body | {"wallet": False})
    assert (named.json()["redeemables"], named.json()["considered"]) == ([], 1)


async def test_without_an_order_there_is_no_best(api: Client) -> None:
    answer = await api.post("/v1/kaquan/best-combinations", json={})
    assert (answer.status_code, answer.json()["key"]) == (400, "missing_order")
