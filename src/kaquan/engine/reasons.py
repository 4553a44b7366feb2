"""Why something was refused, as a code with parameters."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Self, TypeAlias

import msgspec

from kaquan.engine.reason_meanings import MEANINGS

ParamValue: TypeAlias = int | str


class ReasonFamily(Enum):
    """Which part of the offer or the request a reason speaks about."""

    REQUEST = "request"
    ORDER = "order"
    VALIDITY = "validity"
    LIMIT = "limit"
    CUSTOMER = "customer"
    REDEMPTION = "redemption"
    EFFECT = "effect"
    STACKING = "stacking"


_F = ReasonFamily


class ReasonCode(StrEnum):
    """Every reason, in order of precedence: of several, the first listed is the headline.

    Written as family and parameters. Parameters are named with their unit last: `_minor` is money,
    `_at` an ISO-8601 time with the project's offset.
    """

    family: ReasonFamily
    params: tuple[str, ...]
    rank: int

    def __new__(cls, value: str, family: ReasonFamily, *params: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.family = family
        member.params = params
        member.rank = len(cls.__members__)
        return member

    @property
    def description(self) -> str:
        """What it means, in one sentence."""
        return MEANINGS[self.value]

    TOO_MANY_SENT = "too_many_sent", _F.REQUEST, "sent", "limit"
    DUPLICATE_CANDIDATE = "duplicate_candidate", _F.REQUEST, "key"
    VOUCHER_NOT_FOUND = "voucher_not_found", _F.REQUEST, "key"
    INVALID_QUANTITY = "invalid_quantity", _F.REQUEST, "field"
    INVALID_PRICE = "invalid_price", _F.REQUEST, "field"
    MISSING_PRICE = "missing_price", _F.REQUEST, "field"
    AMOUNT_OVERFLOW = "amount_overflow", _F.REQUEST, "field"
    DUPLICATE_LINE_KEY = "duplicate_line_key", _F.REQUEST, "field"
    PRECEDING_FAILED = "preceding_failed", _F.STACKING
    APPLIED_LIMIT = "applied_limit", _F.STACKING, "limit"
    EXCLUSIVE_LIMIT = "exclusive_limit", _F.STACKING, "limit"
    EXCLUSIVE_CATEGORY_LIMIT = "exclusive_category_limit", _F.STACKING, "category_id", "limit"
    CATEGORY_LIMIT = "category_limit", _F.STACKING, "category_id", "limit"
    EXCLUDED = "excluded", _F.STACKING, "by"
    NOT_BETTER = "not_better", _F.STACKING, "with_minor", "without_minor"
    INACTIVE = "inactive", _F.VALIDITY
    EXPIRED = "expired", _F.VALIDITY, "expires_at"
    NOT_STARTED = "not_started", _F.VALIDITY, "starts_at"
    NOT_CLAIMED = "not_claimed", _F.VALIDITY
    NO_TIME_LEFT = "no_time_left", _F.VALIDITY
    BLACKED_OUT = "blacked_out", _F.VALIDITY, "opens_at"
    OUTSIDE_HOURS = "outside_hours", _F.VALIDITY, "opens_at"
    USES_EXHAUSTED = "uses_exhausted", _F.LIMIT
    CAMPAIGN_USES_EXHAUSTED = "campaign_uses_exhausted", _F.LIMIT
    CUSTOMER_USES_EXHAUSTED = "customer_uses_exhausted", _F.LIMIT
    BUDGET_EXHAUSTED = "budget_exhausted", _F.LIMIT, "needed_minor", "left_minor", "missing_minor"
    BALANCE_EMPTY = "balance_empty", _F.LIMIT
    CREDITS_INVALID = "credits_invalid", _F.LIMIT
    GIFT_AMOUNT_EXCEEDED = (
        "gift_amount_exceeded",
        _F.LIMIT,
        "wanted_minor",
        "balance_minor",
        "missing_minor",
    )
    POINTS_EXCEEDED = "points_exceeded", _F.LIMIT, "wanted", "balance", "missing"
    CUSTOMER_REQUIRED = "customer_required", _F.CUSTOMER
    NOT_IN_SEGMENT = "not_in_segment", _F.CUSTOMER, "segment_id"
    IN_EXCLUDED_SEGMENT = "in_excluded_segment", _F.CUSTOMER, "segment_id"
    NOT_FIRST_ORDER = "not_first_order", _F.CUSTOMER, "order_count"
    CUSTOMER_IN_HOLDOUT = "customer_in_holdout", _F.CUSTOMER
    NOT_HOLDER = "not_holder", _F.CUSTOMER
    SELF_REFERRAL = "self_referral", _F.CUSTOMER
    NOT_IN_TIER = "not_in_tier", _F.CUSTOMER
    BIRTHDAY_UNKNOWN = "birthday_unknown", _F.CUSTOMER
    NOT_BIRTHDAY = "not_birthday", _F.CUSTOMER, "starts_at"
    ORDER_COUNT_TOO_LOW = "order_count_too_low", _F.CUSTOMER, "required", "present", "missing"
    ORDER_COUNT_TOO_HIGH = "order_count_too_high", _F.CUSTOMER, "limit", "present", "excess"
    CUSTOMER_SPEND_TOO_LOW = (
        "customer_spend_too_low",
        _F.CUSTOMER,
        "required_minor",
        "spent_minor",
        "missing_minor",
    )
    CUSTOMER_SPEND_TOO_HIGH = (
        "customer_spend_too_high",
        _F.CUSTOMER,
        "limit_minor",
        "spent_minor",
        "excess_minor",
    )
    CUSTOMER_ATTRIBUTE_DIFFERS = "customer_attribute_differs", _F.CUSTOMER, "name"
    CUSTOMER_ATTRIBUTE_TOO_LOW = (
        "customer_attribute_too_low",
        _F.CUSTOMER,
        "name",
        "required",
        "present",
        "missing",
    )
    CUSTOMER_ATTRIBUTE_TOO_HIGH = (
        "customer_attribute_too_high",
        _F.CUSTOMER,
        "name",
        "limit",
        "present",
        "excess",
    )
    CUSTOMER_COUNT_REACHED = "customer_count_reached", _F.REDEMPTION, "at_most", "used"
    REDEMPTION_COUNT_REACHED = "redemption_count_reached", _F.REDEMPTION, "count", "at_most", "used"
    REDEMPTION_ATTRIBUTE_DIFFERS = "redemption_attribute_differs", _F.REDEMPTION, "name"
    REDEMPTION_COUNT_UNKNOWN = "redemption_count_unknown", _F.REDEMPTION, "count"
    LOCATION_REQUIRED = "location_required", _F.REDEMPTION
    WRONG_LOCATION = "wrong_location", _F.REDEMPTION
    CHANNEL_REQUIRED = "channel_required", _F.REDEMPTION
    WRONG_CHANNEL = "wrong_channel", _F.REDEMPTION
    WRONG_REDEEMER = "wrong_redeemer", _F.REDEMPTION
    ITEMS_MISSING = "items_missing", _F.ORDER, "required", "present", "missing"
    EXCLUDED_ITEMS_PRESENT = "excluded_items_present", _F.ORDER, "limit", "present"
    MINIMUM_SPEND_NOT_MET = (
        "minimum_spend_not_met",
        _F.ORDER,
        "required_minor",
        "spent_minor",
        "missing_minor",
    )
    MAXIMUM_SPEND_EXCEEDED = (
        "maximum_spend_exceeded",
        _F.ORDER,
        "limit_minor",
        "spent_minor",
        "excess_minor",
    )
    TOO_MANY_ITEMS = "too_many_items", _F.ORDER, "limit", "present", "excess"
    LINES_MISSING = "lines_missing", _F.ORDER, "required", "present", "missing"
    TOO_MANY_LINES = "too_many_lines", _F.ORDER, "limit", "present", "excess"
    OTHER_ITEMS_PRESENT = "other_items_present", _F.ORDER, "present"
    UNIT_PRICE_OUTSIDE = "unit_price_outside", _F.ORDER, "lines", "fitting"
    PAYMENT_METHOD_REQUIRED = "payment_method_required", _F.ORDER
    WRONG_PAYMENT_METHOD = "wrong_payment_method", _F.ORDER
    ORDER_ATTRIBUTE_DIFFERS = "order_attribute_differs", _F.ORDER, "name"
    ORDER_ATTRIBUTE_TOO_LOW = (
        "order_attribute_too_low",
        _F.ORDER,
        "name",
        "required",
        "present",
        "missing",
    )
    ORDER_ATTRIBUTE_TOO_HIGH = (
        "order_attribute_too_high",
        _F.ORDER,
        "name",
        "limit",
        "present",
        "excess",
    )
    EXCLUDED_BY_RULE = "excluded_by_rule", _F.ORDER, "condition"
    NO_ALTERNATIVE_MET = "no_alternative_met", _F.ORDER, "alternatives"
    NO_MATCHING_ITEMS = "no_matching_items", _F.EFFECT
    NO_SHIPPING = "no_shipping", _F.EFFECT
    FREE_ITEM_WITHOUT_PRICE = "free_item_without_price", _F.EFFECT, "item_id"
    THRESHOLD_NOT_MET = (
        "threshold_not_met",
        _F.EFFECT,
        "required_minor",
        "spent_minor",
        "missing_minor",
    )
    FACE_VALUE_MISSING = "face_value_missing", _F.EFFECT
    FACE_VALUE_INVALID = "face_value_invalid", _F.EFFECT
    NO_EFFECT = "no_effect", _F.STACKING


class Reason(msgspec.Struct, frozen=True):
    """One reason with the parameters that `code.params` names.

    `message` is what the merchant wants to be said instead, where the rule has such words.
    """

    code: ReasonCode
    params: Mapping[str, ParamValue] = {}
    message: str | None = None


def headline(reasons: tuple[Reason, ...]) -> Reason:
    """The reason of highest precedence. Raises ValueError when there is none."""
    return min(reasons, key=lambda reason: reason.code.rank)
