"""Whether arms fell by chance, and each customer's chance of each arm where they did not."""

import msgspec
import numpy as np
from scipy.special import chdtrc

from kaquan.insight.uplift import Floats, Ints, TreePlan, Trial, deal_folds, fit_trees

ALARM = 0.001
"""How often the check of all columns together may raise a false alarm."""
LEAST_CHANCE = 0.02
"""Estimated chances are not taken to be smaller: a customer without overlap teaches nothing."""
_BINS = 8
_FOLDS = 5
_EXPECTED = 5.0


class Imbalance(msgspec.Struct, frozen=True, kw_only=True):
    """A column that differs between arms by more than chance: its number and the test's p."""

    column: int
    p: float


def find_imbalances(features: Floats, arm: Ints, *, arms: int) -> list[Imbalance]:
    """Return the columns (categories as codes) whose distribution depends on the arm.

    Pearson's chi-squared on up to eight quantile groups or the eight commonest values, the rest
    and what is missing, against the arms; Bonferroni over columns, a false alarm in a thousand
    data sets. Before a random assignment nothing can differ: such a column was recorded
    afterwards, or the assignment was not random.
    """
    found: list[Imbalance] = []
    for column in range(features.shape[1]):
        p = independence(group_values(features[:, column]), arm, arms=arms)
        if p < ALARM / features.shape[1]:
            found.append(Imbalance(column=column, p=p))
    return found


def estimate_propensity(trial: Trial, *, seed: int) -> Floats:
    """Return each row's chance of each arm, by cross-fitted trees on its features.

    Chances below two per cent are raised to that and all are scaled to sum to one.
    """
    fold = deal_folds(trial, _FOLDS, seed=seed)
    chance = np.zeros((len(trial.arm), trial.arms))
    plan = TreePlan(rounds=80, leaves=8, learning_rate=0.08)
    for number in range(_FOLDS):
        rows = fold == number
        for arm in range(trial.arms):
            model = fit_trees(
                trial.features[~rows],
                (trial.arm[~rows] == arm).astype(np.float64),
                categorical=trial.categorical,
                seed=seed + arm,
                plan=plan,
            )
            chance[rows, arm] = model.predict(trial.features[rows])
    chance = np.clip(chance, LEAST_CHANCE, 1.0)
    return chance / chance.sum(axis=1, keepdims=True)


def group_values(values: Floats) -> Ints:
    """Return a small group number for each value: the commonest values, or quantiles; one missing.

    A value that is itself a quantile, such as a zero that half of the customers have, gets a
    group of its own.
    """
    missing = np.isnan(values)
    present = values[~missing]
    groups = np.zeros(len(values), dtype=np.int64)
    if not len(present):
        return groups
    distinct, counts = np.unique(present, return_counts=True)
    if len(distinct) <= 4 * _BINS:
        common = distinct[np.argsort(-counts, kind="stable")[:_BINS]]
        place = np.zeros(len(present), dtype=np.int64)
        for number, value in enumerate(common.tolist(), 1):
            place[present == value] = number
    else:
        edges = np.unique(np.quantile(present, np.arange(1, _BINS) / _BINS))
        place = np.searchsorted(edges, present, side="right") + np.searchsorted(edges, present)
    groups[~missing] = place + 1
    return groups


def independence(groups: Ints, arm: Ints, *, arms: int) -> float:
    """Return the p-value of groups (numbered from 0) being spread alike over the arms."""
    table = np.zeros((int(groups.max(initial=0)) + 1, arms))
    np.add.at(table, (groups, arm), 1)
    table = table[:, table.sum(axis=0) > 0]
    total = table.sum()
    if not total:
        return 1.0
    shares = table.sum(axis=0) / total
    # Groups too small for the approximation are looked at together.
    small = table.sum(axis=1) * shares.min() < _EXPECTED
    table = np.vstack([table[~small], table[small].sum(axis=0)])
    table = table[table.sum(axis=1) * shares.min() >= _EXPECTED]
    if len(table) < 2 or table.shape[1] < 2:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(chdtrc((table.shape[0] - 1) * (table.shape[1] - 1), statistic))
