"""Days on the calendar of a zone, across daylight saving."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo

Period: TypeAlias = Literal["ever", "day", "week", "month", "year"]
"""Calendar periods of the project's zone; weeks begin on Monday (ISO 8601)."""

MIDNIGHT = time()

_FEBRUARY = 2
_LEAP_DAY = 29
_SECOND = timedelta(seconds=1)


def start_of_day(day: date, zone: str) -> datetime:
    """The first moment of a day, which is 24:00 of the day before, as aware UTC."""
    return first_moment(day, MIDNIGHT, zone)


def first_moment(day: date, clock: time, zone: str) -> datetime:
    """The first moment at which the clocks of a zone show that time or a later one of the day.

    Where they skip it, that is the moment of the change; where they show it twice, the first one
    (PEP 495: in a gap the second fold lies before the first). As aware UTC.
    """
    wanted = datetime.combine(day, clock)
    late = wanted.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    early = wanted.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        if middle.astimezone(ZoneInfo(zone)).replace(tzinfo=None) < wanted:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def start_of_period(period: Period, now: datetime, zone: str) -> datetime | None:
    """The first moment of the period that `now` is in, as aware UTC; None for ever."""
    today = now.astimezone(ZoneInfo(zone)).date()
    match period:
        case "ever":
            return None
        case "day":
            first = today
        case "week":
            first = today - timedelta(days=today.weekday())
        case "month":
            first = today.replace(day=1)
        case "year":
            first = today.replace(month=1, day=1)
    return start_of_day(first, zone)


def find_anniversary(day: date, year: int) -> date:
    """The same day of another year; 29 February is 28 February in common years."""
    if (day.month, day.day) == (_FEBRUARY, _LEAP_DAY):
        return date(year, 3, 1) - timedelta(days=1)
    return day.replace(year=year)
