"""Pareto/NBD: buying at a gamma-distributed rate until an exponential end of life.

Schmittlein, Morrison, Colombo (1987), Counting Your Customers, Management Science 33(1); the
expressions are those of Fader, Hardie (2005), A Note on Deriving the Pareto/NBD Model and Related
Expressions.
"""

import msgspec
import numpy as np
from scipy.special import expit, gammaln, hyp2f1

from kaquan.insight.lifetime.fit import Fit, maximise
from kaquan.insight.lifetime.history import Floats, Histories
from kaquan.insight.lifetime.rows import Rows, gather_rows, thin_out

_NAMES = ("r", "alpha", "s", "beta")
_STARTS = [[0.5, 10.0, 0.5, 10.0], [1.0, 5.0, 1.0, 20.0]]


class ParetoNbd(msgspec.Struct, frozen=True, kw_only=True):
    """The model. Parameters r, alpha (weeks), s, beta (weeks)."""

    @property
    def name(self) -> str:
        """The model's name."""
        return "Pareto/NBD"

    def fit(self, histories: Histories) -> Fit:
        """Fit by maximum likelihood."""
        rows = gather_rows(histories)
        starts, sample = _STARTS, thin_out(rows)
        if sample is not rows:
            rough = maximise(
                lambda values: float(sample.weight @ self.log_likelihood(values, sample)),
                names=_NAMES,
                starts=starts,
                positive=4,
                customers=int(sample.weight.sum()),
            )
            starts = [rough.values.tolist()]
        return maximise(
            lambda values: float(rows.weight @ self.log_likelihood(values, rows)),
            names=_NAMES,
            starts=starts,
            positive=4,
            customers=len(histories),
        )

    def expect_purchases(self, fit: Fit, histories: Histories, weeks: float) -> Floats:
        """Return each customer's expected number of purchases in the next ``weeks``."""
        return self.expect_with(fit.values, gather_rows(histories, group=False), weeks)

    def expect_with(self, values: Floats, rows: Rows, weeks: float) -> Floats:
        """Return the expectation under these parameters (eq. 41 of the note)."""
        r, alpha, s, beta = (float(value) for value in values)
        x, age = rows.frequency, rows.age
        shrink = np.log(beta + age) - np.log(beta + age + weeks)
        # (1 - q^(s-1)) / (s - 1) has the limit -ln q at s = 1.
        lasting = -shrink if abs(s - 1) < 1e-7 else -np.expm1((s - 1) * shrink) / (s - 1)
        rate = (r + x) * (beta + age) / (alpha + age)
        return rate * lasting * self.alive_with(values, rows)

    def alive_with(self, values: Floats, rows: Rows) -> Floats:
        """Return the probability that a customer is still alive."""
        r, alpha, s, beta = (float(value) for value in values)
        x, age = rows.frequency, rows.age
        alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        gone = np.log(s) - np.log(r + s + x) + _log_a0(values, rows)
        return expit(alive - gone)

    def staying_rate(self, values: Floats, rows: Rows) -> Floats:
        """Return the expected purchases a week of a customer who drops out no more from now on."""
        r, alpha = float(values[0]), float(values[1])
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
        r, alpha, s, beta = (float(value) for value in values)
        alive = random.random(len(rows.age)) < self.alive_with(values, rows)
        rate: Floats = random.gamma(r + rows.frequency, 1.0 / (alpha + rows.age))
        leaving: Floats = random.gamma(s, 1.0 / (beta + rows.age))
        lasting: Floats = random.exponential(1.0 / np.maximum(leaving, 1e-300))
        exposure = np.full_like(rate, weeks) if staying else np.minimum(lasting, weeks)
        made = random.poisson(rate * exposure)
        return np.where(alive, made, 0).astype(np.float64)

    def log_likelihood(self, values: Floats, rows: Rows) -> Floats:
        """Return each row's log-likelihood (eq. 18 of the note)."""
        r, alpha, s, beta = (float(value) for value in values)
        x, age = rows.frequency, rows.age
        common = rows.of_frequency(lambda x: gammaln(r + x) - gammaln(r))
        common = common + r * np.log(alpha) + s * np.log(beta)
        alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        gone = np.log(s) - np.log(r + s + x) + _log_a0(values, rows)
        return common + np.logaddexp(alive, gone)


def _log_a0(values: Floats, rows: Rows) -> Floats:
    """Return ln A0: what the unknown moment of leaving adds up to between recency and age."""
    r, alpha, s, beta = (float(value) for value in values)
    x = rows.frequency
    total = r + s + x
    larger, gap = max(alpha, beta), abs(alpha - beta)
    second = np.full_like(x, s + 1.0) if alpha >= beta else r + x

    def term(at: Floats) -> Floats:
        # Euler's transformation: as written in the note, it is infinite for who buys daily.
        share = gap / (larger + at)
        inner = np.log(hyp2f1(1.0, total + 1.0 - second, total + 1.0, share))
        return inner + (1.0 - second) * np.log1p(-share) - total * np.log(larger + at)

    early, late = term(rows.recency), term(rows.age)
    return early + np.log(np.maximum(-np.expm1(late - early), 1e-300))
