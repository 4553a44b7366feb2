"""So many redemptions by customer, campaign, code or location in a period (核销次数)."""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

from kaquan.engine.calendar_days import Period
from kaquan.engine.conditions.condition import (
    CONDITIONS,
    Condition,
    Finding,
    Verdict,
    met,
    unknown,
    unmet,
)
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode

Counted: TypeAlias = Literal[
    "customer", "campaign", "code", "customer_code", "location", "customer_location"
]
"""Redemptions of the campaign by this customer, by all, at this location; or of this very code."""

_OF_CAMPAIGN = frozenset({"customer", "campaign", "location", "customer_location"})


def count_key(of: Counted, period: Period) -> str:
    """The name of a count in `Candidate.redemption_counts`."""
    return f"{of}/{period}"


@CONDITIONS.register
class RedemptionCount(Condition, frozen=True, kw_only=True):
    """Redemptions in the period, this attempt included, are at most so many.

    Successful ones that were not returned count. Periods are those of the calendar in the project's
    zone. A count that is not known refuses.
    """

    code: ClassVar[str] = "redemption_count"

    of: Counted
    period: Period = "ever"
    at_most: Annotated[int, msgspec.Meta(ge=1)]

    def check(self, facts: Facts) -> Finding:
        key = count_key(self.of, self.period)
        if "customer" in self.of and not facts.context.customer.can_be_counted:
            return unknown(ReasonCode.CUSTOMER_REQUIRED)
        if "location" in self.of and facts.context.location_id is None:
            return unknown(ReasonCode.LOCATION_REQUIRED)
        counted = facts.redemption_counts.get(key)
        if counted is None:
            reason = Reason(ReasonCode.REDEMPTION_COUNT_UNKNOWN, {"count": key})
            return Finding(Verdict.UNKNOWN, {}, reason)
        used = counted + (facts.uses_in_request if self.of in _OF_CAMPAIGN else 0)
        params = {"count": key, "at_most": self.at_most, "used": used}
        if used + 1 <= self.at_most:
            return met(params)
        return unmet(params, Reason(ReasonCode.REDEMPTION_COUNT_REACHED, params))
