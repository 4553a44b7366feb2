"""What an experiment of the project showed, from its log and its customers' orders."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import reduce

import msgspec

from kaquan.experiments import HOLDOUT, WHOLE_BPS, Experiment, Metric
from kaquan.insight.experiment.compare import (
    Comparison,
    NoComparison,
    Reading,
    read_experiment,
)
from kaquan.insight.experiment.factors import Effect, factor_effects
from kaquan.insight.experiment.intervals import benjamini_hochberg
from kaquan.insight.experiment.moments import arm_moments
from kaquan.insight.experiment.offpolicy import Logged, PolicyValue, value_policies
from kaquan.insight.experiment.outcome_store import (
    ArmSize,
    Slice,
    find_margin_rate,
    list_arm_sizes,
    list_slices,
    list_strata,
    list_units,
)
from kaquan.insight.experiment.strata import NotStratified, Stratified, post_stratify
from kaquan.insight.experiment.summary import ArmSummary, ExperimentSummary, MetricKind, Second
from kaquan.insight.statistics import Sample
from kaquan.runtime import InvalidInput, Tx, words

DEFAULT_MARGIN_RATE_BPS = 3000
MOST_LOOKS = 60
EVEN_POLICY, NOW_POLICY = "*even", "*now"
"""Names of policies that no arm has: even shares, and the experiment's chances as they are now."""
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


class ExperimentResults(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be said; customers count when their ``horizon_days`` are over.

    ``weighed`` says that chances of arms differed between customers, so that figures are weighed
    by them, and not stratified. ``effects`` are those of factors, ``policies`` an adaptive
    experiment's: `EVEN_POLICY`, `NOW_POLICY`, and each arm for all. ``margin_rate_bps`` is what
    margins go by, ``margin_assumed`` that nobody set it.
    """

    experiment: Experiment
    control: str
    sizes: tuple[ArmSize, ...]
    readings: dict[Metric, Reading]
    looks: tuple[Look, ...]
    effects: tuple[Effect, ...] | NoComparison
    stratified: tuple[Stratified | NotStratified, ...]
    policies: tuple[PolicyValue, ...]
    weighed: bool
    margin_rate_bps: int
    margin_assumed: bool
    next_at: datetime | None
    generated_at: datetime

    @property
    def known_effects(self) -> tuple[Effect, ...]:
        """The factors' effects; none where nothing can be said of them."""
        return () if isinstance(self.effects, NoComparison) else self.effects

    @property
    def reading(self) -> Reading:
        """The reading of the experiment's own metric."""
        return self.readings[self.experiment.metric]


async def read_results(
    tx: Tx, experiment: Experiment, *, control: str | None = None, now: datetime
) -> ExperimentResults:
    """Analyse an experiment as of ``now``; ``control`` is the holdout, or else its first arm,
    unless another is named.

    Raises InvalidInput for a control that is no arm.
    """
    names = _arm_names(experiment)
    sizes = {size.arm: size for size in await list_arm_sizes(tx, experiment, now=now)}
    if HOLDOUT in sizes and HOLDOUT not in names:
        names.append(HOLDOUT)
    chosen = control or (HOLDOUT if HOLDOUT in names else names[0])
    if chosen not in names:
        message = words("The control is one of the arms: %(arms)s.", arms=", ".join(names))
        raise InvalidInput(message, field="control")
    names.sort(key=lambda name: name != chosen)
    found = await find_margin_rate(tx, experiment.campaign_id)
    rate = DEFAULT_MARGIN_RATE_BPS if found is None else found
    weighed = any(size.most - size.least > 1e-9 for size in sizes.values())
    slices = await list_slices(tx, experiment, margin_rate_bps=rate, weighed=weighed, now=now)
    empty = [ArmSize(arm=n, assigned=0, counted=0, least=0, most=0, next_at=None) for n in names]
    ordered = tuple(sizes.get(one.arm, one) for one in empty)
    shares = _shares(ordered)
    readings = {
        metric: _read(
            experiment, metric, _arms(slices, names, metric), sizes=ordered, shares=shares
        )
        for metric in Metric
    }
    return ExperimentResults(
        experiment=experiment,
        control=chosen,
        sizes=ordered,
        readings=_adjust_rates(readings, experiment.metric),
        looks=tuple(_looks(experiment, slices, names)),
        effects=_read_effects(experiment, slices),
        stratified=()
        if weighed
        else await _stratify(tx, experiment, names, margin_rate_bps=rate, now=now),
        policies=await _value_policies(tx, experiment, margin_rate_bps=rate, now=now)
        if experiment.adaptive
        else (),
        weighed=weighed,
        margin_rate_bps=rate,
        margin_assumed=found is None,
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


def _adjust_rates(readings: dict[Metric, Reading], own: Metric) -> dict[Metric, Reading]:
    """Judge the metrics beside the experiment's own together, by their false discovery rate."""
    found = [
        (metric, one.arm, one.difference.p)
        for metric, reading in readings.items()
        if metric is not own
        for one in reading.comparisons
        if isinstance(one, Comparison)
    ]
    rates = benjamini_hochberg([p for _, _, p in found])
    q = {(metric, arm): rate for (metric, arm, _), rate in zip(found, rates, strict=True)}
    return {
        metric: msgspec.structs.replace(
            reading,
            comparisons=tuple(
                msgspec.structs.replace(one, q=q.get((metric, one.arm)))
                if isinstance(one, Comparison)
                else one
                for one in reading.comparisons
            ),
        )
        for metric, reading in readings.items()
    }


def _read_effects(
    experiment: Experiment, slices: Sequence[Slice]
) -> tuple[Effect, ...] | NoComparison:
    """What each factor does, and two together, from the cells."""
    if not experiment.factors:
        return ()
    arms = _arms(slices, _arm_names(experiment), experiment.metric)
    kind = metric_kind(experiment.metric)
    moments = {
        arm.name: arm_moments(arm, kind)
        for arm in arms
        if arm.sample.n > 1 and (arm.denominator is None or arm.denominator.sample.total)
    }
    return factor_effects(experiment.arms, moments)


async def _stratify(
    tx: Tx, experiment: Experiment, names: Sequence[str], *, margin_rate_bps: int, now: datetime
) -> tuple[Stratified | NotStratified, ...]:
    """The experiment's metric within strata of the time before, per customer metrics only."""
    if experiment.metric is Metric.ORDER_VALUE:
        return ()
    strata = await list_strata(tx, experiment, margin_rate_bps=margin_rate_bps, now=now)
    if not all(name in strata for name in names):
        return ()
    return tuple(post_stratify(name, strata[name], strata[names[0]]) for name in names[1:])


async def _value_policies(
    tx: Tx, experiment: Experiment, *, margin_rate_bps: int, now: datetime
) -> tuple[PolicyValue, ...]:
    """What each arm for all, even shares, and the chances as they stand now would have brought."""
    units = await list_units(tx, experiment, margin_rate_bps=margin_rate_bps, now=now)
    place = {name: number for number, name in enumerate(_arm_names(experiment))}
    known = [unit for unit in units if unit.arm in place]
    if not known:
        return ()
    logged = Logged(
        arm=[place[unit.arm] for unit in known],
        chance=[unit.chance for unit in known],
        outcome=[unit.outcome for unit in known],
        before=[unit.before for unit in known],
    )
    policies = {name: [float(name == other) for other in place] for name in place}
    policies[EVEN_POLICY] = [1 / len(place)] * len(place)
    policies[NOW_POLICY] = [weight / WHOLE_BPS for weight in experiment.weights]
    return value_policies(logged, policies)
