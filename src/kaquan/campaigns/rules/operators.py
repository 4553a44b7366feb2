"""The dialect's operators, as bounds, lists of values and comparisons of the engine."""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast

import msgspec

from kaquan.campaigns.rules.check import as_list
from kaquan.campaigns.rules.model import InvalidRules, RuleNotSupported
from kaquan.engine import MAX_MINOR

_AT_LEAST = {"$more_than_or_equal", "$greater_than_or_equal"}
_ABOVE = {"$more_than", "$greater_than"}
_COMPARED = {
    "$is": "one_of",
    "$in": "one_of",
    "$is_not": "none_of",
    "$not_in": "none_of",
    "$contains": "contains",
    "$starts_with": "starts_with",
    "$ends_with": "ends_with",
    "$has_value": "present",
    "$is_unknown": "absent",
}
_WITHOUT_VALUES = {"present", "absent"}


class Range(msgspec.Struct, frozen=True):
    """Whole numbers from ``low`` to ``high``, both inclusive; ``outside`` means all others."""

    low: int | None = None
    high: int | None = None
    outside: bool = False


class Comparison(msgspec.Struct, frozen=True):
    """An operator of the engine's attribute conditions with its values; negated if it says so."""

    operator: str
    values: tuple[str | int | bool, ...] = ()
    negated: bool = False


def read_ranges(conditions: Mapping[str, Any], field: str) -> Iterator[tuple[Range, ...]]:
    """Read conditions on a whole number: all of the groups hold, in each of them any range."""
    for operator, given in conditions.items():
        path = f"{field}.{operator}"
        numbers = [_whole(one, path) for one in as_list(given, path)]
        if not numbers:
            raise InvalidRules("A value is missing.", field=path)
        if operator in {"$is", "$in"}:
            yield tuple(Range(one, one) for one in numbers)
        elif operator in {"$is_not", "$not_in"}:
            for one in numbers:
                yield (Range(one, one, outside=True),)
        else:
            yield (_bound(operator, _one(numbers, path), path),)


def read_texts(conditions: Mapping[str, Any], field: str) -> Iterator[tuple[bool, list[str]]]:
    """Read conditions on membership: whether one of the names has to fit, or none of them."""
    for operator, given in conditions.items():
        path = f"{field}.{operator}"
        if operator not in {"$is", "$in", "$is_not", "$not_in"}:
            message = f"'{operator}' does not go with this rule."
            raise RuleNotSupported(message, field=path)
        names = [_name(one, path) for one in as_list(given, path)]
        if not names:
            raise InvalidRules("A value is missing.", field=path)
        yield operator in {"$is", "$in"}, names


def read_truth(conditions: Mapping[str, Any], field: str) -> bool:
    """Read a condition that is true or false; without one it is true."""
    truth = True
    for operator, given in conditions.items():
        path = f"{field}.{operator}"
        value = _one(as_list(given, path), path)
        if operator not in {"$is", "$is_not"} or not isinstance(value, bool):
            raise InvalidRules("This takes {'$is': [true]} or false.", field=path)
        truth = value if operator == "$is" else not value
    return truth


def read_comparisons(conditions: Mapping[str, Any], field: str) -> Iterator[Comparison]:
    """Read conditions on what was noted; all of them have to hold."""
    for operator, given in conditions.items():
        path = f"{field}.{operator}"
        values = as_list(given, path)
        if operator in _COMPARED:
            yield from _compare(_COMPARED[operator], values, path)
        elif operator == "$not_contain":
            for comparison in _compare("contains", values, path):
                yield msgspec.structs.replace(comparison, negated=True)
        elif operator in _AT_LEAST | _ABOVE | {"$less_than", "$less_than_or_equal"}:
            yield from _compare_size(operator, _number(_one(values, path), path))
        else:
            message = f"'{operator}' cannot be carried out yet."
            raise RuleNotSupported(message, field=path)


def _compare(operator: str, values: list[Any], path: str) -> Iterator[Comparison]:
    if operator in _WITHOUT_VALUES:
        yield Comparison(operator)
        return
    if not values:
        raise InvalidRules("A value is missing.", field=path)
    yield Comparison(operator, tuple(_scalar(one, path) for one in values))


def _compare_size(operator: str, number: Decimal) -> Iterator[Comparison]:
    bound = f"{number:f}"
    more = operator in _AT_LEAST | _ABOVE
    yield Comparison("at_least" if more else "at_most", (bound,))
    if operator in _ABOVE | {"$less_than"}:
        yield Comparison("at_most" if more else "at_least", (bound,), negated=True)


def _bound(operator: str, number: int, path: str) -> Range:
    if operator in _AT_LEAST:
        return Range(low=number)
    if operator in _ABOVE:
        return Range(low=number + 1)
    if operator == "$less_than":
        return Range(high=number - 1)
    if operator == "$less_than_or_equal":
        return Range(high=number)
    message = f"'{operator}' does not go with this rule."
    raise RuleNotSupported(message, field=path)


def _one(values: list[Any], path: str) -> Any:
    if len(values) != 1:
        raise InvalidRules("This takes one value.", field=path)
    return values[0]


def _whole(value: object, path: str) -> int:
    number = _number(value, path)
    if number != number.to_integral_value() or abs(number) > MAX_MINOR:
        raise InvalidRules("This must be a whole number.", field=path)
    return int(number)


def _number(value: object, path: str) -> Decimal:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = Decimal(str(value))
        digits = len(number.as_tuple().digits)
        if not number.is_finite() or digits > 15 or abs(number.adjusted()) > 15:
            raise ValueError
    except (InvalidOperation, ValueError) as error:
        raise InvalidRules("This must be a number.", field=path) from error
    return number


def _name(value: object, path: str) -> str:
    if isinstance(value, dict):
        value = cast("dict[str, Any]", value).get("id")
    if not isinstance(value, str) or not value:
        raise InvalidRules("This must be an id.", field=path)
    return value


def _scalar(value: object, path: str) -> str | int | bool:
    if isinstance(value, float):
        return f"{Decimal(str(value)):f}"
    if isinstance(value, str | int):
        return value
    raise InvalidRules("This must be a text, a number, true or false.", field=path)
