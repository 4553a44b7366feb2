"""Offers as JSON: what is read, what is refused and where, what is listed."""

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from engine.worked_page import read_examples
from kaquan.engine import (
    CONDITIONS,
    AllOf,
    AmountOff,
    AnyOf,
    Condition,
    FirstOrder,
    HasItems,
    InSegment,
    InvalidOffer,
    MinimumSpend,
    Not,
    Offer,
    PercentOff,
    PerCustomerCount,
    PrintedValue,
    Scope,
    ThresholdOff,
    Tier,
    Validity,
    list_conditions,
    list_effects,
    offer_to_data,
    parse_offer,
)

TEN_OFF = {"code": "amount_off", "amount_minor": 1000}
DRINKS = Scope(attributes={"department": frozenset({"drinks", "tea"})})


def nest(depth: int) -> dict[str, Any]:
    node: dict[str, Any] = {"code": "first_order"}
    for _ in range(depth - 1):
        node = {"not": node}
    return node


@pytest.mark.parametrize(
    "offer",
    [
        Offer(id="a", effect=AmountOff(amount_minor=1)),
        Offer(id="b", effect=AmountOff(amount_minor=1, target="items", scope=DRINKS)),
        Offer(id="c", effect=PercentOff(rate_bps=1, cap_minor=2, total_cap_minor=3)),
        Offer(
            id="d",
            effect=ThresholdOff(tiers=(Tier(spend_minor=2, off_minor=1),), repeat=True),
            window=Validity(
                starts_at=datetime(2026, 1, 1, tzinfo=UTC),
                expires_at=datetime(2026, 2, 1, tzinfo=UTC),
            ),
        ),
        Offer(
            id="e",
            effect=PrintedValue(max_minor=5, scope=DRINKS),
            condition=AllOf(
                (
                    AnyOf((InSegment(segment_id="s"), Not(FirstOrder()))),
                    MinimumSpend(amount_minor=7, scope=DRINKS, basis="initial"),
                    PerCustomerCount(at_most=2),
                    HasItems(scope=Scope(excluded_product_ids=frozenset({"p"})), quantity=3),
                )
            ),
        ),
    ],
    ids=lambda offer: offer.id,
)
def test_round_trip_through_json(offer: Offer) -> None:
    assert parse_offer(json.loads(json.dumps(offer_to_data(offer)))) == offer


def test_every_offer_of_the_documents_survives_json() -> None:
    offers = [
        offer
        for page in ("discounts.md", "limits.md", "validity.md")
        for example in read_examples(page)
        for offer in example.offers.values()
    ]
    assert offers == [parse_offer(json.loads(json.dumps(offer_to_data(one)))) for one in offers]


def test_data_of_an_offer_is_plain_and_leaves_defaults_out() -> None:
    offer = Offer(id="b", effect=AmountOff(amount_minor=1, target="items", scope=DRINKS))
    assert offer_to_data(offer) == {
        "id": "b",
        "effect": {
            "code": "amount_off",
            "amount_minor": 1,
            "target": "items",
            "scope": {"attributes": {"department": ["drinks", "tea"]}},
        },
        "condition": {"all": []},
        "window": {},
    }


THRESHOLD = {"code": "threshold_off"}
FIVE = {"spend_minor": 500, "off_minor": 5}
SIX = {"spend_minor": 600, "off_minor": 6}


@pytest.mark.parametrize(
    ("effect", "path", "key"),
    [
        (None, "effect", "not_an_object"),
        ({}, "effect.code", "missing_field"),
        ({"code": "half_price"}, "effect.code", "unknown_code"),
        ({"code": ["amount_off"]}, "effect.code", "unknown_code"),
        ({"code": "minimum_spend", "amount_minor": 1}, "effect.code", "unknown_code"),
        ({"code": "amount_off"}, "effect.amount_minor", "missing_field"),
        ({**TEN_OFF, "amount": 1}, "effect.amount", "unknown_field"),
        ({**TEN_OFF, "amount_minor": 0}, "effect.amount_minor", "invalid_value"),
        ({**TEN_OFF, "amount_minor": 2**53}, "effect.amount_minor", "invalid_value"),
        ({**TEN_OFF, "amount_minor": "10"}, "effect.amount_minor", "invalid_value"),
        ({**TEN_OFF, "amount_minor": 9.99}, "effect.amount_minor", "invalid_value"),
        ({**TEN_OFF, "amount_minor": True}, "effect.amount_minor", "invalid_value"),
        ({**TEN_OFF, "target": "line"}, "effect.target", "invalid_value"),
        ({**TEN_OFF, "scope": {"skus": []}}, "effect.scope.skus", "unknown_field"),
        ({**TEN_OFF, "scope": {"sku_ids": [1]}}, "effect.scope.sku_ids[0]", "invalid_value"),
        (
            {**TEN_OFF, "scope": {"attributes": {1: ["a"]}}},
            "effect.scope.attributes",
            "invalid_value",
        ),
        ({"code": "percent_off", "rate_bps": 0}, "effect.rate_bps", "invalid_value"),
        ({"code": "percent_off", "rate_bps": 10_001}, "effect.rate_bps", "invalid_value"),
        ({**THRESHOLD, "tiers": []}, "effect.tiers", "invalid_value"),
        ({**THRESHOLD, "tiers": [SIX, FIVE]}, "effect", "invalid_value"),
        ({**THRESHOLD, "tiers": [FIVE, SIX], "repeat": True}, "effect", "invalid_value"),
        (
            {**THRESHOLD, "tiers": [{"spend_minor": 5, "off_minor": 6}]},
            "effect.tiers[0]",
            "invalid_value",
        ),
        ({**TEN_OFF, "giving": "per_unit"}, "effect", "invalid_value"),
        ({**TEN_OFF, "cap_minor": 1}, "effect", "invalid_value"),
        ({**TEN_OFF, "selection": {"repeat": 2}}, "effect", "invalid_value"),
        (
            {**TEN_OFF, "target": "items", "selection": {"repeat": 0}},
            "effect.selection.repeat",
            "invalid_value",
        ),
        (
            {"code": "percent_off", "rate_bps": 1, "selection": {"skip": 1}},
            "effect",
            "invalid_value",
        ),
        ({"code": "fixed_price", "price_minor": -1}, "effect.price_minor", "invalid_value"),
        (
            {"code": "nth_item_at_rate", "nth": 1, "rate_bps": 1},
            "effect.nth",
            "invalid_value",
        ),
        ({"code": "cheapest_free", "of": 2, "free": 2}, "effect", "invalid_value"),
        ({"code": "buy_x_get_y", "buy_quantity": 0}, "effect.buy_quantity", "invalid_value"),
        ({"code": "exchange", "scope": {}}, "effect", "invalid_value"),
        ({"code": "free_units", "units": []}, "effect.units", "invalid_value"),
        ({"code": "free_units", "units": [{"quantity": 1}]}, "effect.units[0]", "invalid_value"),
        ({"code": "bundle_price", "price_minor": 1, "parts": []}, "effect.parts", "invalid_value"),
        ({"code": "points_multiplier"}, "effect", "invalid_value"),
        (
            {"code": "service_entitlement", "service_id": "", "visits": 1},
            "effect.service_id",
            "invalid_value",
        ),
    ],
)
def test_refused_effects(effect: object, path: str, key: str) -> None:
    with pytest.raises(InvalidOffer) as caught:
        parse_offer({"id": "o", "effect": effect})
    assert (caught.value.path, caught.value.key) == (path, key)


@pytest.mark.parametrize(
    ("condition", "path", "key"),
    [
        ([], "condition", "not_an_object"),
        ({}, "condition", "missing_field"),
        ({"all": {}}, "condition.all", "not_a_list"),
        ({"any": []}, "condition", "invalid_value"),
        ({"not": None}, "condition.not", "not_an_object"),
        ({"all": [], "any": []}, "condition", "ambiguous_node"),
        ({"all": [], "note": "x"}, "condition", "ambiguous_node"),
        ({"code": "first_order", "all": []}, "condition", "ambiguous_node"),
        ({1: 2}, "condition", "not_an_object"),
        (
            {"all": [{"code": "first_order"}, {"code": "minimum_spend", "amount_minor": -1}]},
            "condition.all[1].amount_minor",
            "invalid_value",
        ),
        ({"any": [{"not": {"code": "x"}}]}, "condition.any[0].not.code", "unknown_code"),
        ({"code": "in_segment", "segment_id": ""}, "condition.segment_id", "invalid_value"),
        ({"code": "per_customer_count", "at_most": 0}, "condition.at_most", "invalid_value"),
        ({"code": "order_count"}, "condition", "invalid_value"),
        ({"code": "order_count", "at_least": 3, "at_most": 2}, "condition", "invalid_value"),
        (
            {"code": "customer_attribute", "name": "a", "operator": "one_of"},
            "condition",
            "invalid_value",
        ),
        (
            {"code": "order_attribute", "name": "a", "operator": "at_least", "values": ["x"]},
            "condition",
            "invalid_value",
        ),
        (
            {"code": "birthday_window", "whole_month": True, "days_after": 1},
            "condition",
            "invalid_value",
        ),
        (nest(21), "condition" + ".not" * 20, "too_deep"),
        (nest(5000), "condition" + ".not" * 20, "too_deep"),
        ({"all": [{"code": "first_order"}] * 500}, "condition.all[499]", "too_many_nodes"),
    ],
    ids=[
        "list",
        "empty",
        "all not a list",
        "any of nothing",
        "not nothing",
        "all and any",
        "all and a note",
        "code and all",
        "number as name",
        "negative spend",
        "unknown code deep inside",
        "empty segment",
        "at most 0",
        "no bound",
        "bounds that cross",
        "attribute without values",
        "attribute against a text",
        "a month and days",
        "21 deep",
        "5,000 deep",
        "too many",
    ],
)
def test_refused_conditions(condition: object, path: str, key: str) -> None:
    with pytest.raises(InvalidOffer) as caught:
        parse_offer({"id": "o", "effect": TEN_OFF, "condition": condition})
    assert (caught.value.path, caught.value.key) == (path, key)


def test_largest_trees_are_read() -> None:
    for condition in (nest(20), {"all": [{"code": "first_order"}] * 499}):
        data = {"id": "o", "effect": TEN_OFF, "condition": condition}
        assert offer_to_data(parse_offer(data))["condition"] == condition


@pytest.mark.parametrize(
    ("data", "path", "key"),
    [
        pytest.param("offer", "", "not_an_object", id="no object"),
        pytest.param({"effect": TEN_OFF}, "id", "missing_field", id="no id"),
        pytest.param({"id": "", "effect": TEN_OFF}, "id", "invalid_value", id="empty id"),
        pytest.param({"id": 7, "effect": TEN_OFF}, "id", "invalid_value", id="id a number"),
        pytest.param({"id": "o"}, "effect", "missing_field", id="no effect"),
        pytest.param(
            {"id": "o", "effect": TEN_OFF, "budget": 1}, "budget", "unknown_field", id="unknown"
        ),
        pytest.param(
            {"id": "o", "effect": TEN_OFF, "window": {"starts_at": "soon"}},
            "window.starts_at",
            "invalid_value",
            id="broken date",
        ),
        pytest.param(
            {"id": "o", "effect": TEN_OFF, "window": {"starts_at": "2026-01-01T00:00:00"}},
            "window",
            "invalid_value",
            id="date without a zone",
        ),
        pytest.param(
            {
                "id": "o",
                "effect": TEN_OFF,
                "window": {
                    "starts_at": "2026-01-02T00:00:00Z",
                    "expires_at": "2026-01-01T00:00:00Z",
                },
            },
            "window",
            "invalid_value",
            id="expiry before start",
        ),
    ],
)
def test_refused_offers(data: object, path: str, key: str) -> None:
    with pytest.raises(InvalidOffer) as caught:
        parse_offer(data)
    assert (caught.value.path, caught.value.key) == (path, key)


def test_listed_parts_have_a_summary_and_a_schema_of_their_arguments() -> None:
    listed = {one.code: one for one in (*list_effects(), *list_conditions())}
    assert set(listed) >= {
        "amount_off",
        "percent_off",
        "threshold_off",
        "printed_value",
        "minimum_spend",
        "in_segment",
        "first_order",
        "per_customer_count",
        "has_items",
    }
    assert all(one.summary for one in listed.values())
    percent = listed["percent_off"].schema["$defs"]["PercentOff"]["properties"]
    assert percent["rate_bps"] == {"type": "integer", "minimum": 1, "maximum": 10_000}


def test_code_cannot_be_registered_twice() -> None:
    class Another(Condition, frozen=True):
        """A second condition of the same code."""

        code: ClassVar[str] = "first_order"

    with pytest.raises(ValueError, match="already registered"):
        CONDITIONS.register(Another)
    assert CONDITIONS.find("first_order") is FirstOrder
