"""What rules ask of deeds, gathered: one reading of each table for all measures over it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from psycopg import sql

from kaquan.segments.columns import (
    ALWAYS,
    COUNTED,
    MOMENTS,
    PRODUCT,
    PRODUCT_JOIN,
    PRODUCT_LOOKUP,
    SOURCES,
)
from kaquan.segments.deeds import DeedKind, Measure
from kaquan.segments.instant import window_span
from kaquan.segments.model import Aggregate, Comparison, Consented, Deed, Property, Rule
from kaquan.segments.references import inner_rules

if TYPE_CHECKING:
    from kaquan.segments.compile import Compiler

_AND = sql.SQL(" and ")


class Fact(NamedTuple):
    """The columns of a measure: its value (of an average: the total), and how many it is of."""

    value: sql.Composable
    number: sql.Composable


class _Column(NamedTuple):
    deed: Deed
    text: sql.Composable
    """The aggregate function with its argument, without a filter."""


class Facts:
    """Collects measures, each table's under one alias, and writes the joins that give them."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._columns: dict[DeedKind, list[_Column]] = {}
        self._known: dict[tuple[Measure, Deed, Property | None], Fact] = {}
        self._filters: dict[Deed, sql.Composable] = {}
        self._consents: dict[Consented, sql.Composable] = {}

    def measure(self, rule: Aggregate) -> Fact:
        """Return the columns of an aggregate's measure."""
        key = (rule.measure, rule.deed, rule.of)
        if key not in self._known:
            self._known[key] = self._add(rule)
        return self._known[key]

    def shown(self, rule: Aggregate) -> sql.Composable:
        """Return a measure as it is shown to people: an average divided, nothing as 0 if it is."""
        fact = self.measure(rule)
        match rule.measure:
            case Measure.AVERAGE:
                return sql.SQL("round({} / nullif({}, 0), 2)").format(fact.value, fact.number)
            case Measure.DAYS_SINCE:
                text = "floor(extract(epoch from %(now)s - {}) / 86400)"
                return sql.SQL(text).format(fact.value)
            case Measure.COUNT | Measure.SUM | Measure.DISTINCT:
                return sql.SQL("coalesce({}, 0)").format(fact.value)
            case _:
                return fact.value

    def consent(self, rule: Consented) -> sql.Composable:
        """Return the column of a latest decision, null where there is none."""
        if rule not in self._consents:
            self._consents[rule] = sql.Identifier("f_consent", f"v{len(self._consents)}")
        return self._consents[rule]

    def joins(self, *, each: bool) -> sql.Composable:
        """Return the joins of all facts, for each customer singly or for all of them at once."""
        joins = [self._join(kind, columns, each=each) for kind, columns in self._columns.items()]
        if self._consents:
            joins.append(self._consent_join(each=each))
        return sql.SQL("").join(joins)

    def _add(self, rule: Aggregate) -> Fact:
        deed = rule.deed
        of = sql.SQL("*") if rule.of is None else self._property(rule.of)
        moment = sql.SQL(MOMENTS[deed.kind])
        match rule.measure:
            case Measure.COUNT:
                texts = [sql.SQL("count(*)")]
            case Measure.SUM:
                texts = [sql.SQL("sum({})").format(of)]
            case Measure.AVERAGE:
                texts = [sql.SQL("sum({})").format(of), sql.SQL("count({})").format(of)]
            case Measure.DISTINCT:
                texts = [sql.SQL("count(distinct {})").format(of)]
            case Measure.FIRST:
                texts = [sql.SQL("min({})").format(moment)]
            case Measure.LAST | Measure.DAYS_SINCE:
                texts = [sql.SQL("max({})").format(moment)]
        if deed not in self._filters:
            self._filters[deed] = self._filter(deed)
        columns = self._columns.setdefault(deed.kind, [])
        names: list[sql.Composable] = []
        for text in texts:
            names.append(sql.Identifier(f"f_{deed.kind}", f"v{len(columns)}"))
            columns.append(_Column(deed, text))
        return Fact(names[0], names[-1])

    def _property(self, of: Property) -> sql.Composable:
        return self._compiler.expression(of.attribute.code, of.key, of.kind)

    def _filter(self, deed: Deed) -> sql.Composable:
        kind, compiler = deed.kind, self._compiler
        low, high = window_span(deed.window, compiler.at)
        parts = [compiler.span(sql.SQL(MOMENTS[kind]), low, high), compiler.condition(deed.where)]
        if not deed.any_status:
            parts.append(sql.SQL(COUNTED[kind]))
        if deed.name is not None:
            parts.append(sql.SQL("d.name = {}::text").format(compiler.bind(deed.name)))
        return _AND.join(parts)

    def _join(self, kind: DeedKind, columns: list[_Column], *, each: bool) -> sql.Composable:
        deeds = list(dict.fromkeys(column.deed for column in columns))
        conditions: list[sql.Composable] = [sql.SQL(ALWAYS[kind])] if kind in ALWAYS else []
        if len(deeds) == 1:
            conditions.append(self._filters[deeds[0]])
            texts: list[sql.Composable] = [column.text for column in columns]
        else:
            conditions.append(self._widest_span(kind, deeds))
            texts = [
                sql.SQL("{} filter (where {})").format(column.text, self._filters[column.deed])
                for column in columns
            ]
        source = sql.SQL(SOURCES[kind])
        if any(_needs_product(column.deed.where) for column in columns) or any(
            of is not None and of.attribute.code in PRODUCT
            for _, deed, of in self._known
            if deed.kind is kind
        ):
            join = PRODUCT_LOOKUP if each else PRODUCT_JOIN
            source = sql.SQL("{}{}").format(source, sql.SQL(join))
        return _joined(f"f_{kind}", texts, source, conditions, each=each)

    def _widest_span(self, kind: DeedKind, deeds: list[Deed]) -> sql.Composable:
        spans = [window_span(deed.window, self._compiler.at) for deed in deeds]
        lows = [low for low, _ in spans]
        low: datetime | None = None if None in lows else min(one for one in lows if one)
        high = max(high for _, high in spans)
        return self._compiler.span(sql.SQL(MOMENTS[kind]), low, high)

    def _consent_join(self, *, each: bool) -> sql.Composable:
        bind = self._compiler.bind
        texts = [
            sql.SQL(
                "(array_agg(d.granted order by d.at desc)"
                " filter (where d.channel = {}::text and d.purpose = {}::text))[1]"
            ).format(bind(rule.channel), bind(rule.purpose))
            for rule in self._consents
        ]
        return _joined("f_consent", texts, sql.SQL("consent d"), [], each=each)


def _joined(
    alias: str,
    texts: Sequence[sql.Composable],
    source: sql.Composable,
    conditions: Sequence[sql.Composable],
    *,
    each: bool,
) -> sql.Composable:
    columns = [
        sql.SQL("{} as {}").format(text, sql.Identifier(f"v{index}"))
        for index, text in enumerate(texts)
    ]
    if each:
        return sql.SQL(" left join lateral (select {} from {} where {}) {} on true").format(
            sql.SQL(", ").join(columns),
            source,
            _AND.join([sql.SQL("d.customer_id = c.id"), *conditions]),
            sql.Identifier(alias),
        )
    return sql.SQL(
        " left join (select d.customer_id, {} from {} where {} group by d.customer_id) {alias}"
        " on {alias}.customer_id = c.id"
    ).format(
        sql.SQL(", ").join(columns),
        source,
        _AND.join([sql.SQL("d.customer_id is not null"), *conditions]),
        alias=sql.Identifier(alias),
    )


def _needs_product(rule: Rule) -> bool:
    if isinstance(rule, Comparison):
        return rule.attribute.code in PRODUCT
    return any(_needs_product(inner) for inner in inner_rules(rule))
