"""Hours of the week on the clocks of a zone, across midnight and daylight saving."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from kaquan.engine.calendar_days import first_moment

Weekday: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=7)]
"""1 is Monday, 7 is Sunday (ISO 8601)."""

Clock: TypeAlias = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
EndClock: TypeAlias = Annotated[
    str, msgspec.Meta(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")
]

EVERY_DAY = frozenset(range(1, 8))
_DAY = 24 * 60


class WeeklyHours(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """From `opens` until just before `closes` on each of the weekdays.

    `closes` at or before `opens` is on the next day: Friday 22:00 to 02:00 ends on Saturday.
    """

    weekdays: Annotated[frozenset[Weekday], msgspec.Meta(min_length=1)] = EVERY_DAY
    opens: Clock = "00:00"
    closes: EndClock = "24:00"

    def covers(self, local: datetime) -> bool:
        """Whether the hours have begun and not ended at that local time."""
        minute = local.hour * 60 + local.minute
        first, last = self._minutes()
        yesterday = local.isoweekday() - 1 or 7
        return (local.isoweekday() in self.weekdays and first <= minute < last) or (
            yesterday in self.weekdays and minute + _DAY < last
        )

    def opening(self) -> time:
        """The time of day at which it opens."""
        return time.fromisoformat(self.opens)

    def _minutes(self) -> tuple[int, int]:
        first, last = (int(text[:2]) * 60 + int(text[3:]) for text in (self.opens, self.closes))
        return first, last if last > first else last + _DAY


def is_open(hours: Sequence[WeeklyHours], local: datetime) -> bool:
    """Whether one of the hours covers that local time; no hours at all are always open."""
    return not hours or any(one.covers(local) for one in hours)


def find_opening(hours: Sequence[WeeklyHours], after: datetime, zone: str) -> datetime:
    """The first moment after `after` at which one of the hours opens, as aware UTC.

    Raises ValueError when there are no hours.
    """
    today = after.astimezone(ZoneInfo(zone)).date()
    # Eight days reach the same weekday of next week, for hours that opened earlier today.
    for ahead in range(8):
        day = today + timedelta(days=ahead)
        openings = [
            first_moment(day, one.opening(), zone)
            for one in hours
            if day.isoweekday() in one.weekdays
        ]
        later = [moment for moment in openings if moment > after]
        if later:
            return min(later)
    raise ValueError("there are no hours")
