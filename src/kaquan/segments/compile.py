"""From typed trees to one parametrised PostgreSQL query.

Every piece of SQL text is fixed, here and in ``columns``; whatever came from outside is a bound
parameter. Why this does not go through Ibis, as the other engines do, is told in docs/decisions.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, LiteralString

from psycopg import sql

from kaquan.customers import COUNTED_STATUSES
from kaquan.segments.attributes import SCORE, Operator, ValueKind
from kaquan.segments.columns import CASTS, EXPRESSIONS, JOINS, KEYED, OBJECTS
from kaquan.segments.columns import SCORE as SCORE_OF_CUSTOMER
from kaquan.segments.deeds import Measure
from kaquan.segments.facts import Facts
from kaquan.segments.instant import (
    Instant,
    anniversary_days,
    day_number,
    day_span,
    days_since_spans,
    lifecycle_marks,
    time_span,
)
from kaquan.segments.model import (
    Aggregate,
    AllOf,
    Anniversary,
    AnyOf,
    Comparison,
    Consented,
    InSegment,
    Listed,
    NotOf,
    Rule,
    Sample,
)
from kaquan.segments.sample import sample_bounds

_COMPARISONS: Mapping[Operator, LiteralString] = {
    Operator.IS: "({left}) = {right}",
    Operator.IN: "({left}) = any({right})",
    Operator.CONTAINS: "strpos({left}, {right}) > 0",
    Operator.STARTS_WITH: "starts_with({left}, {right})",
    Operator.LESS_THAN: "({left}) < {right}",
    Operator.AT_MOST: "({left}) <= {right}",
    Operator.MORE_THAN: "({left}) > {right}",
    Operator.AT_LEAST: "({left}) >= {right}",
}
_AND, _OR = sql.SQL(" and "), sql.SQL(" or ")
_FROM, _BELOW = sql.SQL(">="), sql.SQL("<")
_TRUE, _FALSE = sql.SQL("true"), sql.SQL("false")


class Compiler:
    """Compiles trees into conditions on a customer that share parameters and facts.

    ``members`` gives the rule of every live segment that a tree may refer to, by id; a reference
    to any other segment means its stored members. Conditions hold only over ``source``, asked for
    after the last of them.
    """

    def __init__(self, *, at: Instant, members: Mapping[str, Rule]) -> None:
        self.at = at
        self.members = members
        new_from, active_from, at_risk_from = lifecycle_marks(at)
        self.parameters: dict[str, Any] = {
            "now": at.now,
            "today": at.today,
            "today_number": day_number(at.today),
            "new_from": new_from,
            "active_from": active_from,
            "at_risk_from": at_risk_from,
            "counted": list(COUNTED_STATUSES),
        }
        self._facts = Facts(self)

    def fresh(self) -> "Compiler":
        """Return a compiler of the same kind without parameters and facts."""
        return Compiler(at=self.at, members=self.members)

    def source(self, *, few: bool, customers: LiteralString = "customer c") -> sql.Composable:
        """Return what conditions select from.

        ``few``: customers are narrowed to few, each of whom is looked up; else facts are made of
        all customers at once.
        """
        return sql.SQL("{}{}{}").format(
            sql.SQL(customers), sql.SQL(JOINS), self._facts.joins(each=few)
        )

    def condition(self, rule: Rule, *, known: bool = False) -> sql.Composable:
        """Return the SQL condition of a tree; with ``known`` it is never null, only false."""
        match rule:
            case AllOf(rules):
                return brackets([self.condition(r, known=known) for r in rules], _AND, _TRUE)
            case AnyOf(rules):
                return brackets([self.condition(r, known=known) for r in rules], _OR, _FALSE)
            case NotOf(inner):
                return sql.SQL("(not {})").format(self.condition(inner, known=True))
            case InSegment(references):
                parts = [self._in_segment(reference, known=known) for reference in references]
                return brackets(parts, _OR, _FALSE)
            case _:
                leaf = self._leaf(rule)
                return sql.SQL("({} is true)").format(leaf) if known else leaf

    def _leaf(
        self, rule: Comparison | Aggregate | Anniversary | Consented | Listed | Sample
    ) -> sql.Composable:
        match rule:
            case Comparison():
                return self._comparison(rule)
            case Aggregate():
                return self._aggregate(rule)
            case Anniversary():
                return self._anniversary(rule)
            case Consented():
                return sql.SQL("coalesce({}, false)").format(self._facts.consent(rule))
            case Listed(references):
                ids = self.bind(list(references))
                text = sql.SQL("(c.id = any({ids}::text[]) or c.source_id = any({ids}::text[]))")
                return text.format(ids=ids)
            case Sample():
                return self._sample(rule)

    def value(self, rule: Comparison | Aggregate) -> sql.Composable:
        """Return what a leaf compares: the attribute or the measure."""
        if isinstance(rule, Aggregate):
            return self._facts.shown(rule)
        return self.expression(rule.attribute.code, rule.key, rule.kind)

    def expression(self, code: str, key: str | None, kind: ValueKind) -> sql.Composable:
        """Return the SQL of an attribute or property."""
        if key is None:
            return sql.SQL(EXPRESSIONS[code])
        name = sql.SQL("{}::text").format(self.bind(key))
        if code == SCORE.code:
            return sql.SQL(SCORE_OF_CUSTOMER).format(key=name)
        return sql.SQL(KEYED[kind]).format(object=sql.SQL(OBJECTS[code]), key=name)

    def bind(self, value: object) -> sql.Placeholder:
        """Make a parameter of a value and return its place."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return sql.Placeholder(name)

    def span(
        self,
        left: sql.Composable,
        low: date | datetime | None,
        high: date | datetime | None,
        *,
        as_type: LiteralString = "timestamptz",
    ) -> sql.Composable:
        """Return that ``low <= left < high``, where an end of None is no end."""
        parts = [
            sql.SQL("{} {} {}::{}").format(left, sign, self.bind(end), sql.SQL(as_type))
            for sign, end in ((_FROM, low), (_BELOW, high))
            if end is not None
        ]
        return brackets(parts or [sql.SQL("{} is not null").format(left)], _AND, _TRUE)

    def _in_segment(self, segment_id: str, *, known: bool) -> sql.Composable:
        rule = self.members.get(segment_id)
        if rule is not None:
            return self.condition(rule, known=known)
        return sql.SQL(
            "exists (select from segment_member m where m.project_id = c.project_id"
            " and m.customer_id = c.id and m.segment_id = {})"
        ).format(self.bind(segment_id))

    def _comparison(self, rule: Comparison) -> sql.Composable:
        left = self.value(rule)
        if rule.operator is Operator.HAS_VALUE:
            return sql.SQL("(({}) is not null)").format(left)
        if rule.operator is Operator.HAS_NO_VALUE:
            return sql.SQL("(({}) is null)").format(left)
        if rule.kind is ValueKind.TIME:
            return self.span(left, *time_span(rule.operator, rule.operand, self.at))
        if rule.kind is ValueKind.DATE and rule.operator is not Operator.IS:
            low, high = day_span(rule.operator, rule.operand, self.at)
            if rule.key is None:
                return self.span(left, low, high, as_type="date")
            return self._text_span(left, low, high)
        compared = self._compared(left, rule)
        if rule.key is not None and rule.operator is Operator.CONTAINS:
            return sql.SQL(
                "({} or jsonb_typeof({list}) = 'array' and jsonb_exists({list}, {value}))"
            ).format(
                compared,
                list=self.expression(rule.attribute.code, rule.key, ValueKind.METADATA),
                value=self.bind(rule.operand),
            )
        return compared

    def _text_span(
        self, left: sql.Composable, low: date | None, high: date | None
    ) -> sql.Composable:
        parts = [
            sql.SQL("({}) {} {}::text").format(left, sign, self.bind(end.isoformat()))
            for sign, end in ((_FROM, low), (_BELOW, high))
            if end is not None
        ]
        return brackets(parts, _AND, _TRUE)

    def _compared(self, left: sql.Composable, rule: Comparison | Aggregate) -> sql.Composable:
        operand = self.at.digested(rule)
        right = sql.SQL("{}::{}{}").format(
            self.bind(list(operand) if isinstance(operand, tuple) else operand),
            sql.SQL(CASTS[rule.kind]),
            sql.SQL("[]" if rule.operator is Operator.IN else ""),
        )
        return sql.SQL("({})").format(
            sql.SQL(_COMPARISONS[rule.operator]).format(left=left, right=right)
        )

    def _aggregate(self, rule: Aggregate) -> sql.Composable:
        fact = self._facts.measure(rule)
        if rule.operator is Operator.HAS_VALUE:
            return sql.SQL("({} is not null)").format(fact.value)
        if rule.operator is Operator.HAS_NO_VALUE:
            return sql.SQL("({} is null)").format(fact.value)
        match rule.measure:
            case Measure.FIRST | Measure.LAST:
                return self.span(fact.value, *time_span(rule.operator, rule.operand, self.at))
            case Measure.DAYS_SINCE:
                spans = days_since_spans(rule.operator, rule.operand, self.at)
                return brackets([self.span(fact.value, *span) for span in spans], _OR, _FALSE)
            case Measure.AVERAGE:
                return self._average(rule, fact.value, fact.number)
            case _:
                return self._compared(sql.SQL("coalesce({}, 0)").format(fact.value), rule)

    def _average(
        self, rule: Aggregate, total: sql.Composable, count: sql.Composable
    ) -> sql.Composable:
        """Compare the total with operand times count, which needs no division."""
        operands = rule.operand if isinstance(rule.operand, tuple) else (rule.operand,)
        sign = Operator.IS if rule.operator is Operator.IN else rule.operator
        parts: list[sql.Composable] = []
        for operand in operands:
            assert isinstance(operand, int | Decimal)
            right = sql.SQL("{}::numeric * {}").format(self.bind(Decimal(operand)), count)
            parts.append(sql.SQL(_COMPARISONS[sign]).format(left=total, right=right))
        return brackets(parts, _OR, _FALSE)

    def _anniversary(self, rule: Anniversary) -> sql.Composable:
        codes, before = anniversary_days(rule, self.at)
        day = self.expression(rule.attribute.code, None, rule.attribute.kind)
        if rule.attribute.kind is ValueKind.TIME:
            day = sql.SQL("({} at time zone {}::text)::date").format(
                day, self.bind(self.at.zone.key)
            )
        return sql.SQL(
            "((extract(month from {day}) * 100 + extract(day from {day}))::integer"
            " = any({codes}::integer[]) and {day} < {before}::date)"
        ).format(day=day, codes=self.bind(codes), before=self.bind(before))

    def _sample(self, rule: Sample) -> sql.Composable:
        low, high = sample_bounds(rule)
        place = sql.SQL('md5({} || c.id) collate "C"').format(
            sql.SQL("{}::text").format(self.bind(f"{rule.salt}:"))
        )
        parts = [
            sql.SQL("{} {} {}::text").format(place, sign, self.bind(end))
            for sign, end in ((_FROM, low), (_BELOW, high))
            if end is not None
        ]
        return brackets(parts, _AND, _TRUE)


def brackets(parts: Sequence[sql.Composable], word: sql.SQL, nothing: sql.SQL) -> sql.Composable:
    """Join conditions by a word; of none, return ``nothing``."""
    return sql.SQL("({})").format(word.join(parts)) if parts else nothing
