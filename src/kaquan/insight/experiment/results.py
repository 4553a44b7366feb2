"""What an experiment of the project showed, from its log and its customers' orders."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import reduce

import msgspec

from kaquan.experiments import HOLDOUT, Experiment, Metric
from kaquan.insight.experiment.compare import Comparison, Reading, read_experiment
from kaquan.insight.experiment.outcome_store import (
    ArmSize,
    Slice,
    find_margin_rate,
    list_arm_sizes,
    list_slices,
)
from kaquan.insight.experiment.summary import ArmSummary, ExperimentSummary, MetricKind, Second
from kaquan.insight.statistics import Sample
from kaquan.runtime import InvalidInput, Tx

DEFAULT_MARGIN_RATE_BPS = 3000
MOST_LOOKS = 60
_KINDS: dict[Metric, MetricKind] = {
    Metric.REVENUE: "mean",
    Metric.MARGIN: "mean",
    Metric.BUYERS: "proportion",
    Metric.REDEEMERS: "proportion",
    Metric.ORDER_VALUE: "ratio",
}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """An arm against the control as it was known at the end of a day, with the bounds that hold
    at every moment at once.
    """

    day: date
    arm: str
    n: int
    value: float
    low: float
    high: float


class FactorReading(msgspec.Struct, frozen=True, kw_only=True):
    """A factor's levels, the first against the others, over all levels of the other factors."""

    factor: str
    reading: Reading


class ExperimentResults(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be said; customers count when their ``horizon_days`` are over.

    ``weighed`` says that chances of arms differed between customers, so that figures are weighed
    by them. ``margin_rate_bps`` is what margins go by, ``margin_assumed`` that nobody set it.
    """

    experiment: Experiment
    control: str
    sizes: tuple[ArmSize, ...]
    readings: dict[Metric, Reading]
    looks: tuple[Look, ...]
    factors: tuple[FactorReading, ...]
    weighed: bool
    margin_rate_bps: int
    margin_assumed: bool
    next_at: datetime | None
    generated_at: datetime

    @property
    def reading(self) -> Reading:
        """The reading of the experiment's own metric."""
        return self.readings[self.experiment.metric]


async def read_results(
    tx: Tx, experiment: Experiment, *, control: str | None = None, now: datetime
) -> ExperimentResults:
    """Analyse an experiment as of ``now``; ``control`` is its first arm unless another is named.

    Raises InvalidInput for a control that is no arm.
    """
    names = _arm_names(experiment)
    sizes = {size.arm: size for size in await list_arm_sizes(tx, experiment, now=now)}
    if HOLDOUT in sizes and HOLDOUT not in names:
        names.append(HOLDOUT)
    chosen = control or names[0]
    if chosen not in names:
        message = f"The control is one of the arms: {', '.join(names)}."
        raise InvalidInput(message, field="control")
    names.sort(key=lambda name: name != chosen)
    rate = await find_margin_rate(tx, experiment.campaign_id)
    weighed = any(size.most - size.least > 1e-9 for size in sizes.values())
    slices = await list_slices(
        tx,
        experiment,
        margin_rate_bps=DEFAULT_MARGIN_RATE_BPS if rate is None else rate,
        weighed=weighed,
        now=now,
    )
    empty = [ArmSize(arm=n, assigned=0, counted=0, least=0, most=0, next_at=None) for n in names]
    ordered = tuple(sizes.get(one.arm, one) for one in empty)
    shares = _shares(ordered)
    return ExperimentResults(
        experiment=experiment,
        control=chosen,
        sizes=ordered,
        readings={
            metric: _read(
                experiment, metric, _arms(slices, names, metric), sizes=ordered, shares=shares
            )
            for metric in Metric
        },
        looks=tuple(_looks(experiment, slices, names)),
        factors=_read_factors(experiment, slices),
        weighed=weighed,
        margin_rate_bps=DEFAULT_MARGIN_RATE_BPS if rate is None else rate,
        margin_assumed=rate is None,
        next_at=min((size.next_at for size in ordered if size.next_at), default=None),
        generated_at=now,
    )


def add_summaries(first: ArmSummary, second: ArmSummary) -> ArmSummary:
    """Return the summary of two disjoint groups of one arm."""
    return ArmSummary(
        name=first.name,
        sample=first.sample + second.sample,
        before=_add_seconds(first.before, second.before),
        denominator=_add_seconds(first.denominator, second.denominator),
        weighed=first.weighed + second.weighed if first.weighed and second.weighed else None,
    )


def metric_kind(metric: Metric) -> MetricKind:
    """How a metric's sums are to be read."""
    return _KINDS[metric]


def _add_seconds(first: Second | None, second: Second | None) -> Second | None:
    if first is None or second is None:
        return None
    return Second(first.sample + second.sample, first.products + second.products)


def _arm_names(experiment: Experiment) -> list[str]:
    return [arm.name for arm in experiment.arms]


def _arms(slices: Iterable[Slice], names: Sequence[str], metric: Metric) -> list[ArmSummary]:
    by_arm: dict[str, list[ArmSummary]] = {name: [] for name in names}
    for one in slices:
        if one.arm in by_arm:
            by_arm[one.arm].append(one.metrics[metric])
    return [
        reduce(add_summaries, parts) if parts else ArmSummary(name=name, sample=Sample())
        for name, parts in by_arm.items()
    ]


def _read(
    experiment: Experiment,
    metric: Metric,
    arms: Sequence[ArmSummary],
    *,
    sizes: Sequence[ArmSize] = (),
    shares: tuple[float, ...] | None = None,
) -> Reading:
    weighed = any(arm.weighed is not None for arm in arms)
    kind = "mean" if weighed and metric is not Metric.ORDER_VALUE else _KINDS[metric]
    return read_experiment(
        ExperimentSummary(
            arms=tuple(arms),
            kind=kind,
            shares=shares,
            planned_n=experiment.planned_n,
            assigned=tuple(size.assigned for size in sizes),
        )
    )


def _shares(sizes: Sequence[ArmSize]) -> tuple[float, ...] | None:
    """The planned shares as the log has them; None where they differed or do not make a whole."""
    if any(size.assigned == 0 or size.most - size.least > 1e-9 for size in sizes):
        return None
    shares = tuple(size.least for size in sizes)
    return shares if abs(sum(shares) - 1) < 1e-6 else None


def _looks(experiment: Experiment, slices: Sequence[Slice], names: Sequence[str]) -> Iterable[Look]:
    """The experiment's metric day by day, at most `MOST_LOOKS` days."""
    days = sorted({one.day for one in slices})
    step = -(-len(days) // MOST_LOOKS) or 1
    shown = set(days[::-1][::step])
    so_far: dict[str, ArmSummary] = {name: ArmSummary(name=name, sample=Sample()) for name in names}
    for day in days:
        for one in slices:
            if one.day == day and one.arm in so_far:
                known = so_far[one.arm]
                mine = one.metrics[experiment.metric]
                so_far[one.arm] = add_summaries(known, mine) if known.sample.n else mine
        if day not in shown:
            continue
        reading = _read(experiment, experiment.metric, list(so_far.values()))
        for compared in reading.comparisons:
            if isinstance(compared, Comparison):
                yield Look(
                    day=day,
                    arm=compared.arm,
                    n=so_far[compared.arm].sample.n + so_far[names[0]].sample.n,
                    value=compared.difference.value,
                    low=compared.always_low,
                    high=compared.always_high,
                )


def _read_factors(experiment: Experiment, slices: Sequence[Slice]) -> tuple[FactorReading, ...]:
    """Main effects: arms that share a level are one group, as their shares are alike."""
    found: list[FactorReading] = []
    for factor in experiment.factors:
        level_of = {arm.name: arm.levels[factor] for arm in experiment.arms}
        pooled = [
            Slice(arm=level_of[one.arm], day=one.day, metrics=one.metrics)
            for one in slices
            if one.arm in level_of
        ]
        levels = list(dict.fromkeys(level_of.values()))
        arms = _arms(pooled, levels, experiment.metric)
        named = [
            msgspec.structs.replace(arm, name=level)
            for arm, level in zip(arms, levels, strict=True)
        ]
        found.append(
            FactorReading(factor=factor, reading=_read(experiment, experiment.metric, named))
        )
    return tuple(found)
