"""Attempts over HTTP: listing, filtering, sentences in both languages, deciding again."""

from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import headers_of, issue_key
from kaquan.runtime import Database, Project
from kaquan.trust import KeyKind

Client = AsyncTestClient[Litestar]

ORDER = {"source_id": "bill 1", "items": [{"source_id": "tea", "quantity": 1, "price": 10_000}]}
DEAR = {"code": "minimum_spend", "amount_minor": 12_350}


async def add(api: Client, code: str, **offer: Any) -> None:
    """A code that takes 10.00 off."""
    effect = {"code": "amount_off", "amount_minor": 1_000}
    body = {"type": "DISCOUNT_VOUCHER", "kaquan": {"offer": {"effect": effect, **offer}}}
    answer = await api.post(f"/v1/vouchers/{code}", json=body)
    assert answer.status_code == 200, answer.text


async def validate(api: Client, *codes: str, **more: Any) -> dict[str, Any]:
    """What a validation of these codes answers."""
    body = {"redeemables": [{"object": "voucher", "id": one} for one in codes], "order": ORDER}
    answer = await api.post("/v1/validations", json=body | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def list_attempts(api: Client, **wanted: Any) -> dict[str, Any]:
    """A page of attempts."""
    answer = await api.get("/v1/attempts", params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_why_not_and_how_far_in_both_languages(api: Client) -> None:
    await add(api, "DEAR", condition=DEAR)
    assert (await validate(api, "DEAR", customer={"source_id": "anna"}))["valid"] is False
    found = await list_attempts(api, code="DEAR", order="bill 1", customer="anna")
    assert (found["total"], found["total_is_exact"], found["has_more"]) == (1, True, False)
    (attempt,) = found["data"]
    assert (attempt["kind"], attempt["outcome"]) == ("validation", "REFUSED")
    (reason,) = attempt["reasons"]
    assert (reason["code"], reason["key"]) == ("minimum_spend_not_met", "order_rules_violated")
    assert reason["sentence"] == {"zh": "还差 ¥23.50 可用", "en": "¥23.50 more to go"}
    assert attempt["distance"] == {"what": "missing_minor", "value": 2_350}
    assert attempt["trace"]["candidates"][0]["status"] == "rejected"
    one = (await api.get(f"/v1/attempts/{attempt['id']}")).json()
    assert one == attempt


async def test_decided_again_after_a_change(api: Client) -> None:
    await add(api, "CODE")
    assert (await validate(api, "CODE"))["valid"] is True
    (attempt,) = (await list_attempts(api))["data"]
    assert (await api.post("/v1/vouchers/CODE/disable")).status_code == 200
    again = await api.post(f"/v1/attempts/{attempt['id']}/rerun")
    assert again.status_code == 200, again.text
    body = again.json()
    assert (body["same"], body["inputs"], body["differences"]) == (True, "kept", [])
    assert (body["outcome"], body["discount_amount"]) == ("APPLIED", 1_000)
    assert (await list_attempts(api))["total"] == 1


async def test_a_redemption_is_an_attempt_under_its_own_id(api: Client) -> None:
    await add(api, "CODE")
    body = {"redeemables": [{"object": "voucher", "id": "CODE"}], "order": ORDER}
    redeemed = (await api.post("/v1/redemptions", json=body)).json()
    (attempt,) = (await list_attempts(api, kind="redemption", order="bill 1"))["data"]
    assert attempt["id"] == redeemed["redemptions"][0]["id"]
    again = (await api.post(f"/v1/attempts/{attempt['id']}/rerun")).json()
    assert (again["same"], again["inputs"]) == (True, "stored")


async def test_pages_by_cursor(api: Client) -> None:
    await add(api, "CODE")
    for _ in range(3):
        await validate(api, "CODE")
    first = await list_attempts(api, limit=2)
    second = await list_attempts(api, limit=2, cursor=first["next_cursor"])
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    assert len({one["id"] for one in first["data"] + second["data"]}) == 3
    upwards = await list_attempts(api, sort="created_at")
    assert [one["id"] for one in upwards["data"]] == [
        one["id"] for one in (first["data"] + second["data"])[::-1]
    ]


class Wrong(NamedTuple):
    query: dict[str, str]
    field: str


WRONG = [
    Wrong({"kind": "guess"}, "kind"),
    Wrong({"outcome": "MAYBE"}, "outcome"),
    Wrong({"from": "yesterday"}, "from"),
    Wrong({"to": "0001-01-01"}, "to"),
    Wrong({"sort": "code"}, "sort"),
    Wrong({"limit": "0"}, "limit"),
    Wrong({"page": "999999"}, "page"),
    Wrong({"code": ""}, "code"),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.field)
async def test_wrong_queries_name_the_field(api: Client, case: Wrong) -> None:
    answer = await api.get("/v1/attempts", params=case.query)
    problem = answer.json()
    assert (answer.status_code, problem["key"]) == (400, "invalid_query_params"), problem
    assert problem["field"] == case.field


async def test_what_is_not_there(api: Client) -> None:
    for answer in (
        await api.get("/v1/attempts/att_none"),
        await api.get("/v1/attempts/r_none"),
        await api.post("/v1/attempts/att_none/rerun"),
        await api.get("/v1/attempts", params={"cursor": "att_none"}),
    ):
        assert (answer.status_code, answer.json()["key"]) == (404, "not_found")
    assert (await list_attempts(api, customer="nobody", order="nothing"))["data"] == []


async def test_what_was_gathered_is_written_before_the_process_ends(
    app: Litestar, database: Database, project: Project
) -> None:
    key = await issue_key(database, project, KeyKind.SERVER)
    async with AsyncTestClient(app, raise_server_exceptions=False) as client:
        client.headers.update(headers_of(key))
        await add(client, "CODE")
        await validate(client, "CODE")
    async with database.transaction(project.project_id) as tx:
        counted = await tx.execute("select count(*) from attempt")
        assert await counted.fetchone() == (1,)
