"""Creating, starting and stopping experiments."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import product

import msgspec

from kaquan.experiments.assign import WHOLE_BPS
from kaquan.experiments.experiment_store import (
    find_running,
    insert_experiment,
    list_running_in_layer,
    lock_experiment,
    update_experiment,
)
from kaquan.experiments.model import (
    HOLDOUT,
    Experiment,
    ExperimentDraft,
    ExperimentKind,
    ExperimentStatus,
    Factor,
    Metric,
    Overrides,
    Variant,
)
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    KaquanError,
    Tx,
    check_name,
    check_reference,
    check_whole_number,
    new_id,
    words,
)

MOST_ARMS = 16
_LONGEST_DELAY_H = 24 * 30


class ExperimentConflict(KaquanError):
    """The experiment cannot be started or stopped as things are."""

    key = "experiment_conflict"


async def create_experiment(tx: Tx, draft: ExperimentDraft, *, now: datetime) -> Experiment:
    """Create a draft of an experiment; campaign and offers have been looked at by the caller.

    Raises InvalidInput that names the field, and Duplicate when the name is taken.
    """
    if draft.planned_n is not None:
        check_whole_number(draft.planned_n, "planned_n", least=1, most=10**9)
    check_whole_number(draft.horizon_days, "horizon_days", least=1, most=365)
    check_whole_number(draft.from_bps, "from_bps", least=0, most=WHOLE_BPS - 1)
    check_whole_number(draft.to_bps, "to_bps", least=draft.from_bps + 1, most=WHOLE_BPS)
    if draft.winsor_bps is not None:
        check_whole_number(draft.winsor_bps, "winsor_bps", least=5000, most=WHOLE_BPS - 1)
    if draft.adaptive and (
        draft.kind is not ExperimentKind.CAMPAIGN or draft.metric is Metric.ORDER_VALUE
    ):
        message = "Chances move in a campaign's experiment, by a metric that is per customer."
        raise InvalidInput(message, field="adaptive")
    if draft.layer is None and (draft.from_bps, draft.to_bps) != (0, WHOLE_BPS):
        raise InvalidInput("A part of the customers needs the layer it is of.", field="layer")
    experiment = Experiment(
        id=new_id("expt"),
        name=_title(draft.name, "name"),
        kind=draft.kind,
        campaign_id=draft.campaign_id,
        status=ExperimentStatus.DRAFT,
        arms=read_arms(draft),
        layer=None if draft.layer is None else check_reference(draft.layer, "layer"),
        from_bps=draft.from_bps,
        to_bps=draft.to_bps,
        metric=draft.metric,
        horizon_days=draft.horizon_days,
        planned_n=draft.planned_n,
        adaptive=draft.adaptive,
        winsor_bps=draft.winsor_bps,
        created_at=now,
        started_at=None,
        stopped_at=None,
    )
    if not await insert_experiment(tx, experiment):
        message = words("There is an experiment '%(name)s' already.", name=experiment.name)
        raise Duplicate(message, field="name")
    return experiment


async def start_experiment(tx: Tx, id_or_name: str, *, now: datetime) -> Experiment:
    """Let a draft run. Raises NotFound, and ExperimentConflict naming what stands in the way."""
    experiment = await lock_experiment(tx, id_or_name)
    if experiment.status is not ExperimentStatus.DRAFT:
        message = words("The experiment '%(name)s' was started before.", name=experiment.name)
        raise ExperimentConflict(message, object_id=experiment.id)
    other = await find_running(tx, experiment.campaign_id)
    if other is not None:
        message = words("'%(name)s' is running there; stop it first.", name=other.name)
        raise ExperimentConflict(message, object_id=other.id)
    if experiment.layer is not None:
        for rival in await list_running_in_layer(tx, experiment.layer):
            if rival.from_bps < experiment.to_bps and experiment.from_bps < rival.to_bps:
                message = words(
                    "'%(name)s' has places %(from_bps)s to %(to_bps)s of the layer '%(layer)s'.",
                    name=rival.name,
                    from_bps=rival.from_bps,
                    to_bps=rival.to_bps,
                    layer=rival.layer,
                )
                raise ExperimentConflict(message, object_id=rival.id)
    return await update_experiment(
        tx,
        msgspec.structs.replace(experiment, status=ExperimentStatus.RUNNING, started_at=now),
    )


async def stop_experiment(tx: Tx, id_or_name: str, *, now: datetime) -> Experiment:
    """End an experiment for good: nobody is put into it any more; outcomes are still counted.

    Raises NotFound, and ExperimentConflict unless it runs.
    """
    experiment = await lock_experiment(tx, id_or_name)
    if experiment.status is not ExperimentStatus.RUNNING:
        message = words("The experiment '%(name)s' is not running.", name=experiment.name)
        raise ExperimentConflict(message, object_id=experiment.id)
    return await update_experiment(
        tx,
        msgspec.structs.replace(experiment, status=ExperimentStatus.STOPPED, stopped_at=now),
    )


async def halt_plan(tx: Tx, id_or_name: str, *, now: datetime) -> Experiment:
    """Let a plan's experiment give nobody anything any more; it keeps the campaign's place, so that
    nothing else is sent instead before somebody stops it. Halting twice changes nothing.

    Raises NotFound, and ExperimentConflict for what is no running plan.
    """
    experiment = await lock_experiment(tx, id_or_name)
    running = experiment.status is ExperimentStatus.RUNNING
    if experiment.kind is not ExperimentKind.PLAN or not running:
        message = words("The experiment '%(name)s' is no plan that runs.", name=experiment.name)
        raise ExperimentConflict(message, object_id=experiment.id)
    if experiment.halted_at is not None:
        return experiment
    return await update_experiment(tx, msgspec.structs.replace(experiment, halted_at=now))


def read_arms(draft: ExperimentDraft) -> tuple[Variant, ...]:
    """Return the arms that a draft means. Raises InvalidInput that names the field."""
    if draft.kind is ExperimentKind.GLOBAL_HOLDOUT:
        return _global_arms(draft)
    if draft.campaign_id is None:
        raise InvalidInput("Name the campaign.", field="campaign_id")
    if draft.holdout_bps is not None:
        message = "The holdout of a campaign is a setting of the campaign."
        raise InvalidInput(message, field="holdout_bps")
    if bool(draft.arms) == bool(draft.factors):
        raise InvalidInput("State either arms or factors.", field="arms")
    arms = draft.arms or cross_factors(draft.factors)
    _check_arms(arms, fewest=1 if draft.kind is ExperimentKind.PLAN else 2)
    return arms


def cross_factors(factors: Sequence[Factor]) -> tuple[Variant, ...]:
    """Return an arm for each combination of levels, with equal shares.

    Raises InvalidInput for a factor of one level, and for two factors that set the same thing.
    """
    names = [_title(factor.name, f"factors[{i}].name") for i, factor in enumerate(factors)]
    for i, factor in enumerate(factors):
        if len(factor.levels) < 2:
            message = "A factor has two levels at least."
            raise InvalidInput(message, field=f"factors[{i}].levels")
    if len(set(names)) < len(names):
        raise InvalidInput("Two factors have the same name.", field="factors")
    cells = list(product(*(factor.levels.items() for factor in factors)))
    if len(cells) > MOST_ARMS:
        message = words(
            "These are %(cells)s combinations; at most %(most_arms)s are accepted.",
            cells=len(cells),
            most_arms=MOST_ARMS,
        )
        raise InvalidInput(message, field="factors")
    share, rest = divmod(WHOLE_BPS, len(cells))
    return tuple(
        Variant(
            name=" × ".join(level for level, _ in cell),
            weight_bps=share + (number < rest),
            overrides=_merge([overrides for _, overrides in cell]),
            levels=dict(zip(names, (level for level, _ in cell), strict=True)),
        )
        for number, cell in enumerate(cells)
    )


def _merge(parts: Sequence[Overrides]) -> Overrides:
    merged: dict[str, object] = {}
    for part in parts:
        given = {
            name: value
            for name in part.__struct_fields__
            if (value := getattr(part, name)) is not None
        }
        twice = sorted(given.keys() & merged.keys())
        if twice:
            message = words("Two factors set %(twice)s.", twice=twice[0])
            raise InvalidInput(message, field="factors")
        merged |= given
    return msgspec.convert(merged, Overrides)


def _global_arms(draft: ExperimentDraft) -> tuple[Variant, ...]:
    if draft.campaign_id is not None or draft.arms or draft.factors:
        message = "A global holdout is of no campaign and has a share alone."
        raise InvalidInput(message, field="campaign_id")
    if draft.holdout_bps is None:
        raise InvalidInput("State the share that is held out.", field="holdout_bps")
    share = check_whole_number(draft.holdout_bps, "holdout_bps", least=1, most=WHOLE_BPS - 1)
    return (
        Variant(name=HOLDOUT, weight_bps=share, overrides=Overrides(nothing=True)),
        Variant(name="campaigns", weight_bps=WHOLE_BPS - share),
    )


def _check_arms(arms: Sequence[Variant], *, fewest: int) -> None:
    if not fewest <= len(arms) <= MOST_ARMS:
        message = words(
            "An experiment has %(fewest)s to %(most_arms)s arms.",
            fewest=fewest,
            most_arms=MOST_ARMS,
        )
        raise InvalidInput(message, field="arms")
    for i, arm in enumerate(arms):
        _title(arm.name, f"arms[{i}].name")
        if arm.name == HOLDOUT:
            message = "This name is the campaign's holdout's; an arm may have nothing: true."
            raise InvalidInput(message, field=f"arms[{i}].name")
        check_whole_number(arm.weight_bps, f"arms[{i}].weight_bps", least=1, most=WHOLE_BPS)
        _check_overrides(arm.overrides, f"arms[{i}].overrides")
    twice = [name for name, count in Counter(arm.name for arm in arms).items() if count > 1]
    if twice:
        message = words("Two arms are named '%(twice)s'.", twice=twice[0])
        raise InvalidInput(message, field="arms")
    total = sum(arm.weight_bps for arm in arms)
    if total != WHOLE_BPS:
        message = words(
            "The weights sum to %(total)s basis points; they must sum to %(whole_bps)s.",
            total=total,
            whole_bps=WHOLE_BPS,
        )
        raise InvalidInput(message, field="arms")


def _check_overrides(given: Overrides, place: str) -> None:
    if given.valid_days is not None:
        check_whole_number(given.valid_days, f"{place}.valid_days", least=1, most=3650)
    if given.send_after_hours is not None:
        field = f"{place}.send_after_hours"
        check_whole_number(given.send_after_hours, field, least=0, most=_LONGEST_DELAY_H)
    if given.nothing and given != Overrides(nothing=True):
        message = "An arm that gets nothing cannot have anything else."
        raise InvalidInput(message, field=f"{place}.nothing")


def _title(name: str, field: str) -> str:
    title = check_name(name, field)
    if not title or title != name:
        raise InvalidInput("A name may not be empty, nor begin or end with a blank.", field=field)
    return title
