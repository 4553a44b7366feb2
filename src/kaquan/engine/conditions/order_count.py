"""How often the customer has ordered (历史订单数)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.bounds import Bounds, check_bounds
from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, unknown
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ReasonCode

_BOUNDS = Bounds(too_low=ReasonCode.ORDER_COUNT_TOO_LOW, too_high=ReasonCode.ORDER_COUNT_TOO_HIGH)


@CONDITIONS.register
class OrderCount(Condition, frozen=True, kw_only=True):
    """The customer's orders before this one are at least or at most so many."""

    code: ClassVar[str] = "order_count"

    at_least: Annotated[int, msgspec.Meta(ge=1)] | None = None
    at_most: Annotated[int, msgspec.Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        check_bounds(self.at_least, self.at_most)

    def check(self, facts: Facts) -> Finding:
        customer = facts.context.customer
        if customer.id is None:
            return unknown(ReasonCode.CUSTOMER_REQUIRED)
        return _BOUNDS.check(customer.order_count, at_least=self.at_least, at_most=self.at_most)
