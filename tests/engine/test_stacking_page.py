"""Runs every table of docs/algorithms/stacking.md; the totals there were worked out by hand."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from engine.worked_page import Row, make_cart, make_context, read_page, read_table, to_text
from kaquan.engine import (
    Applied,
    Candidate,
    Category,
    Decision,
    Reason,
    Rejected,
    Skipped,
    StackingRules,
    best_combination,
    decide,
    parse_offer,
)

PAGE = "stacking.md"
CONTEXT = make_context({})
NO_RULES: Mapping[str, Any] = {}


class Section(msgspec.Struct, frozen=True, rename={"in_": "in"}):
    """The JSON of a section: categories with their hierarchies, and which coupon is in which."""

    rules: Mapping[str, Any] = NO_RULES
    categories: Mapping[str, int] = {}
    in_: Mapping[str, list[str]] = {}
    priority: Mapping[str, int] = {}


class Example(msgspec.Struct, frozen=True):
    """One row of one table."""

    title: str
    section: Section
    row: Row


def read_json(text: str) -> tuple[dict[str, Any], str]:
    _, fenced, rest = text.split("```", 2)
    return json.loads(fenced.removeprefix("json")), rest


def read_coupons() -> dict[str, dict[str, Any]]:
    _, _, examples = read_page(PAGE).partition("## Worked examples")
    return read_json(examples)[0]


def read_examples(column: str) -> Iterator[Example]:
    """Rows of the tables that have the column."""
    _, _, examples = read_page(PAGE).partition("## Worked examples")
    for part in examples.split("\n### ")[1:]:
        title, _, body = part.partition("\n")
        data, rest = read_json(body)
        table, _, _ = rest.partition("\n## ")
        section = msgspec.convert(data, Section)
        yield from (Example(title, section, row) for row in read_table(table) if column in row)


COUPONS = read_coupons()
DECISIONS = list(read_examples("answers"))
CHOICES = list(read_examples("chosen"))


def read_value(rule: str, text: str) -> Any:
    if rule.endswith("_categories"):
        return text.split("+")
    return int(text) if text.isdigit() else {"true": True}.get(text, text)


def make_rules(example: Example) -> StackingRules:
    rules = dict(example.section.rules)
    limits: dict[str, int] = {}
    for part in example.row["rules"].split():
        name, _, value = part.partition("=")
        rule, _, category = name.partition(".")
        if category:
            limits[category] = int(value)
        else:
            rules[rule] = read_value(rule, value)
    return msgspec.convert({**rules, "category_limits": limits}, StackingRules)


def make_candidates(example: Example, names: str) -> list[Candidate]:
    section = example.section
    return [
        Candidate(
            key=name,
            offer=parse_offer({"id": name, **COUPONS[name]}),
            categories=tuple(
                Category(id=category, hierarchy=section.categories[category])
                for category in section.in_.get(name, [])
            ),
            priority=section.priority.get(name),
        )
        for name in names.split(", ")
    ]


def say_reason(reason: Reason) -> str:
    told = ("category_id", "by", "limit", "with_minor", "without_minor")
    plain = {"applied_limit", "too_many_sent"}
    params = [reason.params[name] for name in told if name in reason.params]
    if reason.code.value in plain:
        params = []
    if reason.code.value == "not_better":
        params = [to_text(int(param)) for param in params]
    return " ".join([reason.code.value, *map(str, params)])


def say_answers(decision: Decision) -> str:
    results = {result.key: result for result in decision.results}
    said: list[str] = []
    for key in decision.sequence:
        match results[key]:
            case Applied() as applied:
                said.append(f"{key} {to_text(applied.total_discount_minor)}")
            case Rejected() as rejected:
                said.append(f"{key} rejected {say_reason(rejected.reason)}")
            case Skipped() as skipped:
                said.append(f"{key} skipped {say_reason(skipped.reason)}")
    return ", ".join(said)


def name_of(example: Example) -> str:
    return f"{example.title} / {' / '.join(example.row.values())}"


@pytest.mark.parametrize("example", DECISIONS, ids=name_of)
def test_decision(example: Example) -> None:
    decision = decide(
        make_cart(example.row["cart"], {}),
        make_candidates(example, example.row["sent"]),
        CONTEXT,
        rules=make_rules(example),
    )
    answered = {"answers": say_answers(decision), "to pay": to_text(decision.total_minor)}
    assert answered == {name: example.row[name] for name in answered}


@pytest.mark.parametrize("example", CHOICES, ids=name_of)
@pytest.mark.parametrize("exact_up_to", [12, 0], ids=["exact", "bounded"])
def test_best_combination(example: Example, exact_up_to: int) -> None:
    best = best_combination(
        make_cart(example.row["cart"], {}),
        make_candidates(example, example.row["candidates"]),
        CONTEXT,
        rules=make_rules(example),
        exact_up_to=exact_up_to,
    )
    answered = {
        "chosen": ", ".join(best.chosen),
        "left out": ", ".join(
            f"{key} {'; '.join(map(say_reason, reasons))}" for key, reasons in best.left_out.items()
        ),
        "saved": to_text(best.decision.total_discount_minor),
    }
    assert answered == {name: example.row[name] for name in answered}


def test_page_is_not_cut_short_and_lists_every_rule_with_its_default() -> None:
    _, _, listed = read_page(PAGE).partition("## The rules")
    table = read_table(listed.partition("\n## ")[0])
    assert len(DECISIONS) >= 60
    assert len(CHOICES) >= 14
    assert [row["rule"].strip("`") for row in table] == list(StackingRules.__struct_fields__)
    defaults = {row["rule"].strip("`"): row["default"] for row in table}
    for name in ("max_sent", "max_applied", "max_per_category", "max_exclusive"):
        assert defaults[name] == str(getattr(StackingRules(), name))
