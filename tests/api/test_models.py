"""Models over HTTP: asked for, listed, read, and what is refused."""

import pytest
from httpx import AsyncClient as Client

PATH = "/v1/kaquan/models"
RUNS = "/v1/kaquan/model-runs"


async def test_a_request_to_train_waits_for_the_worker(api: Client) -> None:
    run = (await api.post(RUNS, json={"kind": "next_purchase"})).json()
    assert (run["status"], run["lacks"], run["object"]) == ("pending", [], "model_run")
    again = (await api.post(RUNS, json={"kind": "next_purchase"})).json()
    assert again["id"] == run["id"]
    assert (await api.get(f"{RUNS}/{run['id']}")).json() == run
    listed = (await api.get(PATH, params={"kind": "next_purchase"})).json()
    assert (listed["data"], listed["total"], listed["has_more"]) == ([], 0, False)


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "field"),
    [
        (400, "POST", RUNS, {"kind": "crystal_ball"}, "kind"),
        (400, "POST", RUNS, {}, "kind"),
        (400, "POST", RUNS, {"kind": "uplift"}, "experiment"),
        (400, "POST", RUNS, {"kind": "redemption", "experiment": "x"}, "experiment"),
        (404, "POST", RUNS, {"kind": "uplift", "experiment": "nothing"}, None),
        (400, "GET", f"{PATH}?order=size", None, "order"),
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
