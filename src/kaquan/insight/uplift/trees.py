"""Gradient-boosted regression trees that give the same figures on every run and machine."""

from typing import Any

import msgspec
import numpy as np

from kaquan.insight.uplift.trial import Floats

_PREDICTED_AT_ONCE = 200_000


class TreePlan(msgspec.Struct, frozen=True, kw_only=True):
    """How large and how cautious the trees are.

    A leaf holds ``leaf_share`` of the rows, and at least ``smallest_leaf``.
    """

    rounds: int = 60
    leaves: int = 8
    learning_rate: float = 0.06
    leaf_share: float = 0.01
    smallest_leaf: int = 20
    shrinkage: float = 10.0


class Trees(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted regression; without a booster it is the constant ``level``."""

    level: float
    booster: Any = None

    def predict(self, features: Floats) -> Floats:
        """Return a value for each row of ``features``."""
        if self.booster is None or len(features) == 0:
            return np.full(len(features), self.level)
        parts = [
            np.asarray(
                self.booster.predict(features[start : start + _PREDICTED_AT_ONCE], num_threads=1),
                dtype=np.float64,
            )
            for start in range(0, len(features), _PREDICTED_AT_ONCE)
        ]
        return np.concatenate(parts)


class WrittenTrees(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted regression as it is stored: the trees as LightGBM writes them, if there are any."""

    level: float
    booster: str | None


def write_trees(trees: Trees) -> WrittenTrees:
    """Return what is stored of a regression."""
    booster = None if trees.booster is None else str(trees.booster.model_to_string())
    return WrittenTrees(level=trees.level, booster=booster)


def read_trees(written: WrittenTrees) -> Trees:
    """Return the regression that was stored."""
    if written.booster is None:
        return Trees(level=written.level)
    # A heavy import that only predicting needs.
    import lightgbm

    boosting: Any = lightgbm
    return Trees(level=written.level, booster=boosting.Booster(model_str=written.booster))


def fit_trees(
    features: Floats,
    target: Floats,
    *,
    categorical: tuple[int, ...] = (),
    weight: Floats | None = None,
    seed: int,
    plan: TreePlan | None = None,
) -> Trees:
    """Fit by squared error; a constant when there is nothing to fit or too little to fit it on.

    One thread and LightGBM's deterministic mode: who wants more cores fits several at once.
    Ke et al., "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS 2017.
    """
    plan = plan or TreePlan()
    rows = len(target)
    if rows == 0:
        return Trees(level=0.0)
    level = float(np.average(target, weights=weight)) if _weighs(weight) else float(target.mean())
    leaf = max(plan.smallest_leaf, int(rows * plan.leaf_share))
    if features.shape[1] == 0 or rows < 2 * leaf or np.ptp(target) == 0:
        return Trees(level=level)
    # A heavy import that only fitting needs.
    import lightgbm

    boosting: Any = lightgbm

    settings: dict[str, Any] = {
        "objective": "l2",
        "num_leaves": plan.leaves,
        "learning_rate": plan.learning_rate,
        "min_data_in_leaf": leaf,
        "lambda_l2": plan.shrinkage,
        "max_bin": 63,
        "max_cat_to_onehot": 8,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    data = boosting.Dataset(
        features,
        label=target,
        weight=weight,
        categorical_feature=list(categorical),
        params=settings,
        free_raw_data=True,
    )
    booster: Any = boosting.train(settings, data, num_boost_round=plan.rounds)
    return Trees(level=level, booster=booster)


def _weighs(weight: Floats | None) -> bool:
    return weight is not None and float(weight.sum()) > 0
