"""A percentage off (折扣)."""

from typing import ClassVar

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome, Target
from kaquan.engine.effects.personal import check_formula, personalise, personalise_lines
from kaquan.engine.effects.selection import ALL_OF_SCOPE, Selection
from kaquan.engine.effects.spread import find_carriers, take_off_picks
from kaquan.engine.facts import Basis, Facts
from kaquan.engine.money import FULL_RATE_BPS, PositiveMinor, RateBps, take_rate
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class PercentOff(Effect, frozen=True, kw_only=True):
    """A percentage off the order, or off the items in scope, rounded as the project says.

    `cap_minor` holds for the order, or with items for each line; `total_cap_minor` for all lines
    together. The lowest cap wins. `rate_formula`, in basis points, takes the place of `rate_bps`
    where it has a value for the request. With the basis `initial` the percentage is of the amounts
    as they came in; more than what is left is still never taken.
    """

    code: ClassVar[str] = "percent_off"

    rate_bps: RateBps
    rate_formula: str | None = None
    cap_minor: PositiveMinor | None = None
    total_cap_minor: PositiveMinor | None = None
    target: Target = "order"
    scope: Scope = EVERYTHING
    selection: Selection = ALL_OF_SCOPE
    basis: Basis = "remaining"

    def __post_init__(self) -> None:
        check_formula(self.rate_formula, per_line=self.target == "items")
        if self.target == "order" and self.selection != ALL_OF_SCOPE:
            raise ValueError("selection is for the target items")

    def apply(self, facts: Facts) -> Outcome | Reason:
        if self.target == "items":
            return self._off_items(facts)
        rate, inputs = personalise(self.rate_bps, self.rate_formula, facts, most=FULL_RATE_BPS)
        carriers = find_carriers(self.scope, facts.cart)
        if carriers == ():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        base = facts.spend(self.scope, self.basis)
        off = min(take_rate(base, rate, facts.rounding), facts.spend(self.scope, "remaining"))
        for cap in (self.cap_minor, self.total_cap_minor):
            off = off if cap is None else min(off, cap)
        return Outcome(order_minor=off, carriers=carriers, inputs={"base_minor": base, **inputs})

    def _off_items(self, facts: Facts) -> Outcome | Reason:
        picks = self.selection.pick(self.scope, facts)
        if isinstance(picks, Reason):
            return picks
        bases = picks.values_minor
        if self.basis == "initial":
            bases = picks.initial_values(facts)
        rates, inputs = personalise_lines(
            self.rate_bps, self.rate_formula, facts, lines=picks.indexes, most=FULL_RATE_BPS
        )
        return take_off_picks(
            [
                take_rate(base, rate, facts.rounding)
                for base, rate in zip(bases, rates, strict=True)
            ],
            picks,
            facts,
            cap_minor=self.cap_minor,
            total_cap_minor=self.total_cap_minor,
            inputs=inputs,
        )
