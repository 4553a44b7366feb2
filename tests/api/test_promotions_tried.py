"""Promotions in qualifications, best combinations and simulations, as the dialect shows them."""

from typing import Any

from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

ORDER = {"items": [{"source_id": "tea", "quantity": 2, "price": 5_000}]}


def tier(name: str, amount: int) -> dict[str, Any]:
    """A tier of that amount off."""
    discount = {"type": "AMOUNT", "amount_off": amount, "effect": "APPLY_TO_ORDER"}
    return {"name": name, "banner": f"{name}!", "action": {"discount": discount}}


async def promote(api: Client) -> tuple[str, list[str], str]:
    """A promotion of two tiers in one stack: its id, theirs, and the stack's."""
    body = {
        "name": "Promo",
        "campaign_type": "PROMOTION",
        "promotion": {"tiers": [tier("One", 1_000), tier("Two", 2_000)]},
    }
    made = await api.post("/v1/campaigns", json=body)
    assert made.status_code == 200, made.text
    campaign = made.json()["id"]
    tiers = [one["id"] for one in made.json()["promotion"]["tiers"]]
    stack = {"name": "Both", "tiers": {"ids": tiers}}
    put = await api.post(f"/v1/promotions/{campaign}/stacks", json=stack)
    assert put.status_code == 200, put.text
    return campaign, tiers, put.json()["id"]


async def test_a_promotion_qualifies(api: Client) -> None:
    campaign, tiers, stack = await promote(api)
    body = {"scenario": "ALL", "order": ORDER, "options": {"expand": ["redeemable"]}}
    answer = await api.post("/v1/qualifications", json=body)
    assert answer.status_code == 200, answer.text
    found = {one["id"]: one for one in answer.json()["redeemables"]["data"]}
    assert found.keys() == {*tiers, stack}
    one = found[tiers[0]]
    assert (one["object"], one["result"]["discount"]["amount_off"]) == ("promotion_tier", 1_000)
    assert (one["name"], one["banner"], one["metadata"]) == ("One", "One!", {})
    assert (one["campaign_id"], one["campaign_name"]) == (campaign, "Promo")
    assert one["order"]["total_applied_discount_amount"] == 1_000
    both = found[stack]
    assert (both["object"], both["result"], both["name"]) == ("promotion_stack", {}, "Both")
    assert both["order"]["total_applied_discount_amount"] == 3_000


async def test_best_combinations_and_simulations(api: Client) -> None:
    _, tiers, _ = await promote(api)
    best = await api.post("/v1/kaquan/best-combinations", json={"order": ORDER})
    assert best.status_code == 200, best.text
    chosen = {one["id"]: one["object"] for one in best.json()["redeemables"]}
    assert chosen == dict.fromkeys(tiers, "promotion_tier")
    assert best.json()["total_discount_amount"] == 3_000
    without = await api.post(
        "/v1/kaquan/best-combinations", json={"order": ORDER, "promotions": False}
    )
    assert without.json()["total_discount_amount"] == 0
    body = {"offers": [{"campaign": "Promo"}], "carts": [{"order": ORDER}]}
    tried = await api.post("/v1/kaquan/simulations", json=body)
    assert tried.status_code == 200, tried.text
    offers = tried.json()["carts"][0]["offers"]
    assert [(one["id"], one["discount_amount"]) for one in offers] == [
        (tiers[0], 1_000),
        (tiers[1], 2_000),
    ]
