"""The nouns of metrics: what a figure is, what is asked of it, and what is answered."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import msgspec

from kaquan.runtime import InvalidInput, words

MOST_BUCKETS = 1_100
"""Buckets an answer may have: three years of days."""


class Unit(StrEnum):
    """What a figure is: a count, minor units, a share of 1, or days."""

    COUNT = "count"
    MONEY = "money"
    SHARE = "share"
    DAYS = "days"


class Grain(StrEnum):
    """The stretch of time of each figure of a series; weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Dimension(StrEnum):
    """What figures may be told apart by."""

    CAMPAIGN = "campaign"
    CHANNEL = "channel"
    LOCATION = "location"
    PRODUCT = "product"
    CATEGORY = "category"


class Silence(StrEnum):
    """Why there is no figure, or what a zero means."""

    EMPTY = "empty_window"
    NO_MARGIN = "no_margin_rate"
    NOT_RECORDED = "not_recorded"
    NOTHING_TO_DIVIDE = "nothing_to_divide_by"


Sum = Callable[[Any, int], Any]


class Measure(msgspec.Struct, frozen=True):
    """A sum over the rows of a fact; ``of`` takes the table and the margin rate (bps)."""

    fact: str
    name: str
    of: Sum


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A figure: a sum, or one sum over another. ``formula`` says it in words of the tables.

    ``running`` figures count everything up to the end of the window. ``needs_margin``: without the
    project's margin rate there is no figure. ``recorded`` is a fact that must have rows at all.
    """

    id: str
    unit: Unit
    name_zh: str
    name_en: str
    about_zh: str
    about_en: str
    formula: str
    top: Measure
    bottom: Measure | None = None
    running: bool = False
    needs_margin: bool = False
    recorded: str | None = None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The sums that the figure is made of."""
        return (self.top,) if self.bottom is None else (self.top, self.bottom)


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows count: of one campaign, channel, location, or of a segment's members now."""

    campaign_id: str | None = None
    channel: str | None = None
    location_id: str | None = None
    segment_id: str | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: days of the project's calendar, the last one included.

    Raises InvalidInput for days the wrong way round and for more than 1,100 figures in a series.
    """

    since: date
    until: date
    grain: Grain | None = None
    by: Dimension | None = None
    scope: Scope = Scope()

    def __post_init__(self) -> None:
        if self.until < self.since:
            raise InvalidInput("The window ends before it begins.", field="until")
        if self.grain is not None and len(self.buckets()) > MOST_BUCKETS:
            message = words(
                "A series has at most %(most)s figures: ask for a coarser grain.",
                most=f"{MOST_BUCKETS:,}",
            )
            raise InvalidInput(message, field="grain")

    def buckets(self) -> list[str]:
        """Return the names of the series' stretches in order: a day, or a day and an hour."""
        days = [self.since + timedelta(days=n) for n in range((self.until - self.since).days + 1)]
        match self.grain:
            case None:
                return []
            case Grain.HOUR:
                return [f"{day}T{hour:02}" for day in days for hour in range(24)]
            case Grain.DAY:
                return [day.isoformat() for day in days]
            case Grain.WEEK:
                weeks = (day - timedelta(days=day.weekday()) for day in days)
                return list(dict.fromkeys(week.isoformat() for week in weeks))
            case Grain.MONTH:
                return list(dict.fromkeys(day.replace(day=1).isoformat() for day in days))

    def before(self) -> "Question":
        """Return the same question of the window of the same length just before."""
        length = self.until - self.since + timedelta(days=1)
        return msgspec.structs.replace(
            self, since=self.since - length, until=self.until - length, grain=None, by=None
        )


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One figure; money in whole minor units (half-even), shares with six places.

    ``bucket`` is its stretch of time in a series, ``key`` and ``label`` what it is of when told
    apart. Without a value, or with a zero that nothing was counted for, ``silence`` says why.
    """

    value: int | Decimal | None
    bucket: str | None = None
    key: str | None = None
    label: str | None = None
    silence: Silence | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one metric; ``as_of`` is when the facts were last copied."""

    metric: Metric
    points: list[Point]
    as_of: datetime | None

    @property
    def point(self) -> Point:
        """The only figure of an answer to a question without grain and dimension."""
        return self.points[0]
