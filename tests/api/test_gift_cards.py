"""Gift cards in the dialect: issued, filled, tried, redeemed, rolled back and accounted for."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Client = AsyncTestClient[Litestar]

CARD = {"type": "GIFT_VOUCHER", "gift": {"amount": 10_000, "effect": "APPLY_TO_ORDER"}}


async def issue(api: Client, code: str = "GIFT", **fields: object) -> dict[str, Any]:
    answer = await api.post(f"/v1/vouchers/{code}", json={**CARD, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def paying(*credits_wanted: int | None, amount: int | None = 20_000) -> dict[str, Any]:
    redeemables: list[dict[str, Any]] = []
    for number, wanted in enumerate(credits_wanted):
        code = "GIFT" if number == 0 else f"GIFT{number}"
        gift = {} if wanted is None else {"gift": {"credits": wanted}}
        redeemables.append({"object": "voucher", "id": code, **gift})
    order = {} if amount is None else {"order": {"amount": amount}}
    return {"redeemables": redeemables, **order}


async def test_what_a_card_looks_like(api: Client) -> None:
    made = await issue(api)
    assert (made["type"], made["discount"]) == ("GIFT_VOUCHER", None)
    assert made["gift"] == {
        "amount": 10_000,
        "subtracted_amount": 0,
        "balance": 10_000,
        "effect": "APPLY_TO_ORDER",
    }
    limit = made["redemption"]
    assert (limit["quantity"], limit["redeemed_quantity"]) == (None, 0)
    assert limit["redeemed_amount"] == 0
    generated = await api.post("/v1/vouchers", json={"gift": {"amount": 5}})
    assert generated.json()["gift"]["balance"] == 5
    listed = (await api.get("/v1/vouchers")).json()
    assert {one["type"] for one in listed["vouchers"]} == {"GIFT_VOUCHER"}


async def test_paying_and_giving_back(api: Client) -> None:
    made = await issue(api)
    tried = (await api.post("/v1/validations", json=paying(4_000))).json()
    assert tried["valid"] is True
    (redeemable,) = tried["redeemables"]
    assert redeemable["result"] == {"gift": {"balance": 10_000, "credits": 4_000}}
    assert redeemable["order"]["total_applied_discount_amount"] == 4_000
    told = (await api.post("/v1/redemptions", json=paying(4_000))).json()
    (redemption,) = told["redemptions"]
    assert (redemption["amount"], redemption["gift"]) == (4_000, {"amount": 4_000})
    assert redemption["voucher"]["gift"]["balance"] == 6_000
    assert told["order"]["total_amount"] == 16_000
    undone = await api.post(f"/v1/redemptions/{redemption['id']}/rollback")
    assert undone.json()["amount"] == -4_000
    after = (await api.get(f"/v1/vouchers/{made['id']}")).json()
    assert (after["gift"]["balance"], after["redemption"]["redeemed_amount"]) == (10_000, 0)
    rows = (await api.get("/v1/redemptions?order=created_at")).json()["redemptions"]
    assert [row["amount"] for row in rows] == [4_000, -4_000]


@pytest.mark.parametrize("amount", [20_000, None])
async def test_more_than_there_is(api: Client, amount: int | None) -> None:
    await issue(api)
    told = (await api.post("/v1/validations", json=paying(10_001, amount=amount))).json()
    assert told["valid"] is False
    assert told["redeemables"][0]["result"]["error"]["key"] == "gift_amount_exceeded"
    refused = await api.post("/v1/redemptions", json=paying(10_001, amount=amount))
    assert (refused.status_code, refused.json()["key"]) == (400, "gift_amount_exceeded")
    assert refused.json()["reasons"][0]["params"]["missing_minor"] == 1


async def test_two_cards_pay_one_order(api: Client) -> None:
    await issue(api)
    await issue(api, "GIFT1")
    told = (await api.post("/v1/redemptions", json=paying(10_000, None))).json()
    assert [row["amount"] for row in told["redemptions"]] == [10_000, 10_000]
    assert told["order"]["total_amount"] == 0
    assert "amount" not in told["parent_redemption"]


class TestBalance:
    """Filled and emptied by hand, with a list of everything that moved."""

    async def test_adding_and_removing(self, api: Client) -> None:
        made = await issue(api)
        body = {"amount": 2_000, "source_id": "till-7", "reason": "bonus"}
        added = await api.post("/v1/vouchers/GIFT/balance", json=body)
        expected = {
            "amount": 2_000,
            "total": 12_000,
            "balance": 12_000,
            "type": "gift_voucher",
            "operation_type": "MANUAL",
            "related_object": {"id": made["id"], "type": "voucher"},
            "object": "balance",
        }
        assert (added.status_code, added.json()) == (200, expected)
        assert (await api.post("/v1/vouchers/GIFT/balance", json=body)).json() == expected
        await api.post("/v1/vouchers/GIFT/balance", json={"amount": -500})
        gift = (await api.get("/v1/vouchers/GIFT")).json()["gift"]
        assert (gift["amount"], gift["subtracted_amount"], gift["balance"]) == (12_000, 500, 11_500)

    async def test_one_key_moves_once(self, api: Client) -> None:
        await issue(api)
        key = {"Idempotency-Key": "0123456789abcdef"}
        await api.post("/v1/vouchers/GIFT/balance", json={"amount": 7}, headers=key)
        answer = await api.post("/v1/vouchers/GIFT/balance", json={"amount": 7}, headers=key)
        assert answer.json()["balance"] == 10_007
        assert answer.headers["Idempotency-Replayed"] == "true"

    @pytest.mark.parametrize(
        ("code", "body", "status", "key"),
        [
            ("GIFT", {"amount": -10_001}, 400, "gift_amount_exceeded"),
            ("GIFT", {"amount": 0}, 400, "invalid_payload"),
            ("GIFT", {"amount": 2**53}, 400, "invalid_payload"),
            ("GIFT", {}, 400, "invalid_payload"),
            ("OFF", {"amount": 5}, 400, "invalid_voucher"),
            ("NONE", {"amount": 5}, 404, "not_found"),
        ],
    )
    async def test_refusals(
        self, api: Client, code: str, body: dict[str, Any], status: int, key: str
    ) -> None:
        await issue(api)
        await api.post("/v1/vouchers/OFF", json={"discount": {"type": "AMOUNT", "amount_off": 100}})
        answer = await api.post(f"/v1/vouchers/{code}/balance", json=body)
        assert (answer.status_code, answer.json()["key"]) == (status, key)

    async def test_the_same_name_for_another_amount(self, api: Client) -> None:
        await issue(api)
        for amount, status in ((5, 200), (6, 409)):
            body = {"amount": amount, "source_id": "t"}
            assert (await api.post("/v1/vouchers/GIFT/balance", json=body)).status_code == status

    async def test_transactions(self, api: Client) -> None:
        await issue(api)
        order = {"order": {"amount": 900, "source_id": "o-1"}}
        told = (await api.post("/v1/redemptions", json={**paying(900), **order})).json()
        redemption_id = told["redemptions"][0]["id"]
        body = {"amount": 50, "source_id": "till-7", "reason": "bonus"}
        await api.post("/v1/vouchers/GIFT/balance", json=body)
        await api.post(f"/v1/redemptions/{redemption_id}/rollback")
        listed = (await api.get("/v1/vouchers/GIFT/transactions?order=created_at")).json()
        shown = [
            (one["type"], one["details"]["balance"]["amount"], one["details"]["balance"]["balance"])
            for one in listed["data"]
        ]
        assert shown == [
            ("CREDITS_ADDITION", 10_000, 10_000),
            ("CREDITS_REDEMPTION", -900, 9_100),
            ("CREDITS_ADDITION", 50, 9_150),
            ("CREDITS_REFUND", 900, 10_050),
        ]
        assert listed["data"][1]["details"]["redemption"] == {"id": redemption_id}
        assert listed["data"][1]["details"]["order"]["source_id"] == "o-1"
        assert (listed["data"][2]["source_id"], listed["data"][2]["reason"]) == ("till-7", "bonus")
        page = (await api.get("/v1/vouchers/GIFT/transactions?limit=3")).json()
        assert (page["has_more"], len(page["data"])) == (True, 3)
        after = page["more_starting_after"]
        rest = (await api.get(f"/v1/vouchers/GIFT/transactions?starting_after_id={after}")).json()
        assert [one["type"] for one in rest["data"]] == ["CREDITS_ADDITION"]
        assert "more_starting_after" not in rest


class TestCampaigns:
    """A campaign hands out cards that start with its amount."""

    async def test_cards_of_a_campaign(self, api: Client) -> None:
        body = {
            "name": "Cards",
            "campaign_type": "GIFT_VOUCHERS",
            "vouchers_count": 2,
            "voucher": {"type": "GIFT_VOUCHER", "gift": {"amount": 700}},
        }
        made = (await api.post("/v1/campaigns", json=body)).json()
        assert made["campaign_type"] == "GIFT_VOUCHERS"
        voucher = made["voucher"]
        assert (voucher["type"], voucher["discount"]) == ("GIFT_VOUCHER", None)
        assert voucher["gift"]["amount"] == 700
        assert voucher["redemption"]["quantity"] is None
        listed = (await api.get(f"/v1/vouchers?campaign_id={made['id']}")).json()["vouchers"]
        assert [one["gift"]["balance"] for one in listed] == [700, 700]
        own = await api.post(
            f"/v1/campaigns/{made['id']}/vouchers/OWN", json={"gift": {"amount": 5}}
        )
        assert own.json()["gift"]["balance"] == 5

    async def test_a_card_of_points(self, api: Client) -> None:
        effect = {"code": "points_payment", "points": 10, "worth_minor": 1}
        body = {"name": "Points", "kaquan": {"offer": {"effect": effect}, "balance": 500}}
        made = (await api.post("/v1/campaigns", json=body)).json()
        assert made["campaign_type"] == "LOYALTY_PROGRAM"
        card = (await api.post(f"/v1/campaigns/{made['id']}/vouchers/CARD")).json()
        assert (card["type"], card["gift"]) == ("LOYALTY_CARD", None)
        assert card["loyalty_card"] == {
            "points": 500,
            "subtracted_points": 0,
            "balance": 500,
            "pending_points": 0,
            "expired_points": 0,
            "next_expiration_date": None,
            "next_expiration_points": None,
        }
        one = {"object": "voucher", "id": "CARD", "kaquan": {"points": 200}}
        body = {"redeemables": [one], "order": {"amount": 1_000}}
        (redemption,) = (await api.post("/v1/redemptions", json=body)).json()["redemptions"]
        assert redemption["loyalty_card"] == {"points": 200}
        assert redemption["order"]["total_amount"] == 980
        listed = (await api.get("/v1/vouchers/CARD/transactions")).json()["data"]
        assert [one["type"] for one in listed] == ["POINTS_REDEMPTION", "POINTS_ADDITION"]

    @pytest.mark.parametrize(
        ("body", "status", "field"),
        [
            ({"campaign_type": "GIFT_VOUCHERS", "voucher": {}}, 400, "voucher.gift"),
            (
                {"campaign_type": "DISCOUNT_COUPONS", "voucher": {"gift": {"amount": 5}}},
                400,
                "campaign_type",
            ),
            (
                {"campaign_type": "GIFT_VOUCHERS", "voucher": {"type": "DISCOUNT_VOUCHER"}},
                400,
                "voucher.type",
            ),
            ({"voucher": {"gift": {"amount": -1}}}, 400, "voucher.gift.amount"),
            (
                {"voucher": {"gift": {"amount": 5, "effect": "APPLY_TO_ITEMS"}}},
                501,
                "voucher.gift.effect",
            ),
            ({"campaign_type": "REFERRAL_PROGRAM", "voucher": {}}, 400, "voucher.discount"),
        ],
    )
    async def test_refusals(
        self, api: Client, body: dict[str, Any], status: int, field: str
    ) -> None:
        answer = await api.post("/v1/campaigns", json={"name": "Cards", **body})
        assert (answer.status_code, answer.json()["field"]) == (status, field)


@pytest.mark.parametrize(
    ("body", "status", "key", "field"),
    [
        ({"type": "GIFT_VOUCHER"}, 400, "invalid_voucher", "gift"),
        ({"type": "LOYALTY_CARD"}, 501, "not_supported", "type"),
        ({"type": "DISCOUNT_VOUCHER", "gift": {"amount": 5}}, 400, "invalid_voucher", "gift"),
        ({"gift": {"amount": 1.5}}, 400, "invalid_payload", "gift.amount"),
        (
            {"gift": {"amount": 5}, "discount": {"type": "AMOUNT", "amount_off": 5}},
            400,
            "invalid_voucher",
            "discount",
        ),
    ],
)
async def test_cards_that_make_no_sense(
    api: Client, body: dict[str, Any], status: int, key: str, field: str
) -> None:
    answer = await api.post("/v1/vouchers/NEW", json=body)
    told = answer.json()
    assert (answer.status_code, told["key"], told["field"]) == (status, key, field)


async def test_a_balance_is_not_written_over(api: Client) -> None:
    await issue(api)
    answer = await api.put("/v1/vouchers/GIFT", json={"gift": {"amount": 5}})
    assert (answer.status_code, answer.json()["field"]) == (400, "gift")
    kept = await api.put("/v1/vouchers/GIFT", json={"metadata": {"a": 1}})
    assert kept.json()["gift"]["balance"] == 10_000
