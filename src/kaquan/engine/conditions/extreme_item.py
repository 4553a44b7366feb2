"""The cheapest or the dearest goods are certain ones (最低价或最高价商品)."""

from typing import ClassVar, Literal

from kaquan.engine.conditions.condition import CONDITIONS, Condition, Finding, met, unmet
from kaquan.engine.facts import Facts
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@CONDITIONS.register
class ExtremeItem(Condition, frozen=True, kw_only=True):
    """A line with the lowest or the highest unit price `among` some goods is in scope."""

    code: ClassVar[str] = "extreme_item"

    which: Literal["cheapest", "dearest"]
    scope: Scope
    among: Scope = EVERYTHING

    def check(self, facts: Facts) -> Finding:
        lines = facts.cart.lines
        indexes = self.among.indexes(facts.cart)
        if not indexes:
            return unmet({"lines": 0}, Reason(ReasonCode.NO_MATCHING_ITEMS))
        prices = [lines[index].unit_price for index in indexes]
        price = min(prices) if self.which == "cheapest" else max(prices)
        extremes = [index for index in indexes if lines[index].unit_price == price]
        fitting = sum(self.scope.covers(lines[index]) for index in extremes)
        inputs = {"lines": len(extremes), "fitting": fitting}
        return met(inputs) if fitting else unmet(inputs, Reason(ReasonCode.NO_MATCHING_ITEMS))
