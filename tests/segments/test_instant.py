"""Reckoning with windows, time zones, leap days and samples, without any engine."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kaquan.segments import Instant, parse_definition
from kaquan.segments.attributes import ATTRIBUTES
from kaquan.segments.instant import anniversary_days, window_span
from kaquan.segments.model import Aggregate, Anniversary, Sample
from kaquan.segments.sample import sample_bounds, sample_place

PARIS = ZoneInfo("Europe/Paris")
TICK = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# In Paris the clock goes forward on 29 March 2026 at 2 o'clock: from +1 to +2 hours.
WINDOWS: list[tuple[str, dict[str, Any], str, str | None, str]] = [
    # what, window, now, from (included), to (excluded)
    ("days", {"last_days": 1}, "2026-03-30T10:00", "2026-03-29T10:00:00.000001", "now"),
    ("hours", {"last_hours": 2}, "2026-03-29T02:00", "2026-03-29T00:00:00.000001", "now"),
    ("day of 23 hours", {"this": "day"}, "2026-03-29T21:59", "2026-03-28T23:00", "now"),
    ("the day after", {"this": "day"}, "2026-03-29T22:00", "2026-03-29T22:00", "now"),
    ("week", {"this": "week"}, "2026-03-29T12:00", "2026-03-22T23:00", "now"),
    ("month", {"this": "month"}, "2026-03-31T21:00", "2026-02-28T23:00", "now"),
    ("quarter", {"this": "quarter"}, "2026-05-10T12:00", "2026-03-31T22:00", "now"),
    ("year", {"this": "year"}, "2026-12-31T22:59", "2025-12-31T23:00", "now"),
    (
        "last month",
        {"from": {"start_of": "month", "back": 1}, "to": {"start_of": "month"}},
        "2026-03-31T12:00",
        "2026-01-31T23:00",
        "2026-02-28T23:00",
    ),
    ("a date", {"to": "2026-03-29"}, "2026-04-10T12:00", None, "2026-03-29T22:00"),
    ("a day back", {"from": "2026-03-29"}, "2026-04-10T12:00", "2026-03-28T23:00", "now"),
    ("the future", {"to": "2026-06-01"}, "2026-04-10T12:00", None, "now"),
    (
        "a time",
        {"to": "2026-03-01T00:00:00Z"},
        "2026-04-10T12:00",
        None,
        "2026-03-01T00:00:00.000001",
    ),
    ("ago", {"to": {"days_ago": 2}}, "2026-04-10T12:00", None, "2026-04-08T12:00:00.000001"),
]


@pytest.mark.parametrize(
    ("window", "now", "low", "high"), [row[1:] for row in WINDOWS], ids=[row[0] for row in WINDOWS]
)
def test_windows(window: dict[str, Any], now: str, low: str | None, high: str) -> None:
    rule = parse_definition({"done": "order", "within": window})
    assert isinstance(rule, Aggregate)
    found = window_span(rule.deed.window, Instant(utc(now), PARIS))
    end = utc(now) + TICK if high == "now" else utc(high)
    assert found == (None if low is None else utc(low), end)


@pytest.mark.parametrize(
    ("today", "first", "last", "codes", "before"),
    [
        ("2026-02-28", 0, 0, [228, 229], date(2026, 2, 28)),
        ("2028-02-28", 0, 0, [228], date(2028, 2, 28)),
        ("2028-02-28", 0, 1, [228, 229], date(2028, 2, 28)),
        ("2026-02-27", 0, 2, [227, 228, 229, 301], date(2026, 2, 27)),
        ("2026-12-31", 0, 1, [101, 1231], date(2026, 12, 31)),
        ("2026-03-01", -1, -1, [228, 229], date(2026, 2, 28)),
    ],
)
def test_the_29th_of_february_has_a_birthday_every_year(
    today: str, first: int, last: int, codes: list[int], before: date
) -> None:
    rule = Anniversary(attribute=ATTRIBUTES["birth_date"], first=first, last=last)
    assert anniversary_days(rule, Instant(utc(f"{today}T12:00"), PARIS)) == (codes, before)


def test_samples_are_of_their_size_and_parts_make_the_whole() -> None:
    ids = [f"cust_{number}" for number in range(10_000)]

    def drawn(low: str, high: str, salt: str = "") -> set[str]:
        sample = Sample(low=Decimal(low), high=Decimal(high), salt=salt)
        start, end = sample_bounds(sample)
        return {
            one
            for one in ids
            if (start is None or sample_place(salt, one) >= start)
            and (end is None or sample_place(salt, one) < end)
        }

    # Four standard deviations of a binomial around each share.
    assert abs(len(drawn("0", "10")) - 1_000) < 120
    assert abs(len(drawn("0", "33.3")) - 3_330) < 190
    assert abs(len(drawn("0", "50") & drawn("0", "50", "other")) - 2_500) < 175
    parts = [drawn("0", "10"), drawn("10", "33.3"), drawn("33.3", "100")]
    assert sum(map(len, parts)) == len(parts[0] | parts[1] | parts[2]) == len(ids)
    assert (drawn("0", "0"), drawn("100", "100")) == (set(), set())
    assert drawn("0", "10") < drawn("0", "11")
