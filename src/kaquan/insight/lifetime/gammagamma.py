"""Gamma-Gamma: what a purchase is worth, for customers whose spending varies about a mean.

Fader, Hardie (2013), The Gamma-Gamma Model of Monetary Value.
"""

import numpy as np
from scipy.special import gammaln

from kaquan.insight.lifetime.fit import Fit, maximise
from kaquan.insight.lifetime.history import Floats, Histories
from kaquan.insight.lifetime.rows import digamma

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
        lambda values: _score(values, x, mean),
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


def _score(values: Floats, x: Floats, mean: Floats) -> tuple[float, Floats]:
    """Return the log-likelihood and its gradient (eq. 1a of the source)."""
    p, q, v = (float(value) for value in values)
    counts, of_row = np.unique(x, return_inverse=True)
    log_all, shape = np.log(x * mean + v), p * x + q
    rows = (
        (gammaln(p * counts + q) - gammaln(p * counts))[of_row]
        - gammaln(q)
        + q * np.log(v)
        + (p * x - 1) * np.log(mean)
        + p * x * np.log(x)
        - shape * log_all
    )
    rising = digamma(p * counts + q)
    slopes = [
        x * ((rising - digamma(p * counts))[of_row] + np.log(mean) + np.log(x) - log_all),
        rising[of_row] - digamma(q) + np.log(v) - log_all,
        q / v - shape / (x * mean + v),
    ]
    return float(rows.sum()), np.array([float(slope.sum()) for slope in slopes])
