"""From rules about time to plain spans: the same numbers for every engine.

A span of moments or days is half-open: ``low <= x < high``, None being no end. What only an
engine can compare is left to it; all reckoning with calendars and time zones is here.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from kaquan.segments.attributes import Operator, ValueKind
from kaquan.segments.model import (
    Aggregate,
    Ago,
    Anniversary,
    Bound,
    CalendarUnit,
    Comparison,
    Operand,
    StartOf,
    Window,
)

TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
NEW_DAYS, ACTIVE_DAYS, AT_RISK_DAYS = 30, 90, 180
"""Lifecycle: new for 30 days from the first order; else active for 90 days from the latest, at
risk until 180 days from it, lapsed after that."""

TimeSpan: TypeAlias = tuple[datetime | None, datetime | None]
DaySpan: TypeAlias = tuple[date | None, date | None]

_FIRST_DAY, _LAST_DAY = date(1000, 1, 1), date(9000, 1, 1)


class Instant(msgspec.Struct, frozen=True):
    """The moment of an evaluation, and the zone in which its days begin."""

    now: datetime
    zone: ZoneInfo
    digest: Callable[[str, str], str] | None = None
    """Makes that by which a sealed attribute's value is found (kaquan.customers.open_index)."""

    def digested(self, rule: Comparison | Aggregate) -> Operand:
        """Return what a rule compares with, of a sealed attribute the digests of that."""
        operand = rule.operand
        if rule.kind is not ValueKind.SEALED or isinstance(rule, Aggregate) or operand is None:
            return operand
        assert self.digest is not None, "sealed attributes are compared by the project's index"
        code = rule.attribute.code
        if isinstance(operand, tuple):
            return tuple(self.digest(code, str(one)) for one in operand)
        return self.digest(code, str(operand))

    @property
    def today(self) -> date:
        """The project's date at this moment."""
        return self.now.astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """Return when a day of the project begins."""
        return datetime.combine(day, time(), self.zone)


def window_span(window: Window, at: Instant) -> tuple[datetime | None, datetime]:
    """Return the span of a window; it ends with the present moment at the latest."""
    low = None if window.start is None else _start(window.start, at)
    present = at.now + TICK
    return low, present if window.end is None else min(_end(window.end, at), present)


def time_span(operator: Operator, operand: Operand, at: Instant) -> TimeSpan:
    """Return which moments compare so with a moment or date, or lie so many days from now."""
    match operator, operand:
        case Operator.BEFORE, _:
            return None, _low(operand, at)
        case Operator.AFTER, _:
            return _high(operand, at), None
        case Operator.AT_LEAST, _:
            return _low(operand, at), None
        case Operator.AT_MOST, _:
            return None, _high(operand, at)
        case Operator.WITHIN_DAYS, int():
            return days_before(at, operand) + TICK, at.now + TICK
        case Operator.NOT_WITHIN_DAYS, int():
            return None, days_before(at, operand) + TICK
        case Operator.WITHIN_NEXT_DAYS, int():
            return at.now + TICK, days_before(at, -operand) + TICK
        case _:
            raise AssertionError(operator)


def day_span(operator: Operator, operand: Operand, at: Instant) -> DaySpan:
    """Return which days compare so with a date, or lie so many days from today."""
    match operator, operand:
        case Operator.BEFORE, date():
            return None, operand
        case Operator.AFTER, date():
            return operand + DAY, None
        case Operator.AT_LEAST, date():
            return operand, None
        case Operator.AT_MOST, date():
            return None, operand + DAY
        case Operator.WITHIN_DAYS, int():
            return _shift(at.today, 1 - operand), at.today + DAY
        case Operator.NOT_WITHIN_DAYS, int():
            return None, _shift(at.today, 1 - operand)
        case Operator.WITHIN_NEXT_DAYS, int():
            return at.today + DAY, _shift(at.today, operand + 1)
        case _:
            raise AssertionError(operator)


def days_since_spans(operator: Operator, operand: Operand, at: Instant) -> list[TimeSpan]:
    """Return the moments since which so many whole days have passed, as spans to be joined.

    Whole days are ``floor((now - moment) / 24 h)``.
    """
    numbers = operand if isinstance(operand, tuple) else (operand,)
    spans: list[TimeSpan] = []
    for number in numbers:
        assert isinstance(number, Decimal)
        ceiling = int(number.to_integral_value(ROUND_CEILING))
        floor = int(number.to_integral_value(ROUND_FLOOR))
        match operator:
            case Operator.AT_LEAST:
                spans.append((None, days_before(at, ceiling) + TICK))
            case Operator.MORE_THAN:
                spans.append((None, days_before(at, floor + 1) + TICK))
            case Operator.AT_MOST:
                spans.append((days_before(at, floor + 1) + TICK, None))
            case Operator.LESS_THAN:
                spans.append((days_before(at, ceiling) + TICK, None))
            case _ if floor == ceiling:
                spans.append((days_before(at, floor + 1) + TICK, days_before(at, floor) + TICK))
            case _:
                pass
    return spans


def lifecycle_marks(at: Instant) -> tuple[datetime, datetime, datetime]:
    """Return from when on a first order is new, and a latest one active, and one at risk."""
    return (
        days_before(at, NEW_DAYS) + TICK,
        days_before(at, ACTIVE_DAYS) + TICK,
        days_before(at, AT_RISK_DAYS) + TICK,
    )


def anniversary_days(rule: Anniversary, at: Instant) -> tuple[list[int], date]:
    """Return the window's days as month × 100 + day, and its first date.

    A date has an anniversary in the window when its month and day are among them and it lies
    before the window. 29 February stands beside the 28th in years without one.
    """
    days = [_shift(at.today, ahead) for ahead in range(rule.first, rule.last + 1)]
    codes = {day.month * 100 + day.day for day in days}
    if any((day.month, day.day) == (2, 28) and (day + DAY).day == 1 for day in days):
        codes.add(229)
    return sorted(codes), days[0]


def day_number(day: date) -> int:
    """Return a date as the number YYYYMMDD; ages are differences of these, cut to years."""
    return day.year * 10_000 + day.month * 100 + day.day


def days_before(at: Instant, days: int) -> datetime:
    """Return the moment so many days before now, kept within the years that databases know."""
    ordinal = at.now.date().toordinal() - days
    if not _FIRST_DAY.toordinal() <= ordinal <= _LAST_DAY.toordinal():
        edge = _LAST_DAY if days < 0 else _FIRST_DAY
        return datetime.combine(edge, time(), at.now.tzinfo)
    return at.now - timedelta(days=days)


def _shift(day: date, days: int) -> date:
    return day + timedelta(days=days)


def _low(operand: Operand, at: Instant) -> datetime:
    if isinstance(operand, datetime):
        return operand
    assert isinstance(operand, date)
    return at.midnight(operand)


def _high(operand: Operand, at: Instant) -> datetime:
    if isinstance(operand, datetime):
        return operand + TICK
    assert isinstance(operand, date)
    return at.midnight(operand + DAY)


def _start(bound: Bound, at: Instant) -> datetime:
    match bound:
        case Ago():
            return at.now - timedelta(days=bound.days, hours=bound.hours) + TICK
        case StartOf():
            return _calendar_start(bound, at)
        case _:
            return _low(bound, at)


def _end(bound: Bound, at: Instant) -> datetime:
    match bound:
        case Ago():
            return at.now - timedelta(days=bound.days, hours=bound.hours) + TICK
        case StartOf():
            return _calendar_start(bound, at)
        case _:
            return _high(bound, at)


def _calendar_start(bound: StartOf, at: Instant) -> datetime:
    today, back = at.today, bound.back
    match bound.unit:
        case CalendarUnit.DAY:
            return at.midnight(_shift(today, -back))
        case CalendarUnit.WEEK:
            return at.midnight(_shift(today, -today.weekday() - 7 * back))
        case CalendarUnit.MONTH:
            months = today.year * 12 + today.month - 1 - back
        case CalendarUnit.QUARTER:
            months = today.year * 12 + (today.month - 1) // 3 * 3 - 3 * back
        case CalendarUnit.YEAR:
            months = (today.year - back) * 12
    return at.midnight(date(months // 12, months % 12 + 1, 1))
