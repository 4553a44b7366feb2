"""Whether a set of rules is one in the dialect: its shape, its names, its operators."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from kaquan.campaigns.rules.logic import Joined, Logic, parse_logic
from kaquan.campaigns.rules.model import InvalidRules

MOST_RULES = 100
DEEPEST = 4
LONGEST_MESSAGE = 1_000
MOST_VALUES = 1_000
MOST_GOODS = 1_000

_COUNTED = (
    "redemption.count",
    "campaign.redemptions.count",
    "campaign.redemptions.customers_count",
)
NAMES = frozenset(
    {
        "customer.segment",
        "customer.metadata",
        "customer.loyalty_tier",
        "customer.loyalty.tier",
        "order.amount",
        "order.initial_amount",
        "order.items.count",
        "order.items.price_any",
        "order.items.price_each",
        "order.items.metadata_any",
        "order.items.metadata_each",
        "order.metadata",
        "campaign.orders.amount_discounted",
        "campaign.orders.amount",
        "redemption.gift.amount",
        "redemption.count.total",
        "redemption.count.per_customer",
        "redemption.count.per_customer.daily",
        "redemption.count.per_customer.monthly",
        "redemption.api_key",
        "redemption.count.per_api_key",
        "redemption.user.login",
        "redemption.count.per_user",
        "redemption.metadata",
        "redemption.reward.pay_with_points.points_used",
        "product.id",
        "product.price",
        "product.quantity",
        "product.discount_applicable",
        "product.metadata",
        "product.metadata.aggregated_quantity",
        "product.metadata.aggregated_amount",
        "product.metadata.discount_applicable",
        "product.metadata.match_all",
        "sku.id",
        "sku.price",
        "sku.quantity",
        "sku.discount_applicable",
        "publication.redeemable_by_linked_customer",
        "custom_event.metadata",
        "order.items.every",
        "order.items.any",
        "order.items.none",
        "order.items.cheapest",
        "order.items.most_expensive",
        "order.items.quantity",
        "order.items.aggregated_quantity",
        "order.items.price",
        "order.items.aggregated_amount",
        "order.items.metadata",
    }
    | {f"{name}{period}" for name in _COUNTED for period in ("", ".daily", ".monthly")}
)
_WITH_PROPERTY = frozenset(
    {
        "customer.metadata",
        "order.metadata",
        "order.items.metadata",
        "order.items.metadata_any",
        "order.items.metadata_each",
        "product.metadata",
        "redemption.metadata",
        "custom_event.metadata",
    }
)
OPERATORS = frozenset(
    {
        "$is",
        "$is_not",
        "$in",
        "$not_in",
        "$less_than",
        "$less_than_or_equal",
        "$more_than",
        "$more_than_or_equal",
        "$greater_than",
        "$greater_than_or_equal",
        "$starts_with",
        "$ends_with",
        "$contains",
        "$not_contain",
        "$has_value",
        "$is_unknown",
        "$timeframe",
        "$timeframe_absolute",
        "$timeframe_daily_hours",
        "$dow",
        "$count",
        "$count_more",
        "$count_less",
        "$not_differ",
        "$not_intersect",
        "$from",
        "$after",
        "$before",
        "$more_than_ago",
        "$less_than_ago",
        "$is_days_ago",
        "$more_than_future",
        "$less_than_future",
        "$is_days_in_future",
    }
)
_NUMBER = re.compile(r"[1-9]\d{0,5}")
_GOODS = frozenset({"product", "sku", "products_collection"})


def check_rules(rules: Mapping[str, Any], *, field: str = "rules") -> None:
    """Raise InvalidRules for what the dialect does not know, naming the place."""
    _check_level(rules, field, depth=1)


def check_error(error: object, *, field: str) -> None:
    """Raise InvalidRules unless it is ``{"message": "…"}`` or nothing."""
    if error is None:
        return
    message = as_object(error, field).get("message")
    if message is not None and (not isinstance(message, str) or len(message) > LONGEST_MESSAGE):
        text = f"A message is a text of at most {LONGEST_MESSAGE} characters."
        raise InvalidRules(text, field=f"{field}.message")


def check_applicable_to(given: Mapping[str, Any], *, field: str = "applicable_to") -> None:
    """Raise InvalidRules for lists of goods that are none."""
    for name in ("included", "excluded"):
        for index, entry in enumerate(as_list(given.get(name) or [], f"{field}.{name}")):
            place = f"{field}.{name}[{index}]"
            if index >= MOST_GOODS:
                message = f"At most {MOST_GOODS} goods can be named."
                raise InvalidRules(message, field=place)
            goods = as_object(entry, place)
            if goods.get("object", "product") not in _GOODS:
                message = "The object is product, sku or products_collection."
                raise InvalidRules(message, field=f"{place}.object")
            if not any(isinstance(goods.get(one), str) for one in ("id", "source_id")):
                raise InvalidRules("Name the goods by 'id' or 'source_id'.", field=f"{place}.id")
    if not isinstance(given.get("included_all") or False, bool):
        raise InvalidRules("This is true or false.", field=f"{field}.included_all")


def read_logic(rules: Mapping[str, Any], field: str) -> Logic | None:
    """Return the logic between rules: as it is said, or all of them together."""
    text = rules.get("logic")
    if text is not None and not isinstance(text, str):
        raise InvalidRules("The logic is a text, as '1 and 2'.", field=f"{field}.logic")
    known = {name for name, _ in list_rules(rules, field)}
    tree = parse_logic(text or "", field=f"{field}.logic")
    if tree is None:
        return Joined("and", tuple(sorted(known, key=int))) if known else None
    for number in list_numbers(tree):
        if number not in known:
            message = f"The logic names the rule {number}, and there is none."
            raise InvalidRules(message, field=f"{field}.logic")
    return tree


def list_numbers(tree: Logic) -> Iterator[str]:
    """The numbers that a logic names."""
    if isinstance(tree, str):
        yield tree
    else:
        for member in tree.members:
            yield from list_numbers(member)


def list_rules(rules: Mapping[str, Any], field: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the numbered rules. Raises InvalidRules for other members."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name, rule in rules.items():
        if name == "logic":
            continue
        if not _NUMBER.fullmatch(name):
            message = f"Rules are numbered from 1; '{name[:40]}' is no number."
            raise InvalidRules(message, field=f"{field}.{name[:40]}")
        found.append((name, as_object(rule, f"{field}.{name}")))
    if len(found) > MOST_RULES:
        message = f"There are at most {MOST_RULES} rules."
        raise InvalidRules(message, field=field)
    return found


def as_object(value: object, field: str) -> dict[str, Any]:
    """Return a JSON object. Raises InvalidRules."""
    if not isinstance(value, dict):
        raise InvalidRules("This must be an object.", field=field)
    return cast("dict[str, Any]", value)


def as_list(value: object, field: str) -> list[Any]:
    """Return a list; a value that came alone is one of one. Raises InvalidRules for too many."""
    values = cast("list[Any]", value) if isinstance(value, list) else [value]
    if len(values) > MOST_VALUES:
        message = f"At most {MOST_VALUES} values."
        raise InvalidRules(message, field=field)
    return values


def _check_level(rules: Mapping[str, Any], field: str, *, depth: int) -> None:
    if depth > DEEPEST:
        message = f"Rules may be nested {DEEPEST} deep."
        raise InvalidRules(message, field=field)
    for number, rule in list_rules(rules, field):
        place = f"{field}.{number}"
        _check_rule(rule, place)
        inner = rule.get("rules")
        if inner is not None:
            _check_level(as_object(inner, f"{place}.rules"), f"{place}.rules", depth=depth + 1)
    read_logic(rules, field)


def _check_rule(rule: Mapping[str, Any], place: str) -> None:
    name = rule.get("name")
    if name not in NAMES:
        message = f"There is no rule named '{str(name)[:60]}'."
        raise InvalidRules(message, field=f"{place}.name")
    prop = rule.get("property")
    if name in _WITH_PROPERTY and not (isinstance(prop, str) and 0 < len(prop) <= 200):
        message = f"Rule '{name}' must have a 'property'"
        raise InvalidRules(message, field=f"{place}.property")
    for operator, values in as_object(rule.get("conditions") or {}, f"{place}.conditions").items():
        path = f"{place}.conditions.{operator[:40]}"
        if operator not in OPERATORS:
            message = f"There is no condition '{operator[:40]}'."
            raise InvalidRules(message, field=path)
        as_list(values, path)
    check_error(rule.get("error"), field=f"{place}.error")
