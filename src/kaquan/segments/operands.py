"""The values that attributes are compared with: read by the attribute's type."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar, cast

from kaquan.runtime import InvalidInput, Sentence, words
from kaquan.segments.attributes import Operator, ValueKind
from kaquan.segments.model import Operand, Scalar

LONGEST_LIST = 10_000
LONGEST_TEXT = 1_000
MOST_DAYS = 36_500
LARGEST_NUMBER = 2**53 - 1
EARLIEST_YEAR, LATEST_YEAR = 1900, 2999

_FINEST = Decimal("1e-9")
_IN_DAYS = (Operator.WITHIN_DAYS, Operator.NOT_WITHIN_DAYS, Operator.WITHIN_NEXT_DAYS)
_OF_DATES = (Operator.BEFORE, Operator.AFTER, *_IN_DAYS)

Day = TypeVar("Day", date, datetime)


def read_operand(
    value: object, kind: ValueKind, operator: Operator, *, choices: Sequence[str], path: str
) -> Operand:
    """Return the value that an attribute of ``kind`` is compared with, in its Python type.

    Raises InvalidInput with the path of a value of another type, out of range, or not among the
    ``choices`` when there are any.
    """
    if operator in _IN_DAYS:
        return read_whole_between(value, 0, MOST_DAYS, path=path)
    if operator is not Operator.IN:
        return _chosen(_READERS[kind](value, path), choices, path)
    if not isinstance(value, list):
        raise InvalidInput("This must be a list of values.", field=path)
    items = cast("list[object]", value)
    if len(items) > LONGEST_LIST:
        message = words("A list may have %(longest_list)s values.", longest_list=LONGEST_LIST)
        raise InvalidInput(message, field=path)
    places = [f"{path}[{index}]" for index in range(len(items))]
    return tuple(
        _chosen(_READERS[kind](item, place), choices, place)
        for item, place in zip(items, places, strict=True)
    )


def kind_of(value: object, path: str, *, operator: Operator) -> ValueKind:
    """Return the type that a metadata value (or a list of them) says it has.

    Only dates come before or after one another or lie between two texts.
    """
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    texts = all(isinstance(item, str) for item in items)
    if operator in _OF_DATES or (operator is Operator.BETWEEN and texts):
        return ValueKind.DATE
    kinds = {_METADATA_KINDS.get(type(item)) for item in items}
    if len(kinds) == 1 and (kind := kinds.pop()) is not None:
        return kind
    message = "A metadata value is a text, a number or a boolean, or a list of one of these."
    raise InvalidInput(message, field=path)


def check_value_text(value: object, path: str) -> str:
    """Return a text that PostgreSQL can compare with."""
    if not isinstance(value, str):
        raise InvalidInput("This must be a text.", field=path)
    if len(value) > LONGEST_TEXT:
        message = words("A text may have %(longest_text)s characters.", longest_text=LONGEST_TEXT)
        raise InvalidInput(message, field=path)
    # Neither a NUL nor half a surrogate pair is text to PostgreSQL.
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value):
        raise InvalidInput("This is not valid text.", field=path)
    return value


def read_whole_between(value: object, low: int, high: int, *, path: str) -> int:
    """Return a whole number within bounds; raises InvalidInput."""
    if type(value) is not int or not low <= value <= high:
        message = words("This must be a whole number from %(low)s to %(high)s.", low=low, high=high)
        raise InvalidInput(message, field=path)
    return value


def closest(name: str, known: Sequence[str]) -> Sentence:
    """Return a sentence that names the closest of the known names, or lists a few."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if found:
        return words(" Did you mean '%(name)s'?", name=found[0])
    return words(" Try %(names)s.", names=", ".join(known[:12]))


def _chosen(value: Scalar, choices: Sequence[str], path: str) -> Scalar:
    if choices and value not in choices:
        message = words(
            "'%(value)s' is not one of its values.%(hint)s",
            value=str(value)[:40],
            hint=closest(str(value), choices),
        )
        raise InvalidInput(message, field=path)
    return value


def _read_whole(value: object, path: str) -> int:
    # bool is an int to Python, and True orders is a mistake.
    if type(value) is not int or abs(value) > LARGEST_NUMBER:
        raise InvalidInput("This must be a whole number within ±(2^53-1).", field=path)
    return value


def _read_number(value: object, path: str) -> Decimal:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidInput("This must be a number.", field=path)
    number = Decimal(str(value))
    if not number.is_finite() or abs(number) > LARGEST_NUMBER:
        raise InvalidInput("This must be a number within ±(2^53-1).", field=path)
    return number if number == number.quantize(_FINEST) else number.quantize(_FINEST)


def _read_boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput("This must be true or false.", field=path)
    return value


def _read_date(value: object, path: str) -> date:
    try:
        day = date.fromisoformat(check_value_text(value, path))
    except ValueError as error:
        raise InvalidInput("This must be a date such as 2026-05-31.", field=path) from error
    return _in_years(day, path)


def read_moment(value: object, path: str) -> date | datetime:
    """Return a date, or a time with its offset, from its text; raises InvalidInput."""
    text = check_value_text(value, path)
    refused = InvalidInput(
        "This must be a date (2026-05-31) or a time with its offset (2026-05-31T08:00:00+08:00).",
        field=path,
    )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise refused from error
    if moment.tzinfo is not None:
        return _in_years(moment, path)
    if "T" in text or " " in text:
        raise refused
    return _in_years(moment.date(), path)


def _in_years(day: Day, path: str) -> Day:
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        message = words(
            "This must lie between the years %(earliest_year)s and %(latest_year)s.",
            earliest_year=EARLIEST_YEAR,
            latest_year=LATEST_YEAR,
        )
        raise InvalidInput(message, field=path)
    return day


_METADATA_KINDS: Mapping[type, ValueKind] = {
    str: ValueKind.TEXT,
    int: ValueKind.NUMBER,
    float: ValueKind.NUMBER,
    bool: ValueKind.BOOLEAN,
}
_READERS: Mapping[ValueKind, Callable[[object, str], Scalar]] = {
    ValueKind.TEXT: check_value_text,
    ValueKind.SEGMENT: check_value_text,
    ValueKind.SEALED: check_value_text,
    ValueKind.MONEY: _read_whole,
    ValueKind.NUMBER: _read_number,
    ValueKind.BOOLEAN: _read_boolean,
    ValueKind.DATE: _read_date,
    ValueKind.TIME: read_moment,
}
