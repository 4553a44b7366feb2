"""The nouns of an experiment: arms, assignments, and the log of them."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Arm(StrEnum):
    """What is done with a customer: the offer, or deliberately nothing."""

    TREATMENT = "treatment"
    HOLDOUT = "holdout"


class Assignment(msgspec.Struct, frozen=True):
    """An arm and the probability, in (0, 1], with which such a customer is put into it."""

    arm: Arm
    propensity: float


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment as it was first recorded; it never changes."""

    campaign_id: str
    customer_id: str
    arm: Arm
    propensity: float
    assigned_at: datetime

    @property
    def assignment(self) -> Assignment:
        """The assignment alone."""
        return Assignment(self.arm, self.propensity)


class ExposureCounts(msgspec.Struct, frozen=True):
    """How many customers of a campaign are in each arm."""

    treatment: int
    holdout: int

    @property
    def total(self) -> int:
        """All that were assigned."""
        return self.treatment + self.holdout
