"""Our own additions to the customer's file, over HTTP."""

import io
import json
import zipfile
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Api = AsyncTestClient[Litestar]


async def enter(api: Api, source_id: str, **fields: Any) -> str:
    answer = await api.post("/v1/customers", json={"source_id": source_id, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def test_what_was_cleaned_is_told(api: Api) -> None:
    body = {"source_id": "A", "name": "Ann  Lee", "phone": "+1 541 754 3010"}
    answer = await api.post("/v1/customers", json=body)
    assert answer.headers["X-Kaquan-Cleaned"] == "name=blanks_and_marks, phone=e164"
    assert (answer.json()["name"], answer.json()["phone"]) == ("Ann Lee", "+15417543010")
    again = await api.put("/v1/customers/A", json={"name": "Ann Lee"})
    assert "X-Kaquan-Cleaned" not in again.headers
    tried = await api.post("/v1/kaquan/customers/cleaning", json={"email": "a@B.EXAMPLE"})
    assert [(one["said"], one["stored"]) for one in tried.json()["changes"]] == [
        ("a@B.EXAMPLE", "a@b.example")
    ]


async def test_a_merge_is_seen_done_and_undone(api: Api) -> None:
    first, second = await enter(api, "A", name="Ann"), await enter(api, "B", email="b@b.example")
    pair = {"survivor": "A", "merged": second}
    seen = (await api.post("/v1/kaquan/merges/preview", json=pair)).json()
    assert (seen["filled"], seen["conflicts"]) == ({"email": "b@b.example"}, ["source_id"])
    merge = (await api.post("/v1/kaquan/merges", json=pair)).json()
    assert (merge["survivor_id"], merge["may_be_undone"]) == (first, True)
    for known in ("A", "B", first, second):
        assert (await api.get(f"/v1/customers/{known}")).json()["id"] == first
    former = (await api.get("/v1/kaquan/customers/A/identities")).json()["former_ids"]
    assert sorted(former) == sorted(["B", second])
    undone = await api.post(f"/v1/kaquan/merges/{merge['id']}/undo")
    assert undone.json()["undone_at"] is not None
    assert (await api.get("/v1/customers/B")).json()["id"] == second
    refused = await api.post(f"/v1/kaquan/merges/{merge['id']}/undo")
    assert (refused.status_code, refused.json()["key"]) == (400, "merge_stands")
    assert (await api.get("/v1/kaquan/merges")).json()["total"] == 1


async def test_notes_timeline_and_portrait(api: Api) -> None:
    await enter(api, "A", email="a@a.example")
    note = (await api.post("/v1/kaquan/customers/A/notes", json={"text": "Likes tea."})).json()
    order = {
        "source_id": "O",
        "status": "PAID",
        "customer": {"source_id": "A"},
        "items": [{"source_id": "P", "quantity": 2, "price": 500}],
    }
    assert (await api.post("/v1/orders", json=order)).status_code == 200
    page = (await api.get("/v1/kaquan/customers/A/timeline?limit=1")).json()
    rest = (
        await api.get(
            "/v1/kaquan/customers/A/timeline", params={"limit": 9, "before": page["more_before"]}
        )
    ).json()
    kinds = [one["kind"] for one in page["data"] + rest["data"]]
    assert (page["total"], sorted(kinds), rest["has_more"]) == (2, ["note", "order"], False)
    portrait = (await api.get("/v1/kaquan/customers/A/portrait")).json()
    assert (portrait["stage"], portrait["tier"], sum(portrait["hours"])) == ("new", "low", 1)
    assert portrait["discount_share_bps"] == 0
    assert {one["channel"]: one["has_address"] for one in portrait["reach"]} == {
        "email": True,
        "sms": False,
    }
    gone = await api.delete(f"/v1/kaquan/customers/A/notes/{note['id']}")
    assert gone.status_code == 204
    assert (await api.get("/v1/kaquan/customers/A/notes")).json()["total"] == 0


async def test_an_identity_is_noted_proven_and_forgotten(api: Api) -> None:
    first, second = await enter(api, "A"), await enter(api, "B")
    path = "/v1/kaquan/customers/{}/identities"
    card = {"kind": "card", "value": "C-1", "proof": "shown at the till"}
    assert "merge" not in (await api.post(path.format(first), json=card)).json()
    joined = (await api.post(path.format(second), json=card)).json()
    assert (joined["customer_id"], joined["merge"]["merged_id"]) == (first, second)
    gone = await api.delete(path.format(first) + "/card/C-1")
    assert gone.status_code == 204
    again = await api.delete(path.format(first) + "/card/C-1")
    assert again.status_code == 404
    wrong = await api.post(path.format(first), json={"kind": "horse", "value": "x"})
    assert wrong.status_code == 400


async def test_one_persons_data_as_a_file(api: Api) -> None:
    await enter(api, "A", name="=Ann", metadata={"size": "M"})
    answer = await api.get("/v1/kaquan/customers/A/data")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["person.json", "profile.csv"]
        whole = json.loads(archive.read("person.json"))
        assert whole["profile"][0]["metadata"] == {"size": "M"}
        assert b"'=Ann" in archive.read("profile.csv")
    await api.post("/v1/customers/A/permanent-deletion")
    assert (await api.get("/v1/kaquan/customers/A/data")).status_code == 404


async def test_the_queue_over_http(api: Api) -> None:
    started = await api.post("/v1/kaquan/duplicates/search", json={})
    assert started.json()["async_action_id"].startswith("aa_")
    assert (await api.get("/v1/kaquan/duplicates")).json()["total"] == 0
    accepted = await api.post("/v1/kaquan/duplicates/accept", json={"least_ppm": 900000})
    assert accepted.json() == {"decided": 0, "passed_over": 0}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/kaquan/merges", {"survivor": "x", "merged": "y"}, 404),
        ("POST", "/v1/kaquan/merges", {"survivor": "A", "merged": "A"}, 400),
        ("POST", "/v1/kaquan/duplicates/a/b/accept", {}, 404),
        ("POST", "/v1/kaquan/duplicates/a/b/reject", None, 404),
        ("POST", "/v1/kaquan/duplicates/search", {"least_ppm": 3}, 400),
        ("POST", "/v1/kaquan/duplicates/accept", {"least_ppm": 1, "limit": 0}, 400),
        ("POST", "/v1/kaquan/customers/A/notes", {"text": "  "}, 400),
        ("GET", "/v1/kaquan/customers/x/portrait", None, 404),
        ("GET", "/v1/kaquan/customers/A/timeline?before=junk", None, 400),
        ("POST", "/v1/kaquan/merges/mrg_x/undo", None, 404),
    ],
)
async def test_what_is_refused(
    api: Api, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    await enter(api, "A")
    answer = await api.request(method, path, json=body)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("email=ANN@x.example", ["A"]),
        ("name=lee", ["A"]),
        ("filters[name][conditions][$is][0]=ann lee", ["A"]),
        ("filters[phone][conditions][$in][0]=%2B1 (541) 754-3010", ["A"]),
        ("filters[email][conditions][$is_unknown]=true", ["B"]),
        ("filters[name][conditions][$contains][0]=nn", "filters.name.conditions.$contains"),
        (
            "filters[phone][conditions][$starts_with][0]=1541",
            "filters.phone.conditions.$starts_with",
        ),
        ("filters[address.line_1][conditions][$is][0]=x", "filters.address.line_1"),
        ("order=-name", "order"),
        ("order=email", "order"),
    ],
)
async def test_sealed_fields_are_asked_for_whole(api: Api, query: str, found: Any) -> None:
    await enter(api, "A", name="Ann Lee", email="ann@x.example", phone="+15417543010")
    await enter(api, "B", name="Bo")
    answer = await api.get(f"/v1/customers?{query}")
    if isinstance(found, list):
        assert [one["source_id"] for one in answer.json()["customers"]] == found
    else:
        assert (answer.status_code, answer.json()["field"]) == (400, found)
