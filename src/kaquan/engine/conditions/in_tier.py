"""Customers of a membership tier (会员等级)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class InTier(Condition, frozen=True, kw_only=True):
    """The customer is in one of the tiers; a guest is in none."""

    code: ClassVar[str] = "in_tier"

    tier_ids: Annotated[frozenset[str], msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        customer = facts.context.customer
        if customer.id is None:
            return unmet({}, Reason(ReasonCode.CUSTOMER_REQUIRED))
        inputs = {"tier_id": customer.tier_id or ""}
        if customer.tier_id in self.tier_ids:
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.NOT_IN_TIER))
