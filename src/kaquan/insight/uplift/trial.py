"""What an experiment left behind, as arrays: features, arms, outcomes, chances of each arm."""

from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """``n`` rows, of customers who each got one of ``arms`` arms; arm 0 is the control.

    ``features`` is n × p, NaN where a value is missing; ``categorical`` names the columns whose
    values are codes 0, 1, … of categories. ``propensity`` is n × arms: the chance that the row
    had of each arm, positive where it got that arm. ``customer`` numbers the persons when one may
    have several rows; rows of one person are kept together wherever rows are separated. ``paid``
    is what each row cost, where that was measured.
    """

    features: Floats
    categorical: tuple[int, ...] = ()
    arm: Ints
    outcome: Floats
    propensity: Floats
    customer: Ints | None = None
    paid: Floats | None = None

    def __post_init__(self) -> None:
        rows = len(self.arm)
        shapes = (len(self.features), len(self.outcome), len(self.propensity))
        if self.features.ndim != 2 or self.propensity.ndim != 2 or set(shapes) != {rows}:
            message = f"features, outcome and propensity must have {rows} rows, not {shapes}"
            raise ValueError(message)
        if rows and not 0 <= self.arm.min() <= self.arm.max() < self.arms:
            raise ValueError("an arm without a column in propensity")
        if not np.isfinite(self.outcome).all():
            raise ValueError("an outcome that is no finite number")
        if not (self.propensity[np.arange(rows), self.arm] > 0).all():
            raise ValueError("a row got an arm that it had no chance of getting")

    @property
    def arms(self) -> int:
        """How many arms there are, the control included."""
        return self.propensity.shape[1]

    def take(self, rows: Ints | Flags) -> "Trial":
        """Return the trial of some rows."""
        return Trial(
            features=self.features[rows],
            categorical=self.categorical,
            arm=self.arm[rows],
            outcome=self.outcome[rows],
            propensity=self.propensity[rows],
            customer=None if self.customer is None else self.customer[rows],
            paid=None if self.paid is None else self.paid[rows],
        )

    def with_outcome(self, outcome: Floats) -> "Trial":
        """Return the same trial with another outcome."""
        return msgspec.structs.replace(self, outcome=outcome)


def randomised(arm: Ints, arms: int) -> Floats:
    """Return each arm's share as every row's propensity, for arms drawn alike for all rows."""
    shares = np.bincount(arm, minlength=arms) / max(len(arm), 1)
    return np.tile(shares, (len(arm), 1))


def deal_folds(trial: Trial, folds: int, *, seed: int) -> Ints:
    """Return each row's fold: arms spread evenly, the rows of a person in one fold."""
    random = np.random.default_rng(seed)
    if trial.customer is not None:
        persons, of_row = np.unique(trial.customer, return_inverse=True)
        dealt = random.permutation(np.arange(len(persons)) % folds)
        return dealt[of_row].astype(np.int64)
    fold = np.empty(len(trial.arm), dtype=np.int64)
    offset = 0
    for arm in range(trial.arms):
        rows = random.permutation(np.flatnonzero(trial.arm == arm))
        fold[rows] = (np.arange(len(rows)) + offset) % folds
        offset += len(rows)
    return fold
