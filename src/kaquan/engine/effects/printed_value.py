"""A manufacturer's coupon that has its value printed on it (厂商券)."""

from typing import ClassVar

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.spread import place_on_lines
from kaquan.engine.facts import Facts
from kaquan.engine.money import PositiveMinor, allocate
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class PrintedValue(Effect, frozen=True, kw_only=True):
    """The value printed on the coupon off the lines in scope together, at most `max_minor`.

    A value of 0 takes nothing off: a use whose worth nobody knows can be booked that way.
    """

    code: ClassVar[str] = "printed_value"

    max_minor: PositiveMinor
    scope: Scope = EVERYTHING

    def apply(self, facts: Facts) -> Outcome | Reason:
        face_value = facts.face_value_minor
        if face_value is None:
            return Reason(ReasonCode.FACE_VALUE_MISSING)
        if face_value < 0:
            return Reason(ReasonCode.FACE_VALUE_INVALID)
        if face_value == 0:
            return Outcome(inputs={"face_value_minor": 0})
        indexes = self.scope.indexes(facts.cart)
        if not indexes:
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        subtotals = [facts.left.subtotals_minor[index] for index in indexes]
        base = sum(subtotals)
        off = allocate(min(face_value, self.max_minor, base), subtotals)
        return Outcome(
            items_minor=place_on_lines(off, indexes, size=len(facts.cart.lines)),
            inputs={"base_minor": base, "face_value_minor": face_value},
        )
