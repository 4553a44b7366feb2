"""Uplift from a request to a rule: an order that is known to help scores everybody, no other does."""

import asyncio
from datetime import timedelta

import pytest

from conftest import NOW
from insight.plans.test_plans import LATER, tried
from kaquan.customers import read_portrait
from kaquan.experiments import HOLDOUT
from kaquan.insight.models import (
    LackCode,
    ModelKind,
    ModelRun,
    ModelStatus,
    RunStatus,
    VerdictCode,
    carry_out,
    create_run,
    get_model,
    get_run,
    list_active,
    list_latest_runs,
    name_prediction,
    name_uplift,
)
from kaquan.insight.models.lease import SILENT_AT_MOST, kept_alive
from kaquan.runtime import Database, InvalidInput, Project, Settings, Tx
from kaquan.segments import count_audience

UPLIFT = ModelKind.UPLIFT


async def _learn(
    database: Database, project: Project, arm: str | None, control: str | None
) -> ModelRun:
    async with database.transaction(project.project_id) as tx:
        run, fresh = await create_run(
            tx, UPLIFT, subject="Faces", arm=arm, control=control, by="somebody", now=LATER
        )
        assert fresh
    return await carry_out(database, Settings(), project.project_id, run.id, clock=lambda: LATER)


@pytest.mark.slow
async def test_pairs_of_arms_are_learnt_and_score_side_by_side(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        experiment = await tried(tx, 900)
    runs = [
        await _learn(database, project, arm, control)
        for arm, control in (("twenty", None), ("twenty", "five"), ("five", HOLDOUT))
    ]
    assert [one.status for one in runs] == [RunStatus.DONE] * 3
    async with database.transaction(project.project_id) as tx:
        models = [await get_model(tx, str(one.model_id)) for one in runs]
        assert [(one.card.arm, one.card.control, one.verdict.code) for one in models] == [
            ("twenty", HOLDOUT, VerdictCode.ORDER_HELPS),
            ("twenty", "five", VerdictCode.ORDER_HELPS),
            ("five", HOLDOUT, VerdictCode.ORDER_UNKNOWN),
        ]
        assert [(one.status, one.scored_count) for one in models] == [
            (ModelStatus.ACTIVE, 900),
            (ModelStatus.ACTIVE, 900),
            (ModelStatus.CANDIDATE, None),
        ]
        names = [name_uplift(one.card) for one in models]
        assert names[0] == f"uplift.{experiment.id}.twenty.holdout"
        # Every second one is frequent and needs no voucher.
        assert await _count(tx, names[0]) == 450
        assert await _count(tx, names[2]) == 0
        portrait = await read_portrait(tx, "n0001", now=LATER)
        assert sorted(portrait.predictions) == sorted(names[:2])
        assert set(portrait.predicted_at.values()) == {LATER}
        assert len(await list_active(tx, UPLIFT)) == 2
        assert len(await list_latest_runs(tx)) == 3
    again = await _learn(database, project, "twenty", "five")
    async with database.transaction(project.project_id) as tx:
        assert (await get_model(tx, str(again.model_id))).status is ModelStatus.ACTIVE
        assert (await get_model(tx, models[1].id)).status is ModelStatus.RETIRED
        assert (await get_model(tx, models[0].id)).status is ModelStatus.ACTIVE
        told = {experiment.id: "Faces"}
        assert name_prediction(names[0], "en", experiments=told) == (
            "Uplift: Faces twenty against holdout"
        )
        assert (
            name_prediction(names[1], "zh", experiments=told) == "增量：Faces twenty（对比 five）"
        )


async def _count(tx: Tx, name: str) -> int:
    rule = {"attribute": f"score.{name}", "operator": "at_least", "value": 500}
    return (await count_audience(tx, rule, now=LATER)).count


async def test_arms_that_make_no_sense(tx: Tx) -> None:
    await tried(tx, 20)
    for arm, control, field, says in (
        ("none", None, "arm", "no arm 'none'"),
        (HOLDOUT, None, "arm", "no arm 'holdout'"),
        ("five", "none", "control", "no arm 'none'"),
        ("five", "five", "control", "compared with itself"),
    ):
        with pytest.raises(InvalidInput, match=says) as refused:
            await create_run(tx, UPLIFT, subject="Faces", arm=arm, control=control, by="x", now=NOW)
        assert refused.value.field == field
    first, _ = await create_run(tx, UPLIFT, subject="Faces", arm="five", by="x", now=NOW)
    other, fresh = await create_run(tx, UPLIFT, subject="Faces", arm="twenty", by="x", now=NOW)
    assert (other.id == first.id, fresh) == (False, True)


async def test_too_few_in_the_arms_that_were_chosen(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await tried(tx, 60)
    run = await _learn(database, project, "five", "twenty")
    assert (run.status, run.model_id) == (RunStatus.REFUSED, None)
    assert [(one.code, one.need) for one in run.lacks] == [
        (LackCode.CONTROL, 200),
        (LackCode.ARM, 200),
    ]


async def test_who_dies_is_seen_and_makes_way(database: Database, project: Project) -> None:
    """Whoever works is alive; when he falls silent, a request of the same is a new one."""
    kind, project_id = ModelKind.NEXT_PURCHASE, project.project_id
    async with database.transaction(project_id) as tx:
        run, _ = await create_run(tx, kind, by="x", now=NOW)
    late = NOW + timedelta(hours=13)
    assert (run.died(NOW), run.died(late)) == (False, True)

    async def work() -> None:
        async with kept_alive(database, project_id, run.id, clock=lambda: NOW):
            began.set()
            await asyncio.Event().wait()

    began = asyncio.Event()
    worker = asyncio.create_task(work())
    await began.wait()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    async with database.transaction(project_id) as tx:
        left = await get_run(tx, run.id)
        assert left.alive_until == NOW + SILENT_AT_MOST
        assert (left.died(NOW), left.died(NOW + 2 * SILENT_AT_MOST)) == (False, True)
        same, fresh = await create_run(tx, kind, by="y", now=NOW)
        assert (same.id, fresh) == (run.id, False)
        other, fresh = await create_run(tx, kind, by="y", now=NOW + 2 * SILENT_AT_MOST)
        assert (other.id == run.id, fresh) == (False, True)
        assert (await get_run(tx, run.id)).status is RunStatus.FAILED
