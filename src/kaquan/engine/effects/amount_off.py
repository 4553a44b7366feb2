"""An amount off (立减)."""

from typing import ClassVar

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome, Target
from kaquan.engine.effects.spread import find_carriers, place_on_lines
from kaquan.engine.facts import Facts
from kaquan.engine.money import PositiveMinor
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class AmountOff(Effect, frozen=True, kw_only=True):
    """An amount off the order, or off each line in scope once."""

    code: ClassVar[str] = "amount_off"

    amount_minor: PositiveMinor
    target: Target = "order"
    scope: Scope = EVERYTHING

    def apply(self, facts: Facts) -> Outcome | Reason:
        if self.target == "items":
            return self._off_items(facts)
        carriers = find_carriers(self.scope, facts.cart)
        if carriers == ():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        base = facts.spend(self.scope, "remaining")
        return Outcome(
            order_minor=min(self.amount_minor, base),
            carriers=carriers,
            inputs={"base_minor": base},
        )

    def _off_items(self, facts: Facts) -> Outcome | Reason:
        indexes = self.scope.indexes(facts.cart)
        if not indexes:
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        subtotals = [facts.left.subtotals_minor[index] for index in indexes]
        off = [min(self.amount_minor, subtotal) for subtotal in subtotals]
        return Outcome(
            items_minor=place_on_lines(off, indexes, size=len(facts.cart.lines)),
            inputs={"base_minor": sum(subtotals)},
        )
