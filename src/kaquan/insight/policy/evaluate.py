"""A policy from one file for the customers of another, and what can be said of its value."""

import msgspec
import numpy as np

from kaquan.insight.allocation import LearningPlan, Learnt, Reason, certify, explored, learn, shut
from kaquan.insight.policy.arms import FEWEST_ROWS, FEWEST_TO_LEARN, cheapest
from kaquan.insight.policy.choose import choose_arms
from kaquan.insight.policy.frontier import measure_frontier
from kaquan.insight.policy.model import PolicyRequest, PolicyResult
from kaquan.insight.policy.prepare import Prepared, prepare
from kaquan.insight.policy.report import report, report_silence
from kaquan.insight.policy.words import (
    NO_FEATURES,
    ONE_ARM,
    TOO_FEW_PEOPLE,
    TOO_FEW_ROWS,
)
from kaquan.insight.tabular import Table
from kaquan.insight.uplift import Trial, deal_folds
from kaquan.runtime import InvalidInput


def evaluate_policy(
    train: Table, test: Table, request: PolicyRequest, *, plan: LearningPlan | None = None
) -> PolicyResult:
    """Learn who should get which arm from ``train`` alone, and choose one for each row of ``test``.

    The personal policy is written only if certified, else the best uniform one, else, when the
    file says nothing at all, the cheapest arm. Arms and outcomes in ``test`` serve evaluation
    only. Raises InvalidInput where columns, costs or the budget make no sense.
    """
    if test.rows == 0:
        message = f"{test.name} has no rows to choose arms for."
        raise InvalidInput(message, field="--test")
    if train.rows == 0:
        message = f"{train.name} has no rows to learn from."
        raise InvalidInput(message, field="--train")
    prepared = prepare(train, test, request)
    per_head = None if request.budget is None else request.budget / test.rows
    silent = _silence(prepared)
    if silent is not None:
        return report_silence(train, test, request, prepared=prepared, reason=silent)
    assert prepared.trial is not None
    trial, override = _learnable(prepared, prepared.trial, request)
    learnts = [
        shut(
            learn(
                trial,
                prepared.stakes,
                seed=request.seed + 1000 * number,
                budget=per_head,
                plan=plan,
            ),
            prepared.allowed,
        )
        for number in range(request.repeats if override is None else 1)
    ]
    if _cheapest_spend(learnts) > (np.inf if per_head is None else per_head * (1 + 1e-9) + 1e-12):
        cheapest(prepared.arms, budget_per_customer=per_head)
        return report_silence(train, test, request, prepared=prepared, reason=Reason.NO_CHOICE)
    executed = [explored(one, request.floor) for one in learnts]
    certificate = certify(
        executed,
        trial,
        budget=per_head,
        ceilings=prepared.ceilings,
        random=prepared.random,
    )
    reason = certificate.reason
    if override is not None and reason is Reason.ALL_ALIKE:
        reason = override
    choice = choose_arms(test, request, prepared=prepared, learnts=learnts, certificate=certificate)
    return report(
        train,
        test,
        request,
        prepared=prepared,
        certificate=certificate,
        reason=reason,
        choice=choice,
        trial=trial,
        learnts=learnts,
        frontier=measure_frontier(
            executed,
            trial,
            request,
            ceilings=prepared.ceilings,
            choice=choice,
            control=np.mean([one.net[:, 0] for one in learnts], axis=0),
        ),
    )


def _silence(prepared: Prepared) -> str | None:
    """Why the training file says nothing about any policy; None when it says something."""
    if prepared.trial is None:
        return ONE_ARM
    people = prepared.trial.customer
    if people is not None and len(np.unique(people)) < FEWEST_ROWS:
        return TOO_FEW_PEOPLE
    if np.ptp(prepared.trial.outcome) == 0:
        return Reason.NO_VARIANCE
    return None


def _learnable(
    prepared: Prepared, trial: Trial, request: PolicyRequest
) -> tuple[Trial, str | None]:
    """Return the trial to learn from; without features, and why, when these are no use."""
    fewest = int(np.bincount(trial.arm, minlength=trial.arms).min())
    if trial.customer is not None:
        # Folds are dealt by person: each must hold every arm, or its models would be guesses.
        fold = deal_folds(trial, 5, seed=request.seed)
        fewest = min(
            fewest,
            5 * int(np.bincount(fold * trial.arms + trial.arm, minlength=5 * trial.arms).min()),
        )
    if fewest < FEWEST_TO_LEARN:
        return _blind(trial), TOO_FEW_ROWS
    if not trial.features.shape[1]:
        return trial, NO_FEATURES
    return trial, None


def _blind(trial: Trial) -> Trial:
    return msgspec.structs.replace(trial, features=np.empty((len(trial.arm), 0)), categorical=())


def _cheapest_spend(learnts: list[Learnt]) -> float:
    return float(np.mean([one.cost.mean(axis=0).min() for one in learnts]))
