"""How good predicted probabilities are, with intervals over customers.

AUC is the chance that one who did ranks above one who did not (Hanley & McNeil, Radiology 143,
1982; ties count half); log loss and Brier score are proper (Gneiting & Raftery, JASA 102, 2007);
the expected calibration error is over ten bins of equal counts (Naeini, Cooper & Hauskrecht, AAAI
2015). Intervals are the 2.5 % and 97.5 % points of a bootstrap that draws whole customers.
"""

from collections.abc import Callable, Sequence

import numpy as np

from kaquan.insight.models.model import Bin, Figure, Floats, Ints, Spread

BINS = 10
DRAWS = 200
MOST_EVALUATED = 100_000
"""Rows of a holdout that are measured at most, drawn by the seed."""
_LEAST = 1e-6
_Z = 1.959963984540054

Measure = Callable[[Floats, Floats, Floats], float]


def auc(label: Floats, score: Floats, weight: Floats) -> float:
    """Return the weighted AUC; NaN when there is one class only."""
    order = np.argsort(score, kind="stable")
    values, hits = score[order], (label * weight)[order]
    misses = ((1 - label) * weight)[order]
    ends = np.flatnonzero(np.r_[np.diff(values) != 0, True])
    done = np.diff(np.r_[0.0, np.cumsum(hits)[ends]])
    missed = np.diff(np.r_[0.0, np.cumsum(misses)[ends]])
    below = np.cumsum(missed) - missed
    pairs = done.sum() * missed.sum()
    return float((done * (below + missed / 2)).sum() / pairs) if pairs else float("nan")


def log_losses(label: Floats, chance: Floats) -> Floats:
    """Return each row's log loss in nats; chances are kept 1e-6 away from certainty."""
    kept = np.clip(chance, _LEAST, 1 - _LEAST)
    return -(label * np.log(kept) + (1 - label) * np.log1p(-kept))


def log_loss(label: Floats, chance: Floats, weight: Floats) -> float:
    """Return the weighted mean log loss in nats."""
    return float(np.average(log_losses(label, chance), weights=weight))


def brier(label: Floats, chance: Floats, weight: Floats) -> float:
    """Return the weighted mean squared error."""
    return float(np.average((label - chance) ** 2, weights=weight))


def calibration_error(label: Floats, chance: Floats) -> float:
    """Return the expected calibration error over ten bins of equal counts."""
    rows = len(label)
    parts = np.array_split(np.argsort(chance, kind="stable"), min(BINS, rows))
    gaps = [abs(label[part].mean() - chance[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / rows)


def chance_calibration_error(chance: Floats, *, seed: int) -> float:
    """Return the error that a perfectly calibrated model of this size exceeds one time in twenty.

    Even perfect chances miss by luck: outcomes are drawn from them, and the error measured.
    """
    random = np.random.default_rng(seed)
    drawn = [
        calibration_error((random.random(len(chance)) < chance).astype(np.float64), chance)
        for _ in range(DRAWS)
    ]
    return float(np.quantile(drawn, 0.95))


def reliability(label: Floats, chance: Floats) -> tuple[Bin, ...]:
    """Return ten bins of equal counts, what came with Wilson's interval (JASA 22, 1927)."""
    parts = np.array_split(np.argsort(chance, kind="stable"), min(BINS, len(label)))
    found: list[Bin] = []
    for part in parts:
        low, high = wilson(float(label[part].sum()), len(part))
        found.append(
            Bin(
                rows=len(part),
                predicted=float(chance[part].mean()),
                observed=float(label[part].mean()),
                low=low,
                high=high,
            )
        )
    return tuple(found)


def wilson(hits: float, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    share, spread = hits / rows, _Z**2 / rows
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * np.sqrt(share * (1 - share) / rows + spread / (4 * rows))
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def figure_of(
    measure: Measure, label: Floats, chance: Floats, *, customer: Ints, seed: int
) -> Figure:
    """Return a measure with its interval; customers keep all of their rows when drawn."""
    drawn = [
        measure(label, chance, weight) for weight in _weights(customer, seed) if weight.sum() > 0
    ]
    kept = [value for value in drawn if np.isfinite(value)]
    value = measure(label, chance, np.ones(len(label)))
    low, high = np.quantile(kept, (0.025, 0.975)) if kept else (value, value)
    return Figure(value=value, low=float(low), high=float(high))


def mean_of(values: Floats, *, customer: Ints, seed: int) -> Figure:
    """Return a mean with its interval over customers."""
    drawn = [
        float(np.average(values, weights=weight))
        for weight in _weights(customer, seed)
        if weight.sum() > 0
    ]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Figure(value=float(values.mean()), low=float(low), high=float(high))


def _weights(customer: Ints, seed: int) -> list[Floats]:
    random = np.random.default_rng(seed)
    count = int(customer.max()) + 1
    return [
        np.bincount(random.integers(0, count, count), minlength=count)[customer].astype(np.float64)
        for _ in range(DRAWS)
    ]


def spread_of(name: str, values: Floats, *, weight: float = 0.0) -> Spread:
    """Return how values lie: ten bins of about equal counts, and the missing ones."""
    known = values[np.isfinite(values)]
    inner: tuple[float, ...] = ()
    if len(known):
        cuts: list[float] = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]).tolist()
        inner = tuple(sorted(set(cuts)))
    return Spread(
        name=name, edges=inner, shares=shares_in(values, inner), rows=len(values), weight=weight
    )


def shares_in(values: Floats, edges: Sequence[float]) -> tuple[float, ...]:
    """Return the share of each bin (a value on an edge lies below it), and of the missing ones."""
    known = values[np.isfinite(values)]
    place = np.searchsorted(np.asarray(edges, dtype=np.float64), known, side="left")
    counts = np.r_[np.bincount(place, minlength=len(edges) + 1), len(values) - len(known)]
    return tuple((counts / max(len(values), 1)).tolist())
