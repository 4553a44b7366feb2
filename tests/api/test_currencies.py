"""Currencies with no, two and three decimals: the same whole numbers, told in their own digits."""

from typing import Any

import httpx
import pytest
from litestar import Litestar

from api.conftest import headers_of, issue_key
from kaquan.ledger import check_ledger
from kaquan.runtime import Database, create_project, utc_now
from kaquan.trust import KeyKind

# 12.5 % of 333 is 41.625, of 1,000 it is 125: halves go to the even minor unit, at the order.
ITEMS = [
    {"source_id": "tea", "quantity": 3, "price": 111},
    {"source_id": "rice", "quantity": 1, "price": 1_000},
]
AMOUNT, OFF = 1_333, 167


@pytest.mark.parametrize(
    ("currency", "short"), [("JPY", "¥667"), ("USD", "$6.67"), ("KWD", "0.667")]
)
async def test_bought_and_returned(
    app: Litestar, database: Database, currency: str, short: str
) -> None:
    async with database.transaction() as tx:
        project = await create_project(
            tx, currency, currency=currency, time_zone="UTC", language="en", now=utc_now()
        )
    key = await issue_key(database, project, KeyKind.SERVER)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers_of(key)
    ) as api:
        await sell_and_take_back(api)
        told = await ask_for_more(api)
    assert short in told
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []


async def send(api: httpx.AsyncClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = await api.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sell_and_take_back(api: httpx.AsyncClient) -> None:
    """Redeem 12.5 % off, then return the lines one unit at a time: every minor unit comes back."""
    percent = {"type": "PERCENT", "percent_off": 12.5}
    await send(api, "POST", "/v1/vouchers/EIGHTH", {"discount": percent})
    done = await send(
        api,
        "POST",
        "/v1/redemptions",
        {
            "redeemables": [{"object": "voucher", "id": "EIGHTH"}],
            "order": {"source_id": "o-1", "items": ITEMS},
        },
    )
    order = done["order"]
    assert (order["amount"], order["total_discount_amount"]) == (AMOUNT, OFF)
    assert order["total_amount"] == AMOUNT - OFF
    await send(api, "PUT", "/v1/orders/o-1", {"status": "PAID"})
    refunds = [
        (await send(api, "POST", "/v1/orders/o-1/returns", {"items": [one]}))["refund_amount"]
        for one in (
            {"source_id": "tea", "quantity": 1},
            {"source_id": "rice", "quantity": 1},
            {"source_id": "tea", "quantity": 2},
        )
    ]
    assert sum(refunds) == AMOUNT - OFF
    assert (await send(api, "GET", "/v1/orders/o-1"))["status"] == "CANCELED"


async def ask_for_more(api: httpx.AsyncClient) -> str:
    """A coupon from 1,000 minor units on, tried on 333: what is told of how much is missing."""
    offer = {
        "effect": {"code": "amount_off", "amount_minor": 1},
        "condition": {"code": "minimum_spend", "amount_minor": 1_000},
    }
    await send(api, "POST", "/v1/vouchers/MORE", {"kaquan": {"offer": offer}})
    tried = await send(
        api,
        "POST",
        "/v1/validations",
        {"redeemables": [{"object": "voucher", "id": "MORE"}], "order": {"amount": 333}},
    )
    assert not tried["valid"]
    return str(tried["redeemables"])
