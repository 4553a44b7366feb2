"""Qualifications over HTTP: filters, what expands, pages by a time alone, wrong requests."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from kaquan.api.qualifications import find_place, mark_place
from kaquan.checkout import Place

Client = AsyncTestClient[Litestar]

ORDER = {"items": [{"source_id": "tea", "quantity": "2", "price": 5_000}]}
RULE = {
    "name": "anything",
    "type": "basic",
    "rules": {"1": {"name": "order.amount", "conditions": {"$more_than": [1]}}, "logic": "1"},
}
DISCOUNT = {"type": "AMOUNT", "amount_off": 1_000, "effect": "APPLY_TO_ORDER"}


async def qualify(api: Client, **body: Any) -> dict[str, Any]:
    """What qualifies on a cart of 100.00."""
    answer = await api.post("/v1/qualifications", json={"order": ORDER} | body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def stock(api: Client) -> str:
    """A public code, a campaign and a code of it that Anna holds; returns that code."""
    body = {"type": "DISCOUNT_VOUCHER", "discount": DISCOUNT, "metadata": {"kind": "public"}}
    await api.post("/v1/vouchers/PUBLIC", json=body)
    campaign = {
        "name": "Spring",
        "campaign_type": "DISCOUNT_COUPONS",
        "type": "AUTO_UPDATE",
        "join_once": False,
        "voucher": {"type": "DISCOUNT_VOUCHER", "discount": DISCOUNT},
    }
    assert (await api.post("/v1/campaigns", json=campaign)).status_code == 200
    given = await api.post(
        "/v1/publications", json={"campaign": {"name": "Spring"}, "customer": {"source_id": "anna"}}
    )
    assert given.status_code == 200, given.text
    return given.json()["voucher"]["code"]


def objects_of(answer: dict[str, Any]) -> set[str]:
    """What kinds of things qualify."""
    return {one["object"] for one in answer["redeemables"]["data"]}


class Filtered(NamedTuple):
    name: str
    filters: dict[str, Any]
    objects: list[str]


def on(**conditions: Any) -> dict[str, Any]:
    """Filters, each with one condition."""
    return {name: {"conditions": condition} for name, condition in conditions.items()}


FILTERS = [
    Filtered("vouchers", on(resource_type={"$is": ["voucher"]}), ["voucher", "voucher"]),
    Filtered("no vouchers", on(resource_type={"$is_not": ["voucher"]}), ["campaign"]),
    Filtered("a code", on(code={"$in": ["PUBLIC", "OTHER"]}), ["voucher"]),
    Filtered("of a campaign", on(campaign_id={"$has_value": ""}), ["campaign", "voucher"]),
    Filtered("of none", on(campaign_id={"$is_unknown": ""}), ["voucher"]),
    Filtered("held", on(holder_role={"$is": ["OWNER"]}), ["voucher"]),
    Filtered("of a type", on(campaign_type={"$is": ["GIFT_VOUCHERS"]}), []),
    Filtered("of a voucher type", on(voucher_type={"$is": ["DISCOUNT_VOUCHER"]}), ["voucher"] * 2),
    Filtered("both", on(code={"$is": ["PUBLIC"]}, resource_type={"$is": ["campaign"]}), []),
    Filtered(
        "either",
        {"junction": "or"} | on(code={"$is": ["PUBLIC"]}, resource_type={"$is": ["campaign"]}),
        ["campaign", "voucher"],
    ),
]


@pytest.mark.parametrize("case", FILTERS, ids=lambda case: case.name)
async def test_filters(api: Client, case: Filtered) -> None:
    await stock(api)
    found = await qualify(
        api, customer={"source_id": "anna"}, options={"filters": case.filters, "limit": 50}
    )
    assert sorted(one["object"] for one in found["redeemables"]["data"]) == case.objects


async def test_figures_and_what_is_expanded(api: Client) -> None:
    code = await stock(api)
    plain = await qualify(api, customer={"source_id": "anna"}, scenario="CUSTOMER_WALLET")
    (held,) = plain["redeemables"]["data"]
    assert (held["id"], held["object"]) == (code, "voucher")
    assert held["result"]["discount"]["amount_off"] == 1_000
    assert (held["order"]["amount"], held["order"]["total_amount"]) == (10_000, 9_000)
    assert "campaign_name" not in held
    assert "categories" not in held
    category = (await api.post("/v1/categories", json={"name": "Spring offers"})).json()
    answer = await api.put("/v1/campaigns/Spring", json={"category_id": category["id"]})
    assert answer.status_code == 200, answer.text
    rule = (await api.post("/v1/validation-rules", json=RULE)).json()
    path = f"/v1/validation-rules/{rule['id']}/assignments"
    answer = await api.post(path, json={"voucher": code})
    assert answer.status_code == 200, answer.text
    expand = ["redeemable", "category", "validation_rules"]
    full = await qualify(
        api,
        customer={"source_id": "anna"},
        scenario="CUSTOMER_WALLET",
        options={"expand": expand},
    )
    (held,) = full["redeemables"]["data"]
    assert held["campaign_name"] == "Spring"
    assert [one["name"] for one in held["categories"]] == ["Spring offers"]
    (assigned,) = held["validation_rules_assignments"]["data"]
    assert assigned["rule_id"] == rule["id"]


async def test_pages_follow_each_other(api: Client) -> None:
    await stock(api)
    seen: list[str] = []
    options: dict[str, Any] = {"limit": 1}
    more = True
    while more:
        page = (await qualify(api, options=options))["redeemables"]
        seen += [one["object"] for one in page["data"]]
        more = page["has_more"]
        options = {"limit": 1, "starting_after": page.get("more_starting_after", "null")}
    assert sorted(seen) == ["campaign", "voucher"]


@pytest.mark.parametrize("seen", [0, 1, 14, 15, 29, 1_300])
def test_a_place_survives_as_a_time(seen: int) -> None:
    place = Place(datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC), seen)
    marked = mark_place(place)
    assert marked == place.at
    assert find_place(datetime.fromisoformat(marked.isoformat())) == place


@pytest.mark.parametrize("hours", [-12, -3.5, 0, 5.75, 8, 14])
def test_a_time_in_a_real_zone_is_the_place_before_it(hours: float) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=hours)))
    assert find_place(moment) == Place(moment)


class Wrong(NamedTuple):
    body: dict[str, Any]
    field: str


WRONG = [
    Wrong({"scenario": "SOMETIMES"}, "scenario"),
    Wrong({"options": {"limit": 51}}, "options.limit"),
    Wrong({"options": {"limit": 0}}, "options.limit"),
    Wrong({"options": {"sorting_rule": "NICEST"}}, "options.sorting_rule"),
    Wrong({"options": {"expand": ["everything"]}}, "options.expand[0]"),
    Wrong({"options": {"starting_after": "tomorrow"}}, "options.starting_after"),
    Wrong(
        {"options": {"filters": {"code": {"conditions": {"$is": "PUBLIC"}}}}},
        "options.filters.code.conditions.$is",
    ),
    Wrong({"options": {"filters": {"junction": "nor"}}}, "options.filters.junction"),
    Wrong({"order": {"items": [{"price": -1}]}}, "order.items[0].price"),
]


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.field)
async def test_wrong_requests_name_the_field(api: Client, case: Wrong) -> None:
    answer = await api.post("/v1/qualifications", json=case.body)
    assert (answer.status_code, answer.json()["field"]) == (400, case.field), answer.text


async def test_every_option_looked_at_is_an_attempt(api: Client) -> None:
    await stock(api)
    await api.post("/v1/vouchers/PUBLIC/disable")
    await qualify(api, scenario="CUSTOMER_WALLET", customer={"source_id": "anna"})
    found = (await api.get("/v1/attempts", params={"kind": "qualification"})).json()
    (attempt,) = found["data"]
    assert (attempt["outcome"], attempt["discount_amount"]) == ("APPLIED", 1_000)
    again = (await api.post(f"/v1/attempts/{attempt['id']}/rerun")).json()
    assert (again["same"], again["inputs"]) == (True, "kept")


async def test_nobody_at_all(api: Client) -> None:
    assert objects_of(await qualify(api, order=None)) == set()
