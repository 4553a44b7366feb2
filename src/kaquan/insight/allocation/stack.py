"""Weighing learners of effects against each other, and against there being no differences."""

from typing import Any

import msgspec
import numpy as np
from scipy import optimize

from kaquan.insight.uplift import Floats

_OPTIMIZE: Any = optimize
_MOST = 2.0


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """``level + (learners − centre) · weights``: each arm's mean plus what is known beyond it."""

    weights: Floats
    level: Floats
    centre: Floats

    @property
    def steady(self) -> bool:
        """True when customers do not differ, so that one arm is best for all."""
        return not self.weights.any()

    def apply(self, learners: Floats) -> Floats:
        """Return rows × arms from rows × arms × learners."""
        return self.level + (learners - self.centre) @ self.weights


def stack(scores: Floats, learners: Floats, *, level: Floats) -> Weights:
    """Choose non-negative weights for learners by how well they explain doubly robust scores.

    ``scores`` is rows × arms, ``learners`` rows × arms × learners, predicted out of fold, ``level``
    each arm's mean. Scores and learners are taken as differences from the arm of the best mean,
    which are what decides, and centred by arm.
    Least squares, as in the stacking of Nie & Wager (2021), section 4.2; the slope's share that
    chance explains is taken off (James & Stein 1961): z is its t-value, and the weights are
    multiplied by max(0, 1 − 1/z²). Weights of zero say that customers do not differ, as far as
    anybody can tell; Chernozhukov, Demirer, Duflo & Fernández-Val (2018) call that test the best
    linear predictor's.
    """
    centre = learners.mean(axis=0)
    scores = scores - scores.mean(axis=0)
    best = int(level.argmax())
    others = [arm for arm in range(len(level)) if arm != best]
    gains = scores[:, others] - scores[:, [best]]
    signals = (learners - centre)[:, others] - (learners - centre)[:, [best]]
    weights = _least_squares(gains, signals)
    combined = signals @ weights
    weights = weights * _certain_share(gains, combined)
    total = float(weights.sum())
    return Weights(
        weights=weights * min(1.0, _MOST / total) if total else weights, level=level, centre=centre
    )


def _least_squares(gains: Floats, signals: Floats) -> Floats:
    flat = signals.reshape(-1, signals.shape[2])
    gram, moment = flat.T @ flat, flat.T @ gains.ravel()
    scale = np.sqrt(np.diag(gram))
    live = scale > 0
    weights = np.zeros(len(scale))
    if not live.any():
        return weights
    gram = gram[np.ix_(live, live)] / np.outer(scale[live], scale[live])
    # Learners may agree to the last digit; a trace of penalty keeps the factor from failing.
    factor = np.linalg.cholesky(gram + 1e-6 * np.eye(len(gram)))
    target = np.linalg.solve(factor, moment[live] / scale[live])
    weights[live] = _OPTIMIZE.nnls(factor.T, target)[0] / scale[live]
    return weights


def _certain_share(gains: Floats, combined: Floats) -> float:
    power = float((combined**2).sum())
    if power <= 0:
        return 0.0
    products = (combined * gains).sum(axis=1)
    slope = float(products.sum()) / power
    errors = products - slope * (combined**2).sum(axis=1)
    error = float(np.sqrt((errors**2).sum())) / power
    if slope <= 0:
        return 0.0
    return max(0.0, 1 - (error / slope) ** 2)
