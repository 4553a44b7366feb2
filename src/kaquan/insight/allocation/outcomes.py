"""Outcome models that leave out three folds each, and scores from them."""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec
import numpy as np

from kaquan.insight.allocation.stakes import CostOn, Stakes
from kaquan.insight.uplift import (
    Floats,
    Ints,
    TreePlan,
    Trees,
    Trial,
    doubly_robust_scores,
    fit_arms,
    fit_trees,
    predict_arms,
)

FoldNumbers: TypeAlias = tuple[int, ...]


class OutcomeModel(msgspec.Struct, frozen=True, kw_only=True):
    """Outcomes of each arm by its own trees, and by those of all rows times the arm's ``ratio``."""

    arms: list[Trees]
    all_rows: Trees
    ratio: Floats

    def predict(self, features: Floats) -> Floats:
        """Return rows × arms × 2."""
        scaled = self.all_rows.predict(features)[:, None] * self.ratio
        return np.stack([predict_arms(self.arms, features), scaled], axis=2)


class Outcomes:
    """Outcome models by the three folds they leave out, and what they predict for those."""

    def __init__(self, trial: Trial, stakes: Stakes, rows: list[Ints]) -> None:
        self.trial, self.stakes, self.rows = trial, stakes, rows
        self.targets = [trial.outcome]
        reached = (trial.outcome > 0).astype(np.float64)
        if stakes.cost_on is CostOn.OUTCOME and (reached != trial.outcome).any():
            self.targets.append(reached)
        if stakes.cost_on is CostOn.MEASURED:
            assert trial.paid is not None
            self.targets.append(trial.paid)
        self.models: list[list[OutcomeModel]] = []
        self._expected: dict[tuple[FoldNumbers, int], Floats] = {}

    def fit(
        self, left_out: FoldNumbers, *, seed: int, plan: TreePlan
    ) -> tuple[list[OutcomeModel], dict[int, Floats]]:
        kept = np.concatenate(
            [rows for number, rows in enumerate(self.rows) if number not in left_out]
        )
        trial = self.trial.take(kept)
        models = [
            _fit_outcome(trial.with_outcome(_tame(target[kept], target[kept])), seed, plan)
            for target in self.targets
        ]
        predicted = {
            number: predict_targets(models, self.trial.features[self.rows[number]])
            for number in left_out
        }
        return models, predicted

    def keep(
        self, left_out: FoldNumbers, models: list[OutcomeModel], predicted: dict[int, Floats]
    ) -> None:
        self.models.append(models)
        for number, values in predicted.items():
            self._expected[left_out, number] = values

    def expected(self, fold: int, *, without: Iterable[int] = ()) -> Floats:
        """Outcomes expected in a fold, by models that saw neither it nor ``without``."""
        return self.both(fold, without=without)[..., 0]

    def both(self, fold: int, *, without: Iterable[int] = ()) -> Floats:
        """Predictions for a fold by both kinds of models, rows × arms × targets × 2."""
        unseen = {fold, *without}
        values = [
            value
            for (left_out, number), value in self._expected.items()
            if number == fold and unseen <= set(left_out)
        ]
        return np.mean(values, axis=0)

    def scores(
        self, fold: int, *, without: Iterable[int] = (), tame: bool = False
    ) -> tuple[Floats, Floats]:
        """Doubly robust net values and costs of a fold's rows, by models as in `expected`.

        With ``tame`` outcomes are cut at what the models' own rows make usual: for learning only.
        """
        unseen = {fold, *without}
        seen = np.concatenate(
            [rows for number, rows in enumerate(self.rows) if number not in unseen]
        )
        expected = self.expected(fold, without=without)
        trial = self.trial.take(self.rows[fold])
        scored: list[Floats] = []
        for number, target in enumerate(self.targets):
            mine = target[self.rows[fold]]
            mine = _tame(mine, target[seen]) if tame else mine
            scored.append(doubly_robust_scores(trial.with_outcome(mine), expected[:, :, number]))
        return in_money(self.stakes, np.stack(scored, axis=2))


def predict_targets(models: list[OutcomeModel], features: Floats) -> Floats:
    """Both kinds of predictions, rows × arms × targets × 2."""
    return np.stack([model.predict(features) for model in models], axis=2)


def in_money(stakes: Stakes, estimates: Floats) -> tuple[Floats, Floats]:
    """Net values and costs from outcomes (and chances of any), rows × arms × targets."""
    reached = estimates[:, :, 1] if estimates.shape[2] > 1 else None
    return stakes.combine(estimates[:, :, 0], reached)


def _fit_outcome(trial: Trial, seed: int, plan: TreePlan) -> OutcomeModel:
    level = float(trial.outcome.mean())
    means = np.array(
        [
            trial.outcome[trial.arm == arm].mean() if (trial.arm == arm).any() else level
            for arm in range(trial.arms)
        ]
    )
    return OutcomeModel(
        arms=fit_arms(trial, seed=seed, plan=plan),
        all_rows=fit_trees(
            trial.features, trial.outcome, categorical=trial.categorical, seed=seed, plan=plan
        ),
        ratio=means / level if level else np.ones(trial.arms),
    )


def _tame(target: Floats, usual: Floats) -> Floats:
    """Cut what exceeds 99 % of the ``usual`` values that are not zero.

    One huge order must not steer a model; what a policy is worth is measured on whole outcomes.
    """
    present = usual[usual != 0]
    if len(present) < 20:
        return target
    low, high = np.quantile(present, (0.01, 0.99))
    return np.clip(target, min(low, 0.0), max(high, 0.0))
