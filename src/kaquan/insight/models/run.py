"""Training on request and every week: read, learn without a transaction, register, score.

A request that was interrupted goes on where it was: a version that is registered already only has
to score.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from kaquan.experiments import ExperimentKind, get_experiment
from kaquan.insight.experiment import find_margin_rate
from kaquan.insight.lake import lake_of
from kaquan.insight.metrics import Source, read_source
from kaquan.insight.models.drift import watch_lifetime, watch_propensity
from kaquan.insight.models.facts import Facts, to_day, to_moment
from kaquan.insight.models.judge import SCORING_KINDS, decode_artifact, judge_version
from kaquan.insight.models.lifetime_value import LifetimeValue, score_lifetime, train_lifetime
from kaquan.insight.models.model import (
    Drift,
    Lack,
    LackCode,
    ModelKind,
    ModelRun,
    ModelVersion,
    Refused,
    RunStatus,
    Scores,
    Trained,
    Verdict,
    VerdictCode,
)
from kaquan.insight.models.propensity import HORIZON_DAYS, score_customers, train_propensity
from kaquan.insight.models.store import (
    find_active,
    find_pending,
    get_run,
    insert_drift,
    insert_model,
    insert_run,
    read_artifact,
    update_run,
    update_scored,
)
from kaquan.insight.models.trial_model import Tried, outcome_rate, train_uplift
from kaquan.insight.plans.store import list_features, list_observed
from kaquan.runtime import Database, InvalidInput, Settings, Tx, new_id
from kaquan.segments import record_predictions

SEED = 20260101
SCHEDULED = "schedule"
RECORDED_AT_ONCE = 20_000
GIVEN_UP_AFTER = timedelta(hours=12)
"""A request that waits longer was cut off, and does not stand in the way of another one."""
Clock = Callable[[], datetime]


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """All that a request is worked out from: the lake and the active version, or an experiment."""

    run: ModelRun
    source: Source | None
    active: ModelVersion | None
    artifact: bytes | None
    tried: Tried | None


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a request: a version with its verdict or a refusal, and a look at the old one."""

    found: Trained | Refused
    verdict: Verdict
    drift: Drift | None


async def create_run(
    tx: Tx,
    kind: ModelKind,
    *,
    subject: str | None = None,
    arm: str | None = None,
    by: str,
    now: datetime,
) -> tuple[ModelRun, bool]:
    """Store a request; returns it, or the one that waits already, and whether it is new.

    ``subject`` names the experiment of an uplift model. Raises NotFound and InvalidInput.
    """
    if (kind is ModelKind.UPLIFT) != (subject is not None):
        message = "An uplift model is of one experiment, and no other model is."
        raise InvalidInput(message, field="experiment")
    if subject is not None:
        experiment = await get_experiment(tx, subject)
        if experiment.kind is ExperimentKind.GLOBAL_HOLDOUT or experiment.campaign_id is None:
            message = "An uplift model learns from an experiment of a campaign."
            raise InvalidInput(message, field="experiment")
        if arm is not None and experiment.variant(arm) is None:
            message = f"The experiment has no arm '{arm}'."
            raise InvalidInput(message, field="arm")
        subject = experiment.id
    waiting = await find_pending(tx, kind, subject, since=now - GIVEN_UP_AFTER)
    if waiting is not None:
        return waiting, False
    run = ModelRun(
        id=new_id("mrun"),
        kind=kind,
        status=RunStatus.PENDING,
        subject=subject,
        arm=arm,
        asked_by=by,
        model_id=None,
        lacks=(),
        created_at=now,
        finished_at=None,
    )
    await insert_run(tx, run)
    return run, True


async def gather(tx: Tx, run_id: str, *, now: datetime) -> Material:
    """Read what a request is worked out from. Raises Unavailable before the lake's first copy."""
    run = await get_run(tx, run_id)
    if run.kind is ModelKind.UPLIFT:
        assert run.subject is not None
        experiment = await get_experiment(tx, run.subject)
        rate, in_margin = outcome_rate(await find_margin_rate(tx, experiment.campaign_id))
        observed = await list_observed(tx, experiment, margin_rate_bps=rate, now=now)
        past = await list_features(tx, [(one.customer_id, one.assigned_at) for one in observed])
        tried = Tried(
            experiment=experiment, observed=observed, past=past, arm=run.arm, in_margin=in_margin
        )
        return Material(run=run, source=None, active=None, artifact=None, tried=tried)
    active = await find_active(tx, run.kind)
    return Material(
        run=run,
        source=await read_source(tx),
        active=active,
        artifact=None if active is None else await read_artifact(tx, active.id),
        tried=None,
    )


def work_out(material: Material, settings: Settings, *, now: datetime) -> Learnt:
    """Train, judge, and look at the active version; slow for many customers."""
    kind = material.run.kind
    if material.tried is not None:
        found = train_uplift(material.tried, seed=SEED)
        return Learnt(found=found, verdict=Verdict(code=VerdictCode.NOT_FOR_SCORING), drift=None)
    assert material.source is not None
    with Facts.of_lake(lake_of(settings), material.source) as facts:
        until = facts_until(facts, now=now)
        if until is None:
            lack = Lack(code=LackCode.CUSTOMERS, have=0, need=1)
            return Learnt(
                found=Refused((lack,)),
                verdict=Verdict(code=VerdictCode.NOT_FOR_SCORING),
                drift=None,
            )
        found = train(kind, facts, until=until)
        drift = None if material.active is None else look(material, facts, until=until, now=now)
        verdict = Verdict(code=VerdictCode.NOT_FOR_SCORING)
        if isinstance(found, Trained):
            verdict = judge_version(found, material.artifact, facts)
        return Learnt(found=found, verdict=verdict, drift=drift)


def train(kind: ModelKind, facts: Facts, *, until: float) -> Trained | Refused:
    """Train a model of a kind that scores, on the facts before a moment (days since 1970)."""
    if kind is ModelKind.LIFETIME_VALUE:
        return train_lifetime(facts, until=until, seed=SEED)
    return train_propensity(kind, facts, until=until, days=HORIZON_DAYS[kind], seed=SEED)


def look(material: Material, facts: Facts, *, until: float, now: datetime) -> Drift:
    """Look at whether the active version still fits."""
    assert material.active is not None
    assert material.artifact is not None
    kind, card = material.run.kind, material.active.card
    model = decode_artifact(kind, material.artifact)
    if isinstance(model, LifetimeValue):
        return watch_lifetime(model, card, facts, until=until, now=now)
    return watch_propensity(kind, model, card, facts, until=until, now=now)


def facts_until(facts: Facts, *, now: datetime) -> float | None:
    """Return the midnight up to which facts are taken as complete; None without any order.

    It is never later than now, nor than the day after the last order: of a shop whose data ends,
    the silence after it says nothing of its customers.
    """
    window = facts.window()
    return None if window is None else min(to_day(now), float(int(window[1]) + 1))


async def carry_out(
    database: Database, settings: Settings, project_id: int, run_id: str, *, clock: Clock
) -> ModelRun:
    """Do what a request asks for; done twice it does no harm."""
    async with database.snapshot(project_id) as tx:
        material = await gather(tx, run_id, now=clock())
    run = material.run
    if run.status is not RunStatus.PENDING:
        return run
    if run.model_id is None:
        learnt = await asyncio.to_thread(work_out, material, settings, now=clock())
        async with database.transaction(project_id) as tx:
            await _register(tx, run, material, learnt, now=clock())
    if run.kind in SCORING_KINDS:
        await score_active(database, settings, project_id, run.kind, clock=clock)
    async with database.transaction(project_id) as tx:
        run = await get_run(tx, run_id, lock=True)
        if run.status is RunStatus.PENDING:
            await update_run(tx, run_id, status=RunStatus.DONE, now=clock())
        return await get_run(tx, run_id)


async def _register(
    tx: Tx, run: ModelRun, material: Material, learnt: Learnt, *, now: datetime
) -> None:
    current = await get_run(tx, run.id, lock=True)
    if current.status is not RunStatus.PENDING or current.model_id is not None:
        return
    if material.active is not None and learnt.drift is not None:
        await insert_drift(tx, material.active.id, learnt.drift)
    if isinstance(learnt.found, Refused):
        lacks = learnt.found.lacks
        await update_run(tx, run.id, status=RunStatus.REFUSED, lacks=lacks, now=now)
        return
    model = await insert_model(tx, learnt.found, learnt.verdict, now=now)
    await update_run(tx, run.id, status=RunStatus.PENDING, model_id=model.id, now=now)


async def score_active(
    database: Database, settings: Settings, project_id: int, kind: ModelKind, *, clock: Clock
) -> int:
    """Have the active version of a kind score everybody; returns how many, 0 without one."""
    async with database.snapshot(project_id) as tx:
        active = await find_active(tx, kind)
        if active is None:
            return 0
        artifact, source = await read_artifact(tx, active.id), await read_source(tx)

    def work() -> tuple[datetime, list[Scores]]:
        with Facts.of_lake(lake_of(settings), source) as facts:
            until = facts_until(facts, now=clock())
            if until is None:
                return clock(), []
            model = decode_artifact(kind, artifact)
            parts = (
                score_lifetime(model, facts, as_of=until)
                if isinstance(model, LifetimeValue)
                else score_customers(kind, model, facts, as_of=until)
            )
            return to_moment(until), list(parts)

    as_of, parts = await asyncio.to_thread(work)
    for part in parts:
        await _record(database, project_id, part, as_of=as_of)
    count = sum(len(part.customers) for part in parts)
    async with database.transaction(project_id) as tx:
        await update_scored(tx, active.id, count=count, as_of=as_of)
    return count


async def _record(database: Database, project_id: int, part: Scores, *, as_of: datetime) -> None:
    for start in range(0, len(part.customers), RECORDED_AT_ONCE):
        end = start + RECORDED_AT_ONCE
        async with database.transaction(project_id) as tx:
            for name, values in part.values.items():
                given = dict(
                    zip(part.customers[start:end], values[start:end].tolist(), strict=True)
                )
                await record_predictions(tx, name, given, as_of=as_of)


async def fail_run(tx: Tx, run_id: str, *, now: datetime) -> None:
    """Say that a request did not come to an end."""
    run = await get_run(tx, run_id, lock=True)
    if run.status is RunStatus.PENDING:
        await update_run(tx, run_id, status=RunStatus.FAILED, now=now)
