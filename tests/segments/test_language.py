"""The forms of the language: what is refused and where, the schema, and what the page says."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from kaquan.runtime import InvalidInput
from kaquan.segments import (
    ATTRIBUTES,
    DEEDS,
    OPERATORS,
    Measure,
    Operator,
    definition_schema,
    parse_definition,
)
from segments.corpus import Author
from segments.test_definitions import REFUSED as COMPARISONS_REFUSED

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
VALIDATOR: Any = jsonschema_rs.validator_for(definition_schema())
ORDERS: dict[str, Any] = {"aggregate": "sum", "of": "total_minor", "over": "order"}
AT_LEAST: dict[str, Any] = {"operator": "at_least", "value": 1}


def where(**condition: Any) -> dict[str, Any]:
    return {"done": "order", "where": [condition]}


REFUSED: list[tuple[str, Any, str, str]] = [
    # what, definition, path of the fault, part of the message
    ("two forms", {"done": "order", "sample": {}}, "definition", "'done', 'sample'"),
    ("a key too many", {"done": "order", "whithin": {}}, "definition", "Did you mean 'within'?"),
    ("no such deed", {"done": "ordr"}, "definition.done", "Did you mean 'order'?"),
    ("event without name", {"done": "event"}, "definition.name", "Name the event"),
    ("order with name", {"done": "order", "name": "x"}, "definition.name", "Only events"),
    ("times nothing", {"done": "order", "times": {}}, "definition.times", "at_least"),
    ("times half", {"done": "order", "times": {"at_least": 0.5}}, "definition.times.at_least", "0"),
    ("times few", {"done": "order", "times": {"few": 1}}, "definition.times", "no 'few'"),
    (
        "unknown property",
        where(property="totl_minor", operator="is", value=1),
        "definition.where[0].property",
        "Did you mean 'total_minor'?",
    ),
    (
        "metadata of a message",
        {"done": "message", "where": [{"property": "metadata.a", "operator": "is", "value": 1}]},
        "definition.where[0].property",
        "no property 'metadata.a'",
    ),
    (
        "type clash in a property",
        where(property="total_minor", operator="at_least", value="1"),
        "definition.where[0].value",
        "whole number",
    ),
    (
        "status unknown",
        where(property="status", operator="is", value="PAYED"),
        "definition.where[0].value",
        "Did you mean 'PAID'?",
    ),
    (
        "a rule among conditions",
        {"done": "order", "where": {"all": [{"done": "order"}]}},
        "definition.where.all[0]",
        "property with operator",
    ),
    ("measure unknown", {**ORDERS, **AT_LEAST, "aggregate": "max"}, "definition.aggregate", "max"),
    ("sum of nothing", {"aggregate": "sum", "over": "order", **AT_LEAST}, "definition.of", "which"),
    (
        "count of something",
        {**ORDERS, **AT_LEAST, "aggregate": "count"},
        "definition.of",
        "leave 'of' out",
    ),
    ("sum of texts", {**ORDERS, **AT_LEAST, "of": "status"}, "definition.of", "of numbers"),
    (
        "distinct numbers",
        {**ORDERS, **AT_LEAST, "aggregate": "distinct"},
        "definition.of",
        "of texts",
    ),
    ("sum without test", ORDERS, "definition", "needs operator"),
    ("sum known", {**ORDERS, "operator": "has_value"}, "definition.operator", "with 0"),
    ("sum contains", {**ORDERS, "operator": "contains", "value": 1}, "definition.operator", "type"),
    ("window empty", {"done": "order", "within": {}}, "definition.within", "last_days"),
    ("no days", {"done": "order", "within": {"last_days": 0}}, "definition.within.last_days", "1"),
    (
        "unit unknown",
        {"done": "order", "within": {"this": "mont"}},
        "definition.within.this",
        "Did you mean 'month'?",
    ),
    (
        "bound without zone",
        {"done": "order", "within": {"from": "2026-01-01T10:00:00"}},
        "definition.within.from",
        "offset",
    ),
    (
        "bound of nothing",
        {"done": "order", "within": {"to": {"ago": 1}}},
        "definition.within.to",
        "days_ago",
    ),
    (
        "between one",
        {"attribute": "age", "operator": "between", "value": [1]},
        "definition.value",
        "two",
    ),
    (
        "between clash",
        {"attribute": "age", "operator": "between", "value": [1, "2"]},
        "definition.value[1]",
        "number",
    ),
    (
        "number before",
        {"attribute": "metadata.a", "operator": "before", "value": 3},
        "definition.value",
        "text",
    ),
    (
        "stage unknown",
        {"attribute": "lifecycle", "operator": "is", "value": "lost"},
        "definition.value",
        "'lost'",
    ),
    ("score unnamed", {"attribute": "score.", **AT_LEAST}, "definition.attribute", "score.<key>"),
    ("birthday late", {"birthday": {"to": 181}}, "definition.birthday.to", "180"),
    ("birthday back", {"birthday": {"from": 2, "to": 1}}, "definition.birthday.from", "end"),
    ("anniversary of", {"anniversary": {"of": "name"}}, "definition.anniversary.of", "birth_date"),
    ("consent to nobody", {"consent": {}}, "definition.consent", "needs channel"),
    (
        "room of nothing",
        {"reachable": {"channel": "email", "room": {"most": 0, "days": 7}}},
        "definition.reachable.room.most",
        "from 1",
    ),
    ("customers numbered", {"customers": [1]}, "definition.customers[0]", "text"),
    ("too many customers", {"customers": ["x"] * 10_001}, "definition.customers", "upload"),
    ("sample of 101", {"sample": {"percent": 101}}, "definition.sample.percent", "100"),
    ("sample both", {"sample": {"percent": 1, "to": 2}}, "definition.sample", "percent, or"),
    ("sample back", {"sample": {"from": 2, "to": 1}}, "definition.sample.from", "end"),
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


def test_ten_thousand_nodes_are_refused_where_the_bound_is_passed() -> None:
    one = {"property": "total_minor", "operator": "at_least", "value": 1}
    with pytest.raises(InvalidInput, match="1000 rules") as caught:
        parse_definition({"done": "order", "where": {"any": [one] * 10_000}})
    assert caught.value.field == "definition.where.any[998]"


def test_the_schema_accepts_what_the_parser_accepts() -> None:
    author = Author(3, ("seg_a",), tuple(f"c{n}" for n in range(9)))
    for _ in range(300):
        definition = author.definition()
        parse_definition(definition)
        assert VALIDATOR.is_valid(definition), json.dumps(definition)


# What a schema cannot say, or says less strictly than the parser.
BEYOND_A_SCHEMA = {
    "count enormous",
    "name with NUL",
    "half a surrogate",
    "date of no calendar",
    "date of 0000",
    "date of 0001",
    "time without a zone",
    "unknown band",
    "metadata mixed",
    "metadata text, less than",
    "21 levels",
    "1,001 rules",
    "status unknown",
    "bound without zone",
    "sum known",
    "stage unknown",
    "birthday back",
    "sample back",
}


@pytest.mark.parametrize("row", [*REFUSED, *COMPARISONS_REFUSED], ids=lambda row: row[0])
def test_the_schema_refuses_what_it_can(row: tuple[str, Any, str, str]) -> None:
    assert VALIDATOR.is_valid(row[1]) is (row[0] in BEYOND_A_SCHEMA)


def test_the_documented_schema_is_the_schema() -> None:
    written = json.loads((REFERENCE / "segment-definition.schema.json").read_text())
    assert written == definition_schema(), "kaquan segment schema > docs/reference/segment-…"


def test_the_page_names_everything_and_its_example_is_valid() -> None:
    page = (REFERENCE / "segment-language.md").read_text()
    named = set(re.findall(r"`([\w.]+)`", page))
    assert set(ATTRIBUTES) <= named
    assert {name for of in DEEDS.values() for name in (*of.properties, *of.aliases)} <= named
    assert {o.value for allowed in OPERATORS.values() for o in allowed} <= named
    assert {operator.value for operator in Operator} <= named
    assert all(f'"{measure}"' in page for measure in Measure)
    for example in re.findall(r"```json\n(.*?)```", page, re.DOTALL):
        parse_definition(json.loads(example))
