"""SQL of experiments, of their logs, and of what plans chose."""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.experiments.model import (
    Experiment,
    ExperimentKind,
    ExperimentStatus,
    Placement,
    Preset,
)
from kaquan.runtime import NotFound, Page, Tx, struct_row

_EXPERIMENT: LiteralString = """
    select id, name, kind, campaign_id, status, arms, layer, from_bps, to_bps, metric,
           horizon_days, planned_n, adaptive, weights_bps, winsor_bps, created_at, started_at, stopped_at,
           halted_at
      from experiment
"""
_ORDERS: dict[str, LiteralString] = {
    "-created_at": "created_at desc, id desc",
    "created_at": "created_at, id",
    "name": "name, id",
    "-name": "name desc, id desc",
    "status": "status, created_at desc, id",
}
EXPERIMENT_ORDERS = tuple(_ORDERS)
_PRESETS_AT_ONCE = 50_000


async def insert_experiment(tx: Tx, experiment: Experiment) -> bool:
    """Store an experiment; False when its name is taken."""
    fields = experiment.__struct_fields__
    values = {name: getattr(experiment, name) for name in fields}
    values["arms"] = Jsonb(msgspec.to_builtins(experiment.arms))
    cursor = await tx.execute(
        sql.SQL("insert into experiment ({}) values ({}) on conflict do nothing").format(
            sql.SQL(", ").join(map(sql.Identifier, fields)),
            sql.SQL(", ").join(map(sql.Placeholder, fields)),
        ),
        values,
    )
    return cursor.rowcount == 1


async def get_experiment(tx: Tx, id_or_name: str) -> Experiment:
    """Return an experiment by id or name; raises NotFound."""
    return await _get(tx, id_or_name, "")


async def lock_experiment(tx: Tx, id_or_name: str) -> Experiment:
    """Return an experiment, keeping others from changing it meanwhile; raises NotFound."""
    return await _get(tx, id_or_name, " for update")


async def _get(tx: Tx, id_or_name: str, suffix: LiteralString) -> Experiment:
    found = await _list(
        tx,
        " where id = %(wanted)s or name = %(wanted)s order by id = %(wanted)s desc limit 1"
        + suffix,
        wanted=id_or_name,
    )
    if not found:
        raise NotFound("experiment", id_or_name)
    return found[0]


async def find_running(tx: Tx, campaign_id: str | None) -> Experiment | None:
    """Return the experiment that runs on a campaign, or the running global holdout (None)."""
    found = await _list(
        tx,
        " where status = 'running' and campaign_id is not distinct from %(campaign)s",
        campaign=campaign_id,
    )
    return found[0] if found else None


async def list_running_in_layer(tx: Tx, layer: str) -> list[Experiment]:
    """Return the running experiments of a layer, keeping others from starting one meanwhile."""
    await tx.execute(
        "select pg_advisory_xact_lock(hashtextextended('kaquan layer ' || %s, 0))", (layer,)
    )
    return await _list(tx, " where status = 'running' and layer = %(layer)s", layer=layer)


async def list_adaptive(tx: Tx) -> list[Experiment]:
    """Return the running experiments whose weights move, by id."""
    return await _list(tx, " where status = 'running' and adaptive order by id")


async def list_experiments(
    tx: Tx,
    *,
    status: ExperimentStatus | None = None,
    campaign_id: str | None = None,
    kind: ExperimentKind | None = None,
    order: str = "-created_at",
    limit: int,
    page: int = 1,
) -> Page[Experiment]:
    """Return a page of experiments in one of `EXPERIMENT_ORDERS`; drafts of plans are left out."""
    condition: LiteralString = (
        " where (%(status)s::text is null or status = %(status)s)"
        " and (%(campaign)s::text is null or campaign_id = %(campaign)s)"
        " and (%(kind)s::text is null or kind = %(kind)s)"
        " and not (kind = 'plan' and status = 'draft')"
    )
    given = {"status": status, "campaign": campaign_id, "kind": kind}
    found = await _list(
        tx,
        condition + " order by " + _ORDERS[order] + " limit %(limit)s offset %(offset)s",
        **given,
        limit=limit,
        offset=(page - 1) * limit,
    )
    cursor = await tx.execute("select count(*) from experiment" + condition, given)
    row = await cursor.fetchone()
    assert row is not None
    more = page * limit < row[0]
    return Page(found, row[0], str(page + 1) if more else None)


async def update_experiment(tx: Tx, experiment: Experiment) -> Experiment:
    """Store where an experiment stands."""
    await tx.execute(
        "update experiment set status = %s, started_at = %s, stopped_at = %s, weights_bps = %s,"
        " halted_at = %s where id = %s",
        (
            *(experiment.status, experiment.started_at, experiment.stopped_at),
            *(experiment.weights_bps, experiment.halted_at, experiment.id),
        ),
    )
    return experiment


async def insert_placements(
    tx: Tx, experiment_id: str, placed: Sequence[tuple[str, Placement]], *, now: datetime
) -> None:
    """Log arms of an experiment in one statement, leaving earlier ones as they are."""
    await tx.execute(
        "insert into experiment_exposure (experiment_id, customer_id, arm, propensity, assigned_at)"
        " select %s, given.*, %s"
        " from unnest(%s::text[], %s::text[], %s::float8[]) as given (customer_id, arm, propensity)"
        " order by given.customer_id"
        " on conflict (project_id, experiment_id, customer_id) do nothing",
        (
            experiment_id,
            now,
            [customer_id for customer_id, _ in placed],
            [one.arm for _, one in placed],
            [one.propensity for _, one in placed],
        ),
    )


async def list_placements(
    tx: Tx, experiment_id: str, customer_ids: Sequence[str]
) -> dict[str, Placement]:
    """Return what is logged for these customers of an experiment."""
    cursor = await tx.execute(
        "select customer_id, arm, propensity from experiment_exposure"
        " where experiment_id = %s and customer_id = any(%s)",
        (experiment_id, list(customer_ids)),
    )
    return {row[0]: Placement(row[1], row[2]) for row in await cursor.fetchall()}


async def count_placements(tx: Tx, experiment_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return how many customers each arm of these experiments has."""
    cursor = await tx.execute(
        "select experiment_id, arm, count(*) from experiment_exposure"
        " where experiment_id = any(%s) group by 1, 2",
        (list(experiment_ids),),
    )
    counts: dict[str, dict[str, int]] = {}
    for experiment_id, arm, count in await cursor.fetchall():
        counts.setdefault(experiment_id, {})[arm] = count
    return counts


async def insert_presets(tx: Tx, experiment_id: str, presets: Sequence[Preset]) -> None:
    """Store what a plan chose."""
    for start in range(0, len(presets), _PRESETS_AT_ONCE):
        part = presets[start : start + _PRESETS_AT_ONCE]
        columns = {
            name: [getattr(preset, name) for preset in part] for name in Preset.__struct_fields__
        }
        # Arrays of arrays cannot be unnested a row at a time; their texts can.
        for name in ("chances", "expected"):
            columns[name] = ["{" + ",".join(map(repr, row)) + "}" for row in columns[name]]
        await tx.execute(
            "insert into experiment_preset (experiment_id, customer_id, arm, propensity,"
            " gain_minor, cost_minor, intended, reason, chances, expected)"
            " select %s, c, a, p, g, m, i, r, h::float8[], e::float8[]"
            " from unnest(%s::text[], %s::text[], %s::float8[], %s::float8[], %s::float8[],"
            " %s::text[], %s::text[], %s::text[], %s::text[])"
            " as t (c, a, p, g, m, i, r, h, e)",
            (experiment_id, *columns.values()),
        )


async def list_presets(
    tx: Tx,
    experiment_id: str,
    *,
    arm: str | None = None,
    reason: str | None = None,
    limit: int,
    page: int = 1,
) -> Page[Preset]:
    """Return what a plan chose, the largest expected gain first."""
    condition: LiteralString = (
        " from experiment_preset where experiment_id = %(experiment)s"
        " and (%(arm)s::text is null or arm = %(arm)s)"
        " and (%(reason)s::text is null or reason = %(reason)s)"
    )
    given = {"experiment": experiment_id, "arm": arm, "reason": reason}
    async with tx.cursor(row_factory=struct_row(Preset)) as cursor:
        await cursor.execute(
            "select customer_id, arm, propensity, gain_minor, cost_minor, intended, reason,"
            " chances, expected" + condition + " order by gain_minor desc nulls last, customer_id"
            " limit %(limit)s offset %(offset)s",
            {**given, "limit": limit, "offset": (page - 1) * limit},
        )
        found = await cursor.fetchall()
    counting = await tx.execute("select count(*)" + condition, given)
    row = await counting.fetchone()
    assert row is not None
    return Page(found, row[0], str(page + 1) if page * limit < row[0] else None)


async def list_presets_placed(tx: Tx, experiment_id: str) -> list[Preset]:
    """Return what a plan chose for those who were given it since, by customer."""
    async with tx.cursor(row_factory=struct_row(Preset)) as cursor:
        await cursor.execute(
            "select p.customer_id, x.arm, p.propensity, p.gain_minor, p.cost_minor, p.intended,"
            " p.reason, p.chances, p.expected"
            " from experiment_preset p join experiment_exposure x using (experiment_id, customer_id)"
            " where p.experiment_id = %s order by p.customer_id",
            (experiment_id,),
        )
        return await cursor.fetchall()


async def list_presets_of(
    tx: Tx, experiment_id: str, customer_ids: Sequence[str]
) -> dict[str, Placement]:
    """Return what a plan chose for these customers."""
    cursor = await tx.execute(
        "select customer_id, arm, propensity from experiment_preset"
        " where experiment_id = %s and customer_id = any(%s)",
        (experiment_id, list(customer_ids)),
    )
    return {row[0]: Placement(row[1], row[2]) for row in await cursor.fetchall()}


async def _list(tx: Tx, condition: LiteralString, **given: object) -> list[Experiment]:
    async with tx.cursor(row_factory=struct_row(Experiment)) as cursor:
        await cursor.execute(_EXPERIMENT + condition, given)
        return await cursor.fetchall()
