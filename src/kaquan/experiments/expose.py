"""Recording who was assigned to what, before anything is sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from kaquan.experiments.assign import assign_variant
from kaquan.experiments.experiment_store import (
    insert_placements,
    list_placements,
    list_presets_of,
)
from kaquan.experiments.model import (
    HOLDOUT,
    Arm,
    Assignment,
    Experiment,
    ExperimentKind,
    Placement,
)
from kaquan.experiments.store import insert_exposures, list_assignments
from kaquan.runtime import Tx


async def record_exposures(
    tx: Tx, campaign_id: str, assigned: Sequence[tuple[str, Assignment]], *, now: datetime
) -> dict[str, Assignment]:
    """Record assignments of a campaign's customers, any number at once.

    Whoever was assigned before keeps the first assignment. Returns, for each customer id given,
    the assignment that stands: this, and not what was passed in, decides what is done.
    """
    await insert_exposures(tx, campaign_id, assigned, now=now)
    return await list_assignments(tx, campaign_id, [customer_id for customer_id, _ in assigned])


async def place_customers(
    tx: Tx,
    experiment: Experiment,
    assigned: Mapping[str, Assignment],
    *,
    now: datetime,
) -> dict[str, Placement]:
    """Record the arms of a running experiment for a campaign's customers; returns what stands.

    ``assigned`` is what the campaign does with each. Those held out are logged as such, so that
    arms can be compared with nothing; the probability of an arm is that of not being held out
    times its weight. Customers outside of the layer, and those for whom a plan chose nothing,
    are not in what is returned. Of a halted plan everybody gets its arm of nothing, and as that is
    not the plan's choice, it is not logged.
    """
    drawn = await _draw(tx, experiment, list(assigned))
    placed = [
        (customer_id, _combine(assignment, drawn[customer_id]))
        for customer_id, assignment in assigned.items()
        if customer_id in drawn
    ]
    if experiment.halted_at is not None:
        nothing = next(arm.name for arm in experiment.arms if arm.overrides.nothing)
        return {customer_id: Placement(nothing, 1.0) for customer_id, _ in placed}
    await insert_placements(tx, experiment.id, placed, now=now)
    return await list_placements(tx, experiment.id, [customer_id for customer_id, _ in placed])


async def place_in_global_holdout(
    tx: Tx, experiment: Experiment, customer_ids: Sequence[str], *, now: datetime
) -> set[str]:
    """Record who the global holdout keeps out of all campaigns; returns these."""
    drawn = await _draw(tx, experiment, customer_ids)
    await insert_placements(tx, experiment.id, list(drawn.items()), now=now)
    standing = await list_placements(tx, experiment.id, list(drawn))
    return {customer_id for customer_id, one in standing.items() if one.arm == HOLDOUT}


async def _draw(
    tx: Tx, experiment: Experiment, customer_ids: Sequence[str]
) -> dict[str, Placement]:
    if experiment.kind is ExperimentKind.PLAN:
        return await list_presets_of(tx, experiment.id, customer_ids)
    drawn = {customer_id: assign_variant(experiment, customer_id) for customer_id in customer_ids}
    return {customer_id: one for customer_id, one in drawn.items() if one is not None}


def _combine(assignment: Assignment, drawn: Placement) -> Placement:
    if assignment.arm is Arm.HOLDOUT:
        return Placement(HOLDOUT, assignment.propensity)
    return Placement(drawn.arm, drawn.propensity * assignment.propensity)
