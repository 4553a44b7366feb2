"""Predicted values and costs of every arm for every customer, each by models that never saw him.

Five folds; every model is fitted without two or three of them, and whatever is said of a fold is
an average of models that were fitted without it. So three layers of honesty cost one layer of
fits: outcome models leave out three folds, effect models two, and weights are chosen without one.
docs/algorithms/certificate.md says why.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import combinations
from typing import Any

import msgspec
import numpy as np
import threadpoolctl

from kaquan.insight.allocation.dose import fit_dose_curves
from kaquan.insight.allocation.effects import (
    EffectModel,
    Effects,
    predict_effects,
    side_by_side,
)
from kaquan.insight.allocation.explore import blend
from kaquan.insight.allocation.knapsack import allocate
from kaquan.insight.allocation.outcomes import OutcomeModel, Outcomes, in_money, predict_targets
from kaquan.insight.allocation.stack import Weights, stack
from kaquan.insight.allocation.stakes import Stakes
from kaquan.insight.uplift import Flags, Floats, Ints, TreePlan, Trial, deal_folds

_THREADS: Any = threadpoolctl
FOLDS = 5
LEARNERS = ("arm outcomes", "proportional", "effect trees", "effect ridge")
"""What is weighed against each other: predicted outcomes of each arm (a T-learner), one outcome
model for all scaled to each arm's mean (right where an offer moves those who act anyway), and two
doubly robust learners."""


class LearningPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How outcome and effect models are grown, and on how many cores."""

    outcome: TreePlan = TreePlan(rounds=60, leaves=8, learning_rate=0.06, leaf_share=0.01)
    effect: TreePlan = TreePlan(
        rounds=60, leaves=6, learning_rate=0.05, leaf_share=0.02, shrinkage=50.0
    )
    workers: int = 2


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows of a trial say, and models for other rows.

    All matrices are rows × arms, in money: ``net`` and ``cost`` are doubly robust scores, whose
    means estimate what an arm brings (value less cost) and costs; ``predicted`` and
    ``predicted_cost`` are what a policy may go by, from the other folds only. ``steady`` tells of
    each fold that nothing was found there by which customers should get different arms, ``without``
    what the arms bring and cost on average in the other four, by models that never saw the fold.
    ``allowed`` are the arms open to each row, all when None (see `shut`), ``floor`` the chance that
    every arm keeps (see `explored`).
    """

    stakes: Stakes
    fold: Ints
    net: Floats
    cost: Floats
    predicted: Floats
    predicted_cost: Floats
    steady: tuple[bool, ...]
    without: list[tuple[Floats, Floats]]
    weights: Floats
    models: "Models"
    allowed: Flags | None = None
    floor: float = 0.0


class Models(msgspec.Struct, frozen=True, kw_only=True):
    """The fitted models of all folds: what is deployed is their average.

    ``width`` is how many features they go by.
    """

    stakes: Stakes
    width: int
    outcome: list[list[OutcomeModel]]
    effect: list[EffectModel]
    weights: Weights
    cost_level: Floats
    doses: Floats | None

    def predict(self, features: Floats) -> tuple[Floats, Floats, Floats]:
        """Return predicted net value and cost of each arm for new rows, rows × arms each.

        And predicted outcomes (and chances of any), rows × arms × targets.
        """
        total = sum(predict_targets(models, features) for models in self.outcome)
        both = np.asarray(total) / len(self.outcome)
        expected = both[..., 0]
        _, cost = in_money(self.stakes, expected)
        effects = sum(predict_effects(model, features) for model in self.effect)
        learners = side_by_side(self.stakes, both, np.asarray(effects) / len(self.effect))
        cost = np.minimum(cost * self.cost_level, self.stakes.cost)
        return shape_doses(self.weights.apply(learners), cost, self.doses), cost, expected


def learn(
    trial: Trial,
    stakes: Stakes,
    *,
    seed: int,
    doses: Floats | None = None,
    budget: float | None = None,
    plan: LearningPlan | None = None,
) -> Learnt:
    """Learn from a trial what each arm brings to whom; same seed, same figures.

    ``budget`` is per customer: learners are chosen by the value of their policies within it.
    ``doses`` are the arms' face values where these are ordered (0 for none): effects are then made
    to rise with them and to flatten out.
    """
    plan = plan or LearningPlan()
    fold = deal_folds(trial, FOLDS, seed=seed)
    rows = [np.flatnonzero(fold == number) for number in range(FOLDS)]
    # Matrices here are small: threads of the linear algebra would only wait for one another.
    with _THREADS.threadpool_limits(1, "blas"), ThreadPoolExecutor(plan.workers) as pool:
        outcomes = Outcomes(trial, stakes, rows)
        triples = list(combinations(range(FOLDS), 3))
        fits = pool.map(partial(outcomes.fit, seed=seed, plan=plan.outcome), triples)
        for triple, (models, predicted) in zip(triples, fits, strict=True):
            outcomes.keep(triple, models, predicted)
        effects = Effects(outcomes)
        pairs = list(combinations(range(FOLDS), 2))
        found = pool.map(partial(effects.fit, seed=seed, plan=plan.effect), pairs)
        for pair, (model, predicted) in zip(pairs, found, strict=True):
            effects.keep(pair, model, predicted)
        return _assemble(outcomes, effects, fold=fold, doses=doses, budget=budget)


def shut(learnt: Learnt, allowed: Flags | None) -> Learnt:
    """Return what was learnt when some arms are closed to some rows, who then get arm 0 instead.

    So an arm stands for "this arm where it is open, else nothing", the personal policy's and the
    uniform one's alike, and both are valued under the same rules. ``allowed`` is rows × arms.
    """
    if allowed is None or allowed.all():
        return learnt

    def closed(figures: Floats) -> Floats:
        return np.where(allowed, figures, figures[:, :1])

    return msgspec.structs.replace(
        learnt,
        allowed=allowed,
        net=closed(learnt.net),
        cost=closed(learnt.cost),
        predicted=closed(learnt.predicted),
        predicted_cost=closed(learnt.predicted_cost),
    )


def explored(learnt: Learnt, floor: float) -> Learnt:
    """Return what was learnt when every open arm keeps the chance ``floor`` beside the one chosen.

    So an arm stands for what choosing it amounts to when it is carried out.
    """
    if not floor:
        return learnt

    def around(figures: Floats) -> Floats:
        return blend(figures, floor=floor, allowed=learnt.allowed)

    return msgspec.structs.replace(
        learnt,
        floor=floor,
        net=around(learnt.net),
        cost=around(learnt.cost),
        predicted=around(learnt.predicted),
        predicted_cost=around(learnt.predicted_cost),
        without=[
            (blend(net[None], floor=floor)[0], blend(cost[None], floor=floor)[0])
            for net, cost in learnt.without
        ],
    )


def shape_doses(net: Floats, cost: Floats, doses: Floats | None) -> Floats:
    """Return net values whose gross effects follow a rising, saturating curve of the dose."""
    if doses is None:
        return net
    gross = net + cost
    treated = np.flatnonzero(doses > 0)
    untreated = np.flatnonzero(doses == 0)
    base = gross[:, untreated].mean(axis=1) if len(untreated) else np.zeros(len(gross))
    curves = fit_dose_curves(doses[treated], gross[:, treated] - base[:, None])
    gross = gross.copy()
    gross[:, treated] = base[:, None] + curves.predict(doses[treated])
    return gross - cost


def _assemble(
    outcomes: Outcomes, effects: Effects, *, fold: Ints, doses: Floats | None, budget: float | None
) -> Learnt:
    """Choose weights for each fold from the other four, and put the folds together."""
    shape = outcomes.trial.propensity.shape
    stakes = outcomes.stakes
    net, cost, predicted, plain, expected = (np.zeros(shape) for _ in range(5))
    learners = np.zeros((*shape, len(LEARNERS)))
    found: list[Weights] = []
    without: list[tuple[Floats, Floats]] = []
    for number, rows in enumerate(outcomes.rows):
        inner = _look_inside(outcomes, effects, number)
        level = _cost_level(inner.cost, inner.plain_cost)
        found.append(_choose(inner, stakes, level=level, doses=doses, budget=budget))
        without.append((inner.net.mean(axis=0), inner.cost.mean(axis=0)))
        net[rows], cost[rows] = outcomes.scores(number)
        learners[rows] = effects.learners(number)
        plain[rows] = in_money(stakes, outcomes.expected(number))[1]
        expected[rows] = np.minimum(plain[rows] * level, stakes.cost)
        predicted[rows] = shape_doses(found[-1].apply(learners[rows]), expected[rows], doses)
    deployed = Weights(
        weights=np.mean([weights.weights for weights in found], axis=0),
        level=net.mean(axis=0),
        centre=learners.mean(axis=0),
    )
    models = Models(
        stakes=stakes,
        width=outcomes.trial.features.shape[1],
        outcome=outcomes.models,
        effect=effects.models,
        weights=deployed,
        cost_level=_cost_level(cost, plain),
        doses=doses,
    )
    return Learnt(
        stakes=stakes,
        fold=fold,
        net=net,
        cost=cost,
        predicted=predicted,
        predicted_cost=expected,
        steady=tuple(weights.steady for weights in found),
        without=without,
        weights=deployed.weights,
        models=models,
    )


class _Inner(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of four folds as seen without the fifth: scores, and what learners say of them.

    ``tame`` are net scores of outcomes cut at what is usual, ``plain_cost`` predicted costs before
    these are brought to the measured level.
    """

    net: Floats
    cost: Floats
    tame: Floats
    learners: Floats
    plain_cost: Floats


def _look_inside(outcomes: Outcomes, effects: Effects, held_back: int) -> _Inner:
    without = [held_back]
    others = [other for other in range(FOLDS) if other != held_back]
    scores = [outcomes.scores(other, without=without) for other in others]
    return _Inner(
        net=np.concatenate([net for net, _ in scores]),
        cost=np.concatenate([cost for _, cost in scores]),
        tame=np.concatenate(
            [outcomes.scores(other, without=without, tame=True)[0] for other in others]
        ),
        learners=np.concatenate([effects.learners(other, without=without) for other in others]),
        plain_cost=np.concatenate(
            [
                in_money(outcomes.stakes, outcomes.expected(other, without=without))[1]
                for other in others
            ]
        ),
    )


def _choose(
    inner: _Inner, stakes: Stakes, *, level: Floats, doses: Floats | None, budget: float | None
) -> Weights:
    """Choose between the stacked learners and each of them alone by the value of their policies.

    Least squares weigh errors where no decision hangs on them; what counts is who gets what.
    """
    means = inner.net.mean(axis=0)
    stacked = stack(inner.tame, inner.learners, level=means)
    if stacked.steady:
        return stacked
    cost = np.minimum(inner.plain_cost * level, stakes.cost)
    rows = np.arange(len(cost))
    # A budget below the cheapest arm's predicted cost buys that arm, whatever is predicted.
    least = float(cost.min(axis=1).sum())
    total = None if budget is None else max(budget * len(cost), least)

    def worth(weights: Weights) -> float:
        predicted = shape_doses(weights.apply(inner.learners), cost, doses)
        choice = allocate(predicted, cost, budget=total).choice
        return float(inner.tame[rows, choice].mean())

    alone = [
        stack(inner.tame, inner.learners * _only(number), level=means)
        for number in range(len(LEARNERS))
    ]
    candidates = [stacked, *(weights for weights in alone if not weights.steady)]
    return max(candidates, key=worth)


def _only(number: int) -> Floats:
    return (np.arange(len(LEARNERS)) == number).astype(np.float64)


def _cost_level(scores: Floats, predicted: Floats) -> Floats:
    """What predicted costs must be multiplied with so that their means are the measured ones."""
    measured, plain = np.clip(scores.mean(axis=0), 0, None), predicted.mean(axis=0)
    return np.divide(measured, plain, out=np.ones_like(plain), where=plain > 0)
