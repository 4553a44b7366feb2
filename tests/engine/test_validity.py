"""Windows against independent readings of the calendar and the clock."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaquan.engine import (
    AfterClaim,
    Context,
    DateRange,
    InvalidOffer,
    Period,
    Reason,
    ReasonCode,
    Validity,
    WeeklyHours,
    parse_window,
    start_of_day,
    start_of_period,
)

ZONES = (
    "Asia/Shanghai",
    "America/New_York",
    "America/Havana",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
)
HALF_HOUR = timedelta(minutes=30)

zones = st.sampled_from(ZONES)
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))
moments = st.integers(0, 2 * 365 * 24 * 3600).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
clocks = st.integers(0, 47).map(lambda half: f"{half // 2:02d}:{half % 2 * 30:02d}")
hours = st.builds(
    WeeklyHours,
    weekdays=st.frozensets(st.integers(1, 7), min_size=1, max_size=3),
    opens=clocks,
    closes=clocks | st.just("24:00"),
)


def at(now: datetime, zone: str) -> Context:
    return Context(now=now, currency="CNY", time_zone=zone)


def read_time(reason: Reason, name: str) -> datetime:
    return datetime.fromisoformat(str(reason.params[name]))


@settings(deadline=None, max_examples=300)
@given(moments, zones, days, st.integers(0, 40))
def test_days_are_those_on_the_wall(now: datetime, zone: str, first: date, length: int) -> None:
    last = first + timedelta(days=length)
    today = now.astimezone(ZoneInfo(zone)).date()

    reason = Validity(starts_on=first, expires_on=last).check(at(now, zone))

    if today < first:
        assert reason is not None
        assert reason.code is ReasonCode.NOT_STARTED
        assert read_time(reason, "starts_at").date() == first
    elif today > last:
        assert reason is not None
        assert reason.code is ReasonCode.EXPIRED
    else:
        assert reason is None


@settings(deadline=None, max_examples=300)
@given(days, zones)
def test_a_day_begins_where_the_one_before_ends(day: date, zone: str) -> None:
    start = start_of_day(day, zone)
    just_before = start - timedelta(seconds=1)
    assert start.astimezone(ZoneInfo(zone)).date() == day
    assert just_before.astimezone(ZoneInfo(zone)).date() == day - timedelta(days=1)


@settings(deadline=None, max_examples=300)
@given(moments, zones, st.lists(hours, min_size=1, max_size=3))
def test_closed_hours_open_at_the_moment_they_say(
    now: datetime, zone: str, weekly: list[WeeklyHours]
) -> None:
    window = Validity(hours=tuple(weekly))
    reason = window.check(at(now, zone))
    if reason is None:
        return
    opens_at = read_time(reason, "opens_at")
    assert window.check(at(opens_at, zone)) is None
    moment = now
    while moment < opens_at:
        assert window.check(at(moment, zone)) is not None
        moment += HALF_HOUR
    assert window.check(at(opens_at - timedelta(seconds=1), zone)) is not None


@settings(deadline=None, max_examples=200)
@given(moments, zones, hours)
def test_hours_of_a_day_read_the_clock(now: datetime, zone: str, weekly: WeeklyHours) -> None:
    local = now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    closes = time.max if weekly.closes == "24:00" else time.fromisoformat(weekly.closes)
    is_covered = False
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        opening = datetime.combine(day, time.fromisoformat(weekly.opens))
        closing = datetime.combine(day, closes)
        if closing <= opening:
            closing += timedelta(days=1)
        if day.isoweekday() in weekly.weekdays and opening <= local < closing:
            is_covered = True
    assert (Validity(hours=(weekly,)).check(at(now, zone)) is None) is is_covered


@settings(deadline=None, max_examples=200)
@given(moments, moments, zones, st.integers(0, 3), st.integers(1, 5))
def test_days_after_the_claim_are_counted_on_the_wall(
    now: datetime, claimed_at: datetime, zone: str, wait: int, length: int
) -> None:
    window = Validity(after_claim=AfterClaim(wait_days=wait, days=length))
    first = claimed_at.astimezone(ZoneInfo(zone)).date() + timedelta(days=wait)
    today = now.astimezone(ZoneInfo(zone)).date()
    is_open = first <= today < first + timedelta(days=length) and now >= claimed_at
    assert (window.check(at(now, zone), claimed_at=claimed_at) is None) is is_open


@pytest.mark.parametrize(
    ("period", "zone", "start"),
    [
        ("ever", "Asia/Shanghai", None),
        ("day", "Asia/Shanghai", "2026-11-04T00:00:00+08:00"),
        ("week", "Asia/Shanghai", "2026-11-02T00:00:00+08:00"),
        ("month", "Asia/Shanghai", "2026-11-01T00:00:00+08:00"),
        ("month", "America/New_York", "2026-11-01T00:00:00-04:00"),
        ("week", "America/New_York", "2026-11-02T00:00:00-05:00"),
        ("year", "America/New_York", "2026-01-01T00:00:00-05:00"),
    ],
)
def test_periods_begin_on_the_calendar_of_the_zone(
    period: Period, zone: str, start: str | None
) -> None:
    now = datetime(2026, 11, 4, 5, 30, tzinfo=UTC)
    expected = None if start is None else datetime.fromisoformat(start)
    assert start_of_period(period, now, zone) == expected


NOW = datetime(2026, 6, 15, tzinfo=UTC)


def june(day: int) -> datetime:
    return datetime(2026, 6, day, tzinfo=UTC)


@pytest.mark.parametrize(
    ("own", "other", "code"),
    [
        ((10, 20), (12, 18), None),
        ((10, 20), (16, 18), ReasonCode.NOT_STARTED),
        ((10, 12), (16, 18), ReasonCode.EXPIRED),
        ((16, 18), (10, 12), ReasonCode.EXPIRED),
        ((20, 22), (16, 18), ReasonCode.NOT_STARTED),
        ((16, 18), (20, 22), ReasonCode.NOT_STARTED),
    ],
)
def test_within_is_the_intersection(
    own: tuple[int, int], other: tuple[int, int], code: ReasonCode | None
) -> None:
    window = Validity(
        starts_at=june(own[0]),
        expires_at=june(own[1]),
        blackouts=(DateRange(first=date(2026, 7, 1), last=date(2026, 7, 1)),),
    )
    narrowed = window.within(june(other[0]), june(other[1]), now=NOW)
    reason = narrowed.check(at(NOW, "UTC"))
    assert (None if reason is None else reason.code) is code
    assert narrowed.blackouts == window.blackouts


NO_DAYS: list[int] = []


@pytest.mark.parametrize(
    ("window", "path"),
    [
        ({"starts_on": "2026-06-02", "expires_on": "2026-06-01"}, "window"),
        ({"starts_on": "2026-02-30"}, "window.starts_on"),
        ({"hours": [{"opens": "24:00"}]}, "window.hours[0].opens"),
        ({"hours": [{"opens": "9:00"}]}, "window.hours[0].opens"),
        ({"hours": [{"closes": "24:30"}]}, "window.hours[0].closes"),
        ({"hours": [{"weekdays": NO_DAYS}]}, "window.hours[0].weekdays"),
        ({"hours": [{"weekdays": [0]}]}, "window.hours[0].weekdays[0]"),
        ({"blackouts": [{"first": "2026-06-02", "last": "2026-06-01"}]}, "window.blackouts[0]"),
        ({"after_claim": {"days": 0}}, "window.after_claim.days"),
        ({"after_claim": {"days": 1, "hours": 1}}, "window.after_claim"),
        ({"after_claim": {"wait_days": 1, "wait_hours": 1}}, "window.after_claim"),
        ({"after_claim": {"weeks": 1}}, "window.after_claim.weeks"),
        ({"expires_on": "9999-12-31"}, "window"),
        ({"starts_at": "0001-01-01T00:00:00Z"}, "window"),
        ({"blackouts": [{"first": "2026-06-01", "last": "9999-12-31"}]}, "window.blackouts[0]"),
    ],
)
def test_refused_windows(window: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidOffer) as caught:
        parse_window(window)
    assert caught.value.path == path


def test_a_year_of_single_blackouts_is_looked_through_to_the_end() -> None:
    mondays = [date(2026, 6, 15) + timedelta(weeks=week) for week in range(100)]
    window = Validity(
        hours=(WeeklyHours(weekdays=frozenset({1}), opens="09:00", closes="10:00"),),
        blackouts=tuple(DateRange(first=day, last=day) for day in mondays),
    )
    reason = window.check(at(NOW, "UTC"))
    assert reason is not None
    assert reason.code is ReasonCode.BLACKED_OUT
    assert read_time(reason, "opens_at") == datetime(2028, 5, 15, 9, tzinfo=UTC)
