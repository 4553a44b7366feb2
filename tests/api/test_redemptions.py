"""Redemptions without an order, lists of redemptions, and what they add up to."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]


async def add_voucher(api: Client, code: str, **fields: object) -> None:
    body = {"discount": {"type": "AMOUNT", "amount_off": 100}, **fields}
    answer = await api.post(f"/v1/vouchers/{code}", json=body)
    assert answer.status_code == 200, answer.text


def request(*codes: str, **fields: object) -> dict[str, Any]:
    return {"redeemables": [{"object": "voucher", "id": code} for code in codes], **fields}


async def read(api: Client, path: str) -> dict[str, Any]:
    answer = await api.get(f"/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


class TestWithoutOrder:
    """The dialect lets an order be missing; then no answer has one."""

    async def test_validation(self, api: Client) -> None:
        await add_voucher(api, "A")
        answer = await api.post("/v1/validations", json=request("A"))
        told = answer.json()
        assert (answer.status_code, told["valid"]) == (200, True)
        assert "order" not in told
        (redeemable,) = told["redeemables"]
        assert redeemable["status"] == "APPLICABLE"
        assert redeemable["result"]["discount"]["amount_off"] == 100
        assert "order" not in redeemable

    @pytest.mark.parametrize("codes", [["A"], ["A", "B"]])
    async def test_redemption_and_rollback(self, api: Client, codes: list[str]) -> None:
        for code in codes:
            await add_voucher(api, code)
        body = request(*codes, customer={"source_id": "anna"})
        told = (await api.post("/v1/redemptions", json=body)).json()
        parent = told.get("parent_redemption")
        rows = [*told["redemptions"], *([parent] if parent else [])]
        assert "order" not in told
        assert [row["status"] for row in rows] == ["SUCCEEDED"] * len(rows)
        assert not any("order" in row for row in rows)
        assert (await read(api, "/orders"))["total"] == 0
        assert not any("order" in row for row in (await read(api, "/redemptions"))["redemptions"])
        undone = await api.post(f"/v1/redemptions/{rows[-1]['id']}/rollbacks")
        assert undone.status_code == 200
        assert "order" not in undone.json()

    async def test_a_rule_about_orders(self, api: Client) -> None:
        offer = {
            "effect": {"code": "amount_off", "amount_minor": 500},
            "condition": {"code": "minimum_spend", "amount_minor": 5_000},
        }
        await api.post("/v1/vouchers/FAR", json={"kaquan": {"offer": offer}})
        refused = await api.post("/v1/redemptions", json=request("FAR"))
        assert (refused.status_code, refused.json()["key"]) == (400, "order_rules_violated")
        assert "¥50.00" in refused.json()["detail"]


class TestLists:
    """Filtered by how attempts ended, and in either order of time."""

    @pytest.fixture
    async def ids(self, api: Client) -> list[str]:
        """A success, a failure, a success that is rolled back, and its rollback, by time."""
        await add_voucher(api, "ONE")
        await add_voucher(api, "OFF", active=False)
        await add_voucher(api, "TWO")
        for code in ("ONE", "OFF", "TWO"):
            body = request(code, order={"amount": 1_000}, customer={"source_id": "anna"})
            answer = await api.post("/v1/redemptions", json=body)
        undone = answer.json()["redemptions"][0]["id"]
        assert (await api.post(f"/v1/redemptions/{undone}/rollback")).status_code == 200
        listed = await read(api, "/redemptions?order=created_at")
        return [row["id"] for row in listed["redemptions"]]

    @pytest.mark.parametrize(
        ("query", "positions", "total"),
        [
            ("", [3, 2, 1, 0], 4),
            ("order=-created_at", [3, 2, 1, 0], 4),
            ("order=created_at", [0, 1, 2, 3], 4),
            ("order=created_at&limit=2&page=2", [2, 3], 4),
            ("result=FAILURE", [1], 1),
            ("result=SUCCESS", [3, 2, 0], 3),
            ("result=SUCCESS&result=FAILURE", [3, 2, 1, 0], 4),
            ("result=SUCCESS&order=created_at&limit=1", [0], 3),
            ("customer=anna&result=FAILURE", [1], 1),
        ],
    )
    async def test_which_and_in_what_order(
        self, api: Client, ids: list[str], query: str, positions: list[int], total: int
    ) -> None:
        listed = await read(api, f"/redemptions?{query}")
        assert [row["id"] for row in listed["redemptions"]] == [ids[at] for at in positions]
        assert listed["total"] == total

    async def test_by_id(self, api: Client, ids: list[str]) -> None:
        for order, expected in (("id", sorted(ids)), ("-id", sorted(ids, reverse=True))):
            listed = await read(api, f"/redemptions?order={order}")
            assert [row["id"] for row in listed["redemptions"]] == expected

    @pytest.mark.parametrize(
        ("query", "status", "key", "field"),
        [
            ("order=tracking_id", 501, "not_supported", "order"),
            ("order=-customer_id", 501, "not_supported", "order"),
            ("order=moon", 400, "invalid_query_params", "order"),
            ("result=MAYBE", 400, "invalid_query_params", "result"),
        ],
    )
    async def test_what_cannot_be_listed(
        self, api: Client, query: str, status: int, key: str, field: str
    ) -> None:
        answer = await api.get(f"/v1/redemptions?{query}")
        told = answer.json()
        assert (answer.status_code, told["key"], told["field"]) == (status, key, field)

    async def test_what_a_customer_s_redemptions_came_to(self, api: Client, ids: list[str]) -> None:
        expected = {
            "total_redeemed": 3,
            "total_failed": 1,
            "total_succeeded": 2,
            "total_rolled_back": 1,
            "total_rollback_failed": 0,
            "total_rollback_succeeded": 1,
        }
        assert (await read(api, "/customers/anna"))["summary"]["redemptions"] == expected
        (listed,) = (await read(api, "/customers"))["customers"]
        assert listed["summary"]["redemptions"] == expected


async def test_a_guest_is_known_by_an_address_or_a_card(api: Client) -> None:
    once = {"name": "redemption.count.per_customer", "conditions": {"$less_than_or_equal": [1]}}
    rule = {"name": "once", "type": "expression", "rules": {"1": once, "logic": "1"}}
    rule_id = (await api.post("/v1/validation-rules", json=rule)).json()["id"]
    await add_voucher(api, "A", redemption={"quantity": 9}, validation_rules=[rule_id])

    async def redeem(**fields: object) -> tuple[int, str | None]:
        answer = await api.post("/v1/redemptions", json=request("A", **fields))
        return answer.status_code, answer.json().get("key")

    bo = {"customer": {"email": "bo@example.com"}}
    refused = (400, "redemption_rules_violated")
    assert await redeem() == (400, "customer_rules_violated")
    assert await redeem(**bo, metadata={"card_fingerprint": "fp_1"}) == (200, None)
    assert await redeem(metadata={"guest_email": "BO@example.com"}) == refused
    assert await redeem(order={"amount": 500, "metadata": {"card_fingerprint": "fp_1"}}) == refused
    assert await redeem(metadata={"guest_phone": "13800138000"}) == (200, None)
    assert await redeem(customer={"source_id": "bo", "email": "bo@example.com"}) == (200, None)
