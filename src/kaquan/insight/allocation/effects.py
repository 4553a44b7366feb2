"""Effect models that leave out two folds each, and what every learner says of a fold."""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np

from kaquan.insight.allocation.outcomes import FoldNumbers, Outcomes, in_money
from kaquan.insight.allocation.stakes import Stakes
from kaquan.insight.uplift import (
    Encoding,
    Floats,
    Ridge,
    TreePlan,
    Trees,
    fit_ridge,
    fit_trees,
    learn_encoding,
)

EffectModel: TypeAlias = tuple[list[Trees], Encoding, list[Ridge]]


class Effects:
    """Effect models by the two folds they leave out, and what they predict for those."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self.models: list[EffectModel] = []
        self._predicted: dict[tuple[FoldNumbers, int], Floats] = {}

    def fit(
        self, left_out: FoldNumbers, *, seed: int, plan: TreePlan
    ) -> tuple[EffectModel, dict[int, Floats]]:
        kept = [number for number in range(len(self.outcomes.rows)) if number not in left_out]
        scores = np.concatenate(
            [self.outcomes.scores(number, without=left_out, tame=True)[0] for number in kept]
        )
        gains = scores[:, 1:] - scores[:, :1]
        trial, rows = self.outcomes.trial, self.outcomes.rows
        features = trial.features[np.concatenate([rows[number] for number in kept])]
        trees = [
            fit_trees(
                features,
                gains[:, arm],
                categorical=trial.categorical,
                seed=seed + arm,
                plan=plan,
            )
            for arm in range(gains.shape[1])
        ]
        encoding = learn_encoding(features, trial.categorical)
        columns = encoding.apply(features)
        ridges = fit_ridge(columns, gains)
        model = trees, encoding, ridges
        return model, {
            number: predict_effects(model, trial.features[rows[number]]) for number in left_out
        }

    def keep(
        self,
        left_out: FoldNumbers,
        model: EffectModel,
        predicted: dict[int, Floats],
    ) -> None:
        self.models.append(model)
        for number, values in predicted.items():
            self._predicted[left_out, number] = values

    def learners(self, fold: int, *, without: Iterable[int] = ()) -> Floats:
        """All learners' net values for a fold's rows, rows × arms × learners."""
        unseen = {fold, *without}
        values = [
            value
            for (left_out, number), value in self._predicted.items()
            if number == fold and unseen <= set(left_out)
        ]
        both = self.outcomes.both(fold, without=without)
        return side_by_side(self.outcomes.stakes, both, np.mean(values, axis=0))


def predict_effects(model: EffectModel, features: Floats) -> Floats:
    """Both effect learners' gains over arm 0, rows × arms × 2."""
    trees, encoding, ridges = model
    columns = encoding.apply(features)
    nothing = np.zeros((len(features), 1))
    by_trees = np.column_stack([nothing, *(tree.predict(features) for tree in trees)])
    by_ridge = np.column_stack([nothing, *(ridge.predict(columns) for ridge in ridges)])
    return np.stack([by_trees, by_ridge], axis=2)


def side_by_side(stakes: Stakes, both: Floats, effects: Floats) -> Floats:
    """All learners' net values, rows × arms × learners."""
    plain, scaled = (in_money(stakes, both[..., kind])[0] for kind in range(2))
    return np.concatenate([plain[..., None], scaled[..., None], effects], axis=2)
