"""Certain ways to pay (指定支付方式)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding
from kaquan.engine.conditions.one_of import OneOf
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ReasonCode

_ASKED = OneOf(
    name="payment_method",
    missing=ReasonCode.PAYMENT_METHOD_REQUIRED,
    wrong=ReasonCode.WRONG_PAYMENT_METHOD,
)


@CONDITIONS.register
class PaidBy(Condition, frozen=True, kw_only=True):
    """The order is paid in one of the ways; before one is chosen nobody can say."""

    code: ClassVar[str] = "paid_by"

    payment_methods: Annotated[frozenset[str], msgspec.Meta(min_length=1)]

    def check(self, facts: Facts) -> Finding:
        return _ASKED.check(facts.context.payment_method, self.payment_methods)
