"""Reads the tables of docs/algorithms and runs their rows through the engine."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from kaquan.engine import (
    Application,
    Applied,
    Candidate,
    CandidateResult,
    Cart,
    Context,
    CustomerFacts,
    Decision,
    Goods,
    Grant,
    LineInput,
    Offer,
    PointsEarned,
    Reason,
    Rejected,
    Rounding,
    Skipped,
    StackingRules,
    build_cart,
    decide,
    explain,
    parse_offer,
)

PAGES = Path(__file__).parents[2] / "docs" / "algorithms"
LINE = re.compile(r"(?P<product>\w+) (?P<quantity>\d+) × (?P<price>[\d.]+)")
NOW = "2026-06-15T12:00:00+08:00"
ZONE = "Asia/Shanghai"
NOTHING = "–"

Row = dict[str, str]

GOODS: Mapping[str, Row] = {
    "tea": {"department": "drinks", "brand": "Longjing"},
    "coffee": {"department": "drinks", "brand": "Yunnan"},
    "rice": {"department": "grocery", "brand": "Jinhe"},
    "soap": {"department": "household", "brand": "Jinhe"},
    "giftcard": {"department": "giftcards", "brand": "Kaquan"},
}
CATALOGUE = {"soap": Goods(product_id="soap", unit_price=500, attributes=GOODS["soap"])}


class Example(msgspec.Struct, frozen=True):
    """One row of one table, with the coupons that it may name."""

    title: str
    offers: Mapping[str, Offer]
    row: Row

    @property
    def coupons(self) -> list[str]:
        named = self.row.get("coupons")
        return named.split(", ") if named else list(self.offers)

    @property
    def given(self) -> Row:
        pairs = (part.partition("=") for part in self.row.get("given", "").split(", "))
        return {name: value for name, _, value in pairs if name}

    @property
    def answers(self) -> Row:
        """The cells that the engine has to fill."""
        return {name: self.row[name] for name in ("answers", "per line", "to pay")}

    def run(self) -> Row:
        """What the engine fills them with."""
        given = self.given
        decision = decide(
            make_cart(self.row["cart"], given),
            [make_candidate(name, self.offers[name], given) for name in self.coupons],
            make_context(given),
            rules=make_rules(given),
        )
        return {
            "answers": "<br>".join(map(say_result, decision.results)),
            "per line": say_lines(decision),
            "to pay": to_text(decision.total_minor),
        }


def read_table(text: str) -> list[Row]:
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return [dict(zip(rows[0], cells, strict=True)) for cells in rows[2:]]


def read_page(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def read_worked_part(name: str) -> str:
    _, _, examples = read_page(name).partition("## Worked examples")
    return examples.partition("\n## ")[0]


def read_examples(name: str) -> Iterator[Example]:
    _, *sections = read_worked_part(name).split("\n### ")
    for section in sections:
        title, _, body = section.partition("\n")
        _, fenced, rest = body.split("```", 2)
        coupons: dict[str, dict[str, Any]] = json.loads(fenced.removeprefix("json"))
        offers = {name: parse_offer({"id": name, **data}) for name, data in coupons.items()}
        for row in read_table(rest):
            yield Example(title, offers, row)


def to_minor(text: str) -> int:
    return int(Decimal(text) * 100)


def to_text(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"


def read_money(given: Row, name: str) -> int | None:
    return to_minor(given[name]) if name in given else None


def read_number(given: Row, name: str) -> int | None:
    return int(given[name]) if name in given else None


def read_prefixed(given: Row, prefix: str) -> dict[str, str]:
    return {
        name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)
    }


def make_cart(text: str, given: Row) -> Cart:
    stated = re.match(r"order ([\d.]+)", text)
    shipping = re.search(r"delivery ([\d.]+)", text)
    lines = [
        LineInput(
            product_id=match["product"],
            quantity=int(match["quantity"]),
            unit_price=to_minor(match["price"]),
            attributes=GOODS[match["product"]],
            metadata=read_prefixed(given, "line."),
        )
        for match in LINE.finditer(text)
    ]
    return build_cart(
        lines,
        amount=to_minor(stated[1]) if stated else None,
        shipping_minor=to_minor(shipping[1]) if shipping else 0,
        metadata=read_prefixed(given, "order."),
    )


def make_candidate(name: str, offer: Offer, given: Row) -> Candidate:
    is_points = "points" in given
    counts = read_prefixed(given, "count:")
    return Candidate(
        key=name,
        offer=offer,
        campaign_id=given.get("campaign"),
        active="inactive" not in given,
        budget_left_minor=read_money(given, "budget"),
        face_value_minor=read_money(given, "printed"),
        uses_left=read_number(given, "uses_left"),
        campaign_uses_left=read_number(given, "campaign_uses_left"),
        customer_uses_left=read_number(given, "customer_uses_left"),
        redemption_counts={key: int(count) for key, count in counts.items()},
        holder_id=given.get("holder"),
        claimed_at=datetime.fromisoformat(given["claimed"]) if "claimed" in given else None,
        balance=read_number(given, "points") if is_points else read_money(given, "balance"),
        credits=read_number(given, "use") if is_points else read_money(given, "credits"),
    )


def make_context(given: Row) -> Context:
    customer = CustomerFacts(
        id="ann",
        segment_ids=frozenset({given["segment"]} if "segment" in given else ()),
        order_count=int(given.get("orders", 0)),
        redemptions_in_campaign=int(given.get("used", 0)),
        attributes=read_prefixed(given, "customer."),
        spend_minor=read_money(given, "spend") or 0,
        birthday=date.fromisoformat(given["birthday"]) if "birthday" in given else None,
        tier_id=given.get("tier"),
    )
    return Context(
        now=datetime.fromisoformat(given.get("now", NOW)),
        currency="CNY",
        customer=CustomerFacts() if "guest" in given else customer,
        location_id=given.get("location"),
        channel=given.get("channel"),
        time_zone=given.get("zone", ZONE),
        payment_method=given.get("pay"),
        redeemer_id=given.get("redeemer"),
        redemption_metadata=read_prefixed(given, "redemption."),
        catalogue=CATALOGUE,
    )


def make_rules(given: Row) -> StackingRules:
    return StackingRules(
        max_sent=int(given.get("max_sent", 30)),
        max_applied=int(given.get("max_applied", 5)),
        application=Application.PARTIAL if "partial" in given else Application.ALL,
        rounding=Rounding(given.get("rounding", "half_even")),
    )


def say(reason: Reason) -> str:
    sentence = explain(reason, "en", lambda minor: f"¥{to_text(minor)}")
    return f"{reason.code.value}: {sentence}"


def say_result(result: CandidateResult) -> str:
    match result:
        case Applied():
            return ", ".join(say_parts(result))
        case Rejected():
            return "rejected " + "; ".join(map(say, result.reasons))
        case Skipped():
            return f"skipped {say(result.reason)}"


def say_parts(applied: Applied) -> Iterator[str]:
    if applied.discount_minor:
        where = "delivery" if applied.shipping_minor == applied.discount_minor else "the order"
        yield f"{to_text(applied.discount_minor)} off {where}"
    if applied.items_discount_minor:
        yield f"{to_text(applied.items_discount_minor)} off items"
    if applied.added:
        yield f"adds {sum(one.units for one in applied.added)}"
    if applied.balance_taken:
        yield f"takes {applied.balance_taken}"
    yield from map(say_grant, applied.grants)


def say_grant(grant: Grant) -> str:
    if isinstance(grant, PointsEarned):
        return f"points × {grant.multiplier_bps / 10_000:g} + {grant.extra_points}"
    return f"{grant.service_id} × {grant.visits}"


def say_lines(decision: Decision) -> str:
    if decision.total_discount_minor == 0:
        return NOTHING
    texts = [to_text(line.items_discount_minor + line.discount_minor) for line in decision.lines]
    if decision.unallocated_minor:
        texts.append(f"beside {to_text(decision.unallocated_minor)}")
    return ", ".join(texts)
