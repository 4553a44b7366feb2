"""What rules ask of deeds and of tables beside the customer's, as Ibis tables to be joined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kaquan.segments.attributes import SCORE, Operator, ValueKind
from kaquan.segments.deeds import DeedKind, Measure
from kaquan.segments.instant import window_span
from kaquan.segments.lake import PURCHASES
from kaquan.segments.model import Aggregate, Comparison, Consented, Deed, Property, Rule
from kaquan.segments.references import walk

if TYPE_CHECKING:
    from kaquan.segments.frames import FrameCompiler

PARTS: Mapping[ValueKind, str] = {
    ValueKind.TEXT: "text",
    ValueKind.NUMBER: "number",
    ValueKind.BOOLEAN: "flag",
    ValueKind.DATE: "day",
    ValueKind.METADATA: "keys",
}
"""Which of the columns that an object is spread into holds its values of a kind."""
_ATTRIBUTE = "order_line.attribute"
_BY_STATUS = (DeedKind.ORDER, DeedKind.ORDER_LINE)


class FactColumns(NamedTuple):
    """Names of a measure's columns: its value (of an average: the total), and how many."""

    value: str
    number: str


class FrameFacts:
    """Collects what a tree asks, and joins it to the customers: one reading of each table."""

    def __init__(self, compiler: FrameCompiler) -> None:
        self._compiler = compiler
        self._measures: dict[tuple[Measure, Deed, Property | None], FactColumns] = {}
        self._scores: dict[str, str] = {}
        self._products: dict[str, set[str]] = {}

    def joined(self, rule: Rule, customers: Any) -> Any:
        """Return the customers with the columns of everything that a tree asks beside them."""
        rules = list(walk(rule, self._compiler.members))
        for one in rules:
            if isinstance(one, Aggregate):
                self._register(one)
            elif isinstance(one, Comparison) and one.attribute == SCORE:
                self._scores.setdefault(str(one.key), f"score_{len(self._scores)}")
        table = customers
        for kind in DeedKind:
            keys = [key for key in self._measures if key[1].kind is kind]
            if keys:
                fact = self._fact(kind, keys)
                table = table.left_join(fact, table["id"] == fact[f"{kind}_customer"])
        for name, column in self._scores.items():
            table = self._with_score(table, name, column)
        return table

    def columns(self, rule: Aggregate) -> FactColumns:
        """Return the columns of a measure."""
        return self._measures[rule.measure, rule.deed, rule.of]

    def score_column(self, name: str) -> str:
        """Return the column of a prediction."""
        return self._scores[name]

    def product_column(self, key: str, part: str) -> str:
        """Return the column that a product's attribute has beside each line."""
        return f"a{list(self._products).index(key)}_{part}"

    def consented(self, rule: Consented) -> Any:
        """Return the ids of those who consented."""
        bind = self._compiler.parameters.bind
        consent = self._compiler.table("consent")
        return consent.filter(
            consent["channel"] == bind(rule.channel, "string"),
            consent["purpose"] == bind(rule.purpose, "string"),
            consent["granted"],
        )["customer_id"]

    def stored_members(self, segment_id: str) -> Any:
        """Return the ids of a static segment's members."""
        member = self._compiler.table("member")
        bound = self._compiler.parameters.bind(segment_id, "string")
        return member.filter(member["segment_id"] == bound)["customer_id"]

    def _register(self, rule: Aggregate) -> None:
        key = (rule.measure, rule.deed, rule.of)
        if key in self._measures:
            return
        name = f"{rule.deed.kind}_{len(self._measures)}"
        of_average = rule.measure is Measure.AVERAGE
        self._measures[key] = FactColumns(name, f"{name}_n" if of_average else name)
        asked = [one for one in walk(rule.deed.where, {}) if isinstance(one, Comparison)]
        for one in (*asked, *([rule.of] if rule.of is not None else ())):
            if one.attribute.code == _ATTRIBUTE and one.key is not None:
                self._products.setdefault(one.key, set()).update(_parts_asked(one))

    def _fact(self, kind: DeedKind, keys: list[tuple[Measure, Deed, Property | None]]) -> Any:
        deeds = list(dict.fromkeys(deed for _, deed, _ in keys))
        table = self._deeds(kind)
        if len(deeds) == 1:
            table = table.filter(self._filter(deeds[0], table))
            conditions = {deeds[0]: None}
        else:
            table = table.filter(self._widest_span(deeds, table))
            conditions = {deed: self._filter(deed, table) for deed in deeds}
        columns: dict[str, Any] = {}
        for measure, deed, of in keys:
            names, where = self._measures[measure, deed, of], conditions[deed]
            columns |= self._aggregates(table, measure, of, names=names, where=where)
        fact = table.group_by(**{f"{kind}_customer": table["customer_id"]})
        return fact.aggregate(**columns)

    def _aggregates(
        self, table: Any, measure: Measure, of: Property | None, *, names: FactColumns, where: Any
    ) -> dict[str, Any]:
        if of is None:
            at = table["at"]
            match measure:
                case Measure.COUNT:
                    return {names.value: table.count(where=where)}
                case Measure.FIRST:
                    return {names.value: at.min(where=where)}
                case _:
                    return {names.value: at.max(where=where)}
        value = self._compiler.value(
            table, of.attribute.code, of.key, "text" if measure is Measure.DISTINCT else "number"
        )
        match measure:
            case Measure.DISTINCT:
                return {names.value: value.nunique(where=where)}
            case Measure.SUM:
                return {names.value: _exact(value).sum(where=where)}
            case _:
                return {
                    names.value: _exact(value).sum(where=where),
                    names.number: value.count(where=where),
                }

    def _deeds(self, kind: DeedKind) -> Any:
        table = self._compiler.table(kind.value)
        if kind is not DeedKind.ORDER_LINE or not self._products:
            return table
        product = self._compiler.table("product")
        bind = self._compiler.parameters.bind
        columns: dict[str, Any] = {"line_product": product["id"]}
        for key, parts in self._products.items():
            for part in sorted(parts):
                spread, bound = product[f"attribute_{part}"], bind(key, "string")
                columns[self.product_column(key, part)] = (
                    spread.contains(bound) if part == "keys" else spread.get(bound)
                )
        goods = product.select(**columns)
        return table.left_join(goods, table["product_id"] == goods["line_product"])

    def _filter(self, deed: Deed, table: Any) -> Any:
        compiler = self._compiler
        low, high = window_span(deed.window, compiler.at)
        condition = compiler.span(table["at"], low, high, "timestamp('UTC')")
        condition &= compiler.condition(deed.where, table)
        if deed.name is not None:
            condition &= table["name"] == compiler.parameters.bind(deed.name, "string")
        if deed.any_status:
            return condition
        if deed.kind in _BY_STATUS:
            condition &= table["status"].isin(PURCHASES)
        elif deed.kind is DeedKind.MESSAGE:
            condition &= table["status"] != "failed"
        return condition

    def _widest_span(self, deeds: list[Deed], table: Any) -> Any:
        spans = [window_span(deed.window, self._compiler.at) for deed in deeds]
        lows = [low for low, _ in spans if low is not None]
        low = min(lows) if len(lows) == len(spans) else None
        high = max(high for _, high in spans)
        return self._compiler.span(table["at"], low, high, "timestamp('UTC')")

    def _with_score(self, table: Any, name: str, column: str) -> Any:
        score = self._compiler.table("score")
        bound = self._compiler.parameters.bind(name, "string")
        named = score.filter(score["name"] == bound).select(
            **{f"{column}_customer": score["customer_id"], column: score["value"]}
        )
        return table.left_join(named, table["id"] == named[f"{column}_customer"])


def _parts_asked(of: Comparison | Property) -> set[str]:
    if isinstance(of, Comparison) and of.operator is Operator.CONTAINS:
        return {PARTS[of.kind], "items"}
    return {PARTS[of.kind]}


def _exact(value: Any) -> Any:
    """Widen a number so that no sum of it overflows."""
    return value.cast("decimal(28, 0)") if value.type().is_integer() else value
