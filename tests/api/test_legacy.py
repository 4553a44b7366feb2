"""The dialect's older routes: the same decisions as today's, in the shapes of their time."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import issue_key
from kaquan.runtime import Database, Project, utc_now
from kaquan.trust import ClientAccessChange, KeyKind, update_client_access

Client = AsyncTestClient[Litestar]
ORDER = {"amount": 5_000}
ANNA = {"source_id": "anna"}


async def send(api: Client, path: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await api.post(path, json=body, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def add_coupon(api: Client, code: str, uses: int | None = 1) -> None:
    await send(
        api,
        f"/v1/vouchers/{code}",
        {
            "discount": {"type": "AMOUNT", "amount_off": 500},
            "redemption": {"quantity": uses},
            "metadata": {"batch": 7},
        },
    )


async def add_tiers(api: Client) -> dict[str, str]:
    """A promotion of two tiers, of which one asks for more; their ids by name."""
    campaign = await send(
        api, "/v1/campaigns", {"name": "Deals", "campaign_type": "PROMOTION", "promotion": {}}
    )
    ids: dict[str, str] = {}
    for name, least in (("five off", 1), ("for big orders", 100_000)):
        offer = {
            "effect": {"code": "amount_off", "amount_minor": 500},
            "condition": {"code": "minimum_spend", "amount_minor": least},
        }
        tier = await send(
            api,
            f"/v1/promotions/{campaign['id']}/tiers",
            {"name": name, "banner": "Now!", "kaquan": {"offer": offer}, "action": None},
        )
        ids[name] = tier["id"]
    return ids


class TestVoucher:
    async def test_validate(self, api: Client) -> None:
        await add_coupon(api, "A")
        told = await send(api, "/v1/vouchers/A/validate", {"order": ORDER, "customer": ANNA})
        assert (told["valid"], told["code"], told["metadata"]) == (True, "A", {"batch": 7})
        assert told["discount"]["amount_off"] == 500
        assert told["order"]["total_amount"] == 4_500
        assert "reason" not in told

    @pytest.mark.parametrize(("code", "key"), [("A", "quantity_exceeded"), ("NOBODY", "not_found")])
    async def test_not_valid(self, api: Client, code: str, key: str) -> None:
        await add_coupon(api, "A")
        await send(api, "/v1/vouchers/A/redemption", {"order": ORDER})
        told = await send(api, f"/v1/vouchers/{code}/validate", {"order": ORDER})
        assert (told["valid"], told["key"], told["error"]["key"]) == (False, key, key)
        assert told["reason"]
        assert "discount" not in told

    async def test_a_session_locks_and_redeems(self, api: Client) -> None:
        await add_coupon(api, "A")
        session = {"type": "LOCK", "key": "mine"}
        body = {"order": ORDER, "session": session}
        assert (await send(api, "/v1/vouchers/A/validate", body))["session"]["key"] == "mine"
        refused = await api.post("/v1/vouchers/A/redemption", json={"order": ORDER})
        assert refused.json()["key"] == "quantity_exceeded"
        done = await send(api, "/v1/vouchers/A/redemption", body)
        assert done["result"] == "SUCCESS"

    async def test_redeem_once_for_a_key(self, api: Client) -> None:
        await add_coupon(api, "A", uses=None)
        headers = {"Idempotency-Key": "0123456789abcdef"}
        body = {"order": ORDER, "customer": ANNA, "metadata": {"till": 3}}
        first = await send(api, "/v1/vouchers/A/redemption", body, headers=headers)
        again = await send(api, "/v1/vouchers/A/redemption", body, headers=headers)
        other = await api.post(
            "/v1/vouchers/A/redemption", json={"order": {"amount": 1}}, headers=headers
        )
        assert first == again
        assert (first["object"], first["result"]) == ("redemption", "SUCCESS")
        assert (first["voucher"]["code"], first["metadata"]) == ("A", {"till": 3})
        assert first["order"]["total_amount"] == 4_500
        assert other.status_code == 422
        listed = (await api.get("/v1/vouchers/A/redemption")).json()
        assert (listed["total"], listed["redeemed_quantity"]) == (1, 1)
        undone = await api.post(f"/v1/redemptions/{first['id']}/rollback")
        assert undone.status_code == 200

    async def test_refused_it_is_kept_as_an_attempt(self, api: Client) -> None:
        await add_coupon(api, "A")
        await send(api, "/v1/vouchers/A/redemption", {"order": ORDER})
        refused = await api.post("/v1/vouchers/A/redemption", json={"order": ORDER})
        assert (refused.status_code, refused.json()["key"]) == (400, "quantity_exceeded")
        kept = (await api.get("/v1/redemptions?result=FAILURE")).json()
        assert (kept["total"], kept["redemptions"][0]["failure_code"]) == (1, "quantity_exceeded")

    async def test_a_dry_run_changes_nothing(self, api: Client) -> None:
        await add_coupon(api, "A")
        for route in ("redemption", "validate"):
            told = await send(api, f"/v1/vouchers/A/{route}?dry_run=true", {"order": ORDER})
            assert told["order"]["total_amount"] == 4_500
        assert (await api.get("/v1/redemptions")).json()["total"] == 0

    async def test_a_bad_body(self, api: Client) -> None:
        answer = await api.post("/v1/vouchers/A/redemption", json={"order": {"amount": -1}})
        assert (answer.status_code, answer.json()["field"]) == (400, "order.amount")


class TestPromotion:
    async def test_validation_lists_what_applies(self, api: Client) -> None:
        ids = await add_tiers(api)
        await add_coupon(api, "A")
        told = await send(api, "/v1/promotions/validation", {"order": ORDER})
        assert told["valid"]
        (tier,) = told["promotions"]
        assert (tier["id"], tier["name"]) == (ids["five off"], "five off")
        assert (tier["banner"], tier["campaign"]["name"]) == ("Now!", "Deals")
        assert (tier["discount_amount"], tier["order"]["total_amount"]) == (500, 4_500)
        assert tier["discount"]["amount_off"] == 500

    async def test_without_one(self, api: Client) -> None:
        told = await send(api, "/v1/promotions/validation", {"order": ORDER})
        assert (told["valid"], told["promotions"]) == (False, [])

    async def test_redemption(self, api: Client) -> None:
        ids = await add_tiers(api)
        path = f"/v1/promotions/tiers/{ids['five off']}/redemption"
        done = await send(api, path, {"order": ORDER, "customer": ANNA})
        assert (done["result"], done["promotion_tier"]["id"]) == ("SUCCESS", ids["five off"])
        assert done["order"]["total_amount"] == 4_500
        refused = await api.post(
            f"/v1/promotions/tiers/{ids['for big orders']}/redemption", json={"order": ORDER}
        )
        assert refused.status_code == 400
        unknown = await api.post("/v1/promotions/tiers/no/redemption", json={"order": ORDER})
        assert unknown.status_code == 404


class TestPublic:
    @pytest_asyncio.fixture(loop_scope="session")
    async def shop(
        self, app: Litestar, database: Database, project: Project
    ) -> AsyncGenerator[httpx.AsyncClient]:
        """A client that shows a public key, which may redeem."""
        key = await issue_key(database, project, KeyKind.CLIENT)
        change = ClientAccessChange(redeem=True, list_vouchers=True)
        async with database.transaction(project.project_id) as tx:
            await update_client_access(tx, change, now=utc_now())
        headers = {
            "X-Client-Application-Id": key.app_id,
            "X-Client-Token": key.token,
            "Origin": "https://shop.example",
        }
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers=headers
        ) as client:
            yield client

    async def test_by_address(self, api: Client, shop: httpx.AsyncClient) -> None:
        await add_coupon(api, "A")
        ids = await add_tiers(api)
        answer = await shop.get(
            "/client/v1/validate?code=A&tracking_id=ben&item[0][source_id]=tea"
            "&item[0][quantity]=2&item[0][price]=2500&customer[source_id]=anna"
        )
        told = answer.json()
        assert (answer.status_code, told["valid"], told["tracking_id"]) == (200, True, "ben")
        assert told["order"]["total_amount"] == 4_500
        tiers = (await shop.get("/client/v1/promotions/validation?amount=5000")).json()
        assert [one["id"] for one in tiers["promotions"]] == [ids["five off"]]
        done = await shop.post("/client/v1/redeem?code=A", json={"order": ORDER, "customer": ANNA})
        assert (done.status_code, done.json()["result"]) == (200, "SUCCESS")
        assert set(done.json().get("customer") or {}) <= {"id", "source_id", "object"}
        again = await shop.post("/client/v1/redeem?code=A", json={"order": ORDER})
        assert again.json()["key"] == "quantity_exceeded"

    async def test_vouchers_are_listed_where_the_project_lets_it(
        self, api: Client, shop: httpx.AsyncClient, database: Database, project: Project
    ) -> None:
        await add_coupon(api, "A")
        listed = await shop.get("/client/v1/vouchers?limit=5")
        assert (listed.status_code, listed.json()["vouchers"][0]["code"]) == (200, "A")
        async with database.transaction(project.project_id) as tx:
            await update_client_access(tx, ClientAccessChange(list_vouchers=False), now=utc_now())
        refused = await shop.get("/client/v1/vouchers")
        assert refused.status_code == 403

    @pytest.mark.parametrize(
        ("address", "field"),
        [("amount=x", "order"), ("item[0][quantity]=x&item[0][price]=1", "order")],
    )
    async def test_a_bad_address(self, shop: httpx.AsyncClient, address: str, field: str) -> None:
        answer = await shop.get(f"/client/v1/validate?code=A&{address}")
        assert (answer.status_code, answer.json()["field"]) == (400, field)
