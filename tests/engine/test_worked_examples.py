"""Runs every table of docs/algorithms/discounts.md; the totals there were worked out by hand."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kaquan.engine import (
    Application,
    Applied,
    Candidate,
    CandidateResult,
    Cart,
    Context,
    CustomerFacts,
    Decision,
    LineInput,
    Offer,
    Reason,
    ReasonCode,
    Rejected,
    Skipped,
    StackingRules,
    build_cart,
    decide,
    explain,
    parse_offer,
)

PAGE = Path(__file__).parents[2] / "docs" / "algorithms" / "discounts.md"
LINE = re.compile(r"(?P<product>\w+) (?P<quantity>\d+) × (?P<price>[\d.]+)")
NOW = "2026-06-15T12:00:00+08:00"
NOTHING = "–"

Row = dict[str, str]


class Example(msgspec.Struct, frozen=True):
    """One row of one table, with the coupons and the goods it may name."""

    title: str
    offers: Mapping[str, Offer]
    goods: Mapping[str, Row]
    row: Row

    @property
    def coupons(self) -> list[str]:
        named = self.row.get("coupons")
        return named.split(", ") if named else list(self.offers)

    @property
    def given(self) -> Row:
        pairs = (part.partition("=") for part in self.row.get("given", "").split(", "))
        return {name: value for name, _, value in pairs if name}


def read_table(text: str) -> list[Row]:
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return [dict(zip(rows[0], cells, strict=True)) for cells in rows[2:]]


def read_page() -> str:
    return PAGE.read_text(encoding="utf-8")


def read_examples() -> Iterator[Example]:
    _, _, examples = read_page().partition("## Worked examples")
    examples, _, _ = examples.partition("\n## ")
    intro, *sections = examples.split("\n### ")
    goods = {row["product"]: row for row in read_table(intro)}
    for section in sections:
        title, _, body = section.partition("\n")
        _, fenced, rest = body.split("```", 2)
        coupons: dict[str, dict[str, Any]] = json.loads(fenced.removeprefix("json"))
        offers = {name: parse_offer({"id": name, **data}) for name, data in coupons.items()}
        for row in read_table(rest):
            yield Example(title, offers, goods, row)


def to_minor(text: str) -> int:
    return int(Decimal(text) * 100)


def to_text(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"


def make_cart(example: Example) -> Cart:
    stated = re.match(r"order ([\d.]+)", example.row["cart"])
    lines = [
        LineInput(
            product_id=match["product"],
            quantity=int(match["quantity"]),
            unit_price=to_minor(match["price"]),
            attributes={
                name: value
                for name, value in example.goods[match["product"]].items()
                if name != "product"
            },
        )
        for match in LINE.finditer(example.row["cart"])
    ]
    return build_cart(lines, amount=to_minor(stated[1]) if stated else None)


def read_limit(given: Row, name: str) -> int | None:
    return int(given[name]) if name in given else None


def make_candidates(example: Example) -> list[Candidate]:
    given = example.given
    return [
        Candidate(
            key=name,
            offer=example.offers[name],
            campaign_id=given.get("campaign"),
            active="inactive" not in given,
            budget_left_minor=to_minor(given["budget"]) if "budget" in given else None,
            face_value_minor=to_minor(given["printed"]) if "printed" in given else None,
            uses_left=read_limit(given, "uses_left"),
            campaign_uses_left=read_limit(given, "campaign_uses_left"),
            customer_uses_left=read_limit(given, "customer_uses_left"),
        )
        for name in example.coupons
    ]


def make_context(given: Row) -> Context:
    customer = CustomerFacts(
        id="ann",
        segment_ids=frozenset({given["segment"]} if "segment" in given else ()),
        order_count=int(given.get("orders", 0)),
        redemptions_in_campaign=int(given.get("used", 0)),
    )
    return Context(
        now=datetime.fromisoformat(given.get("now", NOW)),
        currency="CNY",
        customer=CustomerFacts() if "guest" in given else customer,
        time_zone="Asia/Shanghai",
    )


def make_rules(given: Row) -> StackingRules:
    return StackingRules(
        max_sent=int(given.get("max_sent", 30)),
        max_applied=int(given.get("max_applied", 5)),
        application=Application.PARTIAL if "partial" in given else Application.ALL,
    )


def say(reason: Reason) -> str:
    sentence = explain(reason, "en", lambda minor: f"¥{to_text(minor)}")
    return f"{reason.code.value}: {sentence}"


def say_result(result: CandidateResult) -> str:
    match result:
        case Applied(discount_minor=0):
            return f"{to_text(result.items_discount_minor)} off items"
        case Applied(items_discount_minor=0):
            return f"{to_text(result.discount_minor)} off the order"
        case Rejected():
            return "rejected " + "; ".join(map(say, result.reasons))
        case Skipped():
            return f"skipped {say(result.reason)}"
        case _:
            raise AssertionError(result)


def say_lines(decision: Decision) -> str:
    if decision.total_discount_minor == 0:
        return NOTHING
    texts = [to_text(line.items_discount_minor + line.discount_minor) for line in decision.lines]
    if decision.unallocated_minor:
        texts.append(f"beside {to_text(decision.unallocated_minor)}")
    return ", ".join(texts)


EXAMPLES = list(read_examples())


@pytest.mark.parametrize(
    "example",
    [pytest.param(one, id=f"{one.title} / {' / '.join(one.row.values())}") for one in EXAMPLES],
)
def test_example(example: Example) -> None:
    given = example.given

    decision = decide(
        make_cart(example),
        make_candidates(example),
        make_context(given),
        rules=make_rules(given),
    )

    answered = {
        "answers": "<br>".join(map(say_result, decision.results)),
        "per line": say_lines(decision),
        "to pay": to_text(decision.total_minor),
    }
    assert answered == {name: example.row[name] for name in answered}


def test_page_covers_every_effect_and_condition_and_is_not_cut_short() -> None:
    _, _, examples = read_page().partition("## Worked examples")
    codes = set(re.findall(r'"code": "(\w+)"', examples))
    assert codes == {
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
    assert len(EXAMPLES) >= 75


def test_reasons_on_the_page_are_those_of_the_code() -> None:
    _, _, section = read_page().partition("\n## Reasons")
    assert read_table(section) == [
        {
            "reason": code.value,
            "about": code.family.value,
            "meaning": code.description,
            "parameters": ", ".join(code.params) or NOTHING,
        }
        for code in ReasonCode
    ]
