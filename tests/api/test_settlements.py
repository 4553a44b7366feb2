"""Partners, shares and settlement over HTTP."""

import csv
import io
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

Api = AsyncTestClient[Litestar]


async def send(api: Api, method: str, path: str, body: object = None, status: int = 200) -> Any:
    """Send a request whose answer must have this status."""
    answer = await api.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def test_from_the_agreement_to_the_settlement(api: Api) -> None:
    brand = await send(api, "POST", "/v1/kaquan/partners", {"name": "=Brand"})
    await send(api, "POST", "/v1/kaquan/partners", {"name": "Bank"})
    await send(api, "POST", "/v1/kaquan/partners", {"name": "Bank"}, status=409)
    body = {
        "name": "Tea",
        "voucher": {"discount": {"type": "AMOUNT", "amount_off": 1000}},
    }
    tea = (await send(api, "POST", "/v1/campaigns", body))["id"]
    shares = [{"partner": brand["id"], "share_bps": 4000}, {"partner": "Bank", "share_bps": 2500}]
    path = f"/v1/kaquan/campaigns/{tea}/funding"
    assert (await send(api, "PUT", path, {"shares": shares}))["own_bps"] == 3500
    told = await send(api, "GET", "/v1/kaquan/campaigns/Tea/funding")
    assert [one["share_bps"] for one in told["shares"]] == [4000, 2500]
    code = (await send(api, "POST", "/v1/campaigns/Tea/vouchers", {}))["code"]
    order = {"source_id": "o-1", "items": [{"source_id": "a", "price": 3000, "quantity": 2}]}
    redeemables = [{"object": "voucher", "id": code}]
    await send(
        api,
        "POST",
        "/v1/redemptions",
        {"redeemables": redeemables, "order": {**order, "status": "PAID"}},
    )
    report = await send(api, "GET", "/v1/kaquan/settlement?order=-net&campaign=Tea&limit=2")
    assert [(one["partner_name"], one["net_minor"]) for one in report["data"]] == [
        ("=Brand", 400),
        (None, 350),
    ]
    assert (report["total"], report["has_more"], report["net_minor"]) == (3, True, 1000)
    back = {"items": [{"source_id": "a", "quantity": 1}]}
    await send(api, "POST", "/v1/orders/o-1/returns", back)
    own = await send(api, "GET", "/v1/kaquan/settlement?by=none&own=false")
    assert {one["partner_name"]: one["net_minor"] for one in own["data"]} == {
        "=Brand": 200,
        "Bank": 125,
    }
    file = await api.get("/v1/kaquan/settlement/csv?by=day&partner=Bank")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    (line,) = csv.DictReader(io.StringIO(file.text))
    assert (line["partner_name"], line["net_minor"]) == ("Bank", "125")
    whole = (await api.get("/v1/kaquan/settlement/csv")).text
    assert "'=Brand" in whole
    await send(api, "DELETE", "/v1/kaquan/partners/Bank", status=409)


async def test_partners_are_listed_renamed_and_deleted(api: Api) -> None:
    for name in ("Bank", "Brand", "Shop"):
        await send(api, "POST", "/v1/kaquan/partners", {"name": name})
    found = await send(api, "GET", "/v1/kaquan/partners?search=b&order=-name&limit=1")
    assert ([one["name"] for one in found["data"]], found["total"]) == (["Brand"], 2)
    await send(api, "PUT", "/v1/kaquan/partners/Shop", {"name": "Bank"}, status=409)
    kept = await send(api, "PUT", "/v1/kaquan/partners/Shop", {"name": "Store"})
    assert (await send(api, "GET", f"/v1/kaquan/partners/{kept['id']}"))["name"] == "Store"
    await send(api, "DELETE", "/v1/kaquan/partners/Store", status=204)
    await send(api, "GET", "/v1/kaquan/partners/Store", status=404)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=2026-02-02&until=2026-02-01", "until"),
        ("since=yesterday", "since"),
        ("by=week", "by"),
        ("order=name", "order"),
    ],
)
async def test_a_report_that_makes_no_sense(api: Api, query: str, field: str) -> None:
    answer = await api.get(f"/v1/kaquan/settlement?{query}")
    assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text
