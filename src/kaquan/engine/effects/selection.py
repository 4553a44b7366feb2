"""Which of the goods in scope an effect works on, and how many units of each."""

from typing import Annotated, Literal, TypeAlias

import msgspec

from kaquan.engine.cart import Cart
from kaquan.engine.facts import Facts
from kaquan.engine.money import MAX_MINOR, share_of_units
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import Scope

Sorting: TypeAlias = Literal["cart", "cheapest_first", "dearest_first"]
"""By unit price, not by line total; lines of one price stay in cart order."""

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_MINOR)]


class Picks(msgspec.Struct, frozen=True, kw_only=True):
    """Chosen units in the order of choosing, one entry a line: position, units, and their worth.

    `values_minor` is what is left of those units, in minor units, after item-level money only.
    """

    indexes: tuple[int, ...]
    units: tuple[int, ...]
    values_minor: tuple[int, ...]

    @property
    def total_minor(self) -> int:
        """Worth of all chosen units."""
        return sum(self.values_minor)

    def initial_values(self, facts: Facts) -> tuple[int, ...]:
        """Worth of the same units as the cart came in, in minor units."""
        lines = facts.cart.lines
        return tuple(
            share_of_units(facts.initial_line(index), lines[index].quantity, units=units)
            for index, units in zip(self.indexes, self.units, strict=True)
        )


class Selection(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Sorted, the first `skip` are left out, then every `repeat`-th is taken, at most `at_most`.

    What is counted is lines or, with `count` unit, single units across all lines. `max_units` of
    all lines together and `max_units_per_line` hold for what was taken.
    """

    sort: Sorting = "cart"
    count: Literal["line", "unit"] = "line"
    skip: Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)] = 0
    repeat: Count = 1
    at_most: Count | None = None
    max_units: Count | None = None
    max_units_per_line: Count | None = None

    def pick(self, scope: Scope, facts: Facts) -> Picks | Reason:
        """Choose units; a reason when the cart has no goods in scope, or too few to reach one."""
        indexes = sort_lines(scope.indexes(facts.cart), facts.cart, self.sort)
        if not indexes:
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        quantities = [facts.cart.lines[index].quantity for index in indexes]
        taken = self._take_lines(quantities) if self.count == "line" else self._take(quantities)
        present = len(quantities) if self.count == "line" else sum(quantities)
        if present <= self.skip:
            return missing_items(required=self.skip + 1, present=present)
        capped = self._cap(taken)
        return price_units({i: n for i, n in zip(indexes, capped, strict=True) if n}, facts)

    def _take_lines(self, quantities: list[int]) -> list[int]:
        whole = self._take([1] * len(quantities))
        return [quantity * one for quantity, one in zip(quantities, whole, strict=True)]

    def _take(self, quantities: list[int]) -> list[int]:
        """How many of each entry are chosen, counting through all entries' units in a row."""
        taken: list[int] = []
        before = 0
        for quantity in quantities:
            taken.append(self._chosen_before(before + quantity) - self._chosen_before(before))
            before += quantity
        return taken

    def _chosen_before(self, position: int) -> int:
        """Of the first `position` in a row, how many are chosen; worked out, never walked."""
        if position <= self.skip:
            return 0
        chosen = (position - self.skip - 1) // self.repeat + 1
        return chosen if self.at_most is None else min(chosen, self.at_most)

    def _cap(self, taken: list[int]) -> list[int]:
        if self.max_units_per_line is not None:
            taken = [min(units, self.max_units_per_line) for units in taken]
        return taken if self.max_units is None else take_first(self.max_units, taken)


ALL_OF_SCOPE = Selection()


def sort_lines(indexes: tuple[int, ...], cart: Cart, sort: Sorting) -> tuple[int, ...]:
    """Positions of lines by their unit price; equal prices stay in cart order."""
    if sort == "cart":
        return indexes
    sign = 1 if sort == "cheapest_first" else -1
    return tuple(sorted(indexes, key=lambda index: sign * cart.lines[index].unit_price))


def take_first(count: int, available: list[int]) -> list[int]:
    """`count` units from the front of the entries, or all when there are fewer."""
    taken: list[int] = []
    for units in available:
        taken.append(min(units, count))
        count -= taken[-1]
    return taken


def price_units(units: dict[int, int], facts: Facts) -> Picks:
    """Units by line position, with what is left of each line's units."""
    lines, left = facts.cart.lines, facts.left.subtotals_minor
    return Picks(
        indexes=tuple(units),
        units=tuple(units.values()),
        values_minor=tuple(
            share_of_units(left[index], lines[index].quantity, units=count)
            for index, count in units.items()
        ),
    )


def missing_items(*, required: int, present: int) -> Reason:
    """Too few goods are in the cart."""
    params = {"required": required, "present": present, "missing": required - present}
    return Reason(ReasonCode.ITEMS_MISSING, params)
