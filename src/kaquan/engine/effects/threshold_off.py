"""Spend so much, get so much off (满减, 每满减)."""

from itertools import pairwise
from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.effects.spread import find_carriers
from kaquan.engine.facts import Basis, Facts
from kaquan.engine.money import PositiveMinor
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spend at least `spend_minor`, get `off_minor` off."""

    spend_minor: PositiveMinor
    off_minor: PositiveMinor

    def __post_init__(self) -> None:
        if self.off_minor > self.spend_minor:
            raise ValueError("off_minor cannot exceed spend_minor")


@EFFECTS.register
class ThresholdOff(Effect, frozen=True, kw_only=True):
    """An amount off the order by the highest threshold its goods in scope reach.

    With `repeat` the single tier counts as often as it fits in (每满), at most `cap_minor` in all.
    """

    code: ClassVar[str] = "threshold_off"

    tiers: Annotated[tuple[Tier, ...], msgspec.Meta(min_length=1, max_length=20)]
    repeat: bool = False
    cap_minor: PositiveMinor | None = None
    scope: Scope = EVERYTHING
    basis: Basis = "remaining"

    def __post_init__(self) -> None:
        for lower, higher in pairwise(self.tiers):
            if lower.spend_minor >= higher.spend_minor or lower.off_minor >= higher.off_minor:
                raise ValueError("tiers must rise in both spend_minor and off_minor")
        if self.repeat and len(self.tiers) != 1:
            raise ValueError("repeat needs exactly one tier")

    def apply(self, facts: Facts) -> Outcome | Reason:
        carriers = find_carriers(self.scope, facts.cart)
        if carriers == ():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        spent = facts.spend(self.scope, self.basis)
        lowest = self.tiers[0].spend_minor
        if spent < lowest:
            return Reason(
                ReasonCode.THRESHOLD_NOT_MET,
                {
                    "required_minor": lowest,
                    "spent_minor": spent,
                    "missing_minor": lowest - spent,
                },
            )
        off = self._find_off(spent)
        if self.cap_minor is not None:
            off = min(off, self.cap_minor)
        return Outcome(
            order_minor=min(off, facts.spend(self.scope, "remaining")),
            carriers=carriers,
            inputs={"spent_minor": spent},
        )

    def _find_off(self, spent: int) -> int:
        if self.repeat:
            tier = self.tiers[0]
            return spent // tier.spend_minor * tier.off_minor
        return max(tier.off_minor for tier in self.tiers if tier.spend_minor <= spent)
