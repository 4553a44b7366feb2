"""Maximum likelihood for models whose parameters are positive, with standard errors."""

from collections.abc import Callable

import msgspec
import numpy as np

from kaquan.insight.lifetime.history import Floats
from kaquan.insight.lifetime.rows import Rows, thin_out

LogLikelihood = Callable[[Floats], tuple[float, Floats]]
"""From natural parameters to the log-likelihood and its gradient."""

RowsScore = Callable[[Floats, Rows], tuple[float, Floats]]
_Loss = Callable[[Floats], tuple[float, Floats]]

_STEP = 1e-4
_MOST_STEPS = 100
_FARTHEST_STEP = 2.0
_MOST_HALVINGS = 30
_SETTLED = 1e-13
_LARGEST_LOG = 12.0
_LARGEST_OTHER = 20.0
_FARTHEST_DRAW = 2.0


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted model: parameters by name, their standard errors and joint covariance.

    ``covariance`` is that of the working parameters (logarithms of the positive ones, the others
    as they are), from the inverse of the observed information. ``problem`` says why an estimate
    is not to be trusted, None when there is nothing to say.
    """

    names: tuple[str, ...]
    working: Floats
    positive: int
    covariance: Floats
    log_likelihood: float
    customers: int
    problem: str | None = None

    @property
    def values(self) -> Floats:
        """The parameters in the order of ``names``."""
        return natural(self.working, self.positive)

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip(self.names, self.values.tolist(), strict=True))

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors by name, by the delta method."""
        slope = np.ones(len(self.working))
        slope[: self.positive] = self.values[: self.positive]
        errors = slope * np.sqrt(np.clip(np.diag(self.covariance), 0, None))
        return dict(zip(self.names, errors.tolist(), strict=True))

    def draw(self, count: int, *, seed: int) -> Floats:
        """Draw parameters from their asymptotic normal distribution: shape (count, parameters)."""
        draws = np.random.default_rng(seed).multivariate_normal(
            self.working, self.covariance, size=count, method="eigh"
        )
        # A draw far outside would only tell that the approximation does not hold out there.
        draws = np.clip(draws, self.working - _FARTHEST_DRAW, self.working + _FARTHEST_DRAW)
        return np.stack([natural(draw, self.positive) for draw in draws])


def natural(working: Floats, positive: int) -> Floats:
    """Return parameters from working ones: the first ``positive`` are kept as logarithms."""
    values = working.copy()
    values[:positive] = np.exp(working[:positive])
    return values


def fit_rows(
    score: RowsScore,
    rows: Rows,
    *,
    names: tuple[str, ...],
    starts: list[list[float]],
    near: Fit | None = None,
) -> Fit:
    """Maximise a likelihood of four positive parameters, and any others, over the customers' rows.

    Of many rows an even sample is fitted first, from all ``starts``, and all of them from where
    that led; from ``near``, if it is a sound fit, right away.
    """

    def fit(part: Rows, starts: list[list[float]]) -> Fit:
        return maximise(
            lambda values: score(values, part),
            names=names,
            starts=starts,
            positive=4,
            customers=int(part.weight.sum()),
        )

    sample = thin_out(rows)
    if near is not None and near.problem is None:
        starts = [near.values.tolist()]
    elif sample is not rows:
        starts = [fit(sample, starts).values.tolist()]
    return fit(rows, starts)


def maximise(
    log_likelihood: LogLikelihood,
    *,
    names: tuple[str, ...],
    starts: list[list[float]],
    positive: int,
    customers: int,
) -> Fit:
    """Maximise over the natural parameters from several starts and keep the best.

    ``starts`` are natural values; the first ``positive`` of them are searched as logarithms
    within e^±12. The search is Newton's (`descend`).
    """

    def loss(working: Floats) -> tuple[float, Floats]:
        values = natural(working, positive)
        with np.errstate(all="ignore"):
            value, gradient = log_likelihood(values)
        slope = gradient.copy()
        slope[:positive] *= values[:positive]
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return 1e10, np.zeros(len(working))
        return -value / customers, -slope / customers

    limit = np.full(len(names), _LARGEST_OTHER)
    limit[:positive] = _LARGEST_LOG
    least, best = np.inf, np.zeros(len(names))
    for start in starts:
        working = np.array(start, dtype=np.float64)
        working[:positive] = np.log(working[:positive])
        found, at = descend(loss, working, limit=limit)
        if found < least:
            least, best = found, at
    edge = np.abs(best[:positive]) >= _LARGEST_LOG - 0.1
    runaways = [name for name, away in zip(names, edge.tolist(), strict=False) if away]
    problem = None
    if runaways:
        problem = f"no finite maximum: {', '.join(runaways)} ran to the edge of the search"
    covariance, singular = _covariance(loss, best, customers)
    return Fit(
        names=names,
        working=best,
        positive=positive,
        covariance=covariance,
        log_likelihood=-least * customers,
        customers=customers,
        problem=problem or ("the information matrix is singular" if singular else None),
    )


def descend(loss: _Loss, start: Floats, *, limit: Floats) -> tuple[float, Floats]:
    """Return the least value found within ±``limit``, and where.

    Newton's steps with the curvature by differences of the gradient. A direction that curves the
    wrong way is taken by the size of its curvature (Dauphin et al., NeurIPS 2014), a step is two
    at most, and it is halved until it gains (Nocedal & Wright, Numerical Optimization, 2006, 3.1).
    """
    at = np.clip(start, -limit, limit)
    value, slope = loss(at)
    for _ in range(_MOST_STEPS):
        pushed = (np.abs(at) >= limit) & (slope * at < 0)
        free = np.flatnonzero(~pushed)
        step = np.zeros(len(at))
        step[free] = _newton_step(_bends(loss, at, slope)[np.ix_(free, free)], slope[free])
        gain = -float(slope @ step)
        size, there = 1.0, at
        for _ in range(_MOST_HALVINGS):
            there = np.clip(at + size * step, -limit, limit)
            below, next_slope = loss(there)
            if below <= value - 1e-4 * size * gain:
                break
            size /= 2
        else:
            break
        at, slope, settled = there, next_slope, value - below < _SETTLED * abs(value)
        value = below
        if settled:
            break
    return value, at


def _newton_step(curvature: Floats, slope: Floats) -> Floats:
    bends, directions = np.linalg.eigh(curvature)
    size = np.maximum(np.abs(bends), 1e-10)
    step: Floats = -(directions @ ((directions.T @ slope) / size))
    length = float(np.linalg.norm(step))
    return step * min(1.0, _FARTHEST_STEP / max(length, 1e-300))


def _bends(loss: _Loss, at: Floats, slope: Floats) -> Floats:
    """Return the second derivatives roughly, by how the given first ones change ahead."""
    ahead = [loss(at + step)[1] - slope for step in np.eye(len(at)) * _STEP]
    curvature = np.stack(ahead) / _STEP
    return (curvature + curvature.T) / 2


def _covariance(loss: _Loss, at: Floats, customers: int) -> tuple[Floats, bool]:
    """Invert the observed information, by central differences of the mean score."""
    size = len(at)
    slopes = [loss(at + step)[1] - loss(at - step)[1] for step in np.eye(size) * _STEP]
    hessian = np.stack(slopes) / (2 * _STEP)
    hessian = (hessian + hessian.T) / 2
    try:
        covariance: Floats = np.linalg.inv(hessian * customers).astype(np.float64)
    except np.linalg.LinAlgError:
        return np.zeros((size, size)), True
    if not np.all(np.isfinite(covariance)) or np.any(np.linalg.eigvalsh(covariance) <= 0):
        return np.zeros((size, size)), True
    return covariance, False
