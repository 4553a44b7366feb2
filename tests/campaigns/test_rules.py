"""The dialect's rules, logic and recurring time, read as the engine's conditions and windows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from conftest import NOW
from kaquan.campaigns.rules.compile import compile_rules
from kaquan.campaigns.rules.logic import Joined, parse_logic
from kaquan.campaigns.rules.model import InvalidRules, RuleNotSupported, ValidationRule
from kaquan.campaigns.rules.windows import window_of
from kaquan.engine import condition_to_data
from kaquan.runtime import InvalidInput


def rules_of(rules: dict[str, Any], **more: Any) -> ValidationRule:
    """A stored set of rules."""
    return ValidationRule(
        id="val_1",
        name="Rules",
        kind="expression",
        context="global",
        rules=rules,
        bundle_rules=more.pop("bundle_rules", None),
        applicable_to=None,
        error=more.pop("error", None),
        created_at=NOW,
        updated_at=None,
    )


def compiled(rules: dict[str, Any], **more: Any) -> Any:
    """The conditions that a set of rules means, as offers have them."""
    return condition_to_data(compile_rules(rules_of(rules, **more), {}).condition)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        ("  ", None),
        ("1", "1"),
        ("1 and 2", Joined("and", ("1", "2"))),
        ("1 AND 2", Joined("and", ("1", "2"))),
        ("1 or 2 and 3", Joined("or", ("1", Joined("and", ("2", "3"))))),
        ("(1 or 2) and 3", Joined("and", (Joined("or", ("1", "2")), "3"))),
        ("((1))or(2)", Joined("or", ("1", "2"))),
        ("1 and 2 and 3", Joined("and", ("1", "2", "3"))),
    ],
)
def test_logic(text: str, tree: Joined | str | None) -> None:
    assert parse_logic(text, field="logic") == tree


@pytest.mark.parametrize(
    "text",
    [
        "1 and", "and 1", "(1", "1)", "1 2", "()", "1 xor 2", "1 & 2", "1 andor 2",
        "(" * 16 + "1" + ")" * 16, "1 and " * 400 + "1",
    ],
)  # fmt: skip
def test_logic_that_is_none(text: str) -> None:
    with pytest.raises(InvalidRules) as refused:
        parse_logic(text, field="rules.logic")
    assert refused.value.field == "rules.logic"


COUNT = {"code": "redemption_count"}


@pytest.mark.parametrize(
    ("name", "conditions", "condition"),
    [
        ("redemption.count", {"$less_than_or_equal": [3]},
         COUNT | {"of": "code", "at_most": 3}),
        ("redemption.count.per_customer", {"$less_than": [3]},
         COUNT | {"of": "customer_code", "at_most": 2}),
        ("redemption.count.per_customer.daily", {"$less_than_or_equal": [1]},
         COUNT | {"of": "customer_code", "period": "day", "at_most": 1}),
        ("campaign.redemptions.customers_count.monthly", {"$less_than_or_equal": [1]},
         COUNT | {"of": "customer", "period": "month", "at_most": 1}),
        ("order.amount", {"$more_than_or_equal": [5_000]},
         {"code": "spend_between", "at_least_minor": 5_000, "scope": {}}),
        ("order.initial_amount", {"$more_than": [5_000]},
         {"code": "spend_between", "basis": "initial", "at_least_minor": 5_001, "scope": {}}),
        ("customer.segment", {"$is": ["seg_1"]},
         {"code": "in_segment", "segment_id": "seg_1"}),
        ("customer.loyalty_tier", {"$is": ["lt_1"]},
         {"code": "in_tier", "tier_ids": ["lt_1"]}),
        ("redemption.api_key", {"$is": ["app_1"]},
         {"code": "redeemed_by", "redeemer_ids": ["app_1"]}),
    ],
)  # fmt: skip
def test_what_rules_mean(name: str, conditions: dict[str, Any], condition: dict[str, Any]) -> None:
    assert compiled({"1": {"name": name, "conditions": conditions}}) == condition


@pytest.mark.parametrize(
    ("own", "fallback", "said"),
    [("Own", "Other", "Own"), (None, "Other", "Other"), (None, None, None)],
)
def test_whose_words_are_said(own: str | None, fallback: str | None, said: str | None) -> None:
    rule: dict[str, Any] = {"name": "customer.segment", "conditions": {"$is": ["seg_1"]}}
    if own is not None:
        rule["error"] = {"message": own}
    error = None if fallback is None else {"message": fallback}
    assert compiled({"1": rule, "logic": "1"}, error=error).get("message") == said


def test_logic_joins_what_rules_mean() -> None:
    segments = {
        str(n): {"name": "customer.segment", "conditions": {"$is": [f"seg_{n}"]}} for n in (1, 2, 3)
    }
    tree = compiled({**segments, "logic": "1 and (2 or 3)"})
    first, (second, third) = tree["all"][0], tree["all"][1]["any"]
    assert [one["segment_id"] for one in (first, second, third)] == ["seg_1", "seg_2", "seg_3"]


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"name": "custom_event.type", "conditions": {"$is": ["x"]}}, "rules.1"),
        ({"name": "redemption.gift.amount", "conditions": {"$is": [1]}}, "rules.1"),
        ({"name": "order.items.cheapest", "conditions": {"$is": [{"id": "p"}]},
          "rules": {"1": {"name": "order.items.quantity", "conditions": {"$is": [1]}}}},
         "rules.1.rules"),
    ],
)  # fmt: skip
def test_what_a_checkout_has_no_condition_for(rule: dict[str, Any], path: str) -> None:
    with pytest.raises(RuleNotSupported) as refused:
        compiled({"1": rule})
    assert refused.value.field == path


def test_bundles_are_not_passed_over() -> None:
    with pytest.raises(RuleNotSupported) as refused:
        compiled({}, bundle_rules={"1": {"name": "bundle.items"}})
    assert refused.value.field == "bundle_rules"


SINCE = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "window"),
    [
        ({}, {}),
        ({"validity_timeframe": {"interval": "P2D", "duration": "PT1H30M"}},
         {"recurring": {"since": SINCE.isoformat(), "every_s": 172_800, "open_s": 5_400}}),
        ({"validity_day_of_week": [0, 6]},
         {"hours": [{"weekdays": [6, 7]}]}),
        ({"activity_duration_after_publishing": "P1D"}, {"after_claim": {"hours": 24}}),
    ],
)  # fmt: skip
def test_recurring_time(said: dict[str, Any], window: dict[str, Any]) -> None:
    assert window_of(said, since=SINCE) == window


@pytest.mark.parametrize(
    ("said", "error", "field"),
    [
        ({"validity_timeframe": {"interval": "P1D", "duration": "P2D"}}, InvalidInput,
         "validity_timeframe.duration"),
        ({"validity_timeframe": {"interval": "2 days", "duration": "P1D"}}, InvalidInput,
         "validity_timeframe.interval"),
        ({"validity_timeframe": {"interval": "P1M", "duration": "P1D"}}, RuleNotSupported,
         "validity_timeframe.interval"),
        ({"activity_duration_after_publishing": "PT0S"}, InvalidInput,
         "activity_duration_after_publishing"),
    ],
)  # fmt: skip
def test_recurring_time_that_is_none(
    said: dict[str, Any], error: type[InvalidInput] | type[RuleNotSupported], field: str
) -> None:
    with pytest.raises(error) as refused:
        window_of(said, since=SINCE)
    assert refused.value.field == field
