"""An order amount between bounds (订单金额范围)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.bounds import Bounds, check_bounds
from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding
from kaquan.engine.facts import Basis, Facts
from kaquan.engine.money import MAX_MINOR, PositiveMinor
from kaquan.engine.reasons import ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope

_BOUNDS = Bounds(
    too_low=ReasonCode.MINIMUM_SPEND_NOT_MET,
    too_high=ReasonCode.MAXIMUM_SPEND_EXCEEDED,
    noun="spent",
    unit="_minor",
)


@CONDITIONS.register
class SpendBetween(Condition, frozen=True, kw_only=True):
    """The goods in scope, or the order, come to at least or at most an amount.

    `basis` says whether that is before this request's discounts or what they left so far.
    """

    code: ClassVar[str] = "spend_between"

    at_least_minor: PositiveMinor | None = None
    at_most_minor: Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)] | None = None
    scope: Scope = EVERYTHING
    basis: Basis = "remaining"

    def __post_init__(self) -> None:
        check_bounds(self.at_least_minor, self.at_most_minor)

    def check(self, facts: Facts) -> Finding:
        return _BOUNDS.check(
            facts.spend(self.scope, self.basis),
            at_least=self.at_least_minor,
            at_most=self.at_most_minor,
        )
