"""The nouns of segments: a segment, and the typed tree that its definition means."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from kaquan.segments.attributes import Attribute, Operator, ValueKind


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


Rule: TypeAlias = AllOf | AnyOf | NotOf | Comparison | InSegment


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
