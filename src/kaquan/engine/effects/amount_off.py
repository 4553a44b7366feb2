"""An amount off (立减)."""

from typing import ClassVar, Literal, TypeAlias

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome, Target
from kaquan.engine.effects.personal import check_formula, personalise
from kaquan.engine.effects.selection import ALL_OF_SCOPE, Picks, Selection
from kaquan.engine.effects.spread import find_carriers, spread_within, take_off_picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import PositiveMinor
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope

Giving: TypeAlias = Literal["per_line", "per_unit", "by_amount", "by_quantity"]
"""The amount once a line, once a unit, or once in all: spread by amounts or by units."""


@EFFECTS.register
class AmountOff(Effect, frozen=True, kw_only=True):
    """An amount off the order, or off the items in scope: once a line, a unit, or spread over them.

    With items, `cap_minor` holds for each line and `total_cap_minor` for all lines together; the
    lowest wins. `amount_formula`, in minor units, takes the place of `amount_minor` where it has a
    value for the request.
    """

    code: ClassVar[str] = "amount_off"

    amount_minor: PositiveMinor
    amount_formula: str | None = None
    target: Target = "order"
    giving: Giving = "per_line"
    cap_minor: PositiveMinor | None = None
    total_cap_minor: PositiveMinor | None = None
    scope: Scope = EVERYTHING
    selection: Selection = ALL_OF_SCOPE

    def __post_init__(self) -> None:
        check_formula(self.amount_formula)
        if self.target == "order" and (
            self.giving != "per_line" or self.selection != ALL_OF_SCOPE or self._has_caps()
        ):
            raise ValueError("giving, selection and caps are for the target items")

    def apply(self, facts: Facts) -> Outcome | Reason:
        amount, inputs = personalise(self.amount_minor, self.amount_formula, facts)
        if self.target == "items":
            picks = self.selection.pick(self.scope, facts)
            if isinstance(picks, Reason):
                return picks
            return take_off_picks(
                self._off(picks, amount),
                picks,
                facts,
                cap_minor=self.cap_minor,
                total_cap_minor=self.total_cap_minor,
                inputs=inputs,
            )
        carriers = find_carriers(self.scope, facts.cart)
        if carriers == ():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        base = facts.spend(self.scope, "remaining")
        return Outcome(
            order_minor=min(amount, base),
            carriers=carriers,
            inputs={"base_minor": base, **inputs},
        )

    def _off(self, picks: Picks, amount: int) -> list[int]:
        values = picks.values_minor
        match self.giving:
            case "per_line":
                return [amount] * len(values)
            case "per_unit":
                return [amount * units for units in picks.units]
            case "by_amount":
                return spread_within(amount, values, values)
            case "by_quantity":
                return spread_within(amount, picks.units, values)

    def _has_caps(self) -> bool:
        return self.cap_minor is not None or self.total_cap_minor is not None
