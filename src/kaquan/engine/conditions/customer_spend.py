"""What the customer has spent so far (累计消费)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.bounds import Bounds, check_bounds
from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, unknown
from kaquan.engine.facts import Facts
from kaquan.engine.money import MAX_MINOR, PositiveMinor
from kaquan.engine.reasons import ReasonCode

_BOUNDS = Bounds(
    too_low=ReasonCode.CUSTOMER_SPEND_TOO_LOW,
    too_high=ReasonCode.CUSTOMER_SPEND_TOO_HIGH,
    noun="spent",
    unit="_minor",
)


@CONDITIONS.register
class CustomerSpend(Condition, frozen=True, kw_only=True):
    """The customer's orders before this one came to at least or at most an amount."""

    code: ClassVar[str] = "customer_spend"

    at_least_minor: PositiveMinor | None = None
    at_most_minor: Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)] | None = None

    def __post_init__(self) -> None:
        check_bounds(self.at_least_minor, self.at_most_minor)

    def check(self, facts: Facts) -> Finding:
        customer = facts.context.customer
        if customer.id is None:
            return unknown(ReasonCode.CUSTOMER_REQUIRED)
        return _BOUNDS.check(
            customer.spend_minor, at_least=self.at_least_minor, at_most=self.at_most_minor
        )
