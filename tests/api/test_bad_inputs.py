"""What nobody should send: each has its key, and the ledger stays what it was to the last byte."""

import asyncio
from typing import Any, NamedTuple

import httpx
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from api.conftest import headers_of, issue_key
from kaquan.runtime import Database, Project
from kaquan.trust import KeyKind

Client = AsyncTestClient[Litestar]
ONCE = {"Idempotency-Key": "the same key twice"}


class Bad(NamedTuple):
    """What is sent where, after what was sent before with success, and how it is answered."""

    name: str
    path: str
    body: dict[str, Any]
    status: int
    key: str
    before: tuple[tuple[str, dict[str, Any]], ...] = ()
    headers: dict[str, str] = {}
    method: str = "POST"


def line(**fields: Any) -> dict[str, Any]:
    """A request to redeem the coupon on one line."""
    return redeeming({"items": [{"source_id": "rice", "price": 500, **fields}]})


def redeeming(order: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"redeemables": [{"object": "voucher", "id": "A"}], "order": order, **fields}


def coupon(discount: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "DISCOUNT_VOUCHER", "discount": discount, **fields}


def percent(rate: float) -> dict[str, Any]:
    return coupon({"type": "PERCENT", "percent_off": rate})


def rule(rules: dict[str, Any], logic: str) -> dict[str, Any]:
    return {"name": "r", "type": "expression", "rules": {**rules, "logic": logic}}


def nested(depth: int) -> dict[str, Any]:
    """A condition inside of so many others."""
    node: dict[str, Any] = {"code": "minimum_spend", "amount_minor": 1}
    for _ in range(depth):
        node = {"all": [node]}
    return {"offer": {"effect": {"code": "amount_off", "amount_minor": 1}, "condition": node}}


RULE = {
    "name": "order.amount",
    "property": None,
    "conditions": {"$more_than": [1]},
}
REDEEM = "/v1/redemptions"
AMOUNT = {"type": "AMOUNT", "amount_off": 100}
LOCK = redeeming({"amount": 500}, session={"type": "LOCK", "key": "mine"})
SOLD = redeeming({"source_id": "o-1", "items": [{"source_id": "rice", "price": 500}]})
PAID = ("/v1/redemptions", SOLD)

BAD = [
    Bad("a quantity of 0", REDEEM, line(quantity=0), 400, "invalid_payload"),
    Bad("a negative quantity", REDEEM, line(quantity=-1), 400, "invalid_payload"),
    Bad("a fractional quantity", REDEEM, line(quantity=1.5), 400, "invalid_payload"),
    Bad("a quantity of 2^53", REDEEM, line(quantity=2**53), 400, "invalid_payload"),
    Bad("a price of 2^53", REDEEM, line(price=2**53), 400, "invalid_payload"),
    Bad(
        "a product of both beyond it",
        REDEEM,
        line(quantity=2**27, price=2**27),
        400,
        "invalid_payload",
    ),
    Bad(
        "lines that overflow together",
        REDEEM,
        redeeming({"items": [{"source_id": one, "price": 2**53 - 1} for one in ("a", "b")]}),
        400,
        "invalid_payload",
    ),
    Bad("an unknown product", REDEEM, line(product_id="moon"), 400, "invalid_payload"),
    Bad("percent 0", "/v1/vouchers/P", percent(0), 400, "invalid_payload"),
    Bad("percent 100.01", "/v1/vouchers/P", percent(100.01), 400, "invalid_payload"),
    Bad(
        "a percent of more than two decimals",
        "/v1/vouchers/P",
        percent(1.001),
        400,
        "invalid_payload",
    ),
    Bad(
        "an expiry before the start",
        "/v1/vouchers/P",
        coupon(AMOUNT, start_date="2026-06-01", expiration_date="2026-05-01"),
        400,
        "invalid_payload",
    ),
    Bad(
        "logic that names a rule that is not there",
        "/v1/validation-rules",
        rule({"1": RULE}, "1 and 2"),
        400,
        "invalid_validation_rules",
    ),
    Bad(
        "a rule of brackets without end",
        "/v1/validation-rules",
        rule({"1": RULE}, "(" * 100 + "1" + ")" * 100),
        400,
        "invalid_validation_rules",
    ),
    Bad(
        "a condition of depth 100",
        "/v1/vouchers/P",
        {"type": "DISCOUNT_VOUCHER", "kaquan": nested(100)},
        400,
        "invalid_payload",
    ),
    Bad(
        "a formula bomb",
        "/v1/vouchers/P",
        coupon({**AMOUNT, "amount_off_formula": "(" * 400 + "1" + ")" * 400}),
        400,
        "formula_too_deep",
    ),
    Bad(
        "a formula without end",
        "/v1/vouchers/P",
        coupon({**AMOUNT, "amount_off_formula": "9*" * 600 + "9"}),
        400,
        "formula_too_long",
    ),
    Bad(
        "a formula on lines that are not there",
        "/v1/vouchers/P",
        coupon({**AMOUNT, "amount_off_formula": "ORDER_ITEM_PRICE / 2"}),
        400,
        "formula_scope",
    ),
    Bad(
        "a hold released twice",
        "/v1/vouchers/A/sessions/mine",
        {},
        404,
        "not_found",
        before=(("/v1/validations", LOCK), ("DELETE /v1/vouchers/A/sessions/mine", {})),
        method="DELETE",
    ),
    Bad(
        "a return of more than was bought",
        "/v1/orders/o-1/returns",
        {"items": [{"source_id": "rice", "quantity": 2}]},
        400,
        "return_exceeds_purchase",
        before=(PAID, ("PUT /v1/orders/o-1", {"status": "PAID"})),
    ),
    Bad(
        "the same key with another body",
        REDEEM,
        line(price=600),
        422,
        "idempotency_key_reused",
        before=((REDEEM, line()),),
        headers=ONCE,
    ),
]


async def digest(database: Database, project: Project) -> str:
    """Everything that the ledger's tables hold of the project."""
    async with database.transaction(project.project_id) as tx:
        cursor = await tx.execute(
            "select md5(coalesce((select string_agg(t::text, '' order by t.id) from transfer t),'')"
            " || coalesce((select string_agg(h::text, '' order by h.id) from hold h), '')"
            " || coalesce((select string_agg(a::text, '' order by a.owner, a.kind)"
            " from account a), ''))"
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def add_coupon(api: Client) -> None:
    body = coupon(AMOUNT, redemption={"quantity": 3})
    assert (await api.post("/v1/vouchers/A", json=body)).status_code == 200


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
async def test_answered_by_its_key(
    api: Client, database: Database, project: Project, case: Bad
) -> None:
    await add_coupon(api)
    for path, body in case.before:
        method, _, place = path.rpartition(" ")
        done = await api.request(method or "POST", place, json=body, headers=case.headers)
        assert done.status_code in (200, 204), done.text
    before = await digest(database, project)
    answer = await api.request(case.method, case.path, json=case.body, headers=case.headers)
    told = answer.json()
    assert (answer.status_code, told["key"]) == (case.status, case.key), answer.text
    assert await digest(database, project) == before


@pytest.mark.parametrize(
    ("name", "body", "total"),
    [
        ("percent 100", percent(100), 0),
        ("percent 99.99", percent(99.99), 0),
        ("more off than there is", coupon({"type": "AMOUNT", "amount_off": 10**9}), 0),
    ],
)
async def test_what_is_extreme_and_right(
    api: Client, name: str, body: dict[str, Any], total: int
) -> None:
    assert (await api.post("/v1/vouchers/A", json=body)).status_code == 200
    told = (await api.post(REDEEM, json=line())).json()
    assert told["order"]["total_amount"] == total, name


async def test_duplicate_lines_are_two_lines(api: Client) -> None:
    await add_coupon(api)
    same = {"source_id": "rice", "price": 500}
    told = (await api.post(REDEEM, json=redeeming({"items": [same, same]}))).json()
    assert (told["order"]["amount"], told["order"]["total_amount"]) == (1_000, 900)
    assert len(told["order"]["items"]) == 2


async def test_a_client_that_goes_away(
    app: Litestar, database: Database, project: Project, api: Client
) -> None:
    """Whether it was redeemed or not: all of it or nothing, and asking again tells."""
    await add_coupon(api)
    key = await issue_key(database, project, KeyKind.SERVER)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)  # pyright: ignore[reportArgumentType] - Litestar's own ASGI types
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers_of(key)
    ) as client:
        sent = asyncio.create_task(client.post(REDEEM, json=line(), headers=ONCE))
        for _ in range(5):
            await asyncio.sleep(0)
        sent.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sent
        again = await client.post(REDEEM, json=line(), headers=ONCE)
        while again.status_code == 409:
            again = await client.post(REDEEM, json=line(), headers=ONCE)
    assert again.status_code == 200
    assert (await api.get("/v1/redemptions")).json()["total"] == 1
    voucher = (await api.get("/v1/vouchers/A")).json()
    assert voucher["redemption"]["redeemed_quantity"] == 1
