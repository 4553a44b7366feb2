"""Figures over HTTP: the list, a series, filters, and questions that make no sense."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from insight.copying import copy_lake
from insight.rows import Sale, add_campaign, add_sale
from kaquan.insight.lake import Storage
from kaquan.insight.metrics import METRICS
from kaquan.runtime import Database, Project, load_settings

NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
Client = AsyncTestClient[Litestar]


@pytest.fixture
def lake(app: Litestar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storage:
    place = str(tmp_path / "lake")
    settings = load_settings().model_copy(update={"lake": place})
    monkeypatch.setattr(app.state, "settings", settings)
    return Storage(place)


async def _copy(database: Database, project: Project, lake: Storage) -> None:
    await copy_lake(database, project.project_id, lake, now=NOW)


async def test_every_metric_is_listed(api: Client) -> None:
    answer = (await api.get("/v1/kaquan/metrics")).json()
    assert [one["id"] for one in answer["data"]] == list(METRICS)
    assert answer["data"][0]["name"] == {"zh": "发行", "en": "Issued"}


async def test_a_series_of_days(
    api: Client, database: Database, project: Project, lake: Storage
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_sale(tx, Sale(customer_id=None, at=NOW, amount=1_500))
    await _copy(database, project, lake)
    window = {"since": "2026-03-17", "until": "2026-03-18", "grain": "day"}
    answer = (await api.get("/v1/kaquan/metrics/revenue", params=window)).json()
    figures = [(one["bucket"], one["value"], one["reason"]) for one in answer["data"]]
    assert figures == [("2026-03-17", 0, "empty_window"), ("2026-03-18", 1_500, None)]
    assert (answer["currency"], answer["time_zone"]) == ("CNY", "Asia/Shanghai")
    assert msgspec.convert(answer["as_of"], datetime) == NOW
    share = (
        await api.get("/v1/kaquan/metrics/repeat_rate", params=window | {"grain": "month"})
    ).json()
    assert share["data"][0]["value"] is None


async def test_goods_beside_a_campaigns(
    api: Client, database: Database, project: Project, lake: Storage
) -> None:
    path = "/v1/reports/campaigns/Spring/spillover"
    assert (await api.get(path)).status_code == 404
    async with database.transaction(project.project_id) as tx:
        campaign = await add_campaign(tx, "Spring")
    assert (await api.get(path)).status_code == 503
    await _copy(database, project, lake)
    answer = (await api.get(path, params={"days": 7})).json()
    assert (answer["campaign_id"], answer["days"]) == (campaign, 7)
    said = {one["spill"]: one["per_customer"] for one in answer["data"]}
    assert said["promoted"] == {"cannot_say": "whole_order"}
    assert said["afterwards"] == {"cannot_say": "empty_treatment"}
    assert (await api.get(path, params={"days": 0})).status_code == 400


@pytest.mark.parametrize(
    ("path", "query", "status", "said"),
    [
        ("nonsense", {}, 404, "nonsense"),
        ("revenue", {"since": "2026-03-18", "until": "2026-03-01"}, 400, "ends before"),
        ("revenue", {"since": "yesterday"}, 400, "since"),
        ("revenue", {"grain": "minute"}, 400, "grain"),
        ("revenue", {"since": "2000-01-01", "until": "2026-01-01", "grain": "day"}, 400, "coarser"),
        ("new_customers", {"channel": "API"}, 400, "channel"),
    ],
)
async def test_what_cannot_be_asked(
    api: Client,
    database: Database,
    project: Project,
    lake: Storage,
    *,
    path: str,
    query: dict[str, Any],
    status: int,
    said: str,
) -> None:
    await _copy(database, project, lake)
    answer = await api.get(f"/v1/kaquan/metrics/{path}", params=query)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text


async def test_before_the_first_copy_it_is_said(api: Client, lake: Storage) -> None:
    answer = await api.get("/v1/kaquan/metrics/revenue")
    assert (answer.status_code, "lake sync" in answer.text) == (503, True)


async def test_a_filter_is_a_value_and_never_sql(
    api: Client, database: Database, project: Project, lake: Storage
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_sale(tx, Sale(customer_id=None, at=NOW, amount=1_500))
    await _copy(database, project, lake)
    window = {"since": "2026-03-18", "until": "2026-03-18"}
    for attack in ("x' or '1'='1", "x\\' or 1=1 --", "x'; drop view a; --"):
        query = window | {"campaign_id": attack}
        answer = await api.get("/v1/kaquan/metrics/revenue", params=query)
        assert (answer.status_code, answer.json()["data"][0]["value"]) == (200, 0), attack
