"""The management API: its key, and the settings that decide about others."""

from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import issue_key
from kaquan.runtime import Database, Project
from kaquan.trust import KeyKind

Client = AsyncTestClient[Litestar]
BASE = "/management/v1/projects"


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    app: Litestar, database: Database, project: Project
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client that shows a management key of the test's project."""
    key = await issue_key(database, project, KeyKind.MANAGEMENT)
    headers = {"X-Management-Id": key.app_id, "X-Management-Token": key.token}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        yield client


async def test_only_management_keys(office: httpx.AsyncClient, api: Client) -> None:
    server = {
        "X-Management-Id": api.headers["X-App-Id"],
        "X-Management-Token": api.headers["X-App-Token"],
    }
    for headers, status in (({"X-Management-Token": "x"}, 401), (server, 403), ({}, 200)):
        assert (await office.get(BASE, headers=headers)).status_code == status


async def test_what_public_keys_may_do(office: httpx.AsyncClient, project: Project) -> None:
    path = f"{BASE}/{project.id}"
    first = (await office.get(path)).json()
    assert first["client_trusted_domains"] == ["*"]
    assert first["client_redeem_enabled"] is False
    change = {"client_trusted_domains": ["Shop.example"], "client_redeem_enabled": True}
    changed = await office.put(path, json=change)
    assert changed.json() == first | {
        "client_trusted_domains": ["shop.example"],
        "client_redeem_enabled": True,
    }
    await office.put(path, json={"client_redeem_enabled": False})
    again = (await office.get(path)).json()
    assert again["client_trusted_domains"] == ["shop.example"]
    assert again["client_redeem_enabled"] is False


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("PUT", "/{id}", {"client_trusted_domains": ["a b"]}, 400, "client_trusted_domains[0]"),
        ("PUT", "/{id}", {"client_redeem_enabled": "yes"}, 400, "client_redeem_enabled"),
        ("PUT", "/{id}", {"currency": "EUR"}, 501, "currency"),
        (
            "PUT",
            "/{id}",
            {"client_loyalty_events_enabled": True},
            501,
            "client_loyalty_events_enabled",
        ),
        ("PUT", "/proj_other", {"client_redeem_enabled": True}, 404, None),
        ("POST", "/{id}/stacking-rules", {"redeemables_limit": 0}, 400, "redeemables_limit"),
        (
            "POST",
            "/{id}/stacking-rules",
            {"exclusive_categories": ["x"]},
            400,
            "exclusive_categories[0]",
        ),
        ("GET", "/{id}/stacking-rules/stack_x", None, 404, None),
        ("POST", "/{id}/metadata-schemas", {"properties": {}}, 400, "related_object"),
        ("PUT", "/{id}/custom-event-schemas/none", {}, 404, None),
    ],
)
async def test_what_is_refused(
    office: httpx.AsyncClient,
    project: Project,
    *,
    method: str,
    path: str,
    body: object,
    status: int,
    field: str | None,
) -> None:
    answer = await office.request(method, BASE + path.replace("{id}", project.id), json=body)
    problem = answer.json()
    assert answer.status_code == status, problem
    assert field is None or field in problem.get("field", "") or field in problem["detail"]


async def test_rules_that_exist_are_not_made_again(
    office: httpx.AsyncClient, api: Client, project: Project
) -> None:
    path = f"{BASE}/{project.id}/stacking-rules"
    made = await office.post(path, json={"redeemables_limit": 7})
    assert made.json()["id"]
    twice = await office.post(path, json={"redeemables_limit": 8})
    assert (twice.status_code, twice.json()["key"]) == (400, "stacking_rules_exist")
    assert (await api.get("/v1/kaquan/stacking-rules")).json()["redeemables_limit"] == 7


async def test_an_event_schema_is_what_events_are_checked_by(
    office: httpx.AsyncClient, api: Client, project: Project
) -> None:
    path = f"{BASE}/{project.id}/custom-event-schemas"
    schema = {"properties": {"page": {"type": "string", "optional": False}}}
    made = await office.post(path, json={"name": "seen", "schema": schema})
    assert made.json()["schema"]["properties"]["page"]["type"] == "string"
    assert (await office.post(path, json={"name": "seen"})).status_code == 409
    event = {"event": "seen", "customer": {"source_id": "anna"}}
    refused = await api.post("/v1/events", json=event)
    assert refused.status_code == 400
    passed = await api.post("/v1/events", json=event | {"metadata": {"page": "home"}})
    assert passed.status_code == 200
