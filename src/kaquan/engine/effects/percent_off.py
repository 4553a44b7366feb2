"""A percentage off (折扣)."""

from typing import ClassVar

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome, Target
from kaquan.engine.effects.spread import find_carriers, hold_to, place_on_lines
from kaquan.engine.facts import Facts
from kaquan.engine.money import PositiveMinor, RateBps, take_rate
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class PercentOff(Effect, frozen=True, kw_only=True):
    """A percentage off the order, or off each line in scope; halves round to even.

    `cap_minor` holds for the order, or with items for each line; `total_cap_minor` for all lines
    together. The lowest cap wins.
    """

    code: ClassVar[str] = "percent_off"

    rate_bps: RateBps
    cap_minor: PositiveMinor | None = None
    total_cap_minor: PositiveMinor | None = None
    target: Target = "order"
    scope: Scope = EVERYTHING

    def apply(self, facts: Facts) -> Outcome | Reason:
        if self.target == "items":
            return self._off_items(facts)
        carriers = find_carriers(self.scope, facts.cart)
        if carriers == ():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        base = facts.spend(self.scope, "remaining")
        off = self._hold_to_cap(take_rate(base, self.rate_bps))
        if self.total_cap_minor is not None:
            off = min(off, self.total_cap_minor)
        return Outcome(order_minor=off, carriers=carriers, inputs={"base_minor": base})

    def _off_items(self, facts: Facts) -> Outcome | Reason:
        indexes = self.scope.indexes(facts.cart)
        if not indexes:
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        subtotals = [facts.left.subtotals_minor[index] for index in indexes]
        off = [self._hold_to_cap(take_rate(base, self.rate_bps)) for base in subtotals]
        if self.total_cap_minor is not None:
            off = hold_to(self.total_cap_minor, off)
        return Outcome(
            items_minor=place_on_lines(off, indexes, size=len(facts.cart.lines)),
            inputs={"base_minor": sum(subtotals)},
        )

    def _hold_to_cap(self, off: int) -> int:
        return off if self.cap_minor is None else min(off, self.cap_minor)
