"""Buy some, get some (买赠, 买 X 送 Y)."""

from typing import ClassVar

import msgspec

from kaquan.engine.cart import Cart
from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.selection import (
    Count,
    missing_items,
    price_units,
    sort_lines,
)
from kaquan.engine.effects.spread import take_off_picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import FULL_RATE_BPS, RateBps, take_rate
from kaquan.engine.reasons import Reason
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class BuyXGetY(Effect, frozen=True, kw_only=True):
    """For every `buy_quantity` bought, up to `get_quantity` units in the cart at `rate_bps` off.

    Without `get` the same goods are given as bought. A unit is either bought or given, never
    both; of those that may be given the cheapest are, as many as the cart allows, and the last
    group may be incomplete. At most `max_times` groups.
    """

    code: ClassVar[str] = "buy_x_get_y"

    buy_quantity: Count
    get_quantity: Count = 1
    rate_bps: RateBps = FULL_RATE_BPS
    buy: Scope = EVERYTHING
    get: Scope | None = None
    max_times: Count | None = None

    def apply(self, facts: Facts) -> Outcome | Reason:
        cart = facts.cart
        bought = set(self.buy.indexes(cart))
        given = set((self.get or self.buy).indexes(cart))
        units = _Units(
            only_bought=_count(cart, bought - given),
            both=_count(cart, bought & given),
            only_given=_count(cart, given - bought),
        )
        times = self._best_times(units)
        free = self._given_at(times, units)
        if free == 0:
            return self._refuse(units)
        shared = self._left_of_both(times, units)
        picks = price_units(_cheapest(cart, given, bought, free=free, shared=shared), facts)
        off = [take_rate(value, self.rate_bps, facts.rounding) for value in picks.values_minor]
        return take_off_picks(off, picks, facts, inputs={"times": times})

    def _best_times(self, units: "_Units") -> int:
        """The number of groups that gives most.

        Of units that count on both sides, more groups leave fewer to give: what is given rises
        with `get_quantity` until units run out, stays, and falls. So it is most where it turns.
        """
        most = (units.only_bought + units.both) // self.buy_quantity
        if self.max_times is not None:
            most = min(most, self.max_times)
        room = units.only_bought + units.both + units.only_given
        turns = (
            room // (self.buy_quantity + self.get_quantity),
            (units.only_given + units.both) // self.get_quantity,
            units.only_bought // self.buy_quantity,
            most,
        )
        candidates = sorted({min(most, turn + step) for turn in turns for step in (0, 1)})
        return max(candidates, key=lambda times: self._given_at(times, units))

    def _given_at(self, times: int, units: "_Units") -> int:
        return min(times * self.get_quantity, units.only_given + self._left_of_both(times, units))

    def _left_of_both(self, times: int, units: "_Units") -> int:
        """Of units on both sides, those that so many groups do not need as bought."""
        return units.both - max(0, times * self.buy_quantity - units.only_bought)

    def _refuse(self, units: "_Units") -> Reason:
        present = units.only_bought + units.both
        if present < self.buy_quantity:
            return missing_items(required=self.buy_quantity, present=present)
        # Enough is bought, and what would be given is not there.
        return missing_items(required=self.buy_quantity + 1, present=self.buy_quantity)


class _Units(msgspec.Struct, frozen=True, kw_only=True):
    """Units in the cart that count as bought only, as either, as given only."""

    only_bought: int
    both: int
    only_given: int


def _count(cart: Cart, indexes: set[int]) -> int:
    return sum(cart.lines[index].quantity for index in indexes)


def _cheapest(
    cart: Cart, given: set[int], bought: set[int], *, free: int, shared: int
) -> dict[int, int]:
    """The cheapest units that may be given, at most `shared` of lines that count as bought too."""
    chosen: dict[int, int] = {}
    for index in sort_lines(tuple(sorted(given)), cart, "cheapest_first"):
        units = min(cart.lines[index].quantity, free)
        if index in bought:
            units = min(units, shared)
            shared -= units
        free -= units
        if units:
            chosen[index] = units
    return chosen
