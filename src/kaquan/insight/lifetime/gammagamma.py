"""Gamma-Gamma: what a purchase is worth, for customers whose spending varies about a mean.

Fader, Hardie (2013), The Gamma-Gamma Model of Monetary Value.
"""

import numpy as np
from scipy.special import gammaln

from kaquan.insight.lifetime.fit import Fit, maximise
from kaquan.insight.lifetime.history import Floats, Histories

_NAMES = ("p", "q", "v")
_NO_SPREAD = 1e-9


def fit_gamma_gamma(histories: Histories) -> Fit | None:
    """Fit to the customers with repeat purchases of a positive mean amount.

    Returns None when no two of them differ: there is then nothing to tell people apart by.
    """
    used = (histories.frequency > 0) & (histories.monetary > 0)
    x, mean = histories.frequency[used], histories.monetary[used]
    if len(mean) < 2 or float(np.ptp(mean)) <= _NO_SPREAD * float(mean.max()):
        return None
    level = float(np.average(mean, weights=x))
    return maximise(
        lambda values: _log_likelihood(values, x, mean),
        names=_NAMES,
        starts=[[5.0, 4.0, level], [1.0, 2.0, level], [10.0, 10.0, level]],
        positive=3,
        customers=len(x),
    )


def expect_amount(fit: Fit, histories: Histories) -> Floats:
    """Return the expected mean amount of a customer's future purchases.

    Where it has no finite mean (p x + q <= 1) the population's mean amount stands in, NaN if
    that is infinite too (q <= 1).
    """
    p, q, v = fit.values.tolist()
    x, mean = histories.frequency, histories.monetary
    weight = p * x + q - 1.0
    population = v * p / (q - 1.0) if q > 1 else np.nan
    return np.where(weight > 0, p * (v + x * mean) / np.where(weight > 0, weight, 1), population)


def _log_likelihood(values: Floats, x: Floats, mean: Floats) -> float:
    p, q, v = (float(value) for value in values)
    rows = (
        gammaln(p * x + q)
        - gammaln(p * x)
        - gammaln(q)
        + q * np.log(v)
        + (p * x - 1) * np.log(mean)
        + p * x * np.log(x)
        - (p * x + q) * np.log(x * mean + v)
    )
    return float(rows.sum())
