"""From a typed tree to one parametrised SQL condition.

Every piece of SQL text is fixed in this file; whatever came from outside is a bound parameter.
The condition refers to a customer ``c`` with its summary ``s`` and scores ``r`` (see SOURCE), and
is never null.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from psycopg import sql

from kaquan.segments.attributes import Operator, ValueKind
from kaquan.segments.model import AllOf, AnyOf, Comparison, InSegment, NotOf, Operand, Rule

SOURCE: LiteralString = (
    "customer c"
    " left join customer_summary s on s.project_id = c.project_id and s.customer_id = c.id"
    " left join rfm_score r on r.project_id = c.project_id and r.customer_id = c.id"
)

EXPRESSIONS: Mapping[str, LiteralString] = {
    "id": "c.id",
    "source_id": "c.source_id",
    "name": "c.name",
    "email": "c.email",
    "phone": "c.phone",
    "birth_date": "c.birth_date",
    "created_at": "c.created_at",
    "city": "c.address ->> 'city'",
    "state": "c.address ->> 'state'",
    "country": "c.address ->> 'country'",
    "postal_code": "c.address ->> 'postal_code'",
    "order_count": "coalesce(s.order_count, 0)",
    "spend_minor": "coalesce(s.spend_minor, 0)",
    "average_order_minor": "s.spend_minor / s.order_count",
    "first_order_at": "s.first_order_at",
    "last_order_at": "s.last_order_at",
    "days_since_last_order": "floor(extract(epoch from %(now)s - s.last_order_at) / 86400)",
    "rfm.recency_score": "r.recency_score",
    "rfm.frequency_score": "r.frequency_score",
    "rfm.monetary_score": "r.monetary_score",
    "rfm.band": "r.band",
}

_METADATA: Mapping[ValueKind, LiteralString] = {
    ValueKind.METADATA: "nullif(c.metadata -> {key}, 'null')",
    ValueKind.TEXT: "case jsonb_typeof(c.metadata -> {key})"
    " when 'string' then c.metadata ->> {key} end",
    ValueKind.NUMBER: "case jsonb_typeof(c.metadata -> {key})"
    " when 'number' then (c.metadata ->> {key})::numeric end",
    ValueKind.BOOLEAN: "case jsonb_typeof(c.metadata -> {key})"
    " when 'boolean' then (c.metadata ->> {key})::boolean end",
}

_CASTS: Mapping[ValueKind, LiteralString] = {
    ValueKind.TEXT: "text",
    ValueKind.NUMBER: "numeric",
    ValueKind.MONEY: "bigint",
    ValueKind.BOOLEAN: "boolean",
    ValueKind.DATE: "date",
    ValueKind.TIME: "timestamptz",
}

_COMPARISONS: Mapping[Operator, LiteralString] = {
    Operator.IS: "({attribute}) = {value}",
    Operator.IN: "({attribute}) = any({value})",
    Operator.CONTAINS: "strpos({attribute}, {value}) > 0",
    Operator.STARTS_WITH: "starts_with({attribute}, {value})",
    Operator.LESS_THAN: "({attribute}) < {value}",
    Operator.AT_MOST: "({attribute}) <= {value}",
    Operator.MORE_THAN: "({attribute}) > {value}",
    Operator.AT_LEAST: "({attribute}) >= {value}",
    Operator.BEFORE: "({attribute}) < {value}",
    Operator.AFTER: "({attribute}) > {value}",
    Operator.WITHIN_DAYS: "({attribute}) > {value} and ({attribute}) <= %(now)s",
    Operator.NOT_WITHIN_DAYS: "({attribute}) <= {value}",
}


class Compiler:
    """Compiles trees into conditions that share one set of parameters.

    ``members`` gives the rule of every live segment that a tree may refer to, by id; a reference
    to any other segment means its stored members.
    """

    def __init__(self, *, now: datetime, zone: ZoneInfo, members: Mapping[str, Rule]) -> None:
        self._zone = zone
        self.members = members
        self._now = now
        self.parameters: dict[str, Any] = {"now": now}

    def fresh(self) -> "Compiler":
        """Return a compiler of the same kind without parameters."""
        return Compiler(now=self._now, zone=self._zone, members=self.members)

    def condition(self, rule: Rule) -> sql.Composable:
        """Return the SQL condition of a tree: true or false, never null."""
        match rule:
            case AllOf(rules):
                return self._joined(rules, sql.SQL(" and "), sql.SQL("true"))
            case AnyOf(rules):
                return self._joined(rules, sql.SQL(" or "), sql.SQL("false"))
            case NotOf(inner):
                return sql.SQL("(not {})").format(self.condition(inner))
            case InSegment(references):
                parts = [self._in_segment(reference) for reference in references]
                return _brackets(parts, sql.SQL(" or "), sql.SQL("false"))
            case Comparison():
                return self._comparison(rule)

    def _joined(self, rules: tuple[Rule, ...], word: sql.SQL, nothing: sql.SQL) -> sql.Composable:
        return _brackets([self.condition(rule) for rule in rules], word, nothing)

    def _in_segment(self, segment_id: str) -> sql.Composable:
        rule = self.members.get(segment_id)
        if rule is not None:
            return self.condition(rule)
        return sql.SQL(
            "exists (select from segment_member m where m.project_id = c.project_id"
            " and m.customer_id = c.id and m.segment_id = {})"
        ).format(self._bind(segment_id))

    def _comparison(self, rule: Comparison) -> sql.Composable:
        attribute = self._attribute(rule)
        if rule.operator is Operator.HAS_VALUE:
            return sql.SQL("(({}) is not null)").format(attribute)
        if rule.operator is Operator.HAS_NO_VALUE:
            return sql.SQL("(({}) is null)").format(attribute)
        value = sql.SQL("{}::{}{}").format(
            self._bind(self._operand(rule)),
            sql.SQL(_CASTS[rule.kind]),
            sql.SQL("[]" if rule.operator is Operator.IN else ""),
        )
        compared = sql.SQL(_COMPARISONS[rule.operator]).format(attribute=attribute, value=value)
        if rule.key is not None and rule.operator is Operator.CONTAINS:
            compared = sql.SQL(
                "{} or jsonb_typeof({list}) = 'array' and jsonb_exists({list}, {value})"
            ).format(compared, list=self._metadata(rule.key, ValueKind.METADATA), value=value)
        return sql.SQL("(({}) is true)").format(compared)

    def _attribute(self, rule: Comparison) -> sql.Composable:
        if rule.key is not None:
            return self._metadata(rule.key, rule.kind)
        return sql.SQL(EXPRESSIONS[rule.attribute.code])

    def _metadata(self, key: str, kind: ValueKind) -> sql.Composable:
        name = sql.SQL("{}::text").format(self._bind(key))
        return sql.SQL(_METADATA[kind]).format(key=name)

    def _operand(self, rule: Comparison) -> Any:
        operand: Operand = rule.operand
        if isinstance(operand, tuple):
            return list(operand)
        if rule.operator in (Operator.WITHIN_DAYS, Operator.NOT_WITHIN_DAYS):
            assert isinstance(operand, int)
            return self._now - timedelta(days=operand)
        if rule.kind is ValueKind.TIME and not isinstance(operand, datetime):
            assert isinstance(operand, date)
            return self._edge_of(operand, rule.operator)
        return operand

    def _edge_of(self, day: date, operator: Operator) -> datetime:
        """Return the moment to compare with: before a day is before it starts, after it ends."""
        midnight = datetime.combine(day, time(), self._zone)
        if operator is Operator.BEFORE:
            return midnight
        last_instant = timedelta(microseconds=1)
        return datetime.combine(day + timedelta(days=1), time(), self._zone) - last_instant

    def _bind(self, value: object) -> sql.Placeholder:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return sql.Placeholder(name)


def _brackets(parts: list[sql.Composable], word: sql.SQL, nothing: sql.SQL) -> sql.Composable:
    return sql.SQL("({})").format(word.join(parts)) if parts else nothing
