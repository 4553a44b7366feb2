"""The certificate: whether personal arms earn more than the best uniform policy at equal spend."""

from collections.abc import Sequence
from enum import StrEnum

import msgspec
import numpy as np
from scipy.special import ndtri, stdtrit

from kaquan.insight.allocation.folds import Ceiling, choose_by_fold
from kaquan.insight.allocation.learn import Learnt
from kaquan.insight.allocation.uniform import Uniform, list_uniform
from kaquan.insight.uplift import Flags, Floats, Ints, Trial

LEVEL = 0.95
FEWEST_OUTCOMES = 20
"""Unusual outcomes (orders, mostly) that each side of the comparison needs."""
_POWER = 0.8


class Reason(StrEnum):
    """Why a personalised policy is certified or not; the first that applies."""

    NOT_RANDOM = "not_random"
    NO_CHOICE = "no_choice"
    NO_VARIANCE = "no_variance"
    ALL_ALIKE = "all_alike"
    WORSE = "worse"
    TOO_FEW_OUTCOMES = "too_few_outcomes"
    COVERS_ZERO = "covers_zero"
    BETTER = "better"


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A figure per customer with its 95 % interval."""

    value: float
    low: float
    high: float
    standard_error: float


class UniformValue(msgspec.Struct, frozen=True, kw_only=True):
    """A uniform policy: the arms' shares, its net value and its spend per customer."""

    shares: Floats
    value: Interval
    spend: float


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What the trial says of a personalised policy against uniform ones; figures per customer.

    ``difference`` is personalised less ``best``, None when there is nothing to compare;
    ``changed`` the share of customers who would get another arm than the best uniform policy's
    commonest; ``rows_needed`` how many such rows would show a difference like this one in four
    of five trials, None when the difference is not positive.
    """

    certified: bool
    reason: Reason
    best: UniformValue
    uniforms: list[UniformValue]
    personal: Interval | None = None
    personal_spend: float | None = None
    difference: Interval | None = None
    changed: float = 0.0
    rows_needed: int | None = None


def certify(
    learnts: Sequence[Learnt],
    trial: Trial,
    *,
    budget: float | None = None,
    ceilings: Sequence[Ceiling] = (),
    random: bool = True,
) -> Certificate:
    """Compare the cross-fitted personalised policy with every uniform one within the same limits.

    ``learnts`` are what `learn` made of the trial with one or more seeds: figures are averages
    over them, row by row, so that little depends on how the folds fell. ``budget`` is per
    customer; the personalised policy keeps all ``ceilings``, the uniform ones those that are about
    everybody, which can only help them; ``random`` says whether the arms can be taken as drawn by
    chance.
    Certified when the lower bound of the paired difference is above zero against *each* uniform
    policy (an intersection–union test, Berger 1982): that is valid whichever of them is the best,
    so choosing it from the same data costs nothing. Raises BudgetTooSmall from `allocate`.
    """
    found = measure_policies(learnts, budget=budget, ceilings=ceilings)
    customer, rivals, chosen = trial.customer, found.rivals, found.chosen
    uniforms = [
        UniformValue(
            shares=rival.shares, value=estimate(influence, customer=customer), spend=rival.spend
        )
        for rival, influence in zip(rivals, found.influences, strict=True)
    ]
    differences = [
        _estimate_difference(found.personal - influence, customer=customer, arms=len(rivals))
        for influence in found.influences
    ]
    difference = worst(differences)
    same = all(np.allclose(one, rivals[0].shares, atol=1e-9) for one in chosen)
    alike = same or all(all(learnt.steady) for learnt in learnts)
    allowed = learnts[0].allowed
    shares = [_where_open(rival.shares, allowed, rows=len(trial.arm)) for rival in rivals]
    chances = [_where_open(one, allowed, rows=len(trial.arm)) for one in chosen]
    reason = _judge(trial, chances, shares, difference=difference, alike=alike, random=random)
    return Certificate(
        certified=reason is Reason.BETTER,
        reason=reason,
        best=uniforms[0],
        uniforms=uniforms,
        personal=estimate(found.personal, customer=customer),
        personal_spend=float(found.spend.mean()),
        difference=None if reason in (Reason.ALL_ALIKE, Reason.NO_CHOICE) else difference,
        changed=float(1 - np.mean(chosen, axis=0)[:, uniforms[0].shares.argmax()].mean()),
        rows_needed=_rows_needed(difference, len(trial.arm)),
    )


class Policies(msgspec.Struct, frozen=True, kw_only=True):
    """The personalised policy and its uniform ``rivals`` within limits, best first.

    ``chosen`` are the chances of arms by repetition, rows × arms; ``personal`` and ``influences``
    each row's contribution to the policies' values, ``spend`` to what the personal one costs.
    """

    chosen: list[Floats]
    personal: Floats
    spend: Floats
    rivals: list[Uniform]
    influences: list[Floats]


def measure_policies(
    learnts: Sequence[Learnt], *, budget: float | None, ceilings: Sequence[Ceiling] = ()
) -> Policies:
    """Measure the cross-fitted personalised policy and all uniform ones. Raises BudgetTooSmall."""
    chosen = [choose_by_fold(learnt, budget=budget, ceilings=ceilings) for learnt in learnts]
    net, cost = (
        np.mean([getattr(learnt, name) for learnt in learnts], axis=0) for name in ("net", "cost")
    )
    spend = _average([one.cost for one in learnts], chosen)
    shared = [
        (one.use, max(one.most, float(_average([one.use] * len(chosen), chosen).mean())))
        for one in ceilings
        if one.rows is None and one.use is not None
    ]
    rivals, held_to = _rivals(net, cost, budget=budget, spend=spend, shared=shared)
    uses = [*([] if budget is None else [cost]), *(use for use, _ in shared)]
    return Policies(
        chosen=chosen,
        personal=_average([one.net for one in learnts], chosen),
        spend=spend,
        rivals=rivals,
        influences=[rival.influence(net, uses, held_to=held_to) for rival in rivals],
    )


def _rivals(
    net: Floats,
    cost: Floats,
    *,
    budget: float | None,
    spend: Floats,
    shared: Sequence[tuple[Floats, float]],
) -> tuple[list[Uniform], list[Floats | float]]:
    """Return the uniform policies, and what each limit on a sum holds them to, the budget first.

    A policy that spent more than planned is held against uniform ones that may do so too.
    """
    others = [(use.mean(axis=0), most) for use, most in shared]
    if budget is None:
        rivals = list_uniform(net.mean(axis=0), cost.mean(axis=0), budget=None, others=others)
        return rivals, [most for _, most in shared]
    over = float(spend.mean()) > budget
    # What exploring spends is spent by every uniform policy as well.
    limit = max(float(spend.mean()) if over else budget, float(cost.mean(axis=0).min()))
    rivals = list_uniform(net.mean(axis=0), cost.mean(axis=0), budget=limit, others=others)
    return rivals, [spend if over else limit, *(most for _, most in shared)]


def estimate(values: Floats, *, customer: Ints | None = None, arms: int = 1) -> Interval:
    """Return the mean with its interval; rows of one ``customer`` count as one observation.

    Student's t with the degrees of freedom that the values' own tails leave: (Σψ²)² / Σψ⁴ − 1,
    the number of equally large contributions with the same kurtosis. The upper end allows for
    ``arms`` intervals being looked at together (Bonferroni); the lower needs no such allowance.
    """
    rows, mean = len(values), float(values.mean())
    centred = values - mean
    if customer is not None:
        _, numbers = np.unique(customer, return_inverse=True)
        centred = np.bincount(numbers, weights=centred)
    count = len(centred)
    square = float((centred**2).sum())
    if count < 2 or square <= 0:
        return Interval(value=mean, low=-np.inf, high=np.inf, standard_error=np.inf)
    error = float(np.sqrt(square * count / (count - 1))) / rows
    freedom = max(square**2 / float((centred**4).sum()) - 1, 1.0)
    tail = (1 - LEVEL) / 2
    return Interval(
        value=mean,
        low=mean - float(stdtrit(freedom, 1 - tail)) * error,
        high=mean + float(stdtrit(freedom, 1 - tail / arms)) * error,
        standard_error=error,
    )


def _estimate_difference(values: Floats, *, customer: Ints | None, arms: int) -> Interval:
    """As `estimate`; exactly nothing where the policies do the same for everybody."""
    if not values.any():
        return Interval(value=0.0, low=0.0, high=0.0, standard_error=0.0)
    return estimate(values, customer=customer, arms=arms)


def worst(differences: list[Interval]) -> Interval:
    """The difference against the best rival: the least value, low and high of all."""
    least = min(differences, key=lambda interval: interval.value)
    return Interval(
        value=least.value,
        low=min(interval.low for interval in differences),
        high=min(interval.high for interval in differences),
        standard_error=least.standard_error,
    )


def count_outcomes(outcome: Floats, rows: Flags) -> int:
    """Return how many of the rows have another outcome than the commonest of all."""
    values, counts = np.unique(outcome, return_counts=True)
    return int((outcome[rows] != values[counts.argmax()]).sum())


def _judge(
    trial: Trial,
    chosen: list[Floats],
    rivals: list[Floats],
    *,
    difference: Interval,
    alike: bool,
    random: bool,
) -> Reason:
    rules = (
        (not random, Reason.NOT_RANDOM),
        (len(rivals) == 1, Reason.NO_CHOICE),
        (np.ptp(trial.outcome) == 0, Reason.NO_VARIANCE),
        (alike, Reason.ALL_ALIKE),
        (difference.value <= 0, Reason.WORSE),
        (not _has_outcomes(trial, chosen, rivals), Reason.TOO_FEW_OUTCOMES),
        (difference.low <= 0, Reason.COVERS_ZERO),
    )
    return next((reason for applies, reason in rules if applies), Reason.BETTER)


def _where_open(chances: Floats, allowed: Flags | None, *, rows: int) -> Floats:
    """Chances of the arms, rows × arms, those of arms closed to a row given to arm 0."""
    spread = np.broadcast_to(chances, (rows, chances.shape[-1]))
    if allowed is None:
        return spread
    kept = np.where(allowed, spread, 0.0)
    kept[:, 0] += 1 - kept.sum(axis=1)
    return kept


def _has_outcomes(trial: Trial, chosen: list[Floats], rivals: list[Floats]) -> bool:
    """Whether both sides of each comparison saw enough outcomes for a normal approximation.

    Without this, savings are certain and losses unseen: an arm withheld from a few customers of
    whom by chance none bought looks like money found, with hardly any variance.
    """
    rows = np.arange(len(trial.arm))
    weights = [(probability - rival)[rows, trial.arm] for rival in rivals for probability in chosen]
    return all(
        count_outcomes(trial.outcome, side) >= FEWEST_OUTCOMES
        for weight in weights
        if weight.any()
        for side in (weight > 0, weight < 0)
    )


def _average(scores: list[Floats], chosen: list[Floats]) -> Floats:
    """Each row's score under what was chosen for it, averaged over the repetitions."""
    pairs = zip(scores, chosen, strict=True)
    return np.mean([(score * chance).sum(axis=1) for score, chance in pairs], axis=0)


def _rows_needed(difference: Interval, rows: int) -> int | None:
    if difference.value <= 0 or not np.isfinite(difference.standard_error):
        return None
    reach = float(ndtri((1 + LEVEL) / 2) + ndtri(_POWER))
    return int(np.ceil(rows * (reach * difference.standard_error / difference.value) ** 2))
