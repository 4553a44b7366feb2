"""Why something was refused, in the dialect's keys and in a sentence."""

from functools import partial
from http import HTTPStatus
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.problems import Problem, ReasonView, SaidError, problem_of
from kaquan.checkout import Refused
from kaquan.engine import Language, Reason, ReasonCode, ReasonFamily, Rejected, explain
from kaquan.runtime import NotFound, Project, format_money

_C = ReasonCode

_KEYS = {
    _C.TOO_MANY_SENT: "too_many_redeemables",
    _C.DUPLICATE_CANDIDATE: "duplicate_redeemables",
    _C.VOUCHER_NOT_FOUND: "not_found",
    _C.PRECEDING_FAILED: "preceding_validation_failed",
    _C.APPLIED_LIMIT: "applicable_redeemables_limit_exceeded",
    _C.EXCLUSIVE_LIMIT: "applicable_exclusive_redeemables_limit_exceeded",
    _C.EXCLUSIVE_CATEGORY_LIMIT: "applicable_exclusive_redeemables_per_category_limit_exceeded",
    _C.CATEGORY_LIMIT: "applicable_redeemables_per_category_limit_exceeded",
    _C.EXCLUDED: "exclusion_rules_not_met",
    _C.NOT_BETTER: "redeemables_no_effect",
    _C.INACTIVE: "voucher_disabled",
    _C.EXPIRED: "voucher_expired",
    _C.NOT_STARTED: "voucher_not_active",
    _C.NO_EFFECT: "redeemables_no_effect",
    _C.GIFT_AMOUNT_EXCEEDED: "gift_amount_exceeded",
    _C.POINTS_EXCEEDED: "loyalty_card_points_exceeded",
}
_FAMILY_KEYS = {
    ReasonFamily.REQUEST: "invalid_order",
    ReasonFamily.ORDER: "order_rules_violated",
    ReasonFamily.EFFECT: "order_rules_violated",
    ReasonFamily.CUSTOMER: "customer_rules_violated",
    ReasonFamily.REDEMPTION: "redemption_rules_violated",
    ReasonFamily.LIMIT: "quantity_exceeded",
}
_RULED_LIMITS = {
    _C.CAMPAIGN_USES_EXHAUSTED,
    _C.CUSTOMER_USES_EXHAUSTED,
    _C.BUDGET_EXHAUSTED,
}
"""Limits that the dialect counts as rules of the redemption, not as the voucher's quantity."""

_MESSAGES = {
    "not_found": "Resource not found",
    "voucher_disabled": "voucher is disabled",
    "voucher_expired": "voucher expired",
    "voucher_not_active": "voucher is not active yet",
    "quantity_exceeded": "quantity exceeded",
    "gift_amount_exceeded": "gift amount exceeded",
    "loyalty_card_points_exceeded": "loyalty card points exceeded",
    "order_rules_violated": "order does not match validation rules",
    "customer_rules_violated": "customer does not match segment rules",
    "redemption_rules_violated": "redemption does not match validation rules",
    "preceding_validation_failed": (
        "Redeemable cannot be applied due to preceding validation failure"
    ),
    "applicable_redeemables_limit_exceeded": "Applicable redeemables limit exceeded",
    "applicable_redeemables_per_category_limit_exceeded": (
        "Applicable redeemables limit per category exceeded"
    ),
    "applicable_exclusive_redeemables_limit_exceeded": (
        "Applicable exclusive redeemables limit exceeded"
    ),
    "applicable_exclusive_redeemables_per_category_limit_exceeded": (
        "Applicable exclusive redeemables limit per category exceeded"
    ),
    "exclusion_rules_not_met": "Redeemable cannot be applied due to exclusion rules",
    "redeemables_no_effect": "Redeemable has no effect on the order",
}


class ErrorView(msgspec.Struct, frozen=True, kw_only=True):
    """The dialect's error object inside of an answer; ``reasons`` are our own, all of them."""

    code: int
    key: str
    message: str
    details: str
    request_id: str
    reasons: list[ReasonView]
    resource_id: str | UnsetType = UNSET
    resource_type: str | UnsetType = UNSET
    error: SaidError | UnsetType = UNSET


def key_of(code: ReasonCode) -> str:
    """Return the dialect's key of a reason."""
    if code in _RULED_LIMITS:
        return _FAMILY_KEYS[ReasonFamily.REDEMPTION]
    return _KEYS.get(code) or _FAMILY_KEYS[code.family]


def message_of(key: str) -> str:
    """Return the dialect's sentence for a key."""
    return _MESSAGES.get(key, key.replace("_", " "))


def view_reasons(reasons: tuple[Reason, ...], project: Project) -> list[ReasonView]:
    """Map reasons with their parameters, each with its sentence in the project's language."""
    language: Language = "zh" if project.language == "zh" else "en"
    money = partial(format_money, currency=project.currency, language=language)
    return [
        ReasonView(
            code=reason.code.value,
            params=dict(reason.params),
            message=explain(reason, language, money),
        )
        for reason in reasons
    ]


def view_error(
    headline: Reason,
    reasons: tuple[Reason, ...],
    *,
    voucher_code: str,
    project: Project,
    request_id: str,
    kind: Literal["voucher", "promotion_tier"] = "voucher",
) -> ErrorView:
    """Map the reasons against one redeemable to the dialect's error object."""
    key = key_of(headline.code)
    missing = key == "not_found"
    return ErrorView(
        code=HTTPStatus.NOT_FOUND if missing else HTTPStatus.BAD_REQUEST,
        key=key,
        message=message_of(key),
        details=view_reasons((headline,), project)[0].message,
        request_id=request_id,
        reasons=view_reasons(reasons, project),
        resource_id=voucher_code if missing else UNSET,
        resource_type=kind if missing else UNSET,
        error=view_words(headline, reasons),
    )


def view_words(headline: Reason, reasons: tuple[Reason, ...]) -> SaidError | UnsetType:
    """Return the merchant's words: about the headline, else about the first rule that has any."""
    said = next((one.message for one in (headline, *reasons) if one.message is not None), None)
    return UNSET if said is None else SaidError(said)


def problem_of_refusal(
    headline: Reason,
    reasons: tuple[Reason, ...],
    *,
    voucher_code: str,
    project: Project,
    request_id: str,
    kind: Literal["voucher", "promotion_tier"] = "voucher",
) -> Problem:
    """Make a problem of the reasons why a redemption did not take place."""
    error = view_error(
        headline,
        reasons,
        voucher_code=voucher_code,
        project=project,
        request_id=request_id,
        kind=kind,
    )
    missing = None
    if error.resource_id is not UNSET:
        missing = NotFound(kind.replace("_", " "), voucher_code)
    problem = problem_of(
        error.code, error.key, error.details, request_id=request_id, missing=missing
    )
    return msgspec.structs.replace(
        problem, message=error.message, reasons=error.reasons, error=error.error
    )


def problem_of_refused(refused: Refused, *, request_id: str) -> Problem:
    """Make a problem of a redemption that did not take place."""
    attempts = refused.validation.attempts
    culprit = next((a for a in attempts if isinstance(a.result, Rejected)), attempts[0])
    return problem_of_refusal(
        refused.reason,
        culprit.reasons,
        voucher_code=culprit.redeemable.id,
        project=refused.validation.project,
        request_id=request_id,
        kind=culprit.redeemable.object,
    )
