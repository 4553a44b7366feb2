"""Models over HTTP: asked for, listed, read, and what is refused."""

from datetime import UTC, datetime

import pytest
from httpx import AsyncClient as Client

from kaquan.insight.models.store import update_alive
from kaquan.runtime import Database, Project
from kaquan.segments import record_predictions

PATH = "/v1/kaquan/models"
RUNS = "/v1/kaquan/model-runs"
AT = datetime(2026, 2, 1, tzinfo=UTC)


async def test_a_request_to_train_waits_for_the_worker(api: Client) -> None:
    run = (await api.post(RUNS, json={"kind": "next_purchase"})).json()
    assert (run["status"], run["lacks"], run["object"]) == ("pending", [], "model_run")
    again = (await api.post(RUNS, json={"kind": "next_purchase"})).json()
    assert again["id"] == run["id"]
    assert (await api.get(f"{RUNS}/{run['id']}")).json() == run
    listed = (await api.get(PATH, params={"kind": "next_purchase"})).json()
    assert (listed["data"], listed["total"], listed["has_more"]) == ([], 0, False)


async def test_scores_of_everybody_as_a_file(
    api: Client, database: Database, project: Project
) -> None:
    nothing = await api.get("/v1/kaquan/scores")
    assert (nothing.status_code, nothing.text) == (200, "\ufeffcustomer_id,source_id\n")
    ids = [
        (await api.post("/v1/customers", json={"source_id": name})).json()["id"]
        for name in ("=1+1", "B")
    ]
    async with database.transaction(project.project_id) as tx:
        await record_predictions(tx, "alive", {ids[0]: 0.25, ids[1]: 1}, as_of=AT)
        await record_predictions(tx, "luck", {ids[1]: -3}, as_of=AT)
    everything = await api.get("/v1/kaquan/scores")
    assert everything.headers["content-type"].startswith("text/csv")
    assert everything.text.splitlines()[1:] == [
        f"{ids[0]},'=1+1,0.25,{AT.isoformat()},,",
        f"{ids[1]},B,1,{AT.isoformat()},-3,{AT.isoformat()}",
    ]
    lucky = await api.get("/v1/kaquan/scores", params={"prediction": "luck"})
    assert lucky.text.splitlines()[1:] == [f"{ids[1]},B,-3,{AT.isoformat()}"]
    book = await api.get("/v1/kaquan/scores", params={"file_format": "xlsx"})
    assert book.content[:2] == b"PK"


async def test_a_run_whose_worker_died_has_failed(
    api: Client, database: Database, project: Project
) -> None:
    run = (await api.post(RUNS, json={"kind": "next_purchase"})).json()
    assert (run["status"], run["cut_off"]) == ("pending", False)
    async with database.transaction(project.project_id) as tx:
        await update_alive(tx, run["id"], until=datetime(2026, 1, 1, tzinfo=UTC))
    died = (await api.get(f"{RUNS}/{run['id']}")).json()
    assert (died["status"], died["cut_off"]) == ("failed", True)
    next_run = (await api.post(RUNS, json={"kind": "next_purchase"})).json()
    assert next_run["id"] != run["id"]
    closed = (await api.get(f"{RUNS}/{run['id']}")).json()
    assert (closed["status"], closed["cut_off"]) == ("failed", False)


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "field"),
    [
        (400, "POST", RUNS, {"kind": "crystal_ball"}, "kind"),
        (400, "POST", RUNS, {}, "kind"),
        (400, "POST", RUNS, {"kind": "uplift"}, "experiment"),
        (400, "POST", RUNS, {"kind": "redemption", "experiment": "x"}, "experiment"),
        (404, "POST", RUNS, {"kind": "uplift", "experiment": "nothing"}, None),
        (400, "POST", RUNS, {"kind": "redemption", "arm": "x"}, "arm"),
        (400, "POST", RUNS, {"kind": "redemption", "control": "x"}, "control"),
        (400, "GET", f"{PATH}?order=size", None, "order"),
        (400, "GET", "/v1/kaquan/scores?prediction=luck", None, "prediction"),
        (400, "GET", "/v1/kaquan/scores?file_format=pdf", None, "file_format"),
        (404, "GET", f"{PATH}/model_none", None, None),
        (404, "GET", f"{RUNS}/mrun_none", None, None),
    ],
)
async def test_what_is_refused(
    api: Client, *, status: int, method: str, path: str, body: object, field: str | None
) -> None:
    answer = await api.request(method, path, json=body)
    assert answer.status_code == status
    if field is not None:
        assert field in str(answer.json())
