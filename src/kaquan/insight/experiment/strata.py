"""Post-stratification: arms compared within groups that were there before, then put together."""

import math
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from kaquan.insight.experiment.intervals import Interval, student_interval
from kaquan.insight.experiment.summary import ExperimentSummary
from kaquan.insight.statistics import Sample

FEWEST_IN_STRATUM = 2
Strata: TypeAlias = Mapping[str, Sample]
"""An arm's samples by stratum."""


class Stratified(msgspec.Struct, frozen=True, kw_only=True):
    """The difference with strata weighed alike in both arms; ``strata`` is their number.

    ``variance_removed`` is the share of the plain difference's variance that is gone; negative
    where the strata say nothing of the metric.
    """

    arm: str
    difference: Interval
    strata: int
    variance_removed: float


class NotStratified(msgspec.Struct, frozen=True, kw_only=True):
    """A stratum has fewer than two units of an arm, so that nothing is put together."""

    arm: str
    thin_stratum: str


def post_stratify(arm: str, treated: Strata, control: Strata) -> Stratified | NotStratified:
    """Return Σ W·(ȳ₁ − ȳ₀) over strata, W being a stratum's share of all units of both arms.

    Its variance, given how many units of each arm fell into each stratum, is Σ W²·(s₁²/n₁ + s₀²/n₀):
    Miratrix, Sekhon, Yu (2013), Adjusting treatment effect estimates by post-stratification in
    randomized experiments, Journal of the Royal Statistical Society B 75, 369–396, section 2; degrees
    of freedom by Satterthwaite (1946). The strata must not depend on the arm.
    """
    names = sorted(treated.keys() | control.keys())
    nobody = Sample()
    parts = [(name, treated.get(name, nobody), control.get(name, nobody)) for name in names]
    for name, first, second in parts:
        if min(first.n, second.n) < FEWEST_IN_STRATUM:
            return NotStratified(arm=arm, thin_stratum=name)
    total = sum(first.n + second.n for _, first, second in parts)
    if not parts or not total:
        return NotStratified(arm=arm, thin_stratum="")
    value, variance, spread = 0.0, 0.0, 0.0
    for _, first, second in parts:
        weight = (first.n + second.n) / total
        value += weight * (first.mean - second.mean)
        for sample in (first, second):
            part = weight * weight * sample.mean_variance
            variance += part
            spread += part * part / (sample.n - 1)
    if variance <= 0:
        return NotStratified(arm=arm, thin_stratum=names[0])
    return Stratified(
        arm=arm,
        difference=student_interval(value, math.sqrt(variance), variance * variance / spread),
        strata=len(parts),
        variance_removed=1 - variance / _plain_variance(treated, control),
    )


def _plain_variance(treated: Strata, control: Strata) -> float:
    return sum(sum(strata.values(), start=Sample()).mean_variance for strata in (treated, control))


def stratify_summary(
    summary: ExperimentSummary,
) -> tuple[Stratified | NotStratified, ...]:
    """Post-stratify every arm of a summary; nothing where not every arm has its strata."""
    control = summary.control.strata
    if control is None or any(arm.strata is None for arm in summary.arms):
        return ()
    return tuple(post_stratify(arm.name, arm.strata or {}, control) for arm in summary.arms[1:])
