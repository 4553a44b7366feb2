"""Uplift learners: what each arm makes of a customer, beside the control.

All are meta-learners over regression trees. With arms 0 (control), 1, …, they return the
effect of each arm against the control as rows × arms, the first column being zero.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from kaquan.insight.uplift.trees import TreePlan, Trees, fit_trees
from kaquan.insight.uplift.trial import Floats, Ints, Trial, deal_folds

Effects: TypeAlias = Callable[[Floats], Floats]

_INNER_FOLDS = 3
_CAUTIOUS = TreePlan(rounds=60, leaves=6, learning_rate=0.05, leaf_share=0.02, shrinkage=50.0)


class Learner(StrEnum):
    """The learners by name.

    S, T, X: Künzel, Sekhon, Bickel & Yu, "Metalearners for estimating heterogeneous treatment
    effects using machine learning", PNAS 116 (2019). R: Nie & Wager, "Quasi-oracle estimation of
    heterogeneous treatment effects", Biometrika 108 (2021). Doubly robust: Kennedy, "Towards
    optimal doubly robust estimation of heterogeneous causal effects", EJS 17 (2023).
    """

    S = "s"
    T = "t"
    X = "x"
    R = "r"
    DOUBLY_ROBUST = "dr"


def fit_uplift(
    learner: Learner, trial: Trial, *, seed: int, plan: TreePlan | None = None
) -> Effects:
    """Fit a learner on all rows of a trial; same seed, same figures."""
    fit = {
        Learner.S: _fit_s,
        Learner.T: _fit_t,
        Learner.X: _fit_x,
        Learner.R: _fit_r,
        Learner.DOUBLY_ROBUST: _fit_doubly_robust,
    }[learner]
    return fit(trial, seed, plan or TreePlan())


def cross_fit_uplift(
    learner: Learner, trial: Trial, *, folds: int = 5, seed: int, plan: TreePlan | None = None
) -> Floats:
    """Return effects, rows × arms, each row's by a model that has not seen its person."""
    fold = deal_folds(trial, folds, seed=seed)
    effects = np.zeros((len(trial.arm), trial.arms))
    for left_out in range(folds):
        model = fit_uplift(learner, trial.take(fold != left_out), seed=seed + left_out, plan=plan)
        rows = fold == left_out
        effects[rows] = model(trial.features[rows])
    return effects


def fit_arms(trial: Trial, *, seed: int, plan: TreePlan) -> list[Trees]:
    """Fit the outcome of each arm on the arm's own rows."""
    return [
        fit_trees(
            trial.features[trial.arm == arm],
            trial.outcome[trial.arm == arm],
            categorical=trial.categorical,
            seed=seed + arm,
            plan=plan,
        )
        for arm in range(trial.arms)
    ]


def predict_arms(models: list[Trees], features: Floats) -> Floats:
    """Return the outcome under each arm, rows × arms."""
    return np.column_stack([model.predict(features) for model in models])


def doubly_robust_scores(trial: Trial, expected: Floats) -> Floats:
    """Return rows × arms whose column means estimate what each arm would bring everybody.

    ``expected`` are predicted outcomes, rows × arms. Right in the mean if either they or the
    propensities are: Robins, Rotnitzky & Zhao, JASA 89 (1994).
    """
    rows = np.arange(len(trial.arm))
    scores = expected.copy()
    error = trial.outcome - expected[rows, trial.arm]
    scores[rows, trial.arm] += error / trial.propensity[rows, trial.arm]
    return scores


def _fit_s(trial: Trial, seed: int, plan: TreePlan) -> Effects:
    column = trial.features.shape[1]
    model = fit_trees(
        np.column_stack([trial.features, trial.arm.astype(np.float64)]),
        trial.outcome,
        categorical=(*trial.categorical, column),
        seed=seed,
        plan=plan,
    )

    def effects(features: Floats) -> Floats:
        outcomes = np.column_stack(
            [
                model.predict(np.column_stack([features, np.full(len(features), float(arm))]))
                for arm in range(trial.arms)
            ]
        )
        return outcomes - outcomes[:, :1]

    return effects


def _fit_t(trial: Trial, seed: int, plan: TreePlan) -> Effects:
    models = fit_arms(trial, seed=seed, plan=plan)

    def effects(features: Floats) -> Floats:
        outcomes = predict_arms(models, features)
        return outcomes - outcomes[:, :1]

    return effects


def _fit_x(trial: Trial, seed: int, plan: TreePlan) -> Effects:
    """Impute each customer's effect from the other arm's model, then weigh both regressions.

    The weight of the control's regression is the chance of treatment among the two arms: with
    few treated, their imputed effects lean on the well-fitted model of the control.
    """
    models = fit_arms(trial, seed=seed, plan=plan)
    control = trial.arm == 0
    pairs: list[tuple[Trees, Trees, float]] = []
    for arm in range(1, trial.arms):
        treated = trial.arm == arm
        gained = trial.outcome[treated] - models[0].predict(trial.features[treated])
        forgone = models[arm].predict(trial.features[control]) - trial.outcome[control]
        regressions = [
            fit_trees(
                trial.features[rows],
                imputed,
                categorical=trial.categorical,
                seed=seed + arm,
                plan=_CAUTIOUS,
            )
            for rows, imputed in ((treated, gained), (control, forgone))
        ]
        share = float(treated.sum() / max(treated.sum() + control.sum(), 1))
        pairs.append((regressions[0], regressions[1], share))

    def effects(features: Floats) -> Floats:
        columns = [np.zeros(len(features))]
        columns += [
            share * of_control.predict(features) + (1 - share) * of_treated.predict(features)
            for of_treated, of_control, share in pairs
        ]
        return np.column_stack(columns)

    return effects


def _fit_r(trial: Trial, seed: int, plan: TreePlan) -> Effects:
    """Regress residual outcome on residual treatment, arm by arm against the control."""
    models: list[Trees] = []
    for arm in range(1, trial.arms):
        pair = trial.take((trial.arm == 0) | (trial.arm == arm))
        treated = pair.arm == arm
        chance = pair.propensity[:, arm] / (pair.propensity[:, 0] + pair.propensity[:, arm])
        expected = _cross_fit_outcome(pair, seed, plan)
        residual = treated - chance
        # A known chance of 0 or 1 leaves nothing to learn from the row.
        usable = np.abs(residual) > 1e-6
        models.append(
            fit_trees(
                pair.features[usable],
                (pair.outcome - expected)[usable] / residual[usable],
                weight=residual[usable] ** 2,
                categorical=trial.categorical,
                seed=seed + arm,
                plan=_CAUTIOUS,
            )
        )
    return _by_arm(models)


def _fit_doubly_robust(trial: Trial, seed: int, plan: TreePlan) -> Effects:
    return _by_arm(fit_doubly_robust(trial, seed=seed, plan=plan))


def fit_doubly_robust(trial: Trial, *, seed: int, plan: TreePlan | None = None) -> list[Trees]:
    """Return the doubly robust learner's regressions: of each arm but the control, its uplift."""
    plan = plan or TreePlan()
    fold = deal_folds(trial, _INNER_FOLDS, seed=seed)
    expected = np.zeros((len(trial.arm), trial.arms))
    for left_out in range(_INNER_FOLDS):
        rows = fold == left_out
        models = fit_arms(trial.take(~rows), seed=seed + left_out, plan=plan)
        expected[rows] = predict_arms(models, trial.features[rows])
    scores = doubly_robust_scores(trial, expected)
    return [
        fit_trees(
            trial.features,
            scores[:, arm] - scores[:, 0],
            categorical=trial.categorical,
            seed=seed + arm,
            plan=_CAUTIOUS,
        )
        for arm in range(1, trial.arms)
    ]


def _cross_fit_outcome(trial: Trial, seed: int, plan: TreePlan) -> Floats:
    """Return each row's outcome as expected without knowing its arm."""
    fold: Ints = deal_folds(trial, _INNER_FOLDS, seed=seed)
    expected = np.zeros(len(trial.arm))
    for left_out in range(_INNER_FOLDS):
        rows = fold == left_out
        model = fit_trees(
            trial.features[~rows],
            trial.outcome[~rows],
            categorical=trial.categorical,
            seed=seed + left_out,
            plan=plan,
        )
        expected[rows] = model.predict(trial.features[rows])
    return expected


def _by_arm(models: list[Trees]) -> Effects:
    def effects(features: Floats) -> Floats:
        columns = [model.predict(features) for model in models]
        return np.column_stack([np.zeros(len(features)), *columns])

    return effects
