"""Training on request and every week: read, learn without a transaction, register, score.

A request that was interrupted goes on where it was: a version that is registered already only has
to score.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec

from kaquan.experiments import HOLDOUT, ExperimentKind, get_experiment
from kaquan.insight.experiment import find_margin_rate
from kaquan.insight.lake import lake_of
from kaquan.insight.metrics import Source, read_source
from kaquan.insight.models.drift import watch_lifetime, watch_propensity
from kaquan.insight.models.facts import Facts, to_day, to_moment
from kaquan.insight.models.judge import decode_artifact, judge_version
from kaquan.insight.models.lease import kept_alive
from kaquan.insight.models.lifetime_value import LifetimeValue, score_lifetime, train_lifetime
from kaquan.insight.models.model import (
    Drift,
    Lack,
    LackCode,
    ModelKind,
    ModelRun,
    ModelStatus,
    ModelVersion,
    Refused,
    RunStatus,
    Scores,
    Trained,
    Verdict,
)
from kaquan.insight.models.propensity import HORIZON_DAYS, score_customers, train_propensity
from kaquan.insight.models.store import (
    find_active,
    find_pending,
    get_model,
    get_run,
    insert_drift,
    insert_model,
    insert_run,
    list_people,
    read_artifact,
    update_run,
    update_scored,
)
from kaquan.insight.models.trial_model import (
    Tried,
    UpliftModel,
    name_uplift,
    outcome_rate,
    score_uplift,
    train_uplift,
)
from kaquan.insight.plans.store import list_features, list_observed
from kaquan.runtime import Database, InvalidInput, Settings, Tx, new_id, words
from kaquan.segments import record_predictions

SEED = 20260101
SCHEDULED = "schedule"
RECORDED_AT_ONCE = 20_000
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
    verdict: Verdict | None
    drift: Drift | None


async def create_run(
    tx: Tx,
    kind: ModelKind,
    *,
    subject: str | None = None,
    arm: str | None = None,
    control: str | None = None,
    by: str,
    now: datetime,
) -> tuple[ModelRun, bool]:
    """Store a request; returns it, or the one that waits already, and whether it is new.

    ``subject`` names the experiment of an uplift model, ``arm`` the one that is looked at and
    ``control`` the one it is compared with. The same request is closed as failed if it died.
    Raises NotFound and InvalidInput.
    """
    subject = await _check_subject(tx, kind, subject, arm=arm, control=control)
    waiting = await find_pending(tx, kind, subject, arm=arm, control=control)
    if waiting is not None:
        if not waiting.died(now):
            return waiting, False
        await update_run(tx, waiting.id, status=RunStatus.FAILED, now=now)
    run = ModelRun(
        id=new_id("mrun"),
        kind=kind,
        status=RunStatus.PENDING,
        subject=subject,
        arm=arm,
        control=control,
        asked_by=by,
        model_id=None,
        lacks=(),
        created_at=now,
        finished_at=None,
        alive_until=None,
    )
    await insert_run(tx, run)
    return run, True


async def _check_subject(
    tx: Tx, kind: ModelKind, subject: str | None, *, arm: str | None, control: str | None
) -> str | None:
    """Return the experiment's id, where the kind has one."""
    if (kind is ModelKind.UPLIFT) != (subject is not None):
        message = "An uplift model is of one experiment, and no other model is."
        raise InvalidInput(message, field="experiment")
    if subject is None:
        for field, given in (("arm", arm), ("control", control)):
            if given is not None:
                raise InvalidInput("Only an uplift model is of arms.", field=field)
        return None
    experiment = await get_experiment(tx, subject)
    if experiment.kind is ExperimentKind.GLOBAL_HOLDOUT or experiment.campaign_id is None:
        message = "An uplift model learns from an experiment of a campaign."
        raise InvalidInput(message, field="experiment")
    for field, given in (("arm", arm), ("control", control)):
        known = given is None or given == HOLDOUT or experiment.variant(given) is not None
        if not known or (field == "arm" and given == HOLDOUT):
            raise InvalidInput(
                words("The experiment has no arm '%(arm)s'.", arm=str(given)), field=field
            )
    if arm is not None and arm == control:
        raise InvalidInput("An arm cannot be compared with itself.", field="control")
    return experiment.id


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
            experiment=experiment,
            observed=observed,
            past=past,
            arm=run.arm,
            control=run.control,
            in_margin=in_margin,
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
        return Learnt(found=found, verdict=_judge(found, None, None), drift=None)
    assert material.source is not None
    with Facts.of_lake(lake_of(settings), material.source) as facts:
        until = facts_until(facts, now=now)
        if until is None:
            lack = Lack(code=LackCode.CUSTOMERS, have=0, need=1)
            return Learnt(found=Refused((lack,)), verdict=None, drift=None)
        found = train(kind, facts, until=until)
        drift = None if material.active is None else look(material, facts, until=until, now=now)
        verdict = _judge(found, material.artifact, facts)
        return Learnt(found=found, verdict=verdict, drift=drift)


def _judge(found: Trained | Refused, active: bytes | None, facts: Facts | None) -> Verdict | None:
    return judge_version(found, active, facts) if isinstance(found, Trained) else None


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
    async with kept_alive(database, project_id, run_id, clock=clock):
        if run.model_id is None:
            learnt = await asyncio.to_thread(work_out, material, settings, now=clock())
            async with database.transaction(project_id) as tx:
                await _register(tx, run, material, learnt, now=clock())
        if run.kind is ModelKind.UPLIFT:
            await _score_moved(database, project_id, run_id, clock=clock)
        else:
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
    assert learnt.verdict is not None
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


async def _score_moved(database: Database, project_id: int, run_id: str, *, clock: Clock) -> None:
    """Have the uplift that a request led to score everybody, if it is in use.

    Features are read from the database as they are now, by the query that it learnt from.
    """
    async with database.snapshot(project_id) as tx:
        run = await get_run(tx, run_id)
        model = None if run.model_id is None else await get_model(tx, run.model_id)
        if model is None or model.status is not ModelStatus.ACTIVE:
            return
        artifact = await read_artifact(tx, model.id)
    moved = msgspec.json.decode(artifact, type=UpliftModel)
    name, as_of, count, last = name_uplift(model.card), clock(), 0, ""
    while True:
        async with database.snapshot(project_id) as tx:
            people = await list_people(tx, after=last, limit=RECORDED_AT_ONCE)
            past = await list_features(tx, [(one, as_of) for one in people])
        if not people:
            break
        scores = await asyncio.to_thread(score_uplift, moved, past)
        part = Scores(customers=list(past), values={name: scores})
        await _record(database, project_id, part, as_of=as_of)
        count, last = count + len(past), people[-1]
    async with database.transaction(project_id) as tx:
        await update_scored(tx, model.id, count=count, as_of=as_of)


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
