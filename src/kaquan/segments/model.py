"""The nouns of segments: a segment, and the typed tree that its definition means."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from kaquan.segments.attributes import Attribute, Operator, ValueKind
from kaquan.segments.deeds import DeedKind, Measure


class SegmentKind(StrEnum):
    """How a segment's members follow its rule.

    ``auto-update`` and ``passive`` members always match the rule as of now; of the two only the
    former reports who enters and leaves. ``static`` members are those who matched when the rule
    was set.
    """

    AUTO_UPDATE = "auto-update"
    PASSIVE = "passive"
    STATIC = "static"


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A named audience. ``member_count`` is as of ``evaluated_at`` (None: never counted)."""

    id: str
    name: str
    kind: SegmentKind
    definition: dict[str, Any]
    metadata: dict[str, Any]
    member_count: int
    evaluated_at: datetime | None
    created_at: datetime
    updated_at: datetime | None


Scalar: TypeAlias = str | int | bool | Decimal | date | datetime
Operand: TypeAlias = Scalar | tuple[Scalar, ...] | None


class AllOf(msgspec.Struct, frozen=True):
    """Who matches every rule; without rules, everybody."""

    rules: "tuple[Rule, ...]"


class AnyOf(msgspec.Struct, frozen=True):
    """Who matches at least one rule; without rules, nobody."""

    rules: "tuple[Rule, ...]"


class NotOf(msgspec.Struct, frozen=True):
    """Who does not match the rule."""

    rule: "Rule"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute compared with an operand of ``kind``; ``key`` names the metadata key, if any.

    A customer who has no value for the attribute matches only ``has_no_value``, ``is_not`` and
    ``not_in``; the last two are exactly the opposites of ``is`` and ``in``.
    """

    attribute: Attribute
    operator: Operator
    kind: ValueKind
    operand: Operand = None
    key: str | None = None


class InSegment(msgspec.Struct, frozen=True):
    """Who is a member of at least one of these segments, named by id or by name."""

    references: tuple[str, ...]


class CalendarUnit(StrEnum):
    """A span of the calendar in the project's time zone; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Ago(msgspec.Struct, frozen=True, kw_only=True):
    """The moment so long before now."""

    days: int = 0
    hours: int = 0


class StartOf(msgspec.Struct, frozen=True, kw_only=True):
    """When the current day, week, … began, or one ``back`` units before it."""

    unit: CalendarUnit
    back: int = 0


Bound: TypeAlias = date | datetime | Ago | StartOf


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A span of time up to now at the latest.

    ``start`` is excluded when it is Ago, else included; ``end`` is excluded when it is StartOf,
    else included; a date as ``end`` includes that whole day.
    """

    start: Bound | None = None
    end: Bound | None = None


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Which deeds are meant: their kind, the event's ``name``, conditions on each, and when.

    Orders and lines count when the order is a purchase, unless ``any_status``: then the
    conditions speak of the status themselves.
    """

    kind: DeedKind
    name: str | None = None
    where: "Rule" = AllOf(())
    window: Window = Window()
    any_status: bool = False


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """A property of a deed; ``key`` is set where the property's keys are the merchant's own."""

    attribute: Attribute
    kind: ValueKind
    key: str | None = None


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """A measure over a customer's deeds, compared with an operand of ``kind``.

    Counts, sums and numbers of distinct values of no deeds are 0; the other measures then have
    no value, and match only has_no_value. ``of`` is what is summed, averaged or distinguished.
    """

    measure: Measure
    deed: Deed
    of: Property | None
    operator: Operator
    kind: ValueKind
    operand: Operand = None


class Anniversary(msgspec.Struct, frozen=True, kw_only=True):
    """Who has an anniversary of a date from ``first`` to ``last`` days after today.

    29 February is kept on the 28th in years without one. The day itself is no anniversary.
    """

    attribute: Attribute
    first: int
    last: int


class Consented(msgspec.Struct, frozen=True, kw_only=True):
    """Whose latest decision allows contact by a channel for a purpose."""

    channel: str
    purpose: str


class Listed(msgspec.Struct, frozen=True):
    """Who is named by our id or the merchant's."""

    references: tuple[str, ...]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Whose place, from 0 to 100 and fixed by id and salt, is at least ``low`` and below ``high``.

    The place is the MD5 of ``salt:customer id`` as a fraction of its range.
    """

    low: Decimal
    high: Decimal
    salt: str


Leaf: TypeAlias = Comparison | InSegment | Aggregate | Anniversary | Consented | Listed | Sample
Rule: TypeAlias = AllOf | AnyOf | NotOf | Leaf


class RfmBand(msgspec.Struct, frozen=True, kw_only=True):
    """A named group of customers by their scores, with its name in both languages."""

    code: str
    label_zh: str
    label_en: str
    advice_zh: str
    advice_en: str


class RfmScore(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's scores from 1 to 5 (5 is best) and the figures that they stand for."""

    customer_id: str
    recency_days: int
    frequency: int
    monetary_minor: int
    recency_score: int
    frequency_score: int
    monetary_score: int
    band: str
    as_of: datetime


class ScoreCell(msgspec.Struct, frozen=True, kw_only=True):
    """Customers of the same recency and frequency scores: how many, and what they spent."""

    recency: int
    frequency: int
    count: int
    monetary_minor: int


class BandFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers stand in a band, and what they spent."""

    band: str
    count: int
    monetary_minor: int


class KnownKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the merchant's own with the JSON type that its values mostly have."""

    key: str
    kind: str


class SavedFilter(msgspec.Struct, frozen=True, kw_only=True):
    """A list of customers that ``owner`` keeps ('' for everybody): rule, columns, order."""

    id: str
    owner: str
    name: str
    definition: dict[str, Any]
    columns: tuple[str, ...]
    sort: str
    created_at: datetime
    updated_at: datetime | None


class DailyChange(msgspec.Struct, frozen=True, kw_only=True):
    """How many entered and left a segment on a day of the project's calendar."""

    segment_id: str
    day: date
    entered: int
    left: int


class SegmentChange(msgspec.Struct, frozen=True, kw_only=True):
    """That a customer entered (or else left) a segment. Ids rise in the order of happening."""

    id: int
    segment_id: str
    customer_id: str
    entered: bool
    at: datetime


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """To when a segment's members are right; None: its definition has to be settled first."""

    segment_id: str
    kept_to: datetime | None


class TakenChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Rows taken from the queue of changes, and what changed by customer."""

    taken: int
    topics: dict[str, set[str]]
