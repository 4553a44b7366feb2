"""New customers only (首单)."""

from typing import ClassVar

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unknown, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class FirstOrder(Condition, frozen=True, kw_only=True):
    """The customer has not ordered before."""

    code: ClassVar[str] = "first_order"

    def check(self, facts: Facts) -> Finding:
        customer = facts.context.customer
        if customer.id is None:
            return unknown(ReasonCode.CUSTOMER_REQUIRED)
        inputs = {"order_count": customer.order_count}
        if customer.order_count == 0:
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.NOT_FIRST_ORDER, inputs))
