"""Units of goods between bounds (件数范围)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.conditions.bounds import Bounds, check_bounds
from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope

_BOUNDS = Bounds(too_low=ReasonCode.ITEMS_MISSING, too_high=ReasonCode.TOO_MANY_ITEMS)


@CONDITIONS.register
class ItemQuantity(Condition, frozen=True, kw_only=True):
    """Units of the goods in scope are at least or at most so many."""

    code: ClassVar[str] = "item_quantity"

    at_least: Annotated[int, msgspec.Meta(ge=1)] | None = None
    at_most: Annotated[int, msgspec.Meta(ge=0)] | None = None
    scope: Scope = EVERYTHING

    def __post_init__(self) -> None:
        check_bounds(self.at_least, self.at_most)

    def check(self, facts: Facts) -> Finding:
        lines = facts.cart.lines
        present = sum(lines[index].quantity for index in self.scope.indexes(facts.cart))
        return _BOUNDS.check(present, at_least=self.at_least, at_most=self.at_most)
