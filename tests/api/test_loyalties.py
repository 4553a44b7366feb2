"""Loyalty programmes over HTTP: members, points, rewards, and what they refuse."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.insight import get_export
from kaquan.insight.exports.run import run_export
from kaquan.runtime import Database, Project, utc_now

Api = AsyncTestClient[Litestar]

RULE = {
    "event": "order.paid",
    "loyalty": {
        "type": "PROPORTIONAL",
        "calculation_type": "ORDER_AMOUNT",
        "order": {"amount": {"every": 100, "points": 1}},
    },
}


async def post(api: Api, path: str, body: object, status: int = 200) -> Any:
    """Send a body and return the answer, which must have this status."""
    response = await api.post(path, json=body)
    assert response.status_code == status, response.text
    return response.json()


async def read(api: Api, path: str) -> Any:
    """Get something that is there."""
    response = await api.get(path)
    assert response.status_code == 200, response.text
    return response.json()


async def open_club(api: Api, points: int = 100, **more: Any) -> str:
    """A programme whose cards start with so many points."""
    body = {"name": "Club", "voucher": {"loyalty_card": {"points": points}}, **more}
    return (await post(api, "/v1/loyalties", body))["id"]


async def join(api: Api, club: str, source_id: str = "li") -> str:
    """The code of a member's card."""
    body = {"customer": {"source_id": source_id}}
    return (await post(api, f"/v1/loyalties/{club}/members", body))["code"]


async def balance(api: Api, code: str) -> int:
    """The points on a card."""
    return (await read(api, f"/v1/loyalties/members/{code}"))["loyalty_card"]["balance"]


async def test_a_programme_is_a_campaign_of_cards(api: Api) -> None:
    club = await open_club(api, 25, vouchers_count=2, metadata={"a": 1})
    made = await read(api, f"/v1/loyalties/{club}")
    assert (made["campaign_type"], made["vouchers_count"]) == ("LOYALTY_PROGRAM", 2)
    assert made["voucher"]["type"] == "LOYALTY_CARD"
    assert made["voucher"]["loyalty_card"] == {"points": 25}
    assert made["voucher"]["redemption"] == {"quantity": None}
    changed = await api.put(f"/v1/loyalties/{club}", json={"metadata": {"b": 2}})
    assert changed.json()["metadata"] == {"a": 1, "b": 2}
    assert (await read(api, "/v1/loyalties"))["total"] == 1
    assert (await read(api, f"/v1/campaigns/{club}"))["id"] == club
    # The points of such a programme pay nothing by themselves.
    code = await join(api, club)
    order = {"redeemables": [{"object": "voucher", "id": code}], "order": {"amount": 5_000}}
    tried = await post(api, "/v1/validations", order)
    assert tried.get("order", {}).get("total_discount_amount", 0) == 0
    assert (await api.delete(f"/v1/loyalties/{club}")).status_code == 200
    assert (await api.get(f"/v1/loyalties/{club}")).status_code == 404
    assert (await api.get(f"/v1/loyalties/members/{code}")).status_code == 404
    coupons = {"name": "C", "voucher": {"discount": {"type": "AMOUNT", "amount_off": 100}}}
    other = (await post(api, "/v1/campaigns", coupons))["id"]
    assert (await api.get(f"/v1/loyalties/{other}")).status_code == 404


async def test_a_customer_shows_the_points_of_all_cards(api: Api) -> None:
    for name, points in (("Club", 25), ("Gold", 70)):
        club = await open_club(api, points, name=name)
        body = {"customer": {"source_id": "anna"}}
        await post(api, f"/v1/loyalties/{club}/members", body)
    assert (await read(api, "/v1/customers/anna"))["loyalty"] == {
        "points": 95,
        "referred_customers": 0,
        "campaigns": {
            "Club": {"points": 25, "referred_customers": 0},
            "Gold": {"points": 70, "referred_customers": 0},
        },
    }


async def test_an_order_earns_at_once_and_a_return_takes_back(api: Api) -> None:
    club = await open_club(api)
    (rule,) = await post(api, f"/v1/loyalties/{club}/earning-rules", [RULE])
    assert rule["loyalty"] == RULE["loyalty"]
    code = await join(api, club)
    order = {"customer": {"source_id": "li"}, "amount": 5_000, "status": "PAID"}
    paid = await post(api, "/v1/orders", order)
    assert await balance(api, code) == 150
    again = await api.put(f"/v1/orders/{paid['id']}", json={"status": "FULFILLED"})
    assert again.status_code == 200
    assert await balance(api, code) == 150
    transactions = await read(api, f"/v1/loyalties/members/{code}/transactions")
    types = [(one["type"], one["details"]["balance"]["points"]) for one in transactions["data"]]
    assert types == [("POINTS_ACCRUAL", 50), ("POINTS_ADDITION", 100)]
    assert transactions["data"][0]["details"]["earning_rule"] == {"id": rule["id"]}
    assert transactions["data"][0]["details"]["order"]["id"] == paid["id"]
    canceled = await api.put(f"/v1/orders/{paid['id']}", json={"status": "CANCELED"})
    assert canceled.status_code == 200
    assert await balance(api, code) == 100


async def test_transactions_are_paged_and_filtered(api: Api) -> None:
    club = await open_club(api)
    code, other = await join(api, club), await join(api, club, "han")
    await post(api, f"/v1/loyalties/members/{code}/balance", {"points": 10, "source_id": "a"})
    moved = [{"code": other, "points": 40}]
    card = await post(api, f"/v1/loyalties/{club}/members/{code}/transfers", moved)
    assert (card["active"], card["loyalty_card"]["balance"]) == ("true", 150)
    path = f"/v1/loyalties/{club}/transactions"
    first = await read(api, f"{path}?limit=3")
    rest = await read(api, f"{path}?limit=3&starting_after_id={first['more_starting_after']}")
    assert (first["has_more"], rest["has_more"]) == (True, False)
    told = [(one["type"], one["details"]["balance"]["balance"]) for one in first["data"]]
    assert told == [
        ("POINTS_TRANSFER_IN", 150),
        ("POINTS_TRANSFER_OUT", 60),
        ("POINTS_ADDITION", 110),
    ]
    assert first["data"][0]["details"]["source_voucher"]["code"] == other
    assert [one["type"] for one in rest["data"]] == ["POINTS_ADDITION"] * 2
    voucher = card["id"]
    mine = await read(api, f"{path}?filters[voucher_id][conditions][$is]={voucher}&order=id")
    assert [one["voucher_id"] for one in mine["data"]] == [voucher] * 3
    activity = await read(api, f"/v1/loyalties/members/{code}/activity?order=created_at")
    assert [one["type"].rpartition(".")[2] for one in activity["data"]] == [
        "succeeded",
        "points_added",
        "points_added",
        "points_transferred",
    ]


async def test_exports_hold_only_what_was_asked_for(
    api: Api, database: Database, project: Project
) -> None:
    club = await open_club(api)
    code, _ = await join(api, club), await join(api, club, "han")
    for path, rows in (
        (f"/v1/loyalties/{club}/transactions/export", 2),
        (f"/v1/campaigns/{club}/transactions/export", 2),
        (f"/v1/loyalties/members/{code}/transactions/export", 1),
        (f"/v1/loyalties/{club}/members/{code}/transactions/export", 1),
        (f"/v1/vouchers/{code}/transactions/export", 1),
    ):
        asked = await post(api, path, {})
        assert (asked["status"], asked["exported_object"]) == ("SCHEDULED", "voucher_transactions")
        await run_export(database, project.project_id, asked["id"], clock=utc_now)
        async with database.transaction(project.project_id) as tx:
            assert (await get_export(tx, asked["id"])).row_count == rows


async def test_a_reward_is_given_once_for_one_key(api: Api) -> None:
    club = await open_club(api)
    code = await join(api, club)
    coupons = {"name": "C", "voucher": {"discount": {"type": "AMOUNT", "amount_off": 100}}}
    campaign = (await post(api, "/v1/campaigns", coupons))["id"]
    body = {"name": "Coupon", "parameters": {"campaign": {"id": campaign}}, "stock": 1}
    reward = (await post(api, "/v1/rewards", body))["id"]
    offer = {"reward": reward, "parameters": {"loyalty": {"points": 60}}}
    assigned = await post(api, f"/v1/loyalties/{club}/rewards", [offer])
    path = f"/v1/loyalties/{club}/members/{code}/redemption"
    headers = {"Idempotency-Key": "one-reward-for-me"}
    answers = [
        await api.post(path, json={"reward": {"id": reward}}, headers=headers) for _ in range(2)
    ]
    first = answers[0].json()
    assert answers[1].json() == first
    assert (first["result"], first["amount"], first["loyalty_card"]) == (
        "SUCCESS",
        60,
        {"points": 60},
    )
    assert first["reward"]["assignment_id"] == assigned["id"]
    assert first["reward"]["voucher"]["campaign_id"] == campaign
    assert first["voucher"]["loyalty_card"]["balance"] == await balance(api, code) == 40
    refused = await post(api, path, {"reward": {"id": reward}}, 400)
    assert refused["key"] == "reward_stock_exceeded"
    listed = await read(api, f"/v1/rewards?assignment_id={assigned['id']}")
    assert [(one["id"], one["redeemed"]) for one in listed["data"]] == [(reward, 1)]


async def test_goods_and_money_for_points(api: Api) -> None:
    club = await open_club(api)
    code = await join(api, club)
    await post(api, "/v1/products", {"source_id": "pot", "price": 900})
    sku = {"source_id": "red", "sku": "Red", "price": 950}
    await post(api, "/v1/products/pot/skus", sku)
    path = f"/v1/loyalties/members/{code}/redemption"
    for parameters, price, order, total in (
        ({"product": {"id": "pot", "sku_id": "red"}}, 20, None, 0),
        ({"coin": {"exchange_ratio": 0.5, "points_ratio": "1"}}, None, {"amount": 5_000}, 1_000),
    ):
        reward = await post(api, "/v1/rewards", {"name": "R", "parameters": parameters})
        body = {"campaign": club, "parameters": {"loyalty": {"points": price}}}
        await post(api, f"/v1/rewards/{reward['id']}/assignments", body)
        done = await post(api, path, {"reward": {"id": reward["id"]}, "order": order})
        assert (done["order"]["status"], done["order"]["total_amount"]) == ("PAID", total)
    assert await balance(api, code) == 0


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("earning-rules", [], 400, ""),
        ("earning-rules", [{"event": "order.paid"}], 400, "[0].loyalty"),
        ("earning-rules", [{"loyalty": RULE["loyalty"]}], 400, "[0].event"),
        ("earning-rules", [RULE | {"validation_rule_id": "val_1"}], 501, "validation_rule_id"),
        ("earning-rules", [RULE | {"pending_points": {"period_value": 3}}], 501, "pending_points"),
        ("earning-rules", [RULE | {"event": "customer.segment.entered"}], 501, "[0].event"),
        (
            "earning-rules",
            [{"event": "order.paid", "loyalty": {"type": "FIXED", "points": 0}}],
            400,
            "[0].loyalty.points",
        ),
        (
            "earning-rules",
            [RULE | {"loyalty": {"type": "PROPORTIONAL", "calculation_type": "ORDER_AMOUNT"}}],
            400,
            "[0].loyalty.order.amount",
        ),
        ("tiers", [{"name": "T", "points": {"from": 9, "to": 3}}], 400, "[0].points.to"),
        (
            "tiers",
            [{"name": "T", "points": {"from": 1}, "rewards": {"x": {"type": "CUSTOM"}}}],
            400,
            "[0].rewards.x",
        ),
        (
            "tiers",
            [
                {
                    "name": "T",
                    "points": {"from": 1},
                    "rewards": {"x": {"type": "MULTIPLY", "multiplier": "NaN"}},
                }
            ],
            400,
            "[0].rewards.x",
        ),
        ("rewards", [{"parameters": {"loyalty": {"points": 3}}}], 400, "[0].reward"),
        ("rewards", [{"reward": "r", "validation_rules": ["v"]}], 501, "[0].validation_rules"),
        ("rewards", [], 400, ""),
        ("members", {"voucher": "nobody"}, 404, None),
        ("members/x/balance", {"points": 3}, 404, None),
        ("pending-points", None, 501, "pending_points"),
    ],
)
async def test_what_is_refused_names_its_field(
    api: Api, path: str, body: object, status: int, field: str | None
) -> None:
    club = await open_club(api)
    address = f"/v1/loyalties/{club}/{path}"
    answer = await (api.get(address) if body is None else api.post(address, json=body))
    assert answer.status_code == status, answer.text
    assert answer.json().get("field", "") == (field or "")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"points": 0}, 400, "points"),
        ({"points": -101}, 400, "amount"),
        ({"points": "3"}, 400, "points"),
        ({"points": 3, "expiration_type": "CUSTOM_DATE"}, 501, "expiration_date"),
    ],
)
async def test_points_that_cannot_be_moved(
    api: Api, body: dict[str, Any], status: int, field: str
) -> None:
    code = await join(api, await open_club(api))
    answer = await post(api, f"/v1/loyalties/members/{code}/balance", body, status)
    assert answer["field"] == field
    assert await balance(api, code) == 100


@pytest.mark.parametrize(
    ("more", "status", "field"),
    [
        ({"voucher": {"discount": {"type": "AMOUNT", "amount_off": 5}}}, 400, "voucher"),
        (
            {"voucher": {"loyalty_card": {"points": 1, "expiration_rules": {"period_value": 3}}}},
            501,
            "voucher.loyalty_card.expiration_rules",
        ),
        ({"kaquan": {"offer": {"effect": {"code": "stored_value"}}}}, 400, "kaquan.offer"),
        ({"loyalty_tiers_expiration": {"qualification_type": "BALANCE"}}, 501, None),
        ({"campaign_type": "PROMOTION"}, 400, "campaign_type"),
    ],
)
async def test_programmes_that_make_no_sense(
    api: Api, more: dict[str, Any], status: int, field: str | None
) -> None:
    answer = await post(api, "/v1/loyalties", {"name": "Odd", **more}, status)
    assert answer["field"] == (field or "loyalty_tiers_expiration")
    assert (await read(api, "/v1/loyalties"))["total"] == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/referrals/members/x/holders"),
        ("POST", "/v1/referrals/camp/members/x/holders"),
        ("DELETE", "/v1/referrals/members/x/holders/y"),
        ("POST", "/v1/loyalties/members/x/pending-points/p/activate"),
        ("GET", "/v1/loyalties/camp/members/x/points-expiration"),
    ],
)
async def test_what_is_not_there_yet_says_so(api: Api, method: str, path: str) -> None:
    answer = await api.request(method, path, json={} if method == "POST" else None)
    assert (answer.status_code, answer.json()["key"]) == (501, "not_supported")
