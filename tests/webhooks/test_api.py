"""``/v1/kaquan/webhooks`` and the dialect's way to webhooks."""

from collections.abc import AsyncGenerator

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar

from api.conftest import headers_of, issue_key
from checkout.shop import NOW
from kaquan.api import create_app
from kaquan.runtime import Database, Project, load_settings
from kaquan.trust import KeyKind
from webhooks.receiver import Receiver
from webhooks.samples import Clock, enter, open_dispatcher

BASE = "/v1/kaquan/webhooks"
URL = "https://hooks.example.com/in"


@pytest.fixture(scope="module")
def app(database: Database) -> Litestar:
    """The application where private networks are allowed."""
    settings = load_settings().model_copy(update={"webhook_private_networks": True})
    return create_app(database=database, settings=settings)


@pytest_asyncio.fixture(loop_scope="session")
async def api(
    app: Litestar, database: Database, project: Project
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client with a server key and a management key."""
    server = await issue_key(database, project, KeyKind.SERVER)
    office = await issue_key(database, project, KeyKind.MANAGEMENT)
    headers = headers_of(server) | {
        "X-Management-Id": office.app_id,
        "X-Management-Token": office.token,
    }
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        yield client


async def test_a_webhook_from_birth_to_death(api: httpx.AsyncClient) -> None:
    made = (await api.post(BASE, json={"url": URL, "events": ["voucher.created"]})).json()
    assert made["secret"].startswith("whsec_")
    path = f"{BASE}/{made['id']}"
    read = (await api.get(path)).json()
    assert read == {name: value for name, value in made.items() if name != "secret"}
    changed = (await api.put(path, json={"active": False, "description": "ERP"})).json()
    assert (changed["active"], changed["disabled_reason"]) == (False, "asked")
    assert (changed["description"], changed["events"]) == ("ERP", ["voucher.created"])
    again = (await api.put(path, json={"active": True, "events": []})).json()
    assert (again["active"], again["disabled_reason"], again["events"]) == (True, None, [])
    rotated = (await api.post(f"{path}/rotate", json={"overlap_s": 60})).json()
    assert rotated["secret"] != made["secret"]
    assert rotated["former_secret_until"] is not None
    listed = (await api.get(BASE)).json()
    assert (listed["total"], [one["id"] for one in listed["data"]]) == (1, [made["id"]])
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404


async def test_the_log_filters_pages_and_replays(
    api: httpx.AsyncClient, database: Database, project: Project, receiver: Receiver
) -> None:
    made = (await api.post(BASE, json={"url": receiver.url})).json()
    path = f"{BASE}/{made['id']}"
    async with database.transaction(project.project_id) as tx:
        await enter(tx, "a", "b", "c")
        await tx.execute(
            """update customer set metadata = '{"pet": "cat"}' where source_id = 'a'"""
        )
    receiver.answer = lambda got: 500 if got.said["type"] == "customer.updated" else 204
    await open_dispatcher(database, Clock()).drain(project.project_id)

    async def list_log(**query: str | int) -> list[int]:
        answer = (await api.get(f"{path}/deliveries", params=query)).json()
        return [one["position"] for one in answer["data"]]

    assert await list_log() == [4, 3, 2, 1]
    assert await list_log(status="pending") == [4]
    assert await list_log(event="customer.created", order="position") == [1, 2, 3]
    assert await list_log(limit=2, page=2) == [2, 1]
    assert await list_log(**{"created_at[after]": "2026-03-02T00:00:00Z"}) == []
    assert await list_log(filters='{"response_status": {"conditions": {"$is": [500]}}}') == [4]
    (failing,) = (await api.get(f"{path}/deliveries", params={"status": "pending"})).json()["data"]
    detail = (await api.get(f"{path}/deliveries/{failing['id']}")).json()
    assert detail["data"]["customer"]["metadata"] == {"pet": "cat"}
    assert [made["status"] for made in detail["tries"]] == [500]
    again = await api.post(f"{path}/deliveries/{failing['id']}/replay")
    assert (again.json()["status"], again.json()["attempts"]) == ("pending", 0)
    period = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00+08:00"}
    replayed = await api.post(f"{path}/replay", json=period)
    assert replayed.json() == {"messages": 4, "object": "webhook_replay"}
    tested = (await api.post(f"{path}/test")).json()
    assert (tested["event"], tested["position"]) == ("webhook.test", 5)
    assert tested["created_at"] > NOW.isoformat()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "", {}, 400, "url"),
        ("POST", "", {"url": "ftp://x/"}, 400, "url"),
        ("POST", "", {"url": URL, "events": ["voucher.eaten"]}, 400, "events[0]"),
        ("POST", "", {"url": URL, "events": "voucher.created"}, 400, "events"),
        ("POST", "", {"url": URL, "format": "xml"}, 400, "format"),
        ("POST", "", {"url": URL, "ordered": 1}, 400, "ordered"),
        ("GET", "?limit=0", None, 400, "limit"),
        ("GET", "/wh_none", None, 404, None),
        ("PUT", "/wh_none", {}, 404, None),
        ("DELETE", "/wh_none", None, 404, None),
        ("POST", "/wh_none/test", None, 404, None),
        ("GET", "/wh_none/deliveries", None, 404, None),
        ("POST", "/{id}/rotate", {"overlap_s": -1}, 400, "overlap_s"),
        ("POST", "/{id}/replay", {"start": "2026-01-01T00:00:00Z"}, 400, "end"),
        (
            "POST",
            "/{id}/replay",
            {"start": "2026-01-01T00:00:00", "end": "2026-01-02T00:00:00Z"},
            400,
            "start",
        ),
        (
            "POST",
            "/{id}/replay",
            {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
            400,
            "end",
        ),
        ("GET", "/{id}/deliveries?order=color", None, 400, "order"),
        ("GET", "/{id}/deliveries/whs_none", None, 404, None),
        ("POST", "/{id}/deliveries/whs_none/replay", None, 404, None),
    ],
)
async def test_what_is_refused(
    api: httpx.AsyncClient,
    *,
    method: str,
    path: str,
    body: object,
    status: int,
    field: str | None,
) -> None:
    made = (await api.post(BASE, json={"url": URL})).json()
    answer = await api.request(method, BASE + path.replace("{id}", made["id"]), json=body)
    problem = answer.json()
    assert answer.status_code == status, problem
    assert field is None or field in problem.get("field", "") or field in problem["detail"]


async def test_a_disabled_webhook_is_not_sent_to(api: httpx.AsyncClient) -> None:
    made = (await api.post(BASE, json={"url": URL, "active": False})).json()
    refused = await api.post(f"{BASE}/{made['id']}/test")
    assert (refused.status_code, refused.json()["key"]) == (400, "webhook_disabled")


async def test_there_is_an_end_to_webhooks(api: httpx.AsyncClient) -> None:
    statuses = [(await api.post(BASE, json={"url": URL})).status_code for _ in range(51)]
    assert statuses == [200] * 50 + [400]


async def test_the_dialect_keeps_what_it_cannot_name(
    api: httpx.AsyncClient, project: Project
) -> None:
    managed = f"/management/v1/projects/{project.id}/webhooks"
    body = {"target_url": URL, "events": ["voucher.gift.balance_aded", "voucher.created"]}
    made = (await api.post(managed, json=body)).json()
    assert set(made["events"]) == set(body["events"])
    assert made["secret"].startswith("whsec_")
    assert "secret" not in (await api.get(f"{managed}/{made['id']}")).json()
    ours = f"{BASE}/{made['id']}"
    names = ["voucher.created", "customer.segment.entered"]
    await api.put(ours, json={"events": names})
    assert (await api.get(f"{managed}/{made['id']}")).json()["events"] == ["voucher.created"]
    change = {"events": ["campaign.created"], "active": False}
    changed = (await api.put(f"{managed}/{made['id']}", json=change)).json()
    assert (changed["events"], changed["active"]) == (["campaign.created"], False)
    stored = (await api.get(ours)).json()["events"]
    assert stored == ["campaign.created", "customer.segment.entered"]
    later = await api.put(f"{managed}/{made['id']}", json={"events": ["customer.rewarded"]})
    assert (later.status_code, later.json()["field"]) == (501, "events[0]")
    wrong = await api.post(managed, json={"target_url": "x"})
    assert (wrong.status_code, wrong.json()["field"]) == (400, "target_url")
    everything = (await api.post(managed, json={"target_url": URL})).json()
    await api.put(f"{managed}/{everything['id']}", json={"events": everything["events"]})
    assert (await api.get(f"{BASE}/{everything['id']}")).json()["events"] == []
    assert (await api.get(managed)).json()["total"] == 2
    elsewhere = managed.replace(project.id, "proj_other")
    assert (await api.get(elsewhere)).status_code == 404


async def test_the_catalogue_is_told(api: httpx.AsyncClient) -> None:
    kinds = (await api.get(f"{BASE}/event-types")).json()
    assert kinds["total"] == len(kinds["data"]) > 40
    assert {"name", "version", "meaning", "members", "object"} == set(kinds["data"][0])
