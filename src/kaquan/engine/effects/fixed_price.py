"""A fixed price (一口价)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome, Target
from kaquan.engine.effects.personal import check_formula, personalise, personalise_lines
from kaquan.engine.effects.selection import ALL_OF_SCOPE, Selection
from kaquan.engine.effects.spread import find_carriers, take_off_picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import MAX_MINOR, PositiveMinor
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class FixedPrice(Effect, frozen=True, kw_only=True):
    """A new price for the order, or for each unit of the items in scope, or of the nth of them.

    What already costs less stays as it is. With the target order, goods in scope cost
    `price_minor` together. With items the new price is each chosen unit's; `selection` makes it
    the nth unit's. Caps as in percent_off.
    """

    code: ClassVar[str] = "fixed_price"

    price_minor: Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)]
    price_formula: str | None = None
    cap_minor: PositiveMinor | None = None
    total_cap_minor: PositiveMinor | None = None
    target: Target = "order"
    scope: Scope = EVERYTHING
    selection: Selection = ALL_OF_SCOPE

    def __post_init__(self) -> None:
        check_formula(self.price_formula, per_line=self.target == "items")
        if self.target == "order" and self.selection != ALL_OF_SCOPE:
            raise ValueError("selection is for the target items")

    def apply(self, facts: Facts) -> Outcome | Reason:
        if self.target == "items":
            picks = self.selection.pick(self.scope, facts)
            if isinstance(picks, Reason):
                return picks
            prices, inputs = personalise_lines(
                self.price_minor, self.price_formula, facts, lines=picks.indexes
            )
            each = zip(picks.values_minor, picks.units, prices, strict=True)
            return take_off_picks(
                [max(0, value - price * units) for value, units, price in each],
                picks,
                facts,
                cap_minor=self.cap_minor,
                total_cap_minor=self.total_cap_minor,
                inputs=inputs,
            )
        price, inputs = personalise(self.price_minor, self.price_formula, facts)
        carriers = find_carriers(self.scope, facts.cart)
        if carriers == ():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        base = facts.spend(self.scope, "remaining")
        off = max(0, base - price)
        for cap in (self.cap_minor, self.total_cap_minor):
            off = off if cap is None else min(off, cap)
        return Outcome(order_minor=off, carriers=carriers, inputs={"base_minor": base, **inputs})
