"""What a larger face value brings: curves that rise with the dose and flatten out."""

from typing import Any

import msgspec
import numpy as np
from scipy import optimize

from kaquan.insight.uplift import Floats

_OPTIMIZE: Any = optimize
_STEPS = 25


class DoseCurves(msgspec.Struct, frozen=True, kw_only=True):
    """``effect(d) = amplitude · d / (d + half)`` for each row; ``half`` is shared by all.

    Half of what an endless dose would bring comes at dose ``half``.
    """

    half: float
    amplitude: Floats

    def predict(self, doses: Floats) -> Floats:
        """Return effects, rows × doses."""
        return self.amplitude[:, None] * _shape(doses, self.half)


def fit_dose_curves(doses: Floats, effects: Floats) -> DoseCurves:
    """Fit a monotone, saturating curve to each row of ``effects`` (rows × doses) by least squares.

    The hyperbolic dose-response curve: A. V. Hill, "The possible effects of the aggregation of
    the molecules of haemoglobin on its dissociation curves", J. Physiol. 40 (1910), with slope 1.
    The half-dose is that of the least error over all rows, from a twentieth of the smallest dose
    to twenty times the largest; a row whose effects are below zero gets a flat curve. Doses are
    zero or more, and one at least is above zero.
    """
    positive = doses[doses > 0]
    if not len(positive) or (doses < 0).any():
        raise ValueError("doses must be zero or more, and one of them above zero")
    best_half, best_loss, best = float(positive.min()), np.inf, np.zeros(len(effects))
    grid: list[float] = np.geomspace(
        float(positive.min()) / 20, float(positive.max()) * 20, _STEPS
    ).tolist()
    for half in grid:
        shape = _shape(doses, half)
        amplitude = np.clip(effects @ shape / float(shape @ shape), 0, None)
        loss = float(((effects - amplitude[:, None] * shape) ** 2).sum())
        if loss < best_loss:
            best_half, best_loss, best = half, loss, amplitude
    return DoseCurves(half=best_half, amplitude=best)


def concave_fit(doses: Floats, effects: Floats, weights: Floats) -> Floats:
    """Return the non-decreasing concave curve through (0, 0) nearest to measured effects.

    Weighted least squares over sums of ``min(dose, knot)`` with weights of zero or more, which are
    all such piecewise linear curves; Lawson & Hanson's non-negative least squares. For one average
    curve, where no form is to be assumed.
    """
    knots = np.unique(doses[doses > 0])
    if not len(knots):
        return np.zeros_like(effects)
    basis = np.minimum(doses[:, None], knots[None, :])
    root = np.sqrt(weights)
    slopes, _ = _OPTIMIZE.nnls(basis * root[:, None], effects * root)
    return basis @ slopes


def _shape(doses: Floats, half: float) -> Floats:
    return doses / (doses + half)
