"""The mapping on the page about sources is one that works."""

import re
from pathlib import Path

import httpx
import msgspec

from connectors.samples import SECRET, encode, signed
from connectors.test_commerce import order_of
from kaquan.customers import OrderStatus
from kaquan.runtime import Database, Project

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "connectors.md"


async def test_the_pages_mapping(
    web: httpx.AsyncClient, office: httpx.AsyncClient, database: Database, project: Project
) -> None:
    found = re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    body = {
        "kind": "custom",
        "name": "page",
        "secret": SECRET,
        "mapping": msgspec.json.decode(found[1]),
    }
    source = (await office.post("/v1/kaquan/sources", json=body)).json()
    told = {
        "id": 5,
        "updated_at": "2026-01-05T00:00:00Z",
        "state": "sent",
        "currency": "cny",
        "channel": "shop",
        "grand_total": 20.5,
        "coupons": [{"amount": "1.00"}, {"amount": "0.50"}],
        "rebate": 1,
        "delivery_cents": 300,
        "buyer": {"id": 0, "email": "ada@example.com", "first": "Ada", "last": None},
        "items": [
            {"kind": "goods", "id": "l-1", "sku": "tea", "count": 2, "price": "10.00"},
            {"kind": "fee", "id": "l-2", "sku": "fee", "count": 1, "price": "1.00"},
        ],
    }
    raw = encode({"data": {"object": told}})
    headers = {"X-Signature": signed(raw, hexadecimal=True), "X-Topic": "orders/paid"}
    answer = await web.post(source["path"], content=raw, headers=headers)
    assert answer.json()["status"] == "done", (await office.get("/v1/kaquan/receipts")).text
    order = await order_of(database, project, "5")
    assert (order.status, order.amount_minor, order.discount_minor) == (
        OrderStatus.FULFILLED,
        2300,
        250,
    )
    assert (order.shipping_minor, order.metadata) == (300, {"channel": "shop"})
    assert [(x.source_id, x.quantity, x.amount_minor) for x in order.lines] == [("tea", 2, 2000)]
