"""What an experiment showed, as it goes over the wire."""

from datetime import date, datetime
from typing import Literal

import msgspec

from kaquan.experiments import Metric
from kaquan.insight import (
    Compared,
    Effect,
    ExperimentResults,
    NoComparison,
    NotStratified,
    Reading,
    Stratified,
    say_compared,
)


class ComparisonView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An arm against the control, or why nothing can be said (``cannot_say``).

    ``always_low`` and ``always_high`` hold however often one looks. ``p_adjusted`` is Holm's over
    the arms; ``q`` the false discovery rate (Benjamini, Hochberg) among the metrics beside the
    experiment's own. ``expected_loss`` is what choosing the arm is expected to cost should the control
    be better.
    """

    arm: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    always_low: float | None = None
    always_high: float | None = None
    relative: float | None = None
    relative_low: float | None = None
    relative_high: float | None = None
    probability_better: float | None = None
    expected_loss: float | None = None
    detectable: float | None = None
    q: float | None = None
    cannot_say: str | None = None


class ReadingView(msgspec.Struct, frozen=True, kw_only=True):
    """What one metric showed: each arm's mean, and the arms against the control."""

    means: dict[str, float | None]
    comparisons: list[ComparisonView]
    variance_removed: float | None


class EffectView(msgspec.Struct, frozen=True, kw_only=True):
    """What a factor's level does beside its first one, or two factors' levels together."""

    factors: tuple[str, ...]
    levels: tuple[str, ...]
    value: float
    low: float
    high: float
    p: float
    q: float


class StratifiedView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An arm against the control within strata of what was spent before, put together."""

    arm: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    strata: int | None = None
    variance_removed: float | None = None
    thin_stratum: str | None = None


class ValueView(msgspec.Struct, frozen=True, kw_only=True):
    """A mean outcome a customer."""

    value: float
    low: float
    high: float


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """What another way of choosing arms would have brought; null where too few show it.

    ``policy`` is an arm (for everybody), ``*even``, or ``*now``: the chances as they stand.
    """

    policy: str
    effective_n: float
    ips: ValueView | None
    snips: ValueView | None
    doubly_robust: ValueView | None


class ArmView(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers an arm has, and how many of them count already."""

    arm: str
    assigned: int
    counted: int


class LookView(msgspec.Struct, frozen=True, kw_only=True):
    """An arm against the control as known at the end of a day."""

    day: date
    arm: str
    customers: int
    value: float
    low: float
    high: float


class VerdictView(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence on one arm."""

    arm: str
    zh: str
    en: str


class ResultsView(msgspec.Struct, frozen=True, kw_only=True):
    """All that an experiment showed; money in minor units, shares of 1."""

    experiment_id: str
    metric: Metric
    control: str
    currency: str
    arms: list[ArmView]
    sample_ratio_p: float | None
    notes: list[str]
    verdicts: list[VerdictView]
    metrics: dict[str, ReadingView]
    effects: list[EffectView]
    effects_lack: str | None
    stratified: list[StratifiedView]
    policies: list[PolicyView]
    looks: list[LookView]
    weighed: bool
    margin_rate_bps: int
    margin_assumed: bool
    next_result_at: datetime | None
    generated_at: datetime
    object: Literal["experiment_results"] = "experiment_results"


def view_results(results: ExperimentResults, *, currency: str) -> ResultsView:
    """Map results to the wire."""
    return ResultsView(
        experiment_id=results.experiment.id,
        metric=results.experiment.metric,
        control=results.control,
        currency=currency,
        arms=[ArmView(arm=s.arm, assigned=s.assigned, counted=s.counted) for s in results.sizes],
        sample_ratio_p=results.reading.sample_ratio_p,
        notes=list(results.reading.notes),
        verdicts=[
            VerdictView(
                arm=one.arm,
                zh=say_compared(results, one, currency=currency, language="zh"),
                en=say_compared(results, one, currency=currency, language="en"),
            )
            for one in results.reading.comparisons
        ],
        metrics={metric.value: _view(reading) for metric, reading in results.readings.items()},
        effects=[_view_effect(one) for one in results.known_effects],
        effects_lack=results.effects.lack if isinstance(results.effects, NoComparison) else None,
        stratified=[_view_stratified(one) for one in results.stratified],
        policies=[
            msgspec.convert(msgspec.to_builtins(one), PolicyView) for one in results.policies
        ],
        looks=[
            LookView(day=o.day, arm=o.arm, customers=o.n, value=o.value, low=o.low, high=o.high)
            for o in results.looks
        ],
        weighed=results.weighed,
        margin_rate_bps=results.margin_rate_bps,
        margin_assumed=results.margin_assumed,
        next_result_at=results.next_at,
        generated_at=results.generated_at,
    )


def _view(reading: Reading) -> ReadingView:
    return ReadingView(
        means=reading.means,
        comparisons=[_view_comparison(one) for one in reading.comparisons],
        variance_removed=reading.variance_removed,
    )


def _view_comparison(one: Compared) -> ComparisonView:
    if isinstance(one, NoComparison):
        return ComparisonView(arm=one.arm, cannot_say=one.lack)
    relative = one.relative
    return ComparisonView(
        arm=one.arm,
        value=one.difference.value,
        low=one.difference.low,
        high=one.difference.high,
        p=one.difference.p,
        p_adjusted=one.p_adjusted,
        always_low=one.always_low,
        always_high=one.always_high,
        relative=None if relative is None else relative.value,
        relative_low=None if relative is None else relative.low,
        relative_high=None if relative is None else relative.high,
        probability_better=one.probability_better,
        expected_loss=one.expected_loss,
        detectable=one.detectable,
        q=one.q,
    )


def _view_effect(one: Effect) -> EffectView:
    return EffectView(
        factors=one.factors,
        levels=one.levels,
        value=one.difference.value,
        low=one.difference.low,
        high=one.difference.high,
        p=one.difference.p,
        q=one.q,
    )


def _view_stratified(one: Stratified | NotStratified) -> StratifiedView:
    if isinstance(one, NotStratified):
        return StratifiedView(arm=one.arm, thin_stratum=one.thin_stratum)
    return StratifiedView(
        arm=one.arm,
        value=one.difference.value,
        low=one.difference.low,
        high=one.difference.high,
        p=one.difference.p,
        strata=one.strata,
        variance_removed=one.variance_removed,
    )
