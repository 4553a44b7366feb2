"""Experiments and plans over HTTP: from a draft to results, and what is refused."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.runtime import Database, Project, run_worker
from kaquan.runtime.jobs import JobServices
from kaquan.runtime.settings import load_settings

Client = AsyncTestClient[Litestar]
PATH = "/v1/kaquan/experiments"


async def made(api: Client, **changes: Any) -> dict[str, Any]:
    campaign = (
        await api.post(
            "/v1/campaigns",
            json={
                "name": "Spring",
                "campaign_type": "DISCOUNT_COUPONS",
                "voucher": {
                    "type": "DISCOUNT_VOUCHER",
                    "discount": {"type": "AMOUNT", "amount_off": 500},
                },
            },
        )
    ).json()
    body = {
        "name": "Faces",
        "campaign_id": campaign["id"],
        "arms": [
            {"name": "five", "weight_bps": 5000},
            {
                "name": "ten",
                "weight_bps": 5000,
                "overrides": {"offer": {"effect": {"code": "amount_off", "amount_minor": 1000}}},
            },
        ],
    }
    answer = await api.post(PATH, json=body | changes)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_from_draft_to_stop(api: Client) -> None:
    draft = await made(api)
    assert (draft["status"], draft["object"]) == ("draft", "experiment")
    started = await api.post(f"{PATH}/{draft['id']}/start")
    assert started.json()["status"] == "running"
    assert (await api.post(f"{PATH}/{draft['id']}/start")).status_code == 409
    listed = (await api.get(PATH, params={"status": "running", "order": "name"})).json()
    assert (listed["total"], listed["data"][0]["id"]) == (1, draft["id"])
    results = (await api.get(f"{PATH}/{draft['id']}/results")).json()
    assert results["control"] == "five"
    assert results["verdicts"][0]["en"] == "Nothing can be said of ten: nobody is in the arm ten."
    assert results["metrics"]["revenue"]["comparisons"][0]["cannot_say"] == "empty"
    stopped = await api.post(f"{PATH}/{draft['id']}/stop")
    assert stopped.json()["status"] == "stopped"
    assert (await api.get(f"{PATH}/Faces")).json()["customers"] == {}


REFUSED: list[tuple[int, str, str, Any]] = [
    (404, "GET", "/none", None),
    (404, "GET", "/none/results", None),
    (404, "POST", "/none/start", None),
    (400, "GET", "?order=size", None),
    (400, "GET", "?status=lost", None),
    (400, "POST", "", {"name": "x"}),
    (404, "POST", "", {"name": "x", "campaign_id": "none", "arms": [{"name": "a", "weight_bps": 5000}, {"name": "b", "weight_bps": 5000}]}),
    (400, "POST", "", {"name": "x", "campaign_id": "c", "arms": [{"name": "a", "weight_bps": 10000, "overrides": {"offers": {}}}]}),
    (400, "POST", "/planner", {"power": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "method", "path", "body"), REFUSED)
async def test_refuses(
    api: Client, status: int, method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = await api.request(method, PATH + path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["key"]


async def test_the_planner_says_what_it_cannot(api: Client) -> None:
    answer = (await api.post(f"{PATH}/planner", json={"metric": "buyers"})).json()
    assert answer["cannot_say"] == "too_few_customers"
    assert answer["customers_seen"] == 0


async def test_a_global_holdout(api: Client) -> None:
    body = {"name": "All", "kind": "global_holdout", "holdout_bps": 500, "metric": "margin"}
    draft = (await api.post(PATH, json=body)).json()
    assert [arm["name"] for arm in draft["arms"]] == ["holdout", "campaigns"]
    assert (await api.post(f"{PATH}/All/start")).json()["status"] == "running"


async def test_publications_go_by_the_holdout_that_is_stated(api: Client) -> None:
    """Refusing is an answer: the new customer stays, with the arm that was logged."""
    body: dict[str, Any] = {
        "name": "None",
        "campaign_type": "DISCOUNT_COUPONS",
        "kaquan": {"holdout_bps": 10_000},
    }
    body["voucher"] = {"discount": {"type": "AMOUNT", "amount_off": 500}}
    campaign = (await api.post("/v1/campaigns", json=body)).json()
    assert campaign["kaquan"]["open_to_holdout"] is False
    ways: list[tuple[str, dict[str, Any]]] = [
        ("claimed", {"campaign": "None"}),
        ("several", {"campaign": {"name": "None", "count": 2}}),
    ]
    for name, asked in ways:
        asked["customer"] = {"source_id": name}
        for _ in range(2):
            answer = await api.post("/v1/publications", json=asked)
            assert (answer.status_code, answer.json()["key"]) == (400, "customer_in_holdout")
        assert (await api.get(f"/v1/customers/{name}")).status_code == 200
    params = {"campaign": "None", "customer": '{"source_id": "by GET"}'}
    answer = await api.get("/v1/publications/create", params=params)
    assert answer.json()["key"] == "customer_in_holdout"
    change = {"kaquan": {"open_to_holdout": True}}
    assert (await api.put("/v1/campaigns/None", json=change)).status_code == 200
    assert (await api.post("/v1/publications", json=ways[0][1])).status_code == 200


async def test_a_plan_is_refused_with_what_is_lacking(
    api: Client, database: Database, project: Project, postgres_url: str
) -> None:
    experiment = await made(api)
    rule = {"attribute": "order_count", "operator": "at_least", "value": 0}
    segment = {"name": "all", "kaquan": {"definition": rule}}
    assert (await api.post("/v1/segments", json=segment)).status_code == 200
    plans = "/v1/kaquan/plans"
    body = {"name": "Next", "learnt_from": experiment["id"], "segment_id": "all"}
    plan = (await api.post(plans, json=body)).json()
    assert (plan["status"], plan["certificate"]) == ("pending", None)
    assert (await api.post(plans, json=body)).status_code == 409
    await run_worker(postgres_url, JobServices(database, load_settings()), until_empty=True)
    refused = (await api.get(f"{plans}/Next")).json()
    assert refused["status"] == "refused"
    assert [lack["code"] for lack in refused["result"]["lacks"]] == ["margin", "not_over"]
    assert "No margin is set" in refused["certificate"]["en"]
    assert (await api.post(f"{plans}/Next/approve")).status_code == 409
    assert (await api.get(f"{plans}/Next/assignments")).status_code == 404
    assert (await api.get(plans, params={"status": "refused"})).json()["total"] == 1
    assert (await api.get(plans, params={"order": "-size"})).status_code == 400
