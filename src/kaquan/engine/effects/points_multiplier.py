"""More points for the order (积分加倍)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.benefits import PointsEarned
from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.facts import Facts
from kaquan.engine.lanes import Lane
from kaquan.engine.money import FULL_RATE_BPS, MAX_MINOR
from kaquan.engine.reasons import Reason, ReasonCode
from kaquan.engine.scope import EVERYTHING, Scope


@EFFECTS.register
class PointsMultiplier(Effect, frozen=True, kw_only=True):
    """The goods in scope earn their points times `multiplier_bps`, and `extra_points` on top.

    10,000 bps is the ordinary rate, 20,000 is double. No money comes off.
    """

    code: ClassVar[str] = "points_multiplier"

    multiplier_bps: Annotated[int, msgspec.Meta(ge=FULL_RATE_BPS, le=100 * FULL_RATE_BPS)] = (
        FULL_RATE_BPS
    )
    extra_points: Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)] = 0
    scope: Scope = EVERYTHING

    def __post_init__(self) -> None:
        if self.multiplier_bps == FULL_RATE_BPS and self.extra_points == 0:
            raise ValueError("needs a multiplier above the ordinary rate, or extra points")

    @property
    def lane(self) -> Lane:
        """The order as a whole."""
        return Lane.ORDER

    def apply(self, facts: Facts) -> Outcome | Reason:
        positions = self.scope.indexes(facts.cart)
        if not positions and not self.scope.is_everything():
            return Reason(ReasonCode.NO_MATCHING_ITEMS)
        grant = PointsEarned(
            multiplier_bps=self.multiplier_bps,
            extra_points=self.extra_points,
            positions=positions,
        )
        return Outcome(grants=(grant,), inputs={"lines": len(positions)})
