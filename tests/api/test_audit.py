"""The audit chain on the wire: paged, filtered, and every change put down to its key."""

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.runtime import Database, Project
from kaquan.trust import verify_audit

Client = AsyncTestClient[Litestar]
PATH = "/v1/kaquan/audit"
DISCOUNT = {"discount": {"type": "AMOUNT", "amount_off": 100}}


async def test_a_change_is_put_down_to_its_key_and_request(api: Client) -> None:
    made = await api.post(
        "/v1/campaigns",
        json={"name": "Spring", "voucher": DISCOUNT},
        headers={"X-Request-Id": "r-1"},
    )
    campaign = made.json()["id"]
    await api.put(f"/v1/campaigns/{campaign}", json={"description": "For all"})
    answer = await api.get(PATH, params={"filters[object_id][conditions][$is][0]": campaign})
    told = answer.json()
    assert answer.status_code == 200, told
    changed, created = told["data"]
    assert (created["action"], created["request_id"]) == ("created", "r-1")
    assert created["actor"].startswith("key:key_")
    assert created["after"]["name"] == "Spring"
    assert changed["before"] == {"description": None}
    assert changed["after"] == {"description": "For all"}
    assert changed["sequence"] > created["sequence"]


async def test_pages_follow_each_other(api: Client, database: Database, project: Project) -> None:
    for number in range(4):
        await api.post("/v1/categories", json={"name": f"C{number}", "hierarchy": number})
    pages = [
        (await api.get(PATH, params={"limit": 2, "page": page, "order": "created_at"})).json()
        for page in (1, 2, 3)
    ]
    places = [one["sequence"] for page in pages for one in page["data"]]
    assert places == sorted(set(places))
    assert pages[0]["has_more"]
    links = [one for page in pages for one in page["data"]]
    assert [one["previous_hash"] for one in links[1:]] == [one["hash"] for one in links[:-1]]
    async with database.transaction(project.project_id) as tx:
        verdict = await verify_audit(tx)
    assert (verdict.broken, verdict.records) == (None, pages[0]["total"])


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ({"order": "actor"}, "invalid_query_params"),
        ({"filters": '{"hash": {"conditions": {"$is": "x"}}}'}, "invalid_query_params"),
        ({"limit": "1000"}, "invalid_query_params"),
    ],
)
async def test_wrong_questions(api: Client, query: dict[str, str], key: str) -> None:
    answer = await api.get(PATH, params=query)
    assert (answer.status_code, answer.json()["key"]) == (400, key)


async def test_what_is_refused_leaves_no_record(api: Client) -> None:
    before = (await api.get(PATH)).json()["total"]
    assert (await api.post("/v1/campaigns", json={"name": ""})).status_code == 400
    assert (await api.get(PATH)).json()["total"] == before
