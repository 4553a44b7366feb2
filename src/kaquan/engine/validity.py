"""When an offer may be used: the intersection of windows, in the project's zone."""

from datetime import date, datetime, timedelta
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from kaquan.engine.calendar_days import start_of_day
from kaquan.engine.context import Context
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.recurrence import Recurrence
from kaquan.engine.weekly_hours import WeeklyHours, find_opening, is_open

Days: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=36_500)]
PositiveDays: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=36_500)]
Hours: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=876_000)]

FIRST_YEAR, LAST_YEAR = 1900, 9000
"""Within these years every moment has a local time in every zone."""

MOST_OPENINGS = 1_000
"""Windows that have not met after so many openings are taken never to meet."""


def _check_years(*days: date | None) -> None:
    for day in days:
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            message = f"years are from {FIRST_YEAR} to {LAST_YEAR}"
            raise ValueError(message)


class DateRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whole days in the project's zone, from the first until the last one inclusive."""

    first: date
    last: date

    def __post_init__(self) -> None:
        _check_years(self.first, self.last)
        if self.first > self.last:
            raise ValueError("first cannot come after last")


class AfterClaim(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Usable for a time after the code was given, or from the offer's start if that is later.

    With `wait_days` it starts at 00:00 so many days later, with `wait_hours` so many hours later.
    `days` count calendar days and the day it starts is the first of them, so 1 ends at 24:00 of
    that day; `hours` count from the start to the minute.
    """

    wait_days: Days = 0
    wait_hours: Annotated[int, msgspec.Meta(ge=0, le=876_000)] = 0
    days: PositiveDays | None = None
    hours: Hours | None = None

    def __post_init__(self) -> None:
        if (self.wait_days and self.wait_hours) or (
            self.days is not None and self.hours is not None
        ):
            raise ValueError("give either days or hours")

    def find_window(
        self, claimed_at: datetime, starts_at: datetime | None, zone: str
    ) -> tuple[datetime, datetime | None]:
        """Start and end for a claim, as aware times; the end may be open."""
        counted_from = claimed_at if starts_at is None else max(claimed_at, starts_at)
        start = counted_from + timedelta(hours=self.wait_hours)
        if self.wait_days:
            day = counted_from.astimezone(ZoneInfo(zone)).date() + timedelta(days=self.wait_days)
            start = start_of_day(day, zone)
        if self.hours is not None:
            return start, start + timedelta(hours=self.hours)
        if self.days is not None:
            day = start.astimezone(ZoneInfo(zone)).date() + timedelta(days=self.days)
            return start, start_of_day(day, zone)
        return start, None


class Validity(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Usable while all of its windows are open; every window leaves out its own end.

    `starts_at` and `expires_at` are aware times, None leaving that side open. `starts_on` and
    `expires_on` are days of the project's zone, the last one until 24:00. `after_claim` counts
    from when the code was given. `hours` are those of the week; `blackouts` are days on which it
    cannot be used; `recurring` opens and closes by elapsed time. Raises ValueError for a time
    without a zone or a window that is empty.
    """

    starts_at: datetime | None = None
    expires_at: datetime | None = None
    starts_on: date | None = None
    expires_on: date | None = None
    after_claim: AfterClaim | None = None
    hours: Annotated[tuple[WeeklyHours, ...], msgspec.Meta(max_length=50)] = ()
    blackouts: Annotated[tuple[DateRange, ...], msgspec.Meta(max_length=100)] = ()
    recurring: Recurrence | None = None

    def __post_init__(self) -> None:
        for moment in (self.starts_at, self.expires_at):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("a window needs times with a zone")
        _check_years(self.starts_at, self.expires_at, self.starts_on, self.expires_on)
        if self.starts_at and self.expires_at and self.starts_at >= self.expires_at:
            raise ValueError("starts_at must come before expires_at")
        if self.starts_on and self.expires_on and self.starts_on > self.expires_on:
            raise ValueError("starts_on cannot come after expires_on")

    def check(self, context: Context, *, claimed_at: datetime | None = None) -> Reason | None:
        """The reason why the offer cannot be used now, if any.

        Only what is over for good is expired; otherwise the reason tells the next usable moment.
        """
        if self.after_claim is not None and claimed_at is None:
            return Reason(ReasonCode.NOT_CLAIMED)
        starts_at, expires_at = self.find_bounds(context.time_zone, claimed_at=claimed_at)
        if expires_at is not None and context.now >= expires_at:
            return Reason(ReasonCode.EXPIRED, {"expires_at": context.local_iso(expires_at)})
        if starts_at is not None and context.now < starts_at:
            if expires_at is not None and starts_at >= expires_at:
                return Reason(ReasonCode.NO_TIME_LEFT)
            return Reason(ReasonCode.NOT_STARTED, {"starts_at": context.local_iso(starts_at)})
        if not (self.blackouts or self.hours or self.recurring):
            return None
        local = context.local_now
        if self._is_blacked_out(local.date()):
            return self._closed(ReasonCode.BLACKED_OUT, context, expires_at)
        if not is_open(self.hours, local) or not self._recurs(context.now):
            return self._closed(ReasonCode.OUTSIDE_HOURS, context, expires_at)
        return None

    def find_bounds(
        self, zone: str, *, claimed_at: datetime | None = None
    ) -> tuple[datetime | None, datetime | None]:
        """Start and end of campaign, dates and claim together, hours and blackouts left aside."""
        starts = [] if self.starts_at is None else [self.starts_at]
        ends = [] if self.expires_at is None else [self.expires_at]
        if self.starts_on is not None:
            starts.append(start_of_day(self.starts_on, zone))
        if self.expires_on is not None:
            ends.append(start_of_day(self.expires_on + timedelta(days=1), zone))
        starts_at, expires_at = max(starts, default=None), min(ends, default=None)
        if self.after_claim is None or claimed_at is None:
            return starts_at, expires_at
        first, last = self.after_claim.find_window(claimed_at, starts_at, zone)
        both = [moment for moment in (expires_at, last) if moment is not None]
        return first, min(both, default=None)

    def within(
        self, starts_at: datetime | None, expires_at: datetime | None, *, now: datetime
    ) -> "Validity":
        """The same, and within another window too, as it is seen now.

        Of windows that do not meet one side is left: it is over, or else it has not begun.
        """
        starts = [moment for moment in (self.starts_at, starts_at) if moment is not None]
        ends = [moment for moment in (self.expires_at, expires_at) if moment is not None]
        start, end = max(starts, default=None), min(ends, default=None)
        if start is not None and end is not None and start >= end:
            start, end = (None, end) if now >= end else (start, None)
        return msgspec.structs.replace(self, starts_at=start, expires_at=end)

    def _is_blacked_out(self, day: date) -> bool:
        return any(one.first <= day <= one.last for one in self.blackouts)

    def _closed(self, code: ReasonCode, context: Context, expires_at: datetime | None) -> Reason:
        opens_at = self._find_next(context)
        if opens_at is None or (expires_at is not None and opens_at >= expires_at):
            return Reason(ReasonCode.NO_TIME_LEFT)
        return Reason(code, {"opens_at": context.local_iso(opens_at)})

    def _recurs(self, moment: datetime) -> bool:
        return self.recurring is None or self.recurring.is_open(moment)

    def _find_next(self, context: Context) -> datetime | None:
        """The next moment at which every window is open; None when they do not seem to meet."""
        moment, zone = context.now, context.time_zone
        for _ in range(MOST_OPENINGS):
            local = moment.astimezone(ZoneInfo(zone))
            ends = [one.last for one in self.blackouts if one.first <= local.date() <= one.last]
            if ends:
                moment = start_of_day(max(ends) + timedelta(days=1), zone)
            elif not is_open(self.hours, local):
                moment = find_opening(self.hours, moment, zone)
            elif self.recurring is not None and not self._recurs(moment):
                moment = self.recurring.find_opening(moment)
            else:
                return moment
        return None


ALWAYS = Validity()
