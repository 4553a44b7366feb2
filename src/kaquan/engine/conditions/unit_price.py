"""Goods at a certain unit price (单价范围)."""

from typing import Annotated, ClassVar, Literal

import msgspec

from kaquan.engine.conditions.bounds import check_bounds
from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.money import MAX_MINOR, PositiveMinor
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@CONDITIONS.register
class UnitPrice(Condition, frozen=True, kw_only=True):
    """The unit price of any line in scope, or of every one, is at least or at most an amount."""

    code: ClassVar[str] = "unit_price"

    at_least_minor: PositiveMinor | None = None
    at_most_minor: Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)] | None = None
    lines: Literal["any", "every"] = "any"
    scope: Scope = EVERYTHING

    def __post_init__(self) -> None:
        check_bounds(self.at_least_minor, self.at_most_minor)

    def check(self, facts: Facts) -> Finding:
        indexes = self.scope.indexes(facts.cart)
        fitting = sum(self._fits(facts.cart.lines[index].unit_price) for index in indexes)
        inputs = {"lines": len(indexes), "fitting": fitting}
        if not indexes:
            return unmet(inputs, Reason(ReasonCode.NO_MATCHING_ITEMS))
        if fitting == len(indexes) or (fitting and self.lines == "any"):
            return met(inputs)
        return unmet(inputs, Reason(ReasonCode.UNIT_PRICE_OUTSIDE, inputs))

    def _fits(self, price_minor: int) -> bool:
        low, high = self.at_least_minor, self.at_most_minor
        return (low is None or price_minor >= low) and (high is None or price_minor <= high)
