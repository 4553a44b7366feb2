"""What the factors of a factorial experiment do: each by itself, and two together."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec

from kaquan.experiments import Variant
from kaquan.insight.experiment.compare import Lack, NoComparison
from kaquan.insight.experiment.intervals import Interval, benjamini_hochberg, student_interval
from kaquan.insight.experiment.moments import Moments


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """A contrast of cells' means.

    With one factor: its ``levels`` against its first level. With two: by how much more the first
    factor's level does where the second has its level than where that has its first one. All are
    averaged over the other factors' levels, each counting alike. ``q`` is the false discovery rate
    at which it would be called a find among all effects of the design.
    """

    factors: tuple[str, ...]
    levels: tuple[str, ...]
    difference: Interval
    q: float


def factor_effects(
    arms: Sequence[Variant], moments: Mapping[str, Moments]
) -> tuple[Effect, ...] | NoComparison:
    """Return main effects and interactions of two factors from the cells' moments.

    A contrast Σ c·ȳ over cells has the variance Σ c²·s²/n, cells being independent, and
    Satterthwaite's degrees of freedom: Wu, Hamada (2021), Experiments, 3rd edition, section 4.3;
    Imbens, Rubin (2015), Causal Inference, chapter 9, on estimands of means of a finite population.
    Nothing is said when a cell has fewer than two units, or does not vary.
    """
    for arm in arms:
        cell = moments.get(arm.name)
        if cell is None or cell.n < 2:
            return NoComparison(arm=arm.name, lack=Lack.EMPTY, lacking_arm=arm.name)
        if cell.variance <= 0:
            return NoComparison(arm=arm.name, lack=Lack.NO_VARIANCE, lacking_arm=arm.name)
    levels = {
        factor: list(dict.fromkeys(arm.levels[factor] for arm in arms)) for factor in arms[0].levels
    }
    found = [
        _effect(arms, moments, levels, chosen=dict(zip(factors, chosen, strict=True)))
        for size in (1, 2)
        for factors in combinations(levels, size)
        for chosen in _others(levels, factors)
    ]
    rates = benjamini_hochberg([one.difference.p for one in found])
    return tuple(msgspec.structs.replace(one, q=q) for one, q in zip(found, rates, strict=True))


def _others(levels: Mapping[str, list[str]], factors: Sequence[str]) -> list[tuple[str, ...]]:
    """The levels beside the first ones, of one factor or crossed of two."""
    chosen: list[tuple[str, ...]] = [()]
    for factor in factors:
        chosen = [(*known, level) for known in chosen for level in levels[factor][1:]]
    return chosen


def _effect(
    arms: Sequence[Variant],
    moments: Mapping[str, Moments],
    levels: Mapping[str, list[str]],
    *,
    chosen: Mapping[str, str],
) -> Effect:
    weights: dict[str, float] = {}
    for arm in arms:
        sign = 1.0
        for factor, level in chosen.items():
            if arm.levels[factor] == level:
                continue
            sign *= -1 if arm.levels[factor] == levels[factor][0] else 0
        weights[arm.name] = sign
    alike = sum(1 for weight in weights.values() if weight > 0) / 2 ** (len(chosen) - 1)
    value, variance, spread = 0.0, 0.0, 0.0
    for name, sign in weights.items():
        cell, weight = moments[name], sign / alike
        part = weight * weight * cell.mean_variance
        value += weight * cell.mean
        variance += part
        spread += part * part / (cell.n - 1)
    return Effect(
        factors=tuple(chosen),
        levels=tuple(chosen.values()),
        difference=student_interval(value, math.sqrt(variance), variance**2 / spread),
        q=1.0,
    )
