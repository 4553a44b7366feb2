"""Moving an adaptive experiment's customers to the better arms, with chances that are logged."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce

import msgspec
import numpy as np

from kaquan.experiments import WHOLE_BPS, ExperimentStatus, lock_experiment, update_experiment
from kaquan.insight.experiment.moments import Moments, arm_moments
from kaquan.insight.experiment.outcome_store import find_margin_rate, list_slices
from kaquan.insight.experiment.results import (
    DEFAULT_MARGIN_RATE_BPS,
    add_summaries,
    metric_kind,
)
from kaquan.insight.experiment.summary import ArmSummary
from kaquan.runtime import Tx

FEWEST_TO_MOVE = 100
"""Customers of every arm whose days are over before any chance moves."""
FLOOR = 0.05
"""The chance that every arm keeps, of which there are at most 16: none becomes unknowable."""
_DRAWS = 20_000


def thompson_weights(arms: Sequence[Moments], *, seed: int) -> list[int]:
    """Return weights in basis points: the chance that an arm is the best, above a floor.

    Thompson, "On the likelihood that one unknown probability exceeds another in view of the
    evidence of two samples", Biometrika 25 (1933); here with a normal posterior of each mean under
    a flat prior, by Monte Carlo. Weights are fixed until the next update and are the propensities
    that are logged, so that every arm can be valued afterwards by inverse propensities.
    """
    random = np.random.default_rng(seed)
    drawn = random.normal(
        [arm.mean for arm in arms], [arm.mean_variance**0.5 for arm in arms], (_DRAWS, len(arms))
    )
    best = np.bincount(drawn.argmax(axis=1), minlength=len(arms)) / _DRAWS
    chance = FLOOR + (1 - FLOOR * len(arms)) * best
    weights: list[int] = np.floor(chance * WHOLE_BPS).astype(int).tolist()
    weights[int(chance.argmax())] += WHOLE_BPS - sum(weights)
    return weights


async def move_weights(tx: Tx, experiment_id: str, *, now: datetime) -> list[int] | None:
    """Set an adaptive experiment's weights by what is known; None when nothing can be moved yet.

    Raises NotFound.
    """
    experiment = await lock_experiment(tx, experiment_id)
    if not experiment.adaptive or experiment.status is not ExperimentStatus.RUNNING:
        return None
    rate = await find_margin_rate(tx, experiment.campaign_id)
    slices = await list_slices(
        tx,
        experiment,
        margin_rate_bps=DEFAULT_MARGIN_RATE_BPS if rate is None else rate,
        weighed=True,
        now=now,
    )
    by_arm: dict[str, list[ArmSummary]] = {arm.name: [] for arm in experiment.arms}
    for one in slices:
        if one.arm in by_arm:
            by_arm[one.arm].append(one.metrics[experiment.metric])
    if not all(sum(part.sample.n for part in parts) >= FEWEST_TO_MOVE for parts in by_arm.values()):
        return None
    kind = metric_kind(experiment.metric)
    moments = [arm_moments(reduce(add_summaries, parts), kind) for parts in by_arm.values()]
    # Every update of an experiment draws anew, and the same one always the same.
    weights = thompson_weights(moments, seed=int(now.timestamp()))
    await update_experiment(tx, msgspec.structs.replace(experiment, weights_bps=weights))
    return weights
