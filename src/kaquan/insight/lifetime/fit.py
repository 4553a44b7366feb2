"""Maximum likelihood for models whose parameters are positive, with standard errors."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from scipy import optimize

from kaquan.insight.lifetime.history import Floats

LogLikelihood = Callable[[Floats], float]

_STEP = 1e-3
# SciPy's own annotations leave the result's type open.
_MINIMISE: Any = optimize.minimize  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
_LARGEST_LOG = 12.0
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
    within e^±12. The search is L-BFGS-B's.
    """

    def loss(working: Floats) -> float:
        with np.errstate(all="ignore"):
            value = -log_likelihood(natural(working, positive)) / customers
        return value if np.isfinite(value) else 1e10

    bounds = [(-_LARGEST_LOG, _LARGEST_LOG)] * positive + [(-20.0, 20.0)] * (len(names) - positive)
    least, best = np.inf, np.zeros(len(names))
    for start in starts:
        working = np.array(start, dtype=np.float64)
        working[:positive] = np.log(working[:positive])
        found: Any = _MINIMISE(
            loss,
            working,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 200, "ftol": 1e-13, "gtol": 1e-9, "maxfun": 20_000},
        )
        if found.fun < least:
            least, best = float(found.fun), np.asarray(found.x, dtype=np.float64)
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


def _covariance(loss: Callable[[Floats], float], at: Floats, customers: int) -> tuple[Floats, bool]:
    """Invert the observed information, by central differences of the mean log-likelihood."""
    size = len(at)
    hessian = np.empty((size, size))
    steps = np.eye(size) * _STEP
    for i in range(size):
        for j in range(i + 1):
            a, b = steps[i], steps[j]
            value = loss(at + a + b) - loss(at + a - b) - loss(at - a + b) + loss(at - a - b)
            hessian[i, j] = hessian[j, i] = value / (4 * _STEP**2)
    try:
        covariance: Floats = np.linalg.inv(hessian * customers).astype(np.float64)
    except np.linalg.LinAlgError:
        return np.zeros((size, size)), True
    if not np.all(np.isfinite(covariance)) or np.any(np.linalg.eigvalsh(covariance) <= 0):
        return np.zeros((size, size)), True
    return covariance, False
