"""Mapping what a source sends to our objects: rules as data, errors with the place in the body."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, cast

from msgspec import UNSET, UnsetType

from kaquan.connectors.amounts import read_count, read_money
from kaquan.connectors.model import Rule
from kaquan.runtime import InvalidInput

_PATH = re.compile(r"(?:\$|\w[\w-]*|\[\d+\])(?:\.\w[\w-]*|\[\d+\])*")
_STEP = re.compile(r"[^.\[\]]+")
_MEMBERS = frozenset(
    [
        *("path", "value", "first", "sum", "join", "each", "fields"),
        *("map", "default", "nothing", "where", "with", "unit", "absolute", "unless"),
    ]
)
DEEPEST = 6


class Place:
    """A place in a body: the value there, and what it is called in messages."""

    def __init__(self, value: Any, path: str, root: "Place | None" = None) -> None:
        self.value, self.path = value, path
        self.root = self if root is None else root

    def follow(self, path: str) -> "Place":
        """Return the place that a path leads to; its value is None where nothing is."""
        start = self.root if path.startswith("$") else self
        value, name = start.value, start.path
        for step in _STEP.findall(path.removeprefix("$")):
            if isinstance(value, dict):
                value = cast("dict[str, Any]", value).get(step)
                name = f"{name}.{step}" if name else step
            elif isinstance(value, list) and step.isdigit():
                items = cast("list[Any]", value)
                value = items[int(step)] if int(step) < len(items) else None
                name = f"{name}[{step}]"
            else:
                value, name = None, f"{name}.{step}" if name else step
        return Place(value, name, self.root)


class Money:
    """How amounts are written: decimals of a currency's whole unit, or minor units."""

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def read(self, value: Any, field: str, rule: Mapping[str, Any]) -> int:
        """Return an amount in minor units. Raises InvalidInput."""
        digits = 0 if rule.get("unit") == "minor" else self.digits
        amount = read_money(value, digits=digits, field=field)
        amount = abs(amount) if rule.get("absolute") else amount
        if amount < 0:
            raise InvalidInput("This cannot be less than nothing.", field=field)
        return amount


def read_value(place: Place, rule: Rule, kind: str, money: Money) -> Any:
    """Return the value that a rule finds, as what its target wants; UNSET where there is none.

    ``kind`` is text, money, count, time, date or any. Raises InvalidInput with the place.
    """
    given: dict[str, Any] = {"path": rule} if isinstance(rule, str) else rule
    if "unless" in given and place.follow(given["unless"]).value:
        return UNSET
    if "first" in given:
        found_values = (read_value(place, one, kind, money) for one in given["first"])
        return next((one for one in found_values if one is not UNSET), UNSET)
    if "value" in given:
        return _as(given["value"], kind, place.path, money, given)
    if "sum" in given:
        return _sum(place, given, money)
    if "join" in given:
        parts = [read_value(place, one, "text", money) for one in given["join"]]
        return given.get("with", " ").join(part for part in parts if part) or UNSET
    found = _find(place, given)
    value = found.value
    if "map" in given:
        table: dict[str, Any] = given["map"]
        named = str(value).lower() if isinstance(value, bool) else str(value)
        value = table.get(named, table.get("*")) if value is not None else None
    if value is None or value == "":
        value = given.get("default")
    return UNSET if value is None else _as(value, kind, found.path, money, given)


def read_fields(
    place: Place, rules: Mapping[str, Rule], kinds: Mapping[str, str], money: Money
) -> dict[str, Any]:
    """Return the values of an object's targets, those left out that are not there."""
    found = {
        target: read_value(place, rule, kinds.get(target, "any"), money)
        for target, rule in rules.items()
    }
    return {target: value for target, value in found.items() if value is not UNSET}


def list_items(place: Place, rule: Rule) -> list[Place]:
    """Return the places of the items that an ``each`` rule leads to; none where there is no list."""
    assert isinstance(rule, dict)
    found = place.follow(rule["each"])
    if found.value is None:
        return []
    listed: object = found.value
    if not isinstance(listed, list):
        raise InvalidInput("This must be a list.", field=found.path)
    items = [
        Place(one, f"{found.path}[{index}]", place.root)
        for index, one in enumerate(cast("list[Any]", listed))
    ]
    wanted: dict[str, Any] = rule.get("where", {})
    return [one for one in items if all(one.follow(p).value == v for p, v in wanted.items())]


def check_rule(rule: object, field: str, *, depth: int = 0) -> None:
    """Raise InvalidInput for what is no rule; ``field`` is the rule's own place in the mapping."""
    if isinstance(rule, str):
        _check_path(rule, field)
        return
    if not isinstance(rule, dict) or depth > DEEPEST:
        message = f"A rule is a path or an object, at most {DEEPEST} deep."
        raise InvalidInput(message, field=field)
    given = cast("dict[str, Any]", rule)
    for name in given.keys() - _MEMBERS:
        message = f"A rule has no member '{name[:60]}'."
        raise InvalidInput(message, field=f"{field}.{name[:60]}")
    if not given.keys() & {"path", "value", "first", "each", "fields", "sum", "join"}:
        raise InvalidInput(
            "A rule needs path, value, first, each, fields, sum or join.", field=field
        )
    for name in ("each", "unless"):
        if name in given:
            _check_path(given[name], f"{field}.{name}")
    for place, path in enumerate(_paths(given)):
        _check_path(path, f"{field}.path[{place}]" if isinstance(given["path"], list) else field)
    for name in ("sum", "join", "first", "nothing"):
        if name in given and not isinstance(given[name], list):
            raise InvalidInput("This must be a list.", field=f"{field}.{name}")
        if name in given and name != "nothing":
            for place, one in enumerate(cast("list[object]", given[name])):
                check_rule(one, f"{field}.{name}[{place}]", depth=depth + 1)
    for name in ("fields", "map", "where"):
        if name in given and not isinstance(given[name], dict):
            raise InvalidInput("This must be an object.", field=f"{field}.{name}")
    if not isinstance(given.get("with", ""), str):
        raise InvalidInput("This must be a text.", field=f"{field}.with")
    for name, one in given.get("fields", {}).items():
        check_rule(one, f"{field}.fields.{name}", depth=depth + 1)
    for path in given.get("where", {}):
        _check_path(path, f"{field}.where")
    if given.get("unit", "major") not in ("major", "minor"):
        raise InvalidInput("A unit is 'major' or 'minor'.", field=f"{field}.unit")


def _paths(given: Mapping[str, Any]) -> list[Any]:
    path = given.get("path", [])
    return cast("list[Any]", path) if isinstance(path, list) else [path]


def _check_path(path: object, field: str) -> None:
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        message = "A path is like customer.email, line_items[0].sku or $.currency."
        raise InvalidInput(message, field=field)


def _find(place: Place, given: Mapping[str, Any]) -> Place:
    """The first of the rule's paths that leads to something."""
    nothing: list[Any] = [None, "", *given.get("nothing", [])]
    found = [place.follow(path) for path in _paths(given)] or [place]
    there = [one for one in found if one.value not in nothing]
    return there[0] if there else Place(None, found[0].path, place.root)


def _sum(place: Place, given: Mapping[str, Any], money: Money) -> int | UnsetType:
    total, any_there = 0, False
    for rule in given["sum"]:
        if isinstance(rule, dict) and "each" in rule:
            of = cast("dict[str, Any]", rule)
            inner = {name: value for name, value in of.items() if name not in ("each", "where")}
            amounts = [read_value(one, inner, "money", money) for one in list_items(place, of)]
        else:
            amounts = [read_value(place, cast("Rule", rule), "money", money)]
        for amount in amounts:
            if amount is not UNSET:
                total, any_there = total + amount, True
    return total if any_there else UNSET


def _as(value: Any, kind: str, field: str, money: Money, rule: Mapping[str, Any]) -> Any:
    if kind == "money":
        return money.read(value, field, rule)
    return _READERS[kind](value, field)


def _text(value: Any, field: str) -> str | UnsetType:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidInput("This must be a text.", field=field)
    return str(value).strip() or UNSET


def _count(value: Any, field: str) -> int:
    return read_count(value, least=0, field=field)


def _time(value: Any, field: str) -> datetime:
    """ISO 8601, as UTC where it has no offset; or seconds since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, tz=UTC)
        moment = datetime.fromisoformat(cast("str", value))
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidInput("This must be a time in ISO 8601.", field=field) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _date(value: Any, field: str) -> date:
    try:
        return datetime.fromisoformat(value).date()
    except (TypeError, ValueError) as error:
        raise InvalidInput("This must be a date in ISO 8601.", field=field) from error


def _any(value: Any, field: str) -> Any:
    del field
    return value


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "text": _text,
    "count": _count,
    "time": _time,
    "date": _date,
    "any": _any,
}
