"""Certain ways to pay (指定支付方式)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import (
    CONDITIONS,
    Condition,
    Finding,
    Verdict,
    met,
    unmet,
)
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class PaidBy(Condition, frozen=True, kw_only=True):
    """The order is paid in one of the ways; before one is chosen nobody can say."""

    code: ClassVar[str] = "paid_by"

    payment_methods: Annotated[frozenset[str], msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        payment_method = facts.context.payment_method
        if payment_method is None:
            return Finding(Verdict.UNKNOWN, {}, Reason(ReasonCode.PAYMENT_METHOD_REQUIRED))
        inputs = {"payment_method": payment_method}
        if payment_method in self.payment_methods:
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.WRONG_PAYMENT_METHOD))
