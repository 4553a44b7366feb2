"""From typed trees to Ibis expressions over the copy that ``lake`` describes."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import ibis

from kaquan.segments.attributes import METADATA, SCORE, Operator, ValueKind
from kaquan.segments.deeds import Measure
from kaquan.segments.dialects import Parameters
from kaquan.segments.frame_facts import PARTS, FrameFacts
from kaquan.segments.instant import (
    Instant,
    anniversary_days,
    day_number,
    day_span,
    days_since_spans,
    lifecycle_marks,
    time_span,
)
from kaquan.segments.lake import lake_schema
from kaquan.segments.model import (
    Aggregate,
    AllOf,
    Anniversary,
    AnyOf,
    Comparison,
    Consented,
    InSegment,
    Leaf,
    Listed,
    NotOf,
    Operand,
    Rule,
    Sample,
)
from kaquan.segments.sample import sample_bounds

IBIS: Any = ibis

_EXACT = "decimal(38, 9)"
_TYPES: Mapping[ValueKind, str] = {
    ValueKind.TEXT: "string",
    ValueKind.SEALED: "string",
    ValueKind.NUMBER: _EXACT,
    ValueKind.MONEY: "int64",
    ValueKind.BOOLEAN: "boolean",
    ValueKind.DATE: "date",
}
_RENAMED: Mapping[str, str] = {
    "rfm.recency_score": "recency_score",
    "rfm.frequency_score": "frequency_score",
    "rfm.monetary_score": "monetary_score",
    "rfm.band": "band",
}
_DAYS: Mapping[str, str] = {
    "birth_date": "birth_date",
    "created_at": "created_on",
    "first_order_at": "first_order_on",
}
_SIGNS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.IS: lambda left, right: left == right,
    Operator.CONTAINS: lambda left, right: left.contains(right),
    Operator.STARTS_WITH: lambda left, right: left.startswith(right),
    Operator.LESS_THAN: lambda left, right: left < right,
    Operator.AT_MOST: lambda left, right: left <= right,
    Operator.MORE_THAN: lambda left, right: left > right,
    Operator.AT_LEAST: lambda left, right: left >= right,
}


@IBIS.udf.scalar.builtin
def md5(text: str) -> str: ...  # pyright: ignore[reportReturnType]


class FrameCompiler:
    """Compiles one tree; ``members`` are the rules of the live segments it refers to, by id."""

    def __init__(self, rule: Rule, *, at: Instant, members: Mapping[str, Rule]) -> None:
        self.at = at
        self.members = members
        self.parameters = Parameters()
        self._rule = rule
        self._facts = FrameFacts(self)

    def named(self) -> Any:
        """Return the table of those who match: a column ``named`` with the merchant's ids."""
        table = self._facts.joined(self._rule, self.table("customer"))
        matched = table.filter(self.condition(self._rule, table))
        return matched.select(named=IBIS.coalesce(matched["source_id"], matched["id"]))

    def count(self) -> Any:
        """Return the expression of how many match."""
        return self.named().count()

    @staticmethod
    def table(name: str) -> Any:
        """Return a table of the copy."""
        return IBIS.table(IBIS.Schema.from_pyarrow(lake_schema(name)), name=name)

    def condition(self, rule: Rule, table: Any, *, known: bool = False) -> Any:
        """Return the condition of a tree on a row; with ``known`` it is never null."""
        match rule:
            case AllOf(rules):
                return _all([self.condition(r, table, known=known) for r in rules])
            case AnyOf(rules):
                return _any([self.condition(r, table, known=known) for r in rules])
            case NotOf(inner):
                return ~self.condition(inner, table, known=True)
            case InSegment(references):
                parts = [self._in_segment(one, table, known=known) for one in references]
                return _any(parts)
            case _:
                leaf = self._leaf(rule, table)
                return IBIS.coalesce(leaf, False) if known else leaf

    def value(self, table: Any, code: str, key: str | None, part: str) -> Any:
        """Return an attribute or a property; of one with keys, a ``part`` of its spread columns."""
        if code == SCORE.code:
            return table[self._facts.score_column(str(key))]
        name = code.rpartition(".")[2]
        if key is not None:
            if code == "order_line.attribute":
                return table[self._facts.product_column(key, part)]
            name = METADATA.code if code == METADATA.code else name
            column = table[f"{name}_{part}"]
            key_bound = self.parameters.bind(key, "string")
            return column.contains(key_bound) if part == "keys" else column.get(key_bound)
        match code:
            case "age":
                return self._age(table)
            case "lifecycle":
                return self._lifecycle(table)
            case "value_tier":
                score = table["monetary_score"]
                return IBIS.cases((score >= 5, "high"), (score >= 3, "mid"), (score >= 1, "low"))
            case _:
                return table[_RENAMED.get(code, name)]

    def span(
        self,
        left: Any,
        low: date | datetime | str | None,
        high: date | datetime | str | None,
        as_type: str,
    ) -> Any:
        """Return that ``low <= left < high``, where an end of None is no end."""
        parts: list[Any] = []
        if low is not None:
            parts.append(left >= self.parameters.bind(low, as_type))
        if high is not None:
            parts.append(left < self.parameters.bind(high, as_type))
        return _all(parts) if parts else left.notnull()

    def _leaf(self, rule: Leaf, table: Any) -> Any:
        match rule:
            case Comparison():
                return self._comparison(rule, table)
            case Aggregate():
                return self._aggregate(rule, table)
            case Anniversary():
                codes, before = anniversary_days(rule, self.at)
                day = table[_DAYS[rule.attribute.code]]
                code = day.month().cast("int32") * 100 + day.day().cast("int32")
                found = code.isin([self.parameters.bind(one, "int32") for one in codes])
                return found & (day < self.parameters.bind(before, "date"))
            case Consented():
                return table["id"].isin(self._facts.consented(rule))
            case Listed(references):
                bound = [self.parameters.bind(one, "string") for one in references]
                if not bound:
                    return IBIS.literal(False)
                return table["id"].isin(bound) | IBIS.coalesce(
                    table["source_id"].isin(bound), False
                )
            case Sample():
                low, high = sample_bounds(rule)
                salted = self.parameters.bind(f"{rule.salt}:", "string") + table["id"]
                return self.span(md5(salted), low, high, "string")
            case InSegment():
                raise AssertionError(rule)

    def _in_segment(self, segment_id: str, table: Any, *, known: bool) -> Any:
        rule = self.members.get(segment_id)
        if rule is not None:
            return self.condition(rule, table, known=known)
        return table["id"].isin(self._facts.stored_members(segment_id))

    def _comparison(self, rule: Comparison, table: Any) -> Any:
        code, operator = rule.attribute.code, rule.operator
        if operator in (Operator.HAS_VALUE, Operator.HAS_NO_VALUE):
            return self._presence(rule, table)
        if code == "days_since_last_order":
            return self._days_since(table["last_order_at"], rule)
        left = self.value(table, code, rule.key, PARTS.get(rule.kind, ""))
        if rule.kind is ValueKind.TIME:
            return self.span(left, *time_span(operator, rule.operand, self.at), "timestamp('UTC')")
        if rule.kind is ValueKind.DATE and operator is not Operator.IS:
            low, high = day_span(operator, rule.operand, self.at)
            if rule.key is None:
                return self.span(left, low, high, "date")
            return self.span(left, low and low.isoformat(), high and high.isoformat(), "string")
        operand = self.at.digested(rule)
        compared = self._compared(left, operator, operand, _TYPES[rule.kind])
        if rule.key is not None and operator is Operator.CONTAINS:
            items = self.value(table, code, rule.key, "items")
            bound = self.parameters.bind(rule.operand, "string")
            return IBIS.coalesce(compared, False) | IBIS.coalesce(items.contains(bound), False)
        return compared

    def _presence(self, rule: Comparison, table: Any) -> Any:
        code = rule.attribute.code
        if rule.key is not None and code != SCORE.code:
            has = IBIS.coalesce(self.value(table, code, rule.key, "keys"), False)
        elif code == "days_since_last_order":
            has = table["last_order_at"].notnull()
        else:
            has = self.value(table, code, rule.key, "").notnull()
        return has if rule.operator is Operator.HAS_VALUE else ~has

    def _compared(self, left: Any, operator: Operator, operand: Operand, as_type: str) -> Any:
        if isinstance(operand, tuple):
            bound = [self.parameters.bind(one, as_type) for one in operand]
            return left.isin(bound) if bound else IBIS.literal(False)
        return _SIGNS[operator](left, self.parameters.bind(operand, as_type))

    def _aggregate(self, rule: Aggregate, table: Any) -> Any:
        fact = self._facts.columns(rule)
        value, number = table[fact.value], table[fact.number]
        if rule.operator in (Operator.HAS_VALUE, Operator.HAS_NO_VALUE):
            has = value.notnull()
            return has if rule.operator is Operator.HAS_VALUE else ~has
        match rule.measure:
            case Measure.FIRST | Measure.LAST:
                span = time_span(rule.operator, rule.operand, self.at)
                return self.span(value, *span, "timestamp('UTC')")
            case Measure.DAYS_SINCE:
                return self._days_since(value, rule)
            case Measure.AVERAGE:
                return self._average(rule, value, number)
            case _:
                return self._compared(
                    IBIS.coalesce(value, 0), rule.operator, rule.operand, _TYPES[rule.kind]
                )

    def _average(self, rule: Aggregate, total: Any, number: Any) -> Any:
        """Compare the total with operand times number, which needs no division."""
        operands = rule.operand if isinstance(rule.operand, tuple) else (rule.operand,)
        sign = Operator.IS if rule.operator is Operator.IN else rule.operator
        parts: list[Any] = []
        for operand in operands:
            assert isinstance(operand, int | Decimal)
            bound = self.parameters.bind(Decimal(operand), "decimal(25, 9)")
            wanted = (bound * number.cast("decimal(12, 0)")).cast(_EXACT)
            parts.append(_SIGNS[sign](total.cast(_EXACT), wanted))
        return _any(parts)

    def _days_since(self, left: Any, rule: Comparison | Aggregate) -> Any:
        spans = days_since_spans(rule.operator, rule.operand, self.at)
        parts = [self.span(left, *span, "timestamp('UTC')") for span in spans]
        return _any(parts)

    def _age(self, table: Any) -> Any:
        born = table["birth_date"]
        number = (
            born.year().cast("int64") * 10_000
            + born.month().cast("int64") * 100
            + born.day().cast("int64")
        )
        today = self.at.today
        years = (self.parameters.bind(day_number(today), "int64") - number) // 10_000
        return IBIS.cases((born <= self.parameters.bind(today, "date"), years))

    def _lifecycle(self, table: Any) -> Any:
        new, active, at_risk = (
            self.parameters.bind(mark, "timestamp('UTC')") for mark in lifecycle_marks(self.at)
        )
        return IBIS.cases(
            (table["order_count"] == 0, "prospect"),
            (table["first_order_at"] >= new, "new"),
            (table["last_order_at"] >= active, "active"),
            (table["last_order_at"] >= at_risk, "at_risk"),
            else_="lapsed",
        )


def _all(parts: Sequence[Any]) -> Any:
    return _joined(parts, IBIS.and_) if parts else IBIS.literal(True)


def _any(parts: Sequence[Any]) -> Any:
    return _joined(parts, IBIS.or_) if parts else IBIS.literal(False)


def _joined(parts: Sequence[Any], word: Callable[[Any, Any], Any]) -> Any:
    """Join by halves: a thousand parts in a row would nest too deeply for the writer of SQL."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return word(_joined(parts[:middle], word), _joined(parts[middle:], word))
