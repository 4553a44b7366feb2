"""The meaning of the language in plain Python: slow, and what every engine is compared with.

It reads the copy row by row and shares with the engines' compilers nothing but the tree and the
reckoning of windows.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import pyarrow.compute as pc
from pyarrow import parquet

from kaquan.segments.attributes import Operator, ValueKind
from kaquan.segments.deeds import DeedKind, Measure
from kaquan.segments.instant import (
    ACTIVE_DAYS,
    AT_RISK_DAYS,
    NEW_DAYS,
    Instant,
    time_span,
    window_span,
)
from kaquan.segments.lake import PURCHASES
from kaquan.segments.model import (
    Aggregate,
    AllOf,
    Anniversary,
    AnyOf,
    Comparison,
    Consented,
    Deed,
    InSegment,
    Listed,
    NotOf,
    Operand,
    Rule,
    Sample,
)
from kaquan.segments.sample import sample_place

KERNELS: Any = pc
PARQUET: Any = parquet
Row = dict[str, Any]

_DAY = timedelta(days=1)
_SPREAD = ("text", "number", "flag", "items", "keys", "day")


def match_customers(
    rule: Rule, folder: Path, *, at: Instant, members: Mapping[str, Rule]
) -> list[str]:
    """Return whom a tree matches in the copy in ``folder``, by the merchant's ids, sorted."""
    reference = Reference(folder, at=at, members=members)
    return sorted(
        person["source_id"] if person["source_id"] is not None else person["id"]
        for person in reference.people
        if reference.matches(rule, person)
    )


class Reference:
    """Evaluates trees over a copy, each table of which is read when first asked for."""

    def __init__(self, folder: Path, *, at: Instant, members: Mapping[str, Rule]) -> None:
        self._folder = folder
        self._at = at
        self._members = members
        self._tables: dict[str, _ByCustomer] = {}
        self._products: dict[str, Row] | None = None
        self.people: list[Row] = self._read("customer").to_pylist()

    def matches(self, rule: Rule, person: Row) -> bool:
        """Tell whether a person, a row of the table customer, matches."""
        match rule:
            case AllOf(rules):
                return all(self.matches(one, person) for one in rules)
            case AnyOf(rules):
                return any(self.matches(one, person) for one in rules)
            case NotOf(inner):
                return not self.matches(inner, person)
            case InSegment(references):
                return any(self._in_segment(one, person) for one in references)
            case Comparison():
                return self._compares(self._attribute(rule, person), rule)
            case Aggregate():
                return self._aggregate(rule, person)
            case Anniversary():
                return self._anniversary(rule, person)
            case Consented():
                return any(
                    row["channel"] == rule.channel
                    and row["purpose"] == rule.purpose
                    and row["granted"]
                    for row in self._of("consent", person["id"])
                )
            case Listed(references):
                return person["id"] in references or person["source_id"] in references
            case Sample():
                share = Decimal(int(sample_place(rule.salt, person["id"]), 16)) * 100 / 16**32
                return rule.low <= share < rule.high

    def _in_segment(self, segment_id: str, person: Row) -> bool:
        if segment_id in self._members:
            return self.matches(self._members[segment_id], person)
        return any(row["segment_id"] == segment_id for row in self._of("member", person["id"]))

    def _attribute(self, rule: Comparison, person: Row) -> object:
        code = rule.attribute.code
        match code:
            case "score":
                named = [r for r in self._of("score", person["id"]) if r["name"] == rule.key]
                return named[0]["value"] if named else None
            case "metadata":
                return _keyed(person, "metadata", rule)
            case "days_since_last_order":
                return self._days_since(person["last_order_at"])
            case "age":
                return self._age(person["birth_date"])
            case "lifecycle":
                return self._lifecycle(person)
            case "value_tier":
                return {5: "high", 4: "mid", 3: "mid", 2: "low", 1: "low"}.get(
                    person["monetary_score"]
                )
            case _:
                return person[code.removeprefix("rfm.")]

    def _days_since(self, moment: datetime | None) -> int | None:
        return None if moment is None else (self._at.now - moment) // _DAY

    def _age(self, born: date | None) -> int | None:
        today = self._at.today
        if born is None or born > today:
            return None
        had_birthday = (today.month, today.day) >= (born.month, born.day)
        return today.year - born.year - (0 if had_birthday else 1)

    def _lifecycle(self, person: Row) -> str:
        if person["order_count"] == 0:
            return "prospect"
        now, first, last = self._at.now, person["first_order_at"], person["last_order_at"]
        if now - first < timedelta(days=NEW_DAYS):
            return "new"
        if now - last < timedelta(days=ACTIVE_DAYS):
            return "active"
        return "at_risk" if now - last < timedelta(days=AT_RISK_DAYS) else "lapsed"

    def _compares(self, value: object, rule: Comparison | Aggregate) -> bool:
        operator, operand = rule.operator, self._at.digested(rule)
        if operator is Operator.HAS_VALUE:
            return value is not None
        if operator is Operator.HAS_NO_VALUE:
            return value is None
        if value is None:
            return False
        if rule.kind is ValueKind.TIME:
            return _within(cast("datetime", value), time_span(operator, operand, self._at))
        if rule.kind is ValueKind.DATE:
            day = value if isinstance(value, date) else str(value)
            return self._dates(day, operator, operand)
        return _plainly(cast("Any", value), operator, cast("Any", operand))

    def _dates(self, day: date | str, operator: Operator, operand: Operand) -> bool:
        """Compare a day, or the text of one, which sorts as days do."""

        def same(other: date) -> Any:
            return other if isinstance(day, date) else other.isoformat()

        left, today = cast("Any", day), self._at.today
        match operator, operand:
            case Operator.WITHIN_DAYS, int():
                return same(today - timedelta(days=operand)) < left <= same(today)
            case Operator.NOT_WITHIN_DAYS, int():
                return left <= same(today - timedelta(days=operand))
            case Operator.WITHIN_NEXT_DAYS, int():
                return same(today) < left <= same(today + timedelta(days=operand))
            case _, date():
                signs: dict[Operator, bool] = {
                    Operator.IS: left == same(operand),
                    Operator.BEFORE: left < same(operand),
                    Operator.AFTER: left > same(operand),
                    Operator.AT_LEAST: left >= same(operand),
                    Operator.AT_MOST: left <= same(operand),
                }
                return signs[operator]
            case _:
                raise AssertionError(operator)

    def _aggregate(self, rule: Aggregate, person: Row) -> bool:
        rows = [
            row
            for row in self._of(rule.deed.kind.value, person["id"])
            if self._is_meant(rule.deed, row)
        ]
        measured = self._measure(rule, rows)
        if rule.measure is Measure.AVERAGE and measured is not None:
            total, number = cast("tuple[Decimal, int]", measured)
            if rule.operator in (Operator.HAS_VALUE, Operator.HAS_NO_VALUE):
                return rule.operator is Operator.HAS_VALUE
            operands = rule.operand if isinstance(rule.operand, tuple) else (rule.operand,)
            sign = Operator.IS if rule.operator is Operator.IN else rule.operator
            return any(_plainly(total, sign, cast("Any", one) * number) for one in operands)
        return self._compares(measured, rule)

    def _measure(self, rule: Aggregate, rows: Sequence[Row]) -> object:
        moments = [row["at"] for row in rows]
        match rule.measure:
            case Measure.COUNT:
                return len(rows)
            case Measure.FIRST:
                return min(moments, default=None)
            case Measure.LAST:
                return max(moments, default=None)
            case Measure.DAYS_SINCE:
                return self._days_since(max(moments, default=None))
            case _:
                values = [self._property(row, rule) for row in rows]
                known = [cast("Any", value) for value in values if value is not None]
        match rule.measure:
            case Measure.DISTINCT:
                return len(set(known))
            case Measure.SUM:
                return sum(known, Decimal(0))
            case _:
                return (sum(known, Decimal(0)), len(known)) if known else None

    def _property(self, row: Row, rule: Aggregate) -> object:
        assert rule.of is not None
        described = Comparison(
            attribute=rule.of.attribute, operator=Operator.IS, kind=rule.of.kind, key=rule.of.key
        )
        return self._of_deed(row, described)

    def _of_deed(self, row: Row, rule: Comparison) -> object:
        name = rule.attribute.code.rpartition(".")[2]
        if rule.attribute.code == "order_line.attribute":
            return _keyed(self._product(row["product_id"]), name, rule)
        return _keyed(row, name, rule) if rule.key is not None else row[name]

    def _is_meant(self, deed: Deed, row: Row) -> bool:
        if deed.name is not None and row["name"] != deed.name:
            return False
        if not deed.any_status:
            if (
                deed.kind in (DeedKind.ORDER, DeedKind.ORDER_LINE)
                and row["status"] not in PURCHASES
            ):
                return False
            if deed.kind is DeedKind.MESSAGE and row["status"] == "failed":
                return False
        return _within(row["at"], window_span(deed.window, self._at)) and self._meets(
            deed.where, row
        )

    def _meets(self, rule: Rule, row: Row) -> bool:
        match rule:
            case AllOf(rules):
                return all(self._meets(one, row) for one in rules)
            case AnyOf(rules):
                return any(self._meets(one, row) for one in rules)
            case NotOf(inner):
                return not self._meets(inner, row)
            case Comparison():
                return self._compares(self._of_deed(row, rule), rule)
            case _:
                raise AssertionError(rule)

    def _anniversary(self, rule: Anniversary, person: Row) -> bool:
        stored: dict[str, str] = {"created_at": "created_on", "first_order_at": "first_order_on"}
        day = person[stored.get(rule.attribute.code, rule.attribute.code)]
        if day is None:
            return False
        ahead = range(rule.first, rule.last + 1)
        window = [self._at.today + timedelta(days=days) for days in ahead]
        return any(_is_anniversary(day, of) for of in window) and day < window[0]

    def _product(self, product_id: str | None) -> Row:
        if self._products is None:
            self._products = {row["id"]: row for row in self._read("product").to_pylist()}
        return self._products.get(product_id or "", {})

    def _of(self, table: str, customer_id: str) -> list[Row]:
        if table not in self._tables:
            self._tables[table] = _ByCustomer(self._read(table))
        return self._tables[table].of(customer_id)

    def _read(self, table: str) -> Any:
        return PARQUET.read_table(self._folder / f"{table}.parquet")


class _ByCustomer:
    """A table by customer; rows are made for one customer at a time, the one asked for last."""

    def __init__(self, table: Any) -> None:
        self._table = table.sort_by("customer_id")
        counted = KERNELS.value_counts(self._table.column("customer_id")).to_pylist()
        starts = accumulate((one["counts"] for one in counted), initial=0)
        self._places = {
            one["values"]: (start, one["counts"])
            for one, start in zip(counted, starts, strict=False)
        }
        self._last: tuple[str, list[Row]] = ("", [])

    def of(self, customer_id: str) -> list[Row]:
        if self._last[0] != customer_id:
            start, count = self._places.get(customer_id, (0, 0))
            self._last = (customer_id, self._table.slice(start, count).to_pylist())
        return self._last[1]


def _is_anniversary(day: date, of: date) -> bool:
    if (day.month, day.day) == (of.month, of.day):
        return True
    is_last_of_february = (of.month, of.day) == (2, 28) and (of + _DAY).month == 3
    return (day.month, day.day) == (2, 29) and is_last_of_february


def _keyed(row: Row, name: str, rule: Comparison) -> object:
    spread: dict[str, dict[str, Any]] = {
        part: dict(row.get(f"{name}_{part}") or ()) for part in _SPREAD if part != "keys"
    }
    key = str(rule.key)
    match rule.kind:
        case ValueKind.METADATA:
            return True if key in (row.get(f"{name}_keys") or ()) else None
        case ValueKind.NUMBER:
            return spread["number"].get(key)
        case ValueKind.BOOLEAN:
            return spread["flag"].get(key)
        case ValueKind.DATE:
            return spread["day"].get(key)
        case _ if rule.operator is Operator.CONTAINS and key in spread["items"]:
            return tuple(spread["items"][key])
        case _:
            return spread["text"].get(key)


def _within(moment: datetime, span: tuple[datetime | None, datetime | None]) -> bool:
    low, high = span
    return (low is None or moment >= low) and (high is None or moment < high)


def _plainly(value: Any, operator: Operator, operand: Any) -> bool:
    match operator:
        case Operator.IS:
            return value == operand
        case Operator.IN:
            return value in operand
        case Operator.CONTAINS:
            return operand in value
        case Operator.STARTS_WITH:
            return value.startswith(operand)
        case Operator.LESS_THAN:
            return value < operand
        case Operator.AT_MOST:
            return value <= operand
        case Operator.MORE_THAN:
            return value > operand
        case Operator.AT_LEAST:
            return value >= operand
        case _:
            raise AssertionError(operator)
