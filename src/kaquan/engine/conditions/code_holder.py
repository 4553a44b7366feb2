"""Only who was given the code (本人使用)."""

from typing import ClassVar

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unknown, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode


@CONDITIONS.register
class CodeHolder(Condition, frozen=True, kw_only=True):
    """The customer is the one that the code was given to; of an ungiven code nobody is."""

    code: ClassVar[str] = "code_holder"

    def check(self, facts: Facts) -> Finding:
        customer_id = facts.context.customer.id
        if customer_id is None:
            return unknown(ReasonCode.CUSTOMER_REQUIRED)
        if customer_id == facts.holder_id:
            return met({})
        return unmet({}, Reason(ReasonCode.NOT_HOLDER))
