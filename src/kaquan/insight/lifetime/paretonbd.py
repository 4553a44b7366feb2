"""Pareto/NBD: buying at a gamma-distributed rate until an exponential end of life.

Schmittlein, Morrison, Colombo (1987), Counting Your Customers, Management Science 33(1); the
expressions are those of Fader, Hardie (2005), A Note on Deriving the Pareto/NBD Model and Related
Expressions.
"""

import msgspec
import numpy as np
from scipy.special import expit, gammaln

from kaquan.insight.lifetime.fit import Fit, fit_rows
from kaquan.insight.lifetime.history import Floats, Histories
from kaquan.insight.lifetime.rows import Rows, digamma, gather_rows, weigh

_NAMES = ("r", "alpha", "s", "beta")
_STARTS = [[0.5, 10.0, 0.5, 10.0], [1.0, 5.0, 1.0, 20.0]]
_AT_ONCE = 20_000
_VANISHED = 40.0
_LEGENDRE = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (_LEGENDRE[0] + 1.0) / 2.0, _LEGENDRE[1] / 2.0


class ParetoNbd(msgspec.Struct, frozen=True, kw_only=True):
    """The model. Parameters r, alpha (weeks), s, beta (weeks)."""

    @property
    def name(self) -> str:
        """The model's name."""
        return "Pareto/NBD"

    def fit(self, histories: Histories, *, near: Fit | None = None) -> Fit:
        """Fit by maximum likelihood; ``near`` is a fit to similar customers to begin at."""
        return fit_rows(self.score, gather_rows(histories), names=_NAMES, starts=_STARTS, near=near)

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
        return expit(alive - np.log(s) - leave_between(values, rows).log_total)

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
        return self._parts(values, rows)[0]

    def score(self, values: Floats, rows: Rows) -> tuple[float, Floats]:
        """Return the log-likelihood of all customers, and its gradient by the parameters."""
        r, alpha, s, beta = (float(value) for value in values)
        x, age, weight = rows.frequency, rows.age, rows.weight
        likelihood, alive, left = self._parts(values, rows)
        gone = 1.0 - alive
        bought = rows.of_frequency(lambda x: digamma(r + x)) - digamma(r)
        slopes = (
            bought + np.log(alpha) - alive * np.log(alpha + age) - gone * left.log_alpha,
            r / alpha - (r + x) * (alive / (alpha + age) + gone * left.over_alpha),
            np.log(beta) - alive * np.log(beta + age) + gone * (1.0 / s - left.log_beta),
            s / beta - alive * s / (beta + age) - gone * (s + 1.0) * left.over_beta,
        )
        return weigh(weight, likelihood), np.array([weigh(weight, slope) for slope in slopes])

    def _parts(self, values: Floats, rows: Rows) -> tuple[Floats, Floats, "Leaving"]:
        """Each row's log-likelihood, the chance to be alive, and what is known of who is not."""
        r, alpha, s, beta = (float(value) for value in values)
        x, age = rows.frequency, rows.age
        common = rows.of_frequency(lambda x: gammaln(r + x)) - gammaln(r)
        common = common + r * np.log(alpha) + s * np.log(beta)
        alive = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        left = leave_between(values, rows)
        gone = np.log(s) + left.log_total
        return common + np.logaddexp(alive, gone), expit(alive - gone), left


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """What the unknown moment u of leaving adds up to between recency and age, a row each.

    ``log_total`` is ln ∫ (α + u)^-(r + x) (β + u)^-(s + 1) du; the others are the means of
    ln(α + u), 1/(α + u), ln(β + u) and 1/(β + u) with the integrand as weight.
    """

    log_total: Floats
    log_alpha: Floats
    over_alpha: Floats
    log_beta: Floats
    over_beta: Floats


def leave_between(values: Floats, rows: Rows) -> Leaving:
    """Return what each row's unknown moment of leaving adds up to, and how it lies."""
    parts = [
        _integrate(
            values,
            x=rows.frequency[start : start + _AT_ONCE],
            since=rows.recency[start : start + _AT_ONCE],
            until=rows.age[start : start + _AT_ONCE],
        )
        for start in range(0, max(len(rows.age), 1), _AT_ONCE)
    ]
    return Leaving(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in Leaving.__struct_fields__
        }
    )


def _integrate(values: Floats, *, x: Floats, since: Floats, until: Floats) -> Leaving:
    """Integrate by Gauss-Legendre's rule where the integrand is nearly an exponential.

    About ``since`` it is like (1 + (u - since) / c)^-n with the same first two derivatives of its
    logarithm. In v = ln(1 + (u - since) / c) that is e^-nv, which a few nodes integrate to
    rounding, up to where it has vanished.
    """
    r, alpha, s, beta = (float(value) for value in values)
    p, q = r + x, s + 1.0
    near_alpha, near_beta = alpha + since, beta + since
    slope = p / near_alpha + q / near_beta
    bend = p / near_alpha**2 + q / near_beta**2
    scale, power = slope / bend, slope**2 / bend
    far = np.log1p((until - since) / scale)
    far = np.minimum(far, _VANISHED / np.maximum(power - 1.0, 1e-9))
    v = far * _NODES[:, None]
    gone = scale * np.expm1(v)
    from_alpha, from_beta = near_alpha + gone, near_beta + gone
    log_alpha, log_beta = np.log(from_alpha), np.log(from_beta)
    top = -p * np.log(near_alpha) - q * np.log(near_beta)
    density = np.exp(v - p * log_alpha - q * log_beta - top) * _WEIGHTS[:, None]
    total = density.sum(axis=0)
    share = density / np.maximum(total, 1e-300)
    return Leaving(
        log_total=top + np.log(total) + np.log(scale) + np.log(np.maximum(far, 1e-300)),
        log_alpha=(share * log_alpha).sum(axis=0),
        over_alpha=(share / from_alpha).sum(axis=0),
        log_beta=(share * log_beta).sum(axis=0),
        over_beta=(share / from_beta).sum(axis=0),
    )
