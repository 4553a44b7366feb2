"""An amount off (立减)."""

from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome, Target
from kaquan.engine.effects.personal import check_formula, personalise, personalise_lines
from kaquan.engine.effects.selection import ALL_OF_SCOPE, Picks, Selection
from kaquan.engine.effects.spread import find_carriers, spread_within, take_off_picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import PositiveMinor
from kaquan.engine.reasons import ParamValue, Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope

Giving: TypeAlias = Literal["per_line", "per_unit", "by_amount", "by_quantity"]
"""The amount once a line, once a unit, or once in all: spread by amounts or by units."""


@EFFECTS.register
class AmountOff(Effect, frozen=True, kw_only=True):
    """An amount off the order, or off the items in scope: once a line, a unit, or spread over them.

    With items, `cap_minor` holds for each line and `total_cap_minor` for all lines together; the
    lowest wins. `amount_formula`, in minor units, takes the place of `amount_minor` where it has a
    value for the request, or for the line when it is given once a line or a unit.
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
        check_formula(self.amount_formula, per_line=self._is_per_line())
        if self.target == "order" and (
            self.giving != "per_line" or self.selection != ALL_OF_SCOPE or self._has_caps()
        ):
            raise ValueError("giving, selection and caps are for the target items")

    def apply(self, facts: Facts) -> Outcome | Reason:
        if self.target == "items":
            picks = self.selection.pick(self.scope, facts)
            if isinstance(picks, Reason):
                return picks
            off, inputs = self._off(picks, facts)
            return take_off_picks(
                off,
                picks,
                facts,
                cap_minor=self.cap_minor,
                total_cap_minor=self.total_cap_minor,
                inputs=inputs,
            )
        amount, inputs = personalise(self.amount_minor, self.amount_formula, facts)
        carriers = find_carriers(self.scope, facts.cart)
        if carriers == ():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        base = facts.spend(self.scope, "remaining")
        return Outcome(
            order_minor=min(amount, base),
            carriers=carriers,
            inputs={"base_minor": base, **inputs},
        )

    def _off(self, picks: Picks, facts: Facts) -> tuple[list[int], Mapping[str, ParamValue]]:
        plain, formula, values = self.amount_minor, self.amount_formula, picks.values_minor
        if self._is_per_line():
            each, inputs = personalise_lines(plain, formula, facts, lines=picks.indexes)
            units = picks.units if self.giving == "per_unit" else [1] * len(each)
            return [amount * count for amount, count in zip(each, units, strict=True)], inputs
        amount, inputs = personalise(plain, formula, facts)
        weights = values if self.giving == "by_amount" else picks.units
        return spread_within(amount, weights, values), inputs

    def _is_per_line(self) -> bool:
        return self.target == "items" and self.giving in ("per_line", "per_unit")

    def _has_caps(self) -> bool:
        return self.cap_minor is not None or self.total_cap_minor is not None
