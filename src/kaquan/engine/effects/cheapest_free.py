"""The cheapest free (最低价免单)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.selection import Count, Selection, missing_items
from kaquan.engine.effects.spread import take_off_picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import MAX_MINOR
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class CheapestFree(Effect, frozen=True, kw_only=True):
    """Of every `of` units in scope `free` are free: the cheapest ones of the whole order.

    At most `max_times`; an incomplete group earns nothing.
    """

    code: ClassVar[str] = "cheapest_free"

    of: Annotated[int, msgspec.Meta(ge=2, le=MAX_MINOR)]
    free: Count = 1
    max_times: Count | None = None
    scope: Scope = EVERYTHING

    def __post_init__(self) -> None:
        if self.free >= self.of:
            raise ValueError("free must be less than of")

    def apply(self, facts: Facts) -> Outcome | Reason:
        indexes = self.scope.indexes(facts.cart)
        if not indexes:
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        present = sum(facts.cart.lines[index].quantity for index in indexes)
        times = present // self.of
        if times == 0:
            return missing_items(required=self.of, present=present)
        if self.max_times is not None:
            times = min(times, self.max_times)
        selection = Selection(sort="cheapest_first", count="unit", at_most=times * self.free)
        picks = selection.pick(self.scope, facts)
        return (
            picks if isinstance(picks, Reason) else take_off_picks(picks.values_minor, picks, facts)
        )
