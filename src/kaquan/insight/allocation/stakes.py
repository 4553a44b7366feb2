"""What an outcome is worth and what an arm costs."""

from enum import StrEnum

import msgspec
import numpy as np

from kaquan.insight.uplift import Floats


class CostOn(StrEnum):
    """When an arm's cost falls due."""

    SEND = "send"
    OUTCOME = "outcome"
    MEASURED = "measured"


class Stakes(msgspec.Struct, frozen=True, kw_only=True):
    """``value`` of one unit of outcome and the cost of each arm, in the same money.

    On ``SEND`` an arm costs its price for everybody who gets it; on ``OUTCOME`` once for each
    customer whose outcome is above zero, as a coupon costs its face value when it is redeemed.
    When ``MEASURED`` what each row cost is known and is learnt beside the outcome; an arm's cost is
    then the most that a customer may be expected to cost.
    """

    value: float
    cost: Floats
    cost_on: CostOn = CostOn.SEND

    @property
    def arms(self) -> int:
        """How many arms have a cost."""
        return len(self.cost)

    def combine(self, outcome: Floats, reached: Floats | None) -> tuple[Floats, Floats]:
        """Return net values and costs, rows × arms.

        ``outcome`` estimates the outcome under each arm, ``reached`` the chance that it is above
        zero, None when that is the same, as with outcomes of 0 and 1; or what the arm costs when
        costs are measured.
        """
        if self.cost_on is CostOn.MEASURED:
            assert reached is not None
            return self.value * outcome - reached, reached
        if self.cost_on is CostOn.SEND:
            costs = np.broadcast_to(self.cost, outcome.shape).copy()
        else:
            costs = (outcome if reached is None else reached) * self.cost
        return self.value * outcome - costs, costs
