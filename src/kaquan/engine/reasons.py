"""Why something was refused, as a code with parameters."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Self, TypeAlias

import msgspec

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

    Parameters are named with their unit last: `_minor` is money, `_at` an ISO-8601 time with the
    project's offset.
    """

    family: ReasonFamily
    description: str
    params: tuple[str, ...]
    rank: int

    def __new__(
        cls, value: str, family: ReasonFamily, description: str, params: tuple[str, ...] = ()
    ) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.family = family
        member.description = description
        member.params = params
        member.rank = len(cls.__members__)
        return member

    TOO_MANY_SENT = (
        "too_many_sent",
        _F.REQUEST,
        "The request carries more redeemables than the project allows at once.",
        ("sent", "limit"),
    )
    DUPLICATE_CANDIDATE = (
        "duplicate_candidate",
        _F.REQUEST,
        "The same redeemable was sent twice in one request.",
        ("key",),
    )
    INVALID_QUANTITY = (
        "invalid_quantity",
        _F.REQUEST,
        "A quantity is not a whole number of at least 1.",
        ("field",),
    )
    INVALID_PRICE = (
        "invalid_price",
        _F.REQUEST,
        "A price or amount is not a whole number of minor units of at least 0.",
        ("field",),
    )
    MISSING_PRICE = (
        "missing_price",
        _F.REQUEST,
        "A line has neither a unit price nor an amount.",
        ("field",),
    )
    AMOUNT_OVERFLOW = (
        "amount_overflow",
        _F.REQUEST,
        "A quantity, price, amount or their total exceeds 2^53 - 1.",
        ("field",),
    )
    DUPLICATE_LINE_KEY = (
        "duplicate_line_key",
        _F.REQUEST,
        "Two lines of the order carry the same key.",
        ("field",),
    )
    PRECEDING_FAILED = (
        "preceding_failed",
        _F.STACKING,
        "All were asked for together and an earlier one was refused.",
    )
    APPLIED_LIMIT = (
        "applied_limit",
        _F.STACKING,
        "As many as the project allows were applied before this one.",
        ("limit",),
    )
    INACTIVE = ("inactive", _F.VALIDITY, "The voucher or its campaign is switched off.")
    EXPIRED = ("expired", _F.VALIDITY, "The period of use is over.", ("expires_at",))
    NOT_STARTED = (
        "not_started",
        _F.VALIDITY,
        "The period of use has not begun.",
        ("starts_at",),
    )
    USES_EXHAUSTED = ("uses_exhausted", _F.LIMIT, "No uses of this voucher are left.")
    CAMPAIGN_USES_EXHAUSTED = (
        "campaign_uses_exhausted",
        _F.LIMIT,
        "No uses of the campaign are left.",
    )
    CUSTOMER_USES_EXHAUSTED = (
        "customer_uses_exhausted",
        _F.LIMIT,
        "The customer has no uses of the campaign left.",
    )
    BUDGET_EXHAUSTED = (
        "budget_exhausted",
        _F.LIMIT,
        "The campaign's remaining budget does not cover this discount; it is never cut to fit.",
        ("needed_minor", "left_minor", "missing_minor"),
    )
    CUSTOMER_REQUIRED = (
        "customer_required",
        _F.CUSTOMER,
        "The rule is about the customer and the order has none.",
    )
    NOT_IN_SEGMENT = (
        "not_in_segment",
        _F.CUSTOMER,
        "The customer is not in the segment the offer is for.",
        ("segment_id",),
    )
    IN_EXCLUDED_SEGMENT = (
        "in_excluded_segment",
        _F.CUSTOMER,
        "The customer is in a segment the offer excludes.",
        ("segment_id",),
    )
    NOT_FIRST_ORDER = (
        "not_first_order",
        _F.CUSTOMER,
        "The customer has ordered before.",
        ("order_count",),
    )
    CUSTOMER_COUNT_REACHED = (
        "customer_count_reached",
        _F.REDEMPTION,
        "The customer has used the campaign as often as its rule allows.",
        ("at_most", "used"),
    )
    ITEMS_MISSING = (
        "items_missing",
        _F.ORDER,
        "Too few units of the goods the rule names are in the cart.",
        ("required", "present", "missing"),
    )
    EXCLUDED_ITEMS_PRESENT = (
        "excluded_items_present",
        _F.ORDER,
        "Goods that the rule excludes are in the cart.",
        ("limit", "present"),
    )
    MINIMUM_SPEND_NOT_MET = (
        "minimum_spend_not_met",
        _F.ORDER,
        "The amount is below the rule's minimum spend.",
        ("required_minor", "spent_minor", "missing_minor"),
    )
    EXCLUDED_BY_RULE = (
        "excluded_by_rule",
        _F.ORDER,
        "A condition that must not hold does hold.",
        ("condition",),
    )
    NO_ALTERNATIVE_MET = (
        "no_alternative_met",
        _F.ORDER,
        "None of several alternative conditions holds; their reasons follow.",
        ("alternatives",),
    )
    NO_MATCHING_ITEMS = (
        "no_matching_items",
        _F.EFFECT,
        "None of the goods that the offer discounts is in the cart.",
    )
    THRESHOLD_NOT_MET = (
        "threshold_not_met",
        _F.EFFECT,
        "The amount is below the first threshold of the offer.",
        ("required_minor", "spent_minor", "missing_minor"),
    )
    FACE_VALUE_MISSING = (
        "face_value_missing",
        _F.EFFECT,
        "The value printed on the coupon was not given.",
    )
    FACE_VALUE_INVALID = (
        "face_value_invalid",
        _F.EFFECT,
        "The value given as printed on the coupon is not an amount above zero.",
    )
    NO_EFFECT = ("no_effect", _F.STACKING, "Nothing is left that it could discount.")


class Reason(msgspec.Struct, frozen=True):
    """One reason with the parameters that `code.params` names."""

    code: ReasonCode
    params: Mapping[str, ParamValue] = {}


def headline(reasons: tuple[Reason, ...]) -> Reason:
    """The reason of highest precedence. Raises ValueError when there is none."""
    return min(reasons, key=lambda reason: reason.code.rank)
