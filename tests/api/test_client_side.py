"""The client-side API: public keys, the sites they work from, and what they may not do."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import headers_of, issue_key
from kaquan.runtime import Database, InvalidInput, Project, utc_now
from kaquan.trust import (
    ClientAccess,
    ClientAccessChange,
    KeyKind,
    is_trusted,
    update_client_access,
)

Client = AsyncTestClient[Litestar]
ORDER = {"amount": 5_000}


@pytest_asyncio.fixture(loop_scope="session")
async def web(
    app: Litestar, database: Database, project: Project
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client that shows a public key of the test's project, from a shop's page."""
    key = await issue_key(database, project, KeyKind.CLIENT)
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


async def allow(database: Database, project: Project, **given: Any) -> None:
    """Change what public keys may do."""
    async with database.transaction(project.project_id) as tx:
        await update_client_access(tx, ClientAccessChange(**given), now=utc_now())


async def make_coupon(api: Client, code: str) -> None:
    """A coupon that takes 1.00 off."""
    discount = {"type": "AMOUNT", "amount_off": 100}
    body = {"type": "DISCOUNT_VOUCHER", "discount": discount}
    assert (await api.post(f"/v1/vouchers/{code}", json=body)).status_code == 200


@pytest.mark.parametrize(
    ("trusted", "origin", "works"),
    [
        (("*",), "https://anywhere.example", True),
        (("*",), "", True),
        ((), "https://shop.example", False),
        (("shop.example",), "https://shop.example", True),
        (("shop.example",), "http://SHOP.example:8080", True),
        (("shop.example",), "shop.example", True),
        (("shop.example",), "https://www.shop.example", False),
        (("shop.example",), "https://evilshop.example", False),
        (("shop.example",), "https://shop.example.evil.example", False),
        (("shop.example",), "https://shop.example@evil.example", False),
        (("shop.example",), "", False),
        (("shop.example",), "null", False),
        (("shop.example",), "https://[", False),
        ((".shop.example",), "https://www.shop.example", True),
        ((".shop.example",), "https://shop.example", True),
        ((".shop.example",), "https://evilshop.example", False),
        (("localhost:3000",), "http://localhost:3000", True),
        (("localhost:3000",), "http://localhost:3001", False),
    ],
)
def test_which_origins_are_trusted(trusted: tuple[str, ...], origin: str, works: bool) -> None:
    assert is_trusted(ClientAccess(trusted_domains=trusted), origin) is works


@pytest.mark.parametrize("domain", ["https://shop.example", "", "a b", "shop.example/path", "*.x"])
async def test_what_is_no_domain(database: Database, project: Project, domain: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await allow(database, project, trusted_domains=("ok.example", domain))
    assert refused.value.field == "client_trusted_domains[1]"


async def test_requests_from_elsewhere_are_refused(
    web: httpx.AsyncClient, api: Client, database: Database, project: Project
) -> None:
    await make_coupon(api, "HERE")
    body = {"redeemables": [{"object": "voucher", "id": "HERE"}], "order": ORDER}
    assert (await web.post("/client/v1/validations", json=body)).json()["valid"] is True
    await allow(database, project, trusted_domains=(".other.example",))
    answer = await web.post("/client/v1/validations", json=body)
    assert (answer.status_code, answer.json()["key"]) == (403, "forbidden")
    elsewhere = {"Origin": "https://www.other.example"}
    answer = await web.post("/client/v1/validations", json=body, headers=elsewhere)
    assert answer.json()["valid"] is True


async def test_keys_of_servers_are_not_for_browsers(web: httpx.AsyncClient, api: Client) -> None:
    server = {
        "X-Client-Application-Id": api.headers["X-App-Id"],
        "X-Client-Token": api.headers["X-App-Token"],
    }
    assert (await web.get("/client/v1/consents", headers=server)).status_code == 403
    wrong = {"X-Client-Token": "x"}
    assert (await web.get("/client/v1/consents", headers=wrong)).status_code == 401
    assert (await web.get("/client/v1/consents")).status_code == 200
    assert (await web.get("/v1/customers")).status_code == 401


@pytest.mark.parametrize(
    ("scope", "status"),
    [("client_api", 200), ("client_consents", 200), ("client_events", 403), ("api", 403)],
)
async def test_tokens_with_client_scopes(
    web: httpx.AsyncClient, api: Client, scope: str, status: int
) -> None:
    form = {"grant_type": "client_credentials", "scope": scope}
    token = (await api.post("/v1/oauth/token", data=form)).json()["access_token"]
    alone = {
        "X-Client-Application-Id": "",
        "X-Client-Token": "",
        "Authorization": f"Bearer {token}",
    }
    assert (await web.get("/client/v1/consents", headers=alone)).status_code == status


async def test_what_browsers_are_told(web: httpx.AsyncClient) -> None:
    asked = {"Access-Control-Request-Method": "POST", "X-Client-Token": ""}
    before = await web.options("/client/v1/validations", headers=asked)
    assert before.status_code == 204
    assert before.headers["access-control-allow-origin"] == "https://shop.example"
    assert "X-Client-Token" in before.headers["access-control-allow-headers"]
    assert "POST" in before.headers["access-control-allow-methods"]
    refused = await web.get("/client/v1/consents", headers={"X-Client-Token": "x"})
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in (await web.get("/v1/customers")).headers


async def test_a_tracking_id_stands_for_the_customer(web: httpx.AsyncClient, api: Client) -> None:
    made = await api.post(
        "/v1/customers", json={"source_id": "anna", "name": "Anna", "email": "anna@shop.example"}
    )
    await make_coupon(api, "TRACK")
    body = {
        "redeemables": [{"object": "voucher", "id": "TRACK"}],
        "order": ORDER,
        "tracking_id": "anna",
    }
    answer = await web.post("/client/v1/validations", json=body)
    assert answer.json()["tracking_id"] == "anna"
    assert answer.json()["order"]["total_amount"] == 4_900
    qualified = await web.post("/client/v1/qualifications", json=body | {"scenario": "ALL"})
    assert [one["id"] for one in qualified.json()["redeemables"]["data"]] == ["TRACK"]
    for text in (answer.text, qualified.text):
        assert "anna@shop.example" not in text
    assert made.json()["email"] == "anna@shop.example"


@pytest.mark.parametrize(
    ("right", "method", "path", "body"),
    [
        (
            "redeem",
            "POST",
            "/client/v1/redemptions",
            {"redeemables": [{"object": "voucher", "id": "OFF"}], "order": ORDER},
        ),
        (
            "publish",
            "POST",
            "/client/v1/publish",
            {"voucher": "OFF", "customer": {"source_id": "a"}},
        ),
        ("create_customer", "POST", "/client/v1/customers", {"source_id": "a"}),
        ("create_customer", "PUT", "/client/v1/customers/a/consents", {"email.marketing": True}),
    ],
)
async def test_what_has_to_be_switched_on(
    web: httpx.AsyncClient,
    api: Client,
    database: Database,
    project: Project,
    *,
    right: str,
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    await make_coupon(api, "OFF")
    await api.post("/v1/customers", json={"source_id": "a"})
    refused = await web.request(method, path, json=body)
    assert (refused.status_code, refused.json()["key"]) == (403, "forbidden")
    assert f"client_{right}_enabled" in refused.json()["detail"]
    assert (await api.get("/v1/redemptions")).json()["total"] == 0
    await allow(database, project, **{right: True})
    assert (await web.request(method, path, json=body)).status_code == 200


async def test_redeeming_publicly_tells_and_writes_little(
    web: httpx.AsyncClient, api: Client, database: Database, project: Project
) -> None:
    await allow(database, project, redeem=True)
    await make_coupon(api, "PUBLIC")
    await api.post("/v1/customers", json={"source_id": "anna", "email": "anna@shop.example"})
    product = await api.post("/v1/products", json={"source_id": "tea", "price": 5_000})
    item = {"source_id": "tea", "related_object": "product", "quantity": 1}
    forged = {"override": True, "source_id": "tea", "price": 1, "name": "Cheap"}
    body = {
        "redeemables": [{"object": "voucher", "id": "PUBLIC"}],
        "order": {"items": [item | {"product": forged}], "status": "PAID"},
        "customer": {"source_id": "anna", "email": "other@evil.example"},
    }
    answer = await web.post("/client/v1/redemptions", json=body)
    assert answer.status_code == 200, answer.text
    (redemption,) = answer.json()["redemptions"]
    assert redemption["result"] == "SUCCESS"
    assert "shop.example" not in answer.text
    assert (await api.get("/v1/customers/anna")).json()["email"] == "anna@shop.example"
    assert (await api.get(f"/v1/products/{product.json()['id']}")).json()["price"] == 5_000
    again = {"Idempotency-Key": "0123456789abcdef"}
    first = await web.post("/client/v1/redemptions", json=body, headers=again)
    second = await web.post("/client/v1/redemptions", json=body, headers=again)
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"


async def test_events_enter_customers_by_name_only(web: httpx.AsyncClient, api: Client) -> None:
    body = {"event": "seen", "customer": {"source_id": "ben", "email": "ben@evil.example"}}
    answer = await web.post("/client/v1/events", json=body)
    assert (answer.status_code, answer.json()["type"]) == (200, "seen")
    entered = (await api.get("/v1/customers/ben")).json()
    assert (entered["source_id"], entered["email"]) == ("ben", None)


async def test_entering_a_customer_tells_nothing_stored(
    web: httpx.AsyncClient, api: Client, database: Database, project: Project
) -> None:
    await allow(database, project, create_customer=True)
    known = await api.post("/v1/customers", json={"source_id": "anna", "phone": "+8613800000000"})
    answer = await web.post("/client/v1/customers", json={"source_id": "anna", "name": "Anna"})
    assert answer.json() == {
        "id": known.json()["id"],
        "source_id": "anna",
        "object": "customer",
    }
    headers = headers_of(await issue_key(database, project, KeyKind.SERVER))
    assert (await api.get("/v1/customers/anna", headers=headers)).json()["name"] == "Anna"
