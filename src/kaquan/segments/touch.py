"""What can move a customer in or out of a segment: changes of data, and the passing of time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import LiteralString

from psycopg import sql

from kaquan.segments.attributes import METADATA, SCORE, Operator, ValueKind
from kaquan.segments.columns import MOMENTS, PRODUCT, PRODUCT_JOIN, SOURCES
from kaquan.segments.compile import Compiler, brackets
from kaquan.segments.deeds import DeedKind, Measure
from kaquan.segments.instant import (
    DaySpan,
    Instant,
    TimeSpan,
    anniversary_days,
    day_span,
    days_since_spans,
    lifecycle_marks,
    time_span,
    window_span,
)
from kaquan.segments.model import (
    Aggregate,
    Anniversary,
    Comparison,
    Consented,
    Deed,
    InSegment,
    Listed,
    Rule,
)
from kaquan.segments.references import walk

CREATED = "customer"
"""The topic of customers who are entered or erased: it touches every segment."""

_OF_ORDERS = frozenset(
    {
        "order_count",
        "spend_minor",
        "average_order_minor",
        "first_order_at",
        "last_order_at",
        "days_since_last_order",
        "lifecycle",
    }
)
_OF_ADDRESS = frozenset({"city", "state", "country", "postal_code"})


def topics_of(rule: Rule, members: Mapping[str, Rule]) -> set[str]:
    """Return the changes that can touch a segment, as topics.

    A topic is a word with parts after dots; it stands for all topics that begin with it.
    """
    found = {CREATED}
    for one in walk(rule, members):
        found.update(_topics(one, members))
    return found


def is_touched(topics: set[str], by: set[str]) -> bool:
    """Tell whether changes can touch a segment: a topic of each is the same or begins the other."""
    return any(
        topic == change or topic.startswith(f"{change}.") or change.startswith(f"{topic}.")
        for change in by
        for topic in topics
    )


def crossing_queries(rule: Rule, *, since: Instant, compiler: Compiler) -> list[sql.Composable]:
    """Return queries that give all customers whom time alone can have moved.

    From ``since`` to the compiler's instant; customers whom anything else touched are not
    looked for. A rule that no clock turns has no queries.
    """
    crossing = _Crossing(since, compiler)
    queries: list[sql.Composable] = []
    for one in walk(rule, compiler.members):
        queries.extend(crossing.queries(one))
    return queries


def _topics(rule: Rule, members: Mapping[str, Rule]) -> Iterator[str]:
    match rule:
        case Comparison() | Anniversary():
            yield _attribute_topic(rule.attribute.code)
        case Consented():
            yield "consent"
        case Listed():
            yield "profile.source_id"
        case InSegment(references):
            yield from (f"segment.{one}" for one in references if one not in members)
        case Aggregate():
            yield from _deed_topics(rule)
        case _:
            pass


def _attribute_topic(code: str) -> str:
    if code in _OF_ORDERS:
        return "order"
    if code in _OF_ADDRESS:
        return "profile.address"
    if code.startswith("rfm.") or code == "value_tier":
        return "rfm"
    if code == SCORE.code:
        return "score"
    return {"id": CREATED, "age": "profile.birth_date"}.get(code, f"profile.{code}")


def _deed_topics(rule: Aggregate) -> Iterator[str]:
    kind = rule.deed.kind
    match kind:
        case DeedKind.EVENT:
            yield f"event.{rule.deed.name}"
        case DeedKind.ORDER_LINE:
            yield "order"
        case _:
            yield kind.value
    named = [one for one in walk(rule.deed.where, {}) if isinstance(one, Comparison)]
    codes = {one.attribute.code for one in named}
    if rule.of is not None:
        codes.add(rule.of.attribute.code)
    if codes & set(PRODUCT):
        yield "product"
    if any(code.endswith(".location") for code in codes):
        yield "location"
    if any(code.endswith(".campaign_name") for code in codes):
        yield "campaign"


class _Crossing:
    def __init__(self, since: Instant, compiler: Compiler) -> None:
        self._since, self._until, self._compiler = since, compiler.at, compiler

    def queries(self, rule: Rule) -> Iterator[sql.Composable]:
        match rule:
            case Aggregate():
                yield from self._of_deed(rule)
            case Anniversary():
                yield from self._of_anniversary(rule)
            case Comparison():
                yield from self._of_attribute(rule)
            case _:
                pass

    def _of_deed(self, rule: Aggregate) -> Iterator[sql.Composable]:
        deed = rule.deed
        spans = [window_span(deed.window, at) for at in (self._since, self._until)]
        yield from self._deeds(deed, spans)
        yield from self._conditions(deed)
        match rule.measure:
            case Measure.FIRST | Measure.LAST if rule.operand is not None:
                ends = [
                    time_span(rule.operator, rule.operand, at) for at in (self._since, self._until)
                ]
                yield from self._deeds(deed, ends)
            case Measure.DAYS_SINCE if rule.operand is not None:
                for pair in self._days_since(rule.operator, rule):
                    yield from self._deeds(deed, pair)
            case _:
                pass

    def _of_attribute(self, rule: Comparison) -> Iterator[sql.Composable]:
        code, operator = rule.attribute.code, rule.operator
        if code == "lifecycle":
            marks = zip(lifecycle_marks(self._since), lifecycle_marks(self._until), strict=True)
            for before, after in marks:
                yield from self._orders([(before, None), (after, None)])
        elif code == "age":
            yield from self._birthdays()
        elif rule.operand is None:
            return
        elif code == "days_since_last_order":
            for pair in self._days_since(operator, rule):
                yield from self._orders(pair)
        elif rule.kind is ValueKind.TIME:
            ends = [time_span(operator, rule.operand, at) for at in (self._since, self._until)]
            if code in ("first_order_at", "last_order_at"):
                yield from self._orders(ends)
            else:
                yield from self._customers(sql.SQL("c.created_at"), ends)
        elif rule.kind is ValueKind.DATE and operator is not Operator.IS:
            days = [day_span(operator, rule.operand, at) for at in (self._since, self._until)]
            yield from self._dates(rule, days)

    def _days_since(
        self, operator: Operator, rule: Comparison | Aggregate
    ) -> Iterator[list[TimeSpan]]:
        before, after = (
            days_since_spans(operator, rule.operand, at) for at in (self._since, self._until)
        )
        yield from (list(pair) for pair in zip(before, after, strict=True))

    def _orders(self, spans: Sequence[TimeSpan]) -> Iterator[sql.Composable]:
        """A first or latest order that crosses is an order that does."""
        yield from self._deeds(Deed(kind=DeedKind.ORDER), spans)

    def _deeds(self, deed: Deed, spans: Sequence[TimeSpan]) -> Iterator[sql.Composable]:
        # The lines of an order cross when it does, and orders have an index by time.
        kind = DeedKind.ORDER if deed.kind is DeedKind.ORDER_LINE else deed.kind
        moment = sql.SQL(MOMENTS[kind])
        crossed = self._crossed(moment, spans, "timestamptz")
        if crossed is None:
            return
        name = (
            sql.SQL("true")
            if deed.name is None
            else sql.SQL("d.name = {}::text").format(self._compiler.bind(deed.name))
        )
        yield sql.SQL(
            "select d.customer_id from {} where d.customer_id is not null and {} and {}"
        ).format(sql.SQL(SOURCES[kind]), name, crossed)

    def _conditions(self, deed: Deed) -> Iterator[sql.Composable]:
        """Deeds that a condition on a date of theirs begins or ceases to hold of."""
        for rule in walk(deed.where, {}):
            if not isinstance(rule, Comparison) or rule.kind is not ValueKind.DATE:
                continue
            days = [day_span(rule.operator, rule.operand, at) for at in (self._since, self._until)]
            crossed = self._crossed(self._compiler.value(rule), _as_texts(days), "text")
            if crossed is not None:
                source = SOURCES[deed.kind]
                join = PRODUCT_JOIN if rule.attribute.code in PRODUCT else ""
                yield sql.SQL(
                    "select d.customer_id from {}{} where d.customer_id is not null and {}"
                ).format(sql.SQL(source), sql.SQL(join), crossed)

    def _customers(
        self, left: sql.Composable, spans: Sequence[TimeSpan]
    ) -> Iterator[sql.Composable]:
        crossed = self._crossed(left, spans, "timestamptz")
        if crossed is not None:
            yield sql.SQL("select c.id from customer c where {}").format(crossed)

    def _dates(self, rule: Comparison, spans: Sequence[DaySpan]) -> Iterator[sql.Composable]:
        left = self._compiler.value(rule)
        if rule.attribute == METADATA:
            crossed = self._crossed(left, _as_texts(spans), "text")
        else:
            crossed = self._crossed(left, spans, "date")
        if crossed is not None:
            yield sql.SQL("select c.id from customer c where {}").format(crossed)

    def _of_anniversary(self, rule: Anniversary) -> Iterator[sql.Composable]:
        before, after = (anniversary_days(rule, at) for at in (self._since, self._until))
        if before == after:
            return
        codes = sorted(set(before[0]) ^ set(after[0])) or before[0]
        day = self._compiler.expression(rule.attribute.code, None, rule.attribute.kind)
        if rule.attribute.kind is ValueKind.TIME:
            zone = self._compiler.bind(self._until.zone.key)
            day = sql.SQL("({} at time zone {}::text)::date").format(day, zone)
        # Where the window moved past a date itself, that date's first anniversary begins to count.
        yield sql.SQL(
            "select c.id from customer c left join customer_summary s"
            " on s.project_id = c.project_id and s.customer_id = c.id"
            " where (extract(month from {day}) * 100 + extract(day from {day}))::integer"
            " = any({codes}::integer[]) or {moved}"
        ).format(
            day=day,
            codes=self._compiler.bind(codes),
            moved=self._crossed(day, [(before[1], None), (after[1], None)], "date")
            or sql.SQL("false"),
        )

    def _birthdays(self) -> Iterator[sql.Composable]:
        if self._since.today != self._until.today:
            yield sql.SQL(
                "select c.id from customer c"
                " where extract(month from c.birth_date) * 100 + extract(day from c.birth_date)"
                " between {} and {} or {}"
            ).format(*self._birthday_range())

    def _birthday_range(self) -> tuple[sql.Composable, sql.Composable, sql.Composable]:
        first, last = self._since.today, self._until.today
        low, high = first.month * 100 + first.day, last.month * 100 + last.day
        whole = sql.SQL("true") if first.year != last.year else sql.SQL("false")
        bind = self._compiler.bind
        return bind(low), bind(high), whole

    def _crossed(
        self,
        left: sql.Composable,
        spans: Sequence[TimeSpan] | Sequence[DaySpan] | Sequence[tuple[str | None, ...]],
        as_type: LiteralString,
    ) -> sql.Composable | None:
        """Return what lies between an end of a span as it was and as it is."""
        parts: list[sql.Composable] = []
        for before, after in zip(*spans, strict=True):
            if before is not None and after is not None and before != after:
                low, high = sorted([before, after])  # pyright: ignore[reportArgumentType]
                parts.append(self._compiler.span(left, low, high, as_type=as_type))
        return brackets(parts, sql.SQL(" or "), sql.SQL("false")) if parts else None


def _as_texts(spans: Sequence[DaySpan]) -> list[tuple[str | None, ...]]:
    return [tuple(None if end is None else end.isoformat() for end in span) for span in spans]
