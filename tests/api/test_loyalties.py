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
    # It is a redemption like others, and stays one when the reward is gone.
    pages = [
        (await read(api, f"/v1/redemptions?limit=1&page={page}"))["redemptions"] for page in (1, 2)
    ]
    assert ([one["id"] for one in pages[0]], pages[1]) == ([first["id"]], [])
    assert pages[0][0] == await read(api, f"/v1/redemptions/{first['id']}")
    assert pages[0][0]["reward"]["name"] == first["reward"]["name"]
    assert (await read(api, f"/v1/vouchers/{code}/redemption"))["total"] == 1
    assert (await read(api, "/v1/redemptions?result=FAILURE"))["total"] == 0
    undone = await api.post(f"/v1/redemptions/{first['id']}/rollback")
    assert undone.status_code == 404
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


async def test_points_wait_until_somebody_says_otherwise(api: Api) -> None:
    club = await open_club(api)
    code = await join(api, club)
    pending = {"pending_points": {"period_type": "DAY", "period_value": 14}}
    (rule,) = await post(api, f"/v1/loyalties/{club}/earning-rules", [RULE | pending])
    assert rule["pending_points"] == pending["pending_points"]
    order = {"customer": {"source_id": "li"}, "amount": 5_000, "status": "PAID"}
    for place in range(3):
        await post(api, "/v1/orders", order | {"source_id": f"order_{place}"})
    card = (await read(api, f"/v1/loyalties/members/{code}"))["loyalty_card"]
    assert (card["balance"], card["pending_points"]) == (100, 150)
    part = await read(api, f"/v1/loyalties/{club}/pending-points?limit=2&order=id")
    assert [one["details"]["order"]["source_id"] for one in part["data"]] == ["order_0", "order_1"]
    assert part["has_more"]
    after = part["more_starting_after"]
    rest = await read(
        api,
        f"/v1/loyalties/{club}/members/{code}/pending-points?order=id&starting_after_id={after}",
    )
    assert [one["details"]["order"]["source_id"] for one in rest["data"]] == ["order_2"]
    first, second, third = (one["id"] for one in [*part["data"], *rest["data"]])
    path = f"/v1/loyalties/members/{code}/pending-points"
    activated = await post(api, f"{path}/{first}/activate", None)
    assert (activated["points"], activated["total"], activated["balance"]) == (50, 150, 150)
    adjusted = await post(api, f"{path}/{second}/balance", {"points": -20})
    assert (adjusted["points"], adjusted["total"]) == (-20, 80)
    for amount, status in ((-31, 400), (-30, 400), (0, 400)):
        await post(api, f"{path}/{second}/balance", {"points": amount}, status)
    gone = await api.post(f"{path}/{third}/cancel")
    assert (gone.status_code, gone.content) == (204, b"")
    for ended in (first, third):
        await post(api, f"{path}/{ended}/activate", None, 404)
    left = await read(api, path)
    assert [(one["id"], one["points"]) for one in left["data"]] == [(second, 30)]
    moved = await read(api, f"/v1/loyalties/members/{code}/transactions")
    assert [one["type"] for one in moved["data"]] == [
        "PENDING_POINTS_ACTIVATION",
        "POINTS_ADDITION",
    ]


async def test_points_that_expire(api: Api, database: Database, project: Project) -> None:
    rules = {"period_type": "MONTH", "period_value": 2, "rounding_type": "END_OF_YEAR"}
    club = await open_club(
        api, voucher={"loyalty_card": {"points": 100, "expiration_rules": rules}}
    )
    shown = (await read(api, f"/v1/loyalties/{club}"))["voucher"]["loyalty_card"]
    assert shown == {"points": 100, "expiration_rules": rules}
    code = await join(api, club)
    path = f"/v1/loyalties/{club}/members/{code}"
    dated = {"points": 5, "expiration_type": "CUSTOM_DATE", "expiration_date": "2990-05-31"}
    for _ in range(2):
        await post(api, f"{path}/balance", dated | {"source_id": "once"})
    await post(api, f"{path}/balance", {"points": 7, "expiration_type": "NON_EXPIRING"})
    found = await read(api, f"{path}/points-expiration")
    assert [(one["bucket"]["total_points"], one["status"]) for one in found["data"]] == [
        (100, "ACTIVE"),
        (5, "ACTIVE"),
    ]
    assert (found["total"], found["data"][1]["expires_at"]) == (2, "2990-05-31")
    card = (await read(api, path))["loyalty_card"]
    assert (card["next_expiration_points"], card["balance"]) == (100, 112)
    assert card["next_expiration_date"].endswith("-12-31")
    asked = await post(api, f"/v1/loyalties/{club}/points-expiration/export", {})
    async with database.transaction(project.project_id) as tx:
        export = await get_export(tx, asked["id"])
    await run_export(database, project.project_id, export.id, clock=utc_now)
    done = await read(api, f"/v1/exports/{asked['id']}")
    file = await api.get(done["result"]["url"])
    assert [line.split(",")[3:5] for line in file.text.splitlines()] == [
        ["Points", "Status"],
        ["100", "ACTIVE"],
        ["5", "ACTIVE"],
    ]
    without = {"voucher": {"loyalty_card": {"points": 100, "expiration_rules": None}}}
    changed = await api.put(f"/v1/loyalties/{club}", json=without)
    assert "expiration_rules" not in changed.json()["voucher"]["loyalty_card"]


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("earning-rules", [], 400, ""),
        ("earning-rules", [{"event": "order.paid"}], 400, "[0].loyalty"),
        ("earning-rules", [{"loyalty": RULE["loyalty"]}], 400, "[0].event"),
        ("earning-rules", [RULE | {"validation_rule_id": "val_1"}], 501, "validation_rule_id"),
        (
            "earning-rules",
            [RULE | {"pending_points": {"period_value": 91}}],
            400,
            "[0].pending_points.period_value",
        ),
        (
            "earning-rules",
            [RULE | {"expiration_rules": {"period_type": "MONTH"}}],
            400,
            "[0].expiration_rules.period_value",
        ),
        (
            "earning-rules",
            [
                {"event": "visited", "loyalty": {"type": "FIXED", "points": 1}}
                | {"pending_points": {"period_value": 3}}
            ],
            400,
            "[0].pending_points",
        ),
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
        ("pending-points?order=points", None, 400, "order"),
        ("members/x/pending-points", None, 404, None),
        ("members/x/points-expiration", None, 404, None),
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
        ({"points": 3, "expiration_type": "CUSTOM_DATE"}, 400, "expiration_date"),
        ({"points": 3, "expiration_date": "2999-01-01"}, 400, "expiration_date"),
        ({"points": -3, "expiration_type": "NON_EXPIRING"}, 400, "expiration_type"),
        (
            {"points": 3, "expiration_type": "CUSTOM_DATE", "expiration_date": "2001-01-01"},
            400,
            "expiration_date",
        ),
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
            {
                "voucher": {
                    "loyalty_card": {
                        "expiration_rules": {"period_type": "FIXED_DAY_OF_YEAR", "fixed_month": 3}
                    }
                }
            },
            400,
            "voucher.loyalty_card.expiration_rules.fixed_day",
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
