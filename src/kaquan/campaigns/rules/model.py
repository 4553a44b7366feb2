"""The nouns: a set of rules, what it is assigned to, and the terms of what it is assigned to."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.runtime import InvalidInput, KaquanError


class InvalidRules(InvalidInput):
    """The text of a set of rules makes no sense; ``field`` leads to the place."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, field=field, key="invalid_validation_rules")


class RuleNotSupported(KaquanError):
    """The dialect knows this rule, and a checkout cannot carry it out; it is never ignored."""

    key = "not_supported"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, field=field)
        self.field = field


class OwnerKind(StrEnum):
    """What rules can be assigned to."""

    VOUCHER = "voucher"
    CAMPAIGN = "campaign"
    PROMOTION_TIER = "promotion_tier"


class ValidationRule(msgspec.Struct, frozen=True, kw_only=True):
    """A set of rules as it was said.

    ``rules`` are numbered, with their ``logic``; ``applicable_to`` says which goods a discount is
    for; ``error`` has the words for whoever does not meet a rule without words of its own.
    """

    id: str
    name: str
    kind: str
    context: str
    rules: dict[str, Any]
    bundle_rules: dict[str, Any] | None
    applicable_to: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime | None
    assignments: int = 0

    @property
    def fallback(self) -> str | None:
        """What to say where a rule has no words of its own."""
        message = (self.error or {}).get("message")
        return message if isinstance(message, str) else None


class RuleDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A set of rules to be created."""

    name: str
    kind: str = "expression"
    context: str = "global"
    rules: dict[str, Any] = {}
    bundle_rules: dict[str, Any] | None = None
    applicable_to: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a set of rules; what is UNSET stays, None empties."""

    name: str | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    context: str | UnsetType = UNSET
    rules: dict[str, Any] | UnsetType | None = UNSET
    bundle_rules: dict[str, Any] | UnsetType | None = UNSET
    applicable_to: dict[str, Any] | UnsetType | None = UNSET
    error: dict[str, Any] | UnsetType | None = UNSET


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """That a set of rules holds for something."""

    id: str
    rule_id: str
    owner_kind: OwnerKind
    owner_id: str
    created_at: datetime


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of an object's offer, before rules and recurring windows are worked into it.

    ``offer`` is the engine's JSON (None: of a voucher whose campaign's applies, and of a
    promotion). ``said`` are the dialect's words about time as they came: validity_timeframe,
    validity_day_of_week, validity_hours, activity_duration_after_publishing.
    """

    owner_id: str
    owner_kind: OwnerKind
    offer: dict[str, Any] | None
    said: dict[str, Any] = {}
