"""Ridge regression on features of any kind: the sober rival of the trees."""

import msgspec
import numpy as np

from kaquan.insight.uplift.trial import Floats

_MOST_LEVELS = 12
_TAILS = (0.005, 0.995)
_PENALTIES = np.geomspace(1e-3, 1e4, 15)


class Encoding(msgspec.Struct, frozen=True, kw_only=True):
    """How raw features become standardised columns; learnt once, applied to any rows."""

    numeric: tuple[int, ...]
    low: Floats
    high: Floats
    middle: Floats
    levels: tuple[tuple[int, tuple[float, ...]], ...]
    missing: tuple[int, ...]
    mean: Floats
    scale: Floats

    def apply(self, features: Floats) -> Floats:
        """Return the columns, standardised."""
        return (self.raw(features) - self.mean) / self.scale

    def raw(self, features: Floats) -> Floats:
        """Return the columns before they are standardised."""
        numbers = features[:, list(self.numeric)]
        numbers = np.where(np.isnan(numbers), self.middle, numbers)
        parts = [np.clip(numbers, self.low, self.high)]
        parts += [
            (features[:, [column]] == np.array(codes)).astype(np.float64)
            for column, codes in self.levels
        ]
        parts.append(np.isnan(features[:, list(self.missing)]).astype(np.float64))
        return np.hstack(parts)


def learn_encoding(features: Floats, categorical: tuple[int, ...]) -> Encoding:
    """Learn to encode: numbers with tails cut, the twelve commonest categories, what is missing."""
    present = ~np.isnan(features)
    numeric = tuple(
        column
        for column in range(features.shape[1])
        if column not in categorical and present[:, column].any()
    )
    numbers = features[:, list(numeric)]
    low, middle, high = (
        np.nanquantile(numbers, (_TAILS[0], 0.5, _TAILS[1]), axis=0)
        if numeric
        else np.empty((3, 0))
    )
    levels: list[tuple[int, tuple[float, ...]]] = []
    for column in categorical:
        codes, counts = np.unique(features[present[:, column], column], return_counts=True)
        kept = codes[np.argsort(-counts, kind="stable")[:_MOST_LEVELS]]
        levels.append((column, tuple(kept.tolist())))
    share = present.mean(axis=0)
    blank = Encoding(
        numeric=numeric,
        low=low,
        high=high,
        middle=middle,
        levels=tuple(levels),
        missing=tuple(np.flatnonzero((share > 0.01) & (share < 0.99)).tolist()),
        mean=np.zeros(0),
        scale=np.ones(0),
    )
    raw = blank.raw(features)
    scale = raw.std(axis=0)
    return msgspec.structs.replace(
        blank, mean=raw.mean(axis=0), scale=np.where(scale > 1e-12, scale, np.inf)
    )


class Ridge(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted linear regression of standardised columns."""

    level: float
    slopes: Floats

    def predict(self, columns: Floats) -> Floats:
        """Return a value for each row of ``columns``."""
        return self.level + columns @ self.slopes


def fit_ridge(columns: Floats, targets: Floats) -> list[Ridge]:
    """Fit each column of ``targets`` (rows × targets), with the penalty that suits it best.

    The penalty is that of the least generalised cross-validation error: Golub, Heath & Wahba,
    "Generalized cross-validation as a method for choosing a good ridge parameter", Technometrics
    21 (1979). One eigendecomposition serves all targets and penalties.
    """
    rows, width = columns.shape
    levels = targets.mean(axis=0) if rows else np.zeros(targets.shape[1])
    if rows < 3 or width == 0:
        return [Ridge(level=float(level), slopes=np.zeros(width)) for level in levels]
    centre = columns.mean(axis=0)
    columns = columns - centre
    values, vectors = np.linalg.eigh(columns.T @ columns / rows)
    values = np.clip(values, 0, None)
    inner = vectors.T @ (columns.T @ (targets - levels)) / rows
    totals = ((targets - levels) ** 2).mean(axis=0)
    found: list[Ridge] = []
    for number, level in enumerate(levels.tolist()):
        shrunk = _least_error(values, inner[:, number], total=float(totals[number]), rows=rows)
        slopes = vectors @ shrunk
        found.append(Ridge(level=level - float(centre @ slopes), slopes=slopes))
    return found


def _least_error(values: Floats, inner: Floats, *, total: float, rows: int) -> Floats:
    """Slopes along the principal directions, by the best of the penalties."""
    best, best_score = np.zeros(len(values)), np.inf
    for penalty in _PENALTIES:
        kept = np.where(values > 1e-10, 1 / (values + penalty), 0)
        error = total - float(np.sum(inner**2 * kept * (2 - values * kept)))
        freedom = 1 + float(np.sum(values * kept))
        score = error / max(1 - freedom / rows, 1e-6) ** 2
        if score < best_score:
            best, best_score = inner * kept, score
    return best
