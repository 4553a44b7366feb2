"""What part of a line, and of the discount stored for it, goes back with some of its units.

Shares are cumulative: what was given back after so many units depends on their number alone, and
after the last of them it is all that was stored. Nothing is spread anew.
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import structs

from kaquan.engine import allocate


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A line of an order, or what no line accounts for (without units), and what came back of it.

    ``gross`` is what it cost before discounts, in minor units.
    """

    quantity: int
    gross: int
    units_back: int = 0
    gross_back: int = 0

    @property
    def units_left(self) -> int:
        """Units that did not come back."""
        return self.quantity - self.units_back

    @property
    def gross_left(self) -> int:
        """What the rest cost before discounts."""
        return self.gross - self.gross_back


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What one redemption still has to give back for one slot, in minor units.

    ``base_left`` was left when ``base_gross`` had come back: at the start, or after the last time
    that a part was clawed back.
    """

    left: int
    gross_back: int
    base_left: int
    base_gross: int


def first_due(stored: int) -> Due:
    """All that is stored for a slot of which nothing came back."""
    return Due(left=stored, gross_back=0, base_left=stored, base_gross=0)


def price_units(slot: Slot, units: int) -> int:
    """What the next ``units`` of a slot cost; the last of them cost all that is left."""
    if units == slot.units_left:
        return slot.gross_left
    before = _share(slot.gross, slot.units_back, slot.quantity)
    after = _share(slot.gross, slot.units_back + units, slot.quantity)
    return min(after - before, slot.gross_left)


def give_back(due: Due, gross: int, *, of: int) -> tuple[int, Due]:
    """Return what goes back with goods worth ``gross`` of a slot worth ``of``, and what is left."""
    gross_back = min(due.gross_back + gross, of)
    target = _share(due.base_left, gross_back - due.base_gross, of - due.base_gross)
    given = min(max(target - (due.base_left - due.left), 0), due.left)
    return given, structs.replace(due, left=due.left - given, gross_back=gross_back)


def claw_back(due: Due, amount: int) -> Due:
    """Take a part of what the goods that stay were given; the rest is shared out from here."""
    left = due.left - amount
    return structs.replace(due, left=left, base_left=left, base_gross=due.gross_back)


def replay(
    stored: Sequence[int], history: Iterable[tuple[Sequence[int], Sequence[int], Sequence[int]]]
) -> tuple[Due, ...]:
    """Return what is due after earlier returns: what the goods cost, gave back and had clawed."""
    due = [first_due(amount) for amount in stored]
    for gross, given, clawed in history:
        for index, one in enumerate(due):
            moved = structs.replace(
                one, left=one.left - given[index], gross_back=one.gross_back + gross[index]
            )
            due[index] = claw_back(moved, clawed[index]) if clawed[index] else moved
    return tuple(due)


def proportion(amount: int, part: int, whole: int) -> int:
    """The cumulative share of ``amount`` that goes with ``part`` of ``whole``, half rounded up."""
    return _share(amount, part, whole)


def _share(amount: int, part: int, whole: int) -> int:
    return allocate(amount, [part, whole - part])[0] if whole else 0
