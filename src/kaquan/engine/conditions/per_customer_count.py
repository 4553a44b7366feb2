"""So many times each customer (每人限用)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unknown, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class PerCustomerCount(Condition, frozen=True, kw_only=True):
    """The customer's redemptions in the campaign, this attempt included, are at most so many."""

    code: ClassVar[str] = "per_customer_count"

    at_most: Annotated[int, msgspec.Meta(ge=1)]

    def check(self, facts: Facts) -> Finding:
        if not facts.context.customer.can_be_counted:
            return unknown(ReasonCode.CUSTOMER_REQUIRED)
        inputs = {"at_most": self.at_most, "used": facts.customer_redemptions}
        if facts.customer_redemptions + 1 <= self.at_most:
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.CUSTOMER_COUNT_REACHED, inputs))
