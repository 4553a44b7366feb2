"""Rules over what customers did: done, not_done and aggregate, with conditions and windows."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar, cast

from kaquan.runtime import InvalidInput, words
from kaquan.segments.attributes import Operator, ValueKind
from kaquan.segments.deeds import DEEDS, DeedKind, DeedType, Measure
from kaquan.segments.model import (
    Aggregate,
    Ago,
    AllOf,
    AnyOf,
    Bound,
    CalendarUnit,
    Comparison,
    Deed,
    NotOf,
    Operand,
    Property,
    Rule,
    StartOf,
    Window,
)
from kaquan.segments.operands import check_value_text, closest, read_moment, read_whole_between
from kaquan.segments.value_tests import check_keys, combine, read_test

MOST_TIMES = 1_000_000
MOST_DAYS = 36_500
MOST_HOURS = 24 * 366
_STATUS = "status"

_MEASURED: Mapping[Measure, ValueKind] = {
    Measure.COUNT: ValueKind.NUMBER,
    Measure.DISTINCT: ValueKind.NUMBER,
    Measure.DAYS_SINCE: ValueKind.NUMBER,
    Measure.FIRST: ValueKind.TIME,
    Measure.LAST: ValueKind.TIME,
}
_ADDABLE = (ValueKind.NUMBER, ValueKind.MONEY, ValueKind.METADATA)

Choice = TypeVar("Choice", CalendarUnit, DeedKind, Measure)


class Conditions:
    """Reads the conditions on a deed; ``enter`` counts and bounds the nodes of the whole tree."""

    def __init__(self, enter: Callable[[object, str, int], dict[str, Any]]) -> None:
        self._enter = enter
        self.any_status = False

    def read(self, given: object, path: str, of: DeedType) -> Rule:
        """Read ``where``: a list of conditions that must all hold, or one rule over them."""
        if isinstance(given, list):
            parts = enumerate(cast("list[object]", given))
            return AllOf(tuple(self._rule(part, f"{path}[{n}]", of, 1) for n, part in parts))
        return self._rule(given, path, of, 1)

    def _rule(self, given: object, path: str, of: DeedType, down: int) -> Rule:
        node = self._enter(given, path, down)
        match sorted(node):
            case ["all"]:
                return AllOf(self._rules(node["all"], f"{path}.all", of, down))
            case ["any"]:
                return AnyOf(self._rules(node["any"], f"{path}.any", of, down))
            case ["not"]:
                return NotOf(self._rule(node["not"], f"{path}.not", of, down + 1))
            case ["operator", "property"] | ["operator", "property", "value"]:
                return self._condition(node, path, of)
            case _:
                named = ", ".join(f"'{str(key)[:40]}'" for key in list(node)[:5]) or "nothing"
                message = words(
                    "A condition has all, any, not, or property with operator and value; this one has %(named)s.",
                    named=named,
                )
                raise InvalidInput(message, field=path)

    def _rules(self, given: object, path: str, of: DeedType, down: int) -> tuple[Rule, ...]:
        if not isinstance(given, list):
            raise InvalidInput("This must be a list of conditions.", field=path)
        parts = enumerate(cast("list[object]", given))
        return tuple(self._rule(part, f"{path}[{n}]", of, down + 1) for n, part in parts)

    def _condition(self, node: dict[str, Any], path: str, of: DeedType) -> Rule:
        found = _property(node["property"], f"{path}.property", of)
        attribute, key = found.attribute, found.key
        self.any_status = self.any_status or attribute is of.properties.get(_STATUS)
        test = read_test(node, path, kind=attribute.kind, choices=attribute.choices)

        def compare(operator: Operator, operand: Operand) -> Rule:
            return Comparison(
                attribute=attribute, operator=operator, kind=test.kind, operand=operand, key=key
            )

        return combine(test, compare)


def read_done(node: dict[str, Any], path: str, conditions: Conditions) -> Rule:
    """Read who did a thing so often: ``times`` is at_least (1), at_most or exactly."""
    deed = _deed(node, "done", path, conditions)
    tests = _times(node.get("times", {"at_least": 1}), f"{path}.times")
    rules = tuple(_count(deed, operator, number) for operator, number in tests)
    return rules[0] if len(rules) == 1 else AllOf(rules)


def read_not_done(node: dict[str, Any], path: str, conditions: Conditions) -> Rule:
    """Read who never did a thing."""
    return _count(_deed(node, "not_done", path, conditions), Operator.IS, 0)


def read_aggregate(node: dict[str, Any], path: str, conditions: Conditions) -> Rule:
    """Read who has a measure over their deeds that compares so."""
    deed = _deed(node, "over", path, conditions)
    measure = _choice(node["aggregate"], Measure, f"{path}.aggregate", "measure")
    of = _measured_property(node, path, measure, DEEDS[deed.kind])
    kind = _MEASURED.get(measure) or (
        ValueKind.NUMBER if of is None or of.kind is ValueKind.METADATA else of.kind
    )
    test = read_test(node, path, kind=kind)

    def compare(operator: Operator, operand: Operand) -> Rule:
        if operator in (Operator.HAS_VALUE, Operator.HAS_NO_VALUE) and measure in (
            Measure.COUNT,
            Measure.SUM,
            Measure.DISTINCT,
        ):
            message = words("A %(measure)s always has a value; compare it with 0.", measure=measure)
            raise InvalidInput(message, field=f"{path}.operator")
        return Aggregate(
            measure=measure, deed=deed, of=of, operator=operator, kind=test.kind, operand=operand
        )

    return combine(test, compare)


def _count(deed: Deed, operator: Operator, number: int) -> Aggregate:
    return Aggregate(
        measure=Measure.COUNT,
        deed=deed,
        of=None,
        operator=operator,
        kind=ValueKind.NUMBER,
        operand=Decimal(number),
    )


def _deed(node: dict[str, Any], word: str, path: str, conditions: Conditions) -> Deed:
    kind = _choice(node[word], DeedKind, f"{path}.{word}", "kind of deed")
    of = DEEDS[kind]
    name = None
    if kind is DeedKind.EVENT:
        if "name" not in node:
            raise InvalidInput('Name the event: "name": "…".', field=f"{path}.name")
        name = check_value_text(node["name"], f"{path}.name")
    elif "name" in node:
        raise InvalidInput("Only events have a name.", field=f"{path}.name")
    where = conditions.read(node["where"], f"{path}.where", of) if "where" in node else AllOf(())
    window = read_window(node["within"], f"{path}.within") if "within" in node else Window()
    return Deed(kind=kind, name=name, where=where, window=window, any_status=conditions.any_status)


def _property(given: object, path: str, of: DeedType) -> Property:
    if not isinstance(given, str):
        raise InvalidInput("A property is named by its code, a text.", field=path)
    if given in of.properties:
        attribute = of.properties[given]
        return Property(attribute=attribute, kind=attribute.kind)
    key = of.aliases.get(given)
    if key is None and given.startswith(of.open_prefix) and of.open is not None:
        key = check_value_text(given.removeprefix(of.open_prefix), path)
    if key and of.open is not None:
        return Property(attribute=of.open, kind=of.open.kind, key=key)
    known = [*of.properties, *of.aliases, *([of.open_prefix + "<key>"] if of.open else [])]
    message = words(
        "A %(kind)s has no property '%(given)s'.%(hint)s",
        kind=of.kind,
        given=given[:60],
        hint=closest(given, known),
    )
    raise InvalidInput(message, field=path)


def _measured_property(
    node: dict[str, Any], path: str, measure: Measure, of: DeedType
) -> Property | None:
    place = f"{path}.of"
    if measure not in (Measure.SUM, Measure.AVERAGE, Measure.DISTINCT):
        if "of" in node:
            message = words(
                "A %(measure)s is of the deeds themselves; leave 'of' out.", measure=measure
            )
            raise InvalidInput(message, field=place)
        return None
    if "of" not in node:
        message = words("Say in 'of' which property the %(measure)s is of.", measure=measure)
        raise InvalidInput(message, field=place)
    found = _property(node["of"], place, of)
    if measure is Measure.DISTINCT:
        if found.kind not in (ValueKind.TEXT, ValueKind.METADATA):
            message = words(
                "Distinct values are counted of texts; this is of type %(kind)s.", kind=found.kind
            )
            raise InvalidInput(message, field=place)
        return Property(attribute=found.attribute, kind=ValueKind.TEXT, key=found.key)
    if found.kind not in _ADDABLE:
        message = words(
            "A %(measure)s is of numbers; this is of type %(kind)s.",
            measure=measure,
            kind=found.kind,
        )
        raise InvalidInput(message, field=place)
    is_open = found.kind is ValueKind.METADATA
    return Property(
        attribute=found.attribute,
        kind=ValueKind.NUMBER if is_open else found.kind,
        key=found.key,
    )


def _times(given: object, path: str) -> list[tuple[Operator, int]]:
    words = {
        "at_least": Operator.AT_LEAST,
        "at_most": Operator.AT_MOST,
        "exactly": Operator.IS,
    }
    if not isinstance(given, dict) or not given:
        raise InvalidInput("This must be an object with at_least, at_most or exactly.", field=path)
    node = cast("dict[str, Any]", given)
    check_keys(node, path, needed=frozenset(), allowed=frozenset(words))
    return [
        (words[word], read_whole_between(value, 0, MOST_TIMES, path=f"{path}.{word}"))
        for word, value in node.items()
    ]


def read_window(given: object, path: str) -> Window:
    """Read a window: last_days, last_hours, this (a calendar unit), or from and to."""
    if not isinstance(given, dict):
        raise InvalidInput('This must be an object such as {"last_days": 30}.', field=path)
    node = cast("dict[str, Any]", given)
    match sorted(node):
        case ["last_days"]:
            days = read_whole_between(node["last_days"], 1, MOST_DAYS, path=f"{path}.last_days")
            return Window(start=Ago(days=days))
        case ["last_hours"]:
            hours = read_whole_between(node["last_hours"], 1, MOST_HOURS, path=f"{path}.last_hours")
            return Window(start=Ago(hours=hours))
        case ["this"]:
            return Window(start=StartOf(unit=_unit(node["this"], f"{path}.this")))
        case ["from"] | ["to"] | ["from", "to"]:
            return Window(
                start=_bound(node["from"], f"{path}.from") if "from" in node else None,
                end=_bound(node["to"], f"{path}.to") if "to" in node else None,
            )
        case _:
            raise InvalidInput("This has last_days, last_hours, this, or from and to.", field=path)


def _bound(given: object, path: str) -> Bound:
    if isinstance(given, str):
        return read_moment(given, path)
    if not isinstance(given, dict):
        raise InvalidInput("This must be a date, a time, or an object.", field=path)
    node = cast("dict[str, Any]", given)
    match sorted(node):
        case ["days_ago"]:
            days = read_whole_between(node["days_ago"], 0, MOST_DAYS, path=f"{path}.days_ago")
            return Ago(days=days)
        case ["hours_ago"]:
            hours = read_whole_between(node["hours_ago"], 0, MOST_HOURS, path=f"{path}.hours_ago")
            return Ago(hours=hours)
        case ["start_of"] | ["back", "start_of"]:
            return StartOf(
                unit=_unit(node["start_of"], f"{path}.start_of"),
                back=read_whole_between(node.get("back", 0), 0, 1_000, path=f"{path}.back"),
            )
        case _:
            message = "This has days_ago, hours_ago, or start_of with back."
            raise InvalidInput(message, field=path)


def _unit(given: object, path: str) -> CalendarUnit:
    return _choice(given, CalendarUnit, path, "calendar unit")


def _choice(given: object, kind: type[Choice], path: str, what: str) -> Choice:
    known = [member.value for member in kind]
    if not isinstance(given, str) or given not in known:
        message = words(
            "There is no %(what)s '%(given)s'.%(hint)s",
            what=what,
            given=str(given)[:40],
            hint=closest(str(given), known),
        )
        raise InvalidInput(message, field=path)
    return kind(given)
