"""Calibrated chances by gradient-boosted trees, and what counting alone says.

LightGBM (Ke et al., NeurIPS 2017) with log loss, one thread and its deterministic mode: a seed
gives the same figures everywhere. Its margins are turned into chances by Platt's sigmoid (Platt,
Advances in Large Margin Classifiers, 1999) fitted on margins of models that had not seen the row's
customer; ``docs/algorithms/propensity.md``.
"""

from typing import Any

import msgspec
import numpy as np
from scipy import optimize
from scipy.special import expit

from kaquan.insight.models.model import Floats, Ints

FOLDS = 5
_PREDICTED_AT_ONCE = 200_000
# SciPy's own annotations leave the result's type open.
_MINIMISE: Any = optimize.minimize  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


class Boosting(msgspec.Struct, frozen=True, kw_only=True):
    """How large and how cautious the trees are."""

    rounds: int = 150
    leaves: int = 8
    learning_rate: float = 0.04
    smallest_leaf: int = 20
    leaf_share: float = 0.005
    shrinkage: float = 5.0
    feature_share: float = 0.7


class Classifier(msgspec.Struct, frozen=True, kw_only=True):
    """What predicts: the trees as LightGBM writes them, and the sigmoid's slope and offset."""

    features: tuple[str, ...]
    kinds: tuple[str, ...]
    trees: str
    slope: float
    offset: float

    def predict(self, rows: Floats) -> Floats:
        """Return the chance of each row of the features, in the order of ``features``."""
        import lightgbm

        boosting: Any = lightgbm
        booster = boosting.Booster(model_str=self.trees)
        return expit(self.slope * _margins(booster, rows) + self.offset)


class CountBaseline(msgspec.Struct, frozen=True, kw_only=True):
    """Chances by how often a customer did it before: shares of the training rows by count.

    A share is drawn towards the overall one as if by ten rows of it.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def predict(self, counts: Floats) -> Floats:
        """Return the chance of each count."""
        return np.asarray(self.shares)[_places(counts, self.edges)]


COUNT_EDGES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
_DRAWN_TOWARDS = 10.0


def fit_counts(counts: Floats, label: Floats) -> CountBaseline:
    """Return the baseline of these rows."""
    overall = float(label.mean())
    place = _places(counts, COUNT_EDGES)
    width = len(COUNT_EDGES) + 1
    hits = np.bincount(place, weights=label, minlength=width)
    rows = np.bincount(place, minlength=width)
    shares = (hits + _DRAWN_TOWARDS * overall) / (rows + _DRAWN_TOWARDS)
    return CountBaseline(edges=COUNT_EDGES, shares=tuple(shares.tolist()))


def fit_classifier(
    rows: Floats,
    label: Floats,
    *,
    customer: Ints,
    features: tuple[str, ...],
    kinds: tuple[str, ...],
    seed: int,
    plan: Boosting,
) -> tuple[Classifier, dict[str, float]]:
    """Fit trees and sigmoid; returns them with each feature's share of the gain of all splits.

    ``label`` is 0 or 1, both of them there; ``customer`` numbers the persons, whose rows stay
    together when folds are dealt.
    """
    margins = np.empty(len(label))
    fold = _deal(customer, seed)
    for number in range(FOLDS):
        held = fold == number
        if held.any():
            booster = _boost(rows[~held], label[~held], seed=seed, plan=plan)
            margins[held] = _margins(booster, rows[held])
    slope, offset = _fit_sigmoid(margins, label)
    booster = _boost(rows, label, seed=seed, plan=plan)
    gains = np.asarray(booster.feature_importance(importance_type="gain"), dtype=np.float64)
    shares = gains / gains.sum() if gains.sum() > 0 else gains
    classifier = Classifier(
        features=features,
        kinds=kinds,
        trees=booster.model_to_string(),
        slope=slope,
        offset=offset,
    )
    return classifier, dict(zip(features, shares.tolist(), strict=True))


def varying(rows: Floats) -> Ints:
    """Return the columns that tell rows apart: two values, or some missing and some not."""
    kept = [
        number
        for number in range(rows.shape[1])
        if len(np.unique(rows[:, number], equal_nan=True)) > 1
    ]
    return np.asarray(kept, dtype=np.int64)


def _places(counts: Floats, edges: tuple[float, ...]) -> Ints:
    return np.searchsorted(np.asarray(edges), counts, side="left").astype(np.int64)


def _deal(customer: Ints, seed: int) -> Ints:
    persons = int(customer.max()) + 1
    dealt = np.random.default_rng(seed).permutation(np.arange(persons) % FOLDS)
    return dealt[customer].astype(np.int64)


def _boost(rows: Floats, label: Floats, *, seed: int, plan: Boosting) -> Any:
    # A heavy import that only fitting needs.
    import lightgbm

    boosting: Any = lightgbm
    settings: dict[str, Any] = {
        "objective": "binary",
        "num_leaves": plan.leaves,
        "learning_rate": plan.learning_rate,
        "min_data_in_leaf": max(plan.smallest_leaf, int(len(label) * plan.leaf_share)),
        "lambda_l2": plan.shrinkage,
        "feature_fraction": plan.feature_share,
        "max_bin": 63,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    data = boosting.Dataset(rows, label=label, params=settings, free_raw_data=True)
    return boosting.train(settings, data, num_boost_round=plan.rounds)


def _margins(booster: Any, rows: Floats) -> Floats:
    parts = [
        np.asarray(
            booster.predict(
                rows[start : start + _PREDICTED_AT_ONCE], raw_score=True, num_threads=1
            ),
            dtype=np.float64,
        )
        for start in range(0, len(rows), _PREDICTED_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _fit_sigmoid(margins: Floats, label: Floats) -> tuple[float, float]:
    """Platt's targets keep a clean separation from becoming certainty."""
    hits, rows = float(label.sum()), len(label)
    target = np.where(label == 1, (hits + 1) / (hits + 2), 1 / (rows - hits + 2))

    def loss(values: Floats) -> tuple[float, Floats]:
        line = values[0] * margins + values[1]
        rest = expit(line) - target
        total = float((np.logaddexp(0, line) - target * line).sum())
        return total, np.array([float(rest @ margins), float(rest.sum())])

    found: Any = _MINIMISE(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B")
    slope, offset = (float(value) for value in found.x)
    # A slope below zero would turn the order of the trees around: then they say nothing.
    return max(slope, 0.0), offset
