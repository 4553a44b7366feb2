"""Several goods together for one price (套餐价)."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.selection import (
    Count,
    missing_items,
    price_units,
    sort_lines,
    take_first,
)
from kaquan.engine.effects.spread import take_off_picks
from kaquan.engine.facts import Facts
from kaquan.engine.money import PositiveMinor, allocate
from kaquan.engine.reasons import Reason
from kaquan.engine.scope import Scope


class BundlePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity` units of the goods in scope belong to one bundle."""

    scope: Scope
    quantity: Count = 1


@EFFECTS.register
class BundlePrice(Effect, frozen=True, kw_only=True):
    """Every complete bundle of the parts costs `price_minor`, at most `max_bundles` of them.

    The dearest units go into bundles first. Goods that fit several parts go to the part that
    fewer lines of the cart fit, so that it is filled. The saving is spread over the bundles' units
    by their worth.
    """

    code: ClassVar[str] = "bundle_price"

    parts: Annotated[tuple[BundlePart, ...], msgspec.Meta(min_length=1, max_length=20)]
    price_minor: PositiveMinor
    max_bundles: Count | None = None

    def apply(self, facts: Facts) -> Outcome | Reason:
        most = min(_count(part, facts) // part.quantity for part in self.parts)
        if most == 0 or self._fill(1, facts) is None:
            return self._refuse(facts)
        if self.max_bundles is not None:
            most = min(most, self.max_bundles)
        bundles = self._find_most(most, facts)
        picks = price_units(self._fill(bundles, facts) or {}, facts)
        saving = max(0, picks.total_minor - bundles * self.price_minor)
        return take_off_picks(
            allocate(saving, picks.values_minor), picks, facts, inputs={"bundles": bundles}
        )

    def _find_most(self, most: int, facts: Facts) -> int:
        """The largest number of bundles that the cart fills, by halving: 1 is known to."""
        known, beyond = 1, most + 1
        while beyond - known > 1:
            middle = (known + beyond) // 2
            if self._fill(middle, facts) is None:
                beyond = middle
            else:
                known = middle
        return known

    def _fill(self, bundles: int, facts: Facts) -> dict[int, int] | None:
        """Units by line position for so many bundles; None when the cart has too few."""
        chosen: dict[int, int] = {}
        lines = facts.cart.lines
        for part in sorted(self.parts, key=lambda part: len(part.scope.indexes(facts.cart))):
            indexes = sort_lines(part.scope.indexes(facts.cart), facts.cart, "dearest_first")
            free = [lines[index].quantity - chosen.get(index, 0) for index in indexes]
            needed = bundles * part.quantity
            if sum(free) < needed:
                return None
            _add(chosen, indexes, take_first(needed, free))
        return chosen

    def _refuse(self, facts: Facts) -> Reason:
        required = sum(part.quantity for part in self.parts)
        present = sum(min(part.quantity, _count(part, facts)) for part in self.parts)
        # Goods that fit two parts can fill but one: then there is still one missing.
        return missing_items(required=required, present=min(present, required - 1))


def _count(part: BundlePart, facts: Facts) -> int:
    lines = facts.cart.lines
    return sum(lines[index].quantity for index in part.scope.indexes(facts.cart))


def _add(chosen: dict[int, int], indexes: Sequence[int], units: Sequence[int]) -> None:
    for index, count in zip(indexes, units, strict=True):
        if count:
            chosen[index] = chosen.get(index, 0) + count
