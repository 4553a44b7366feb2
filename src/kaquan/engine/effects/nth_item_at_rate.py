"""The nth item at a rate (第二件半价)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.selection import Count, Selection, Sorting
from kaquan.engine.effects.spread import take_off_picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import MAX_MINOR, PositiveMinor, RateBps, take_rate
from kaquan.engine.reasons import Reason
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class NthItemAtRate(Effect, frozen=True, kw_only=True):
    """`rate_bps` off every `nth` unit of the goods in scope, at most `max_times` in an order.

    Units count from the dearest, so that the cheaper one of a pair is reduced, unless `sort` says
    otherwise. `total_cap_minor` holds for the order.
    """

    code: ClassVar[str] = "nth_item_at_rate"

    nth: Annotated[int, msgspec.Meta(ge=2, le=MAX_MINOR)]
    rate_bps: RateBps
    max_times: Count | None = None
    total_cap_minor: PositiveMinor | None = None
    sort: Sorting = "dearest_first"
    scope: Scope = EVERYTHING

    def apply(self, facts: Facts) -> Outcome | Reason:
        selection = Selection(
            sort=self.sort,
            count="unit",
            skip=self.nth - 1,
            repeat=self.nth,
            at_most=self.max_times,
        )
        picks = selection.pick(self.scope, facts)
        if isinstance(picks, Reason):
            return picks
        off = [take_rate(value, self.rate_bps, facts.rounding) for value in picks.values_minor]
        return take_off_picks(off, picks, facts, total_cap_minor=self.total_cap_minor)
