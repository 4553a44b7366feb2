"""Definitions: what can be said, and where it says so when it cannot."""

from typing import Any

import pytest

from kaquan.runtime import InvalidInput
from kaquan.segments import ATTRIBUTES, DEEDS, OPERATORS, Operator, ValueKind, parse_definition
from kaquan.segments.columns import EXPRESSIONS


def compare(attribute: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, "value": value}


def nested(levels: int) -> dict[str, Any]:
    rule = compare("order_count", "is", 1)
    for _ in range(levels - 1):
        rule = {"not": rule}
    return rule


ONE = compare("order_count", "is", 1)

REFUSED: list[tuple[str, Any, str, str]] = [
    # what, definition, path of the fault, part of the message
    ("nothing", None, "definition", "JSON object"),
    ("a list", [ONE], "definition", "JSON object"),
    ("empty object", {}, "definition", "nothing"),
    ("two forms", {"all": [], "any": []}, "definition", "'all', 'any'"),
    ("all of no list", {"all": ONE}, "definition.all", "list"),
    ("a text inside", {"all": [ONE, "x"]}, "definition.all[1]", "JSON object"),
    ("not of a list", {"not": [ONE]}, "definition.not", "JSON object"),
    (
        "unknown attribute",
        {"any": [compare("order_cout", "is", 1)]},
        "definition.any[0].attribute",
        "Did you mean 'order_count'?",
    ),
    ("unheard-of attribute", compare("zzzz", "is", 1), "definition.attribute", "Try id"),
    ("attribute a number", compare(7, "is", 1), "definition.attribute", "text"),  # pyright: ignore[reportArgumentType]
    ("metadata without key", compare("metadata.", "is", 1), "definition.attribute", "key"),
    (
        "unknown operator",
        compare("city", "start_with", "W"),
        "definition.operator",
        "Did you mean 'starts_with'?",
    ),
    ("operator a list", compare("name", [], "W"), "definition.operator", "no operator"),  # pyright: ignore[reportArgumentType]
    ("text, less than", compare("city", "less_than", 3), "definition.operator", "type text"),
    ("part of a name", compare("name", "contains", "W"), "definition.operator", "sealed"),
    ("part of a phone", compare("phone", "starts_with", "138"), "definition.operator", "whole"),
    ("time is", compare("created_at", "is", "2026-01-01"), "definition.operator", "within_days"),
    ("count a text", compare("order_count", "is", "3"), "definition.value", "number"),
    ("count true", compare("order_count", "is", True), "definition.value", "number"),
    ("count enormous", compare("order_count", "is", 10**300), "definition.value", "2^53"),
    ("money a fraction", compare("spend_minor", "more_than", 1.5), "definition.value", "whole"),
    ("name a number", compare("name", "is", 3), "definition.value", "text"),
    ("name with NUL", compare("name", "is", "a\0"), "definition.value", "valid"),
    ("half a surrogate", compare("name", "is", "a\udc00"), "definition.value", "valid"),
    ("no value", {"attribute": "name", "operator": "is"}, "definition.value", "needs"),
    ("value too many", compare("name", "has_value", 1), "definition.value", "no value"),
    ("in one value", compare("name", "in", "W"), "definition.value", "list"),
    ("in mixed", compare("name", "in", ["W", 3]), "definition.value[1]", "text"),
    ("in too many", compare("name", "in", ["x"] * 10_001), "definition.value", "10000"),
    ("date of no calendar", compare("birth_date", "is", "2026-02-30"), "definition.value", "date"),
    ("date of 0000", compare("birth_date", "is", "0000-00-00"), "definition.value", "date"),
    ("date of 0001", compare("birth_date", "after", "0001-01-01"), "definition.value", "1900"),
    (
        "time without a zone",
        compare("created_at", "after", "2026-05-31T08:00:00"),
        "definition.value",
        "offset",
    ),
    ("days a fraction", compare("created_at", "within_days", 1.5), "definition.value", "36500"),
    ("days negative", compare("created_at", "within_days", -1), "definition.value", "from 0"),
    (
        "unknown band",
        compare("rfm.band", "in", ["loyal", "champion"]),
        "definition.value[1]",
        "Did you mean 'champions'?",
    ),
    ("metadata mixed", compare("metadata.a", "in", ["x", 1]), "definition.value", "metadata"),
    ("metadata a list", compare("metadata.a", "is", ["x"]), "definition.value", "text"),
    ("metadata an object", compare("metadata.a", "is", {}), "definition.value", "metadata"),
    (
        "metadata text, less than",
        compare("metadata.a", "less_than", "x"),
        "definition.operator",
        "type text",
    ),
    ("21 levels", nested(21), "definition" + ".not" * 20, "20 levels"),
    ("1,001 rules", {"all": [ONE] * 1000}, "definition.all[999]", "1000 rules"),
]


@pytest.mark.parametrize(
    ("definition", "path", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    definition: Any, path: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_definition(definition)
    assert caught.value.field == path
    assert message in caught.value.message


@pytest.mark.parametrize("definition", [nested(20), {"all": [ONE] * 999}])
def test_the_bounds_themselves_are_accepted(definition: Any) -> None:
    parse_definition(definition)


def test_ten_thousand_levels_are_refused_without_ado() -> None:
    with pytest.raises(InvalidInput, match="20 levels"):
        parse_definition(nested(10_000))


def test_every_attribute_can_be_compiled_and_has_names_in_both_languages() -> None:
    of_deeds = {one.code for deed in DEEDS.values() for one in deed.properties.values()}
    assert (set(ATTRIBUTES) - {"segment"}) | of_deeds == set(EXPRESSIONS)
    assert all(a.label_zh and a.label_en for d in DEEDS.values() for a in d.properties.values())
    assert all(a.label_zh and a.label_en for a in ATTRIBUTES.values())
    assert set(OPERATORS) == set(ValueKind)
    assert {operator for allowed in OPERATORS.values() for operator in allowed} == set(Operator)
