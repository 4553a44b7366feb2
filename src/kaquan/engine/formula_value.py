"""Working a formula out on the facts of a request, exactly."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from math import ceil, floor
from typing import Literal, TypeAlias

import msgspec

from kaquan.engine.cart import AttributeValue
from kaquan.engine.facts import Facts
from kaquan.engine.formula import (
    Attribute,
    Call,
    Chain,
    Comparison,
    Constant,
    Logic,
    Name,
    Tree,
    parse_formula,
)
from kaquan.engine.formula_facts import look_up, look_up_attribute
from kaquan.engine.formula_time import count_days, count_months, read_moment, to_local
from kaquan.engine.money import MAX_MINOR, round_exact

MAX_BITS = 256
"""A numerator or denominator beyond this is refused, so that no chain of products can grow."""

MAX_PLACES = 6
MAX_POWER = 64

Value: TypeAlias = Fraction | str | bool | tuple[str, ...] | datetime
"""A moment is told on the clocks of the project's zone, without an offset."""

FailureKey: TypeAlias = Literal[
    "missing_value", "wrong_kind", "division_by_zero", "number_too_large"
]

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_ROUNDINGS: Mapping[str, Callable[[Fraction], int]] = {"round": round, "floor": floor, "ceil": ceil}
_ORDERINGS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


_OF_TIME = frozenset(
    {"date", "date_time", "day_of_month", "month", "year", "days_since", "days_until"}
    | {"months_since", "months_until", "years_since"}
)


class Failure(msgspec.Struct, frozen=True):
    """A formula that has no value for this request, and why."""

    key: FailureKey


class _Stopped(Exception):
    def __init__(self, key: FailureKey) -> None:
        super().__init__(key)
        self.failure = Failure(key)


def evaluate_formula(text: str, facts: Facts) -> Fraction | Failure:
    """The exact number a formula comes to. Raises InvalidFormula for a text that is none."""
    try:
        return _number(_evaluate(parse_formula(text), facts))
    except _Stopped as stopped:
        return stopped.failure


def evaluate_whole(text: str, facts: Facts, *, most: int = MAX_MINOR) -> int | Failure:
    """A formula's number, rounded as the project says to a whole one between 0 and `most`."""
    exact = evaluate_formula(text, facts)
    if isinstance(exact, Failure):
        return exact
    return min(round_exact(exact, facts.rounding), most)


def _evaluate(tree: Tree, facts: Facts) -> Value:
    match tree:
        case Constant(value):
            return value
        case Name(name):
            return _as_value(look_up(name, facts))
        case Attribute(of, name):
            return _as_value(look_up_attribute(of, name, facts))
        case Chain(members):
            return _work_out(members, facts)
        case Comparison(sign, left, right):
            return _compare(sign, _evaluate(left, facts), _evaluate(right, facts), facts)
        case Logic(word, members):
            return _reason(word, members, facts)
        case Call(function, arguments):
            return _call(function, arguments, facts)


def _as_value(value: AttributeValue | datetime | None) -> Value:
    if value is None:
        raise _Stopped("missing_value")
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(Fraction(value))
    return value


def _work_out(members: Sequence[tuple[str, Tree]], facts: Facts) -> Fraction:
    result = Fraction(1 if members[0][0] == "*" else 0)
    for sign, tree in members:
        number = _number(_evaluate(tree, facts))
        match sign:
            case "+":
                result += number
            case "-":
                result -= number
            case "*":
                result *= number
            case _:
                if not number:
                    raise _Stopped("division_by_zero")
                # What is left has the sign of what was divided.
                rest = result - number * int(result / number)
                result = result / number if sign == "/" else rest
        result = _bounded(result)
    return result


def _compare(sign: str, left: Value, right: Value, facts: Facts) -> bool:
    if sign in _ORDERINGS:
        return _ORDERINGS[sign](_number(left), _number(right))
    match sign:
        case "is_after":
            return _moment(left, facts) > _moment(right, facts)
        case "is_before":
            return _moment(left, facts) < _moment(right, facts)
        case "contains":
            return _contains(left, right)
        case "startswith" | "endswith":
            if not isinstance(left, str) or not isinstance(right, str):
                raise _Stopped("wrong_kind")
            return left.startswith(right) if sign == "startswith" else left.endswith(right)
        case "in_array" | "not_in_array":
            is_in = any(_equal(left, one, facts) for one in _list(right))
            return is_in is (sign == "in_array")
        case "date_is" | "date_is_not":
            same = _moment(left, facts).date() == _moment(right, facts).date()
            return same is (sign == "date_is")
        case _:
            return _equal(left, right, facts) is (sign in ("=", "is"))


def _equal(left: Value, right: Value, facts: Facts) -> bool:
    if isinstance(left, datetime) or isinstance(right, datetime):
        return _moment(left, facts) == _moment(right, facts)
    equal = left == right
    if isinstance(left, Fraction) and isinstance(right, str):
        equal = left == _read_number(right)
    elif isinstance(left, str) and isinstance(right, Fraction):
        equal = right == _read_number(left)
    return equal


def _list(value: Value) -> Sequence[str]:
    """Labels, or the words between the commas of a text."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",")]
    if not isinstance(value, tuple):
        raise _Stopped("wrong_kind")
    return value


def _contains(whole: Value, part: Value) -> bool:
    if not isinstance(whole, str | tuple) or not isinstance(part, str):
        raise _Stopped("wrong_kind")
    return part in whole


def _moment(value: Value, facts: Facts) -> datetime:
    zone = facts.context.time_zone
    moment = read_moment(value, zone) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise _Stopped("wrong_kind")
    return moment


def _reason(word: str, members: Sequence[Tree], facts: Facts) -> bool:
    truths = (_truth(_evaluate(member, facts)) for member in members)
    match word:
        case "and":
            return all(truths)
        case "or":
            return any(truths)
        case _:
            return not next(truths)


def _call(function: str, arguments: Sequence[Tree], facts: Facts) -> Value:
    match function:
        case "if":
            condition, then, otherwise = arguments
            chosen = then if _truth(_evaluate(condition, facts)) else otherwise
            return _evaluate(chosen, facts)
        case "default_to":
            return _first_known(arguments, facts)
        case "contains":
            whole, part = (_evaluate(argument, facts) for argument in arguments)
            return _contains(whole, part)
        case "switch":
            return _switch(arguments, facts)
        case _ if function in _OF_TIME:
            return _tell_time(function, _moment(_evaluate(arguments[0], facts), facts), facts)
        case "min" | "max":
            numbers = [_number(_evaluate(argument, facts)) for argument in arguments]
            return min(numbers) if function == "min" else max(numbers)
        case _:
            numbers = [_number(_evaluate(argument, facts)) for argument in arguments]
            return _power(*numbers) if function == "pow" else _round(function, *numbers)


def _switch(arguments: Sequence[Tree], facts: Facts) -> Value:
    """The result of the first case that the value equals, else the last argument if it is odd."""
    value, cases = _evaluate(arguments[0], facts), arguments[1:]
    for case, result in zip(cases[::2], cases[1::2], strict=False):
        if _equal(value, _evaluate(case, facts), facts):
            return _evaluate(result, facts)
    if len(cases) % 2:
        return _evaluate(cases[-1], facts)
    raise _Stopped("missing_value")


def _tell_time(function: str, moment: datetime, facts: Facts) -> Value:
    match function:
        case "date" | "date_time":
            return moment
        case "day_of_month":
            return Fraction(moment.day)
        case "month":
            return Fraction(moment.month)
        case "year":
            return Fraction(moment.year)
        case _:
            return _count_time(function, moment, facts)


def _count_time(function: str, moment: datetime, facts: Facts) -> Fraction:
    unit, _, way = function.partition("_")
    now = to_local(facts.context.now, facts.context.time_zone)
    start, end = (moment, now) if way == "since" else (now, moment)
    if unit == "days":
        return Fraction(count_days(start, end))
    months = count_months(start, end)
    if unit == "months":
        return Fraction(months)
    return Fraction(months // 12 if months >= 0 else -(-months // 12))


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > MAX_POWER:
        raise _Stopped("wrong_kind")
    times = int(exponent)
    if not base and times < 0:
        raise _Stopped("division_by_zero")
    result = Fraction(1)
    for _ in range(abs(times)):
        result = _bounded(result * base)
    return result if times >= 0 else 1 / result


def _first_known(arguments: Sequence[Tree], facts: Facts) -> Value:
    for argument in arguments:
        try:
            return _evaluate(argument, facts)
        except _Stopped as stopped:
            if stopped.failure.key != "missing_value":
                raise
    raise _Stopped("missing_value")


def _round(function: str, number: Fraction, places: Fraction = Fraction(0)) -> Fraction:
    if places.denominator != 1 or abs(places) > MAX_PLACES:
        raise _Stopped("wrong_kind")
    scale = Fraction(10) ** int(places)
    return _ROUNDINGS[function](number * scale) / scale


def _bounded(number: Fraction) -> Fraction:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise _Stopped("number_too_large")
    return number


def _number(value: Value) -> Fraction:
    number = _read_number(value) if isinstance(value, str) else value
    if not isinstance(number, Fraction):
        raise _Stopped("wrong_kind")
    return number


def _read_number(text: str) -> Fraction | None:
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise _Stopped("wrong_kind")
    return value
