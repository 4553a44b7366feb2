"""BG/NBD: buying at a gamma-distributed rate, dropping out with a beta probability after a purchase.

Fader, Hardie, Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
Covariates enter as in Fader, Hardie (2007), Incorporating Time-Invariant Covariates into the
Pareto/NBD and BG/NBD Models: α is multiplied by exp(-γ'z), a and b by exp(δ'z).
The modified model (MBG/NBD: Batislam, Denizel, Filiztekin 2007) lets customers drop out right
after their first purchase too.
"""

import msgspec
import numpy as np
from scipy.special import betaln, expit, gammaln, hyp2f1

from kaquan.insight.lifetime.fit import Fit, fit_rows
from kaquan.insight.lifetime.history import Floats, Histories
from kaquan.insight.lifetime.rows import Rows, digamma, gather_rows, weigh

_STARTS = [[0.5, 5.0, 0.5, 2.0], [1.0, 10.0, 1.0, 1.0], [0.2, 1.0, 0.1, 3.0]]


class BgNbd(msgspec.Struct, frozen=True, kw_only=True):
    """The model; with ``modified`` it is MBG/NBD. Parameters r, alpha (weeks), a, b."""

    modified: bool = False

    @property
    def name(self) -> str:
        """The model's name."""
        return "MBG/NBD" if self.modified else "BG/NBD"

    def fit(
        self, histories: Histories, *, covariates: Floats | None = None, near: Fit | None = None
    ) -> Fit:
        """Fit by maximum likelihood; ``covariates`` has a row a customer, best standardised.

        ``near`` is a fit to similar customers, where the search may begin.
        """
        width = 0 if covariates is None else covariates.shape[1]
        names = ("r", "alpha", "a", "b")
        names += tuple(f"{kind}_{i}" for kind in ("rate", "dropout") for i in range(width))
        return fit_rows(
            self.score,
            gather_rows(histories, covariates),
            names=names,
            starts=[start + [0.0] * (2 * width) for start in _STARTS],
            near=near,
        )

    def expect_purchases(
        self, fit: Fit, histories: Histories, weeks: float, *, covariates: Floats | None = None
    ) -> Floats:
        """Return each customer's expected number of purchases in the next ``weeks``."""
        rows = gather_rows(histories, covariates, group=False)
        return self.expect_with(fit.values, rows, weeks)

    def expect_with(self, values: Floats, rows: Rows, weeks: float) -> Floats:
        """Return the expectation under these parameters (eq. 10 of the source)."""
        r, alpha, a, b = _of_rows(values, rows)
        x, age = rows.frequency, rows.age
        shift = 1.0 if self.modified else 0.0
        first, second = r + x, b + x + shift
        third = a + b + x + shift - 1.0
        share = weeks / (alpha + age + weeks)
        # At a = 1 the closed form is 0/0, at a whisker beside it it is continuous.
        a = np.where(np.abs(a - 1.0) < 1e-7, 1.0 + 1e-7, a)
        left = np.exp(first * np.log1p(-share)) * hyp2f1(first, second, third, share)
        growth = third / (a - 1.0) * (1.0 - left)
        return np.clip(growth * self.alive_with(values, rows), 0.0, None)

    def alive_with(self, values: Floats, rows: Rows) -> Floats:
        """Return the probability that a customer has not dropped out yet."""
        r, alpha, a, b = _of_rows(values, rows)
        x = rows.frequency
        odds = (r + x) * (np.log(alpha + rows.age) - np.log(alpha + rows.recency)) + np.log(a)
        if self.modified:
            return expit(-(odds - np.log(b + x)))
        alive = expit(-(odds - np.log(np.maximum(b + x - 1.0, 1e-12))))
        return np.where(x > 0, alive, 1.0)

    def staying_rate(self, values: Floats, rows: Rows) -> Floats:
        """Return the expected purchases a week of a customer who drops out no more from now on."""
        r, alpha = _of_rows(values, rows)[:2]
        rate = (r + rows.frequency) / (alpha + rows.age)
        return rate * self.alive_with(values, rows)

    def sample_purchases(
        self,
        values: Floats,
        rows: Rows,
        weeks: float,
        *,
        staying: bool = False,
        random: np.random.Generator,
    ) -> Floats:
        """Draw each customer's purchases in the next ``weeks`` from the predictive distribution.

        With ``staying`` nobody who is still there drops out from now on.
        """
        r, alpha, a, b = _of_rows(values, rows)
        x = rows.frequency
        shift = 1.0 if self.modified else 0.0
        alive = random.random(len(x)) < self.alive_with(values, rows)
        rate = random.gamma(r + x, 1.0 / (alpha + rows.age))
        leaving = random.beta(a, np.maximum(b + x + shift, 1e-9))
        made = random.poisson(rate * weeks)
        last = made if staying else random.geometric(np.clip(leaving, 1e-12, 1.0))
        return np.where(alive, np.minimum(made, last), 0).astype(np.float64)

    def log_likelihood(self, values: Floats, rows: Rows) -> Floats:
        """Return each row's log-likelihood (eq. 6 of the source)."""
        return self._parts(values, rows)[0]

    def score(self, values: Floats, rows: Rows) -> tuple[float, Floats]:
        """Return the log-likelihood of all customers, and its gradient by the parameters."""
        r, alpha, a, b = _of_rows(values, rows)
        x, weight = rows.frequency, rows.weight
        likelihood, stayed, log_age, log_last = self._parts(values, rows)
        gone = 1.0 - stayed
        shift = 1.0 if self.modified else 0.0
        both = digamma(a + b)
        later = rows.of_frequency(lambda x: digamma(a + b + x + shift))
        stay = rows.of_frequency(lambda x: digamma(b + x + shift)) - later
        # Without a repeat purchase nobody has left in BG/NBD: the term has no weight there.
        leave = stay - 1.0 / np.maximum(b + x + shift - 1.0, 1e-300)
        bought = rows.of_frequency(lambda x: digamma(r + x)) - digamma(r)
        slopes = (
            bought + np.log(alpha) - stayed * log_age - gone * log_last,
            r / alpha - (r + x) * (stayed / (alpha + rows.age) + gone / (alpha + rows.recency)),
            both - later + gone / a,
            both - digamma(b) + np.where(gone > 0, stayed * stay + gone * leave, stay),
        )
        total = weigh(weight, likelihood)
        if rows.covariates is None:
            return total, np.array([weigh(weight, slope) for slope in slopes])
        elastic = [
            weight * slope * own for slope, own in zip(slopes, (r, alpha, a, b), strict=True)
        ]
        own = [float(one.sum()) / value for one, value in zip(elastic, values[:4], strict=True)]
        faster = -(rows.covariates.T @ elastic[1])
        leaving = rows.covariates.T @ (elastic[2] + elastic[3])
        return total, np.concatenate([own, faster, leaving])

    def _parts(self, values: Floats, rows: Rows) -> tuple[Floats, Floats, Floats, Floats]:
        """Each row's log-likelihood, the chance of not having left, ln(α + T) and ln(α + t)."""
        r, alpha, a, b = _of_rows(values, rows)
        x = rows.frequency
        shift = 1.0 if self.modified else 0.0
        common = rows.of_frequency(lambda x: gammaln(r + x)) - gammaln(r) - betaln(a, b)
        stayed = rows.of_frequency(lambda x: betaln(a, b + x + shift))
        # B(a + 1, y - 1) = B(a, y) a / (y - 1)
        gone = stayed + np.log(a) - np.log(np.maximum(b + x + shift - 1.0, 1e-300))
        log_age, log_last = np.log(alpha + rows.age), np.log(alpha + rows.recency)
        stayed = stayed - (r + x) * log_age
        gone = gone - (r + x) * log_last
        if not self.modified:
            gone = np.where(x > 0, gone, -np.inf)
        likelihood = common + r * np.log(alpha) + np.logaddexp(stayed, gone)
        return likelihood, expit(stayed - gone), log_age, log_last


def _of_rows(values: Floats, rows: Rows) -> tuple[Floats, Floats, Floats, Floats]:
    r, alpha, a, b = (np.full(1, value) for value in values[:4])
    if rows.covariates is None:
        return r, alpha, a, b
    width = rows.covariates.shape[1]
    faster = rows.covariates @ values[4 : 4 + width]
    leaving = np.exp(np.clip(rows.covariates @ values[4 + width :], -20, 20))
    return r, alpha * np.exp(np.clip(-faster, -20, 20)), a * leaving, b * leaving
