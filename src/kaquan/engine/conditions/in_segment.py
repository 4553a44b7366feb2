"""Customers of a segment (客群)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class InSegment(Condition, frozen=True, kw_only=True):
    """The customer belongs to a segment; a guest belongs to none."""

    code: ClassVar[str] = "in_segment"

    segment_id: Annotated[str, msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        customer = facts.context.customer
        inputs = {"segment_id": self.segment_id}
        if customer.id is None:
            return unmet(inputs, Reason(ReasonCode.CUSTOMER_REQUIRED))
        if self.segment_id in customer.segment_ids:
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.NOT_IN_SEGMENT, inputs))

    def negated_reason(self, finding: Finding) -> Reason:
        return Reason(ReasonCode.IN_EXCLUDED_SEGMENT, finding.inputs)
