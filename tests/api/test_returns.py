"""Returns and an order's life over HTTP."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient
from litestar import Litestar
from litestar.testing import AsyncTestClient

from checkout.shop import add_code, amount_off, open_campaign, read_balance
from kaquan.ledger import AccountKind, check_ledger, count_ledger
from kaquan.runtime import Database, Project

Api = AsyncTestClient[Litestar]
LINES = [
    {"source_id": "tea", "quantity": 3, "price": 1000},
    {"source_id": "rice", "quantity": 1, "price": 2000},
]


@pytest.fixture
async def campaign(database: Database, project: Project) -> str:
    """A campaign of 10.00 off with a budget of 50.00, and its coupon SPRING; its id."""
    async with database.transaction(project.project_id) as tx:
        made = await open_campaign(tx, amount_off(1000), name="Spring", budget_minor=5000)
        await add_code(tx, "SPRING", campaign_id=made.id, quantity=1)
    return made.id


def spring(session: dict[str, Any] | None = None) -> dict[str, Any]:
    """Our own member of an order that is going to redeem SPRING."""
    named = {} if session is None else {"session": session}
    return {"redeemables": [{"id": "SPRING"}], **named}


async def sell(api: Api, **more: Any) -> dict[str, Any]:
    """An order with SPRING, paid unless told otherwise."""
    body = {"source_id": "o-1", "items": LINES, "status": "PAID", "kaquan": spring(), **more}
    answer = await api.post("/v1/orders", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def budget_left(database: Database, project: Project, campaign: str) -> int | None:
    """Minor units left of the budget; the ledger must be whole."""
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []
        return await read_balance(tx, campaign, AccountKind.BUDGET)


async def test_goods_come_back_in_parts(
    api: Api, database: Database, project: Project, campaign: str
) -> None:
    order = await sell(api)
    assert (order["status"], order["total_amount"]) == ("PAID", 4000)
    part = {"items": [{"source_id": "tea", "quantity": 2}], "reason": "broken"}
    shown = await api.post("/v1/orders/o-1/returns/preview", json=part)
    done = await api.post("/v1/orders/o-1/returns", json=part)
    assert (shown.status_code, done.status_code) == (200, 200), done.text
    figures = ("amount", "given_back_amount", "clawed_back_amount", "refund_amount", "completes")
    assert [shown.json()[name] for name in figures] == [2000, 400, 0, 1600, False]
    assert [done.json()[name] for name in figures] == [2000, 400, 0, 1600, False]
    assert (shown.json()["object"], "id" in shown.json()) == ("return_preview", False)
    assert done.json()["items"] == [{"line": 0, "quantity": 2, "amount": 2000}]
    assert await budget_left(database, project, campaign) == 4400
    kept = (await api.get("/v1/orders/o-1")).json()
    # The dialect has no word for it; ours stands beside its own.
    assert (kept["status"], kept["kaquan"]["status"]) == ("FULFILLED", "PARTIALLY_RETURNED")
    rest = (await api.post(f"/v1/orders/{order['id']}/returns")).json()
    assert (rest["given_back_amount"], rest["completes"]) == (600, True)
    assert await budget_left(database, project, campaign) == 5000
    listed = (await api.get("/v1/orders/o-1/returns", params={"limit": 1})).json()
    assert (listed["total"], [one["id"] for one in listed["returns"]]) == (2, [rest["id"]])
    redemption = rest["redemptions"][0]["redemption_id"]
    assert (await api.get(f"/v1/redemptions/{redemption}/returns")).json()["total"] == 2
    assert (await api.get("/v1/returns", params={"order": "created_at"})).json()["total"] == 2
    assert (await api.get(f"/v1/returns/{rest['id']}")).json() == rest


async def test_a_redemption_is_returned_by_amount(api: Api, campaign: str) -> None:
    await sell(api)
    (redemption,) = (await api.get("/v1/redemptions")).json()["redemptions"]
    address = f"/v1/redemptions/{redemption['id']}/returns"
    done = await api.post(address, json={"amount": 2500})
    assert done.status_code == 200, done.text
    assert (done.json()["given_back_amount"], done.json()["refund_amount"]) == (500, 2000)
    shown = (await api.get(f"/v1/redemptions/{redemption['id']}")).json()
    assert (shown["status"], shown["kaquan"]["returned_amount"]) == ("SUCCEEDED", 500)
    assert (await api.post(address, json={})).status_code == 200
    undone = (await api.get("/v1/redemptions?status=ROLLED_BACK")).json()
    assert [one["id"] for one in undone["redemptions"]] == [redemption["id"]]
    assert undone["redemptions"][0]["status"] == "ROLLED_BACK"
    assert (await api.get("/v1/redemptions?status=SUCCEEDED")).json()["total"] == 0
    assert (await api.get("/v1/redemptions?status=LOST")).status_code == 400


async def test_a_key_returns_once(api: Api, campaign: str) -> None:
    await sell(api)
    part = {"items": [{"line": 0, "quantity": 1}]}
    answers = [
        await api.post(
            "/v1/orders/o-1/returns", json=part, headers={"Idempotency-Key": "return-number-one"}
        )
        for _ in range(3)
    ]
    assert len({answer.content for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers[1:]] == ["true"] * 2
    assert (await api.get("/v1/orders/o-1/returns")).json()["total"] == 1


async def test_a_policy_is_set_and_applies(api: Api, campaign: str) -> None:
    address = f"/v1/campaigns/{campaign}/return-policy"
    usual = {"kept_goods": "keep", "use_back": "complete", "no_use_after_expiry": False}
    assert (await api.get(address)).json() == usual
    set_ = await api.put(address, json={"use_back": "never"})
    assert set_.json() == usual | {"use_back": "never"}
    assert (await api.get("/v1/campaigns/Spring/return-policy")).json()["use_back"] == "never"
    await sell(api)
    done = (await api.post("/v1/orders/o-1/returns")).json()
    assert done["redemptions"][0]["use_returned"] is False
    for wrong in ({"use_back": "often"}, {"keep": True}, {"kept_goods": None}):
        refused = await api.put(address, json=wrong)
        assert (refused.status_code, refused.json()["key"]) == (400, "invalid_payload")
    assert (await api.get("/v1/campaigns/Autumn/return-policy")).status_code == 404


WRONG: list[tuple[str, Any, str, str | None]] = [
    ("more than was bought", {"items": [{"line": 0, "quantity": 4}]}, "return_exceeds_purchase", "items[0].quantity"),
    ("worth more", {"amount": 5001}, "return_exceeds_purchase", "amount"),
    ("none of it", {"items": [{"line": 0, "quantity": 0}]}, "invalid_payload", "items[0].quantity"),
    ("less than none", {"items": [{"line": 0, "quantity": -1}]}, "invalid_payload", "items[0].quantity"),
    ("half a unit", {"items": [{"line": 0, "quantity": 0.5}]}, "invalid_payload", "items[0].quantity"),
    ("beyond JSON", {"items": [{"line": 0, "quantity": 2**53}]}, "invalid_payload", "items[0].quantity"),
    ("as text", {"items": [{"line": 0, "quantity": "1"}]}, "invalid_payload", "items[0].quantity"),
    ("a line that is not there", {"items": [{"line": 2, "quantity": 1}]}, "invalid_payload", "items[0].line"),
    ("another product", {"items": [{"source_id": "salt", "quantity": 1}]}, "invalid_payload", "items[0]"),
    ("no goods", {"items": []}, "invalid_payload", "items"),
    ("an amount of nothing", {"amount": 0}, "invalid_payload", "amount"),
    ("a negative amount", {"amount": -1}, "invalid_payload", "amount"),
    ("a fraction", {"amount": 1.5}, "invalid_payload", "amount"),
    ("goods and an amount", {"items": [{"line": 0, "quantity": 1}], "amount": 1}, "invalid_payload", "amount"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "key", "field"), WRONG, ids=[one[0] for one in WRONG])
async def test_what_is_refused_changes_nothing(
    api: Api,
    database: Database,
    project: Project,
    campaign: str,
    name: str,
    body: Any,
    key: str,
    field: str | None,
) -> None:
    await sell(api)
    async with database.transaction(project.project_id) as tx:
        before = await count_ledger(tx)
    for address in ("/v1/orders/o-1/returns", "/v1/orders/o-1/returns/preview"):
        answer = await api.post(address, json=body)
        problem = answer.json()
        assert (answer.status_code, problem["key"], problem.get("field")) == (400, key, field)
    async with database.transaction(project.project_id) as tx:
        assert await count_ledger(tx) == before
    assert (await api.get("/v1/orders/o-1/returns")).json()["total"] == 0


async def test_orders_that_cannot_be_returned(api: Api, campaign: str) -> None:
    order = await sell(api)
    await api.post("/v1/orders", json={"source_id": "unpaid", "amount": 100})
    canceled = await api.put(f"/v1/orders/{order['id']}", json={"status": "CANCELED"})
    assert (canceled.json()["status"], canceled.json()["total_amount"]) == ("CANCELED", 5000)
    for reference in ("o-1", "unpaid"):
        refused = await api.post(f"/v1/orders/{reference}/returns")
        assert (refused.status_code, refused.json()["key"]) == (400, "invalid_order_status")
    for address in ("orders/nobody", "redemptions/r_nobody"):
        for verb in ("returns", "returns/preview"):
            assert (await api.post(f"/v1/{address}/{verb}")).status_code == 404
        assert (await api.get(f"/v1/{address}/returns")).status_code == 404
    assert (await api.get("/v1/returns/ret_nobody")).status_code == 404


async def test_an_order_lives_with_its_coupon(
    api: Api, database: Database, project: Project, campaign: str
) -> None:
    held = await sell(api, status="CREATED", kaquan=spring({"type": "LOCK", "key": "till-7"}))
    assert (held["total_amount"], held["kaquan"]) == (
        5000,
        {
            "redeemables": [{"id": "SPRING"}],
            "session": {"type": "LOCK", "key": "till-7", "ttl": None, "ttl_unit": None},
        },
    )
    lock = (await api.get("/v1/vouchers/SPRING/sessions/till-7")).json()
    assert (lock["ttl"], lock["ttl_unit"]) == (15, "MINUTES")
    paid = await api.put("/v1/orders/o-1", json={"status": "PAID"})
    assert (paid.json()["status"], paid.json()["total_amount"]) == ("PAID", 4000)
    assert "kaquan" not in paid.json()
    assert (await api.get("/v1/redemptions")).json()["total"] == 1
    await api.put("/v1/orders/o-1", json={"status": "PAID"})
    assert (await api.get("/v1/redemptions")).json()["total"] == 1
    back = await api.put("/v1/orders/o-1", json={"status": "RETURNED"})
    assert back.json()["kaquan"]["status"] == "RETURNED"
    assert (await api.get("/v1/orders/o-1/returns")).json()["total"] == 1
    assert await budget_left(database, project, campaign) == 5000


async def test_a_coupon_that_does_not_apply_stops_the_order(api: Api, campaign: str) -> None:
    await sell(api)
    body = {"source_id": "o-2", "amount": 500, "kaquan": spring()}
    refused = await api.post("/v1/orders", json=body)
    problem = refused.json()
    assert (refused.status_code, problem["key"]) == (400, "quantity_exceeded")
    assert problem["reasons"][0]["code"] == "uses_exhausted"
    assert (await api.get("/v1/orders/o-2")).status_code == 404
    unknown = {"source_id": "o-2", "amount": 500, "kaquan": {"session": {"key": "nobody"}}}
    assert (await api.post("/v1/orders", json=unknown)).status_code == 404


async def test_one_payment_arrives_many_times_at_once(
    crowd: AsyncClient, database: Database, project: Project, campaign: str
) -> None:
    body = {"source_id": "o-1", "items": LINES, "status": "PAID", "kaquan": spring()}
    answers = await asyncio.gather(*(crowd.post("/v1/orders", json=body) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers]
    assert {answer.json()["total_amount"] for answer in answers} == {4000}
    assert await budget_left(database, project, campaign) == 4000
    assert (await crowd.get("/v1/redemptions")).json()["total"] == 1
