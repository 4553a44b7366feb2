"""Named goods for the code (兑换券), with or without a top-up (加价购)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.selection import Count, Selection, missing_items
from kaquan.engine.effects.spread import take_off_picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import MAX_MINOR
from kaquan.engine.reasons import Reason
from kaquan.engine.scope import Scope


@EFFECTS.register
class Exchange(Effect, frozen=True, kw_only=True):
    """`quantity` units of the named goods, from the cart, for the code and `top_up_minor` each.

    All of them have to be in the cart. Of several goods that fit, the dearest are exchanged.
    """

    code: ClassVar[str] = "exchange"

    scope: Scope
    quantity: Count = 1
    top_up_minor: Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)] = 0

    def __post_init__(self) -> None:
        if self.scope.is_everything():
            raise ValueError("an exchange names its goods")

    def apply(self, facts: Facts) -> Outcome | Reason:
        lines = facts.cart.lines
        present = sum(lines[index].quantity for index in self.scope.indexes(facts.cart))
        if present < self.quantity:
            return missing_items(required=self.quantity, present=present)
        selection = Selection(sort="dearest_first", count="unit", at_most=self.quantity)
        picks = selection.pick(self.scope, facts)
        if isinstance(picks, Reason):
            return picks
        pairs = zip(picks.values_minor, picks.units, strict=True)
        off = [max(0, value - self.top_up_minor * units) for value, units in pairs]
        return take_off_picks(off, picks, facts)
