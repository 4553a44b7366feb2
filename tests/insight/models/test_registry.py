"""The registry: trained on request, used by rules and portraits, replaced only by what is no worse."""

from datetime import timedelta
from pathlib import Path

import pytest

from insight.copying import copy_lake
from insight.models.shops import START, UNTIL, make_shop, table
from insight.models.stored import fill_lake
from kaquan.customers import read_portrait
from kaquan.insight.lake import Storage
from kaquan.insight.models import (
    SCORING_KINDS,
    LackCode,
    ModelKind,
    ModelRun,
    ModelStatus,
    RunStatus,
    VerdictCode,
    carry_out,
    create_run,
    find_active,
    get_model,
    get_run,
    list_drifts,
    list_latest_runs,
    list_models,
    list_score_shares,
    request_training,
)
from kaquan.runtime import (
    Database,
    InvalidInput,
    JobServices,
    NotFound,
    Project,
    Settings,
    Tx,
    run_worker,
)
from kaquan.segments import count_audience

KIND = ModelKind.NEXT_PURCHASE


async def _train(
    database: Database, project: Project, settings: Settings, kind: ModelKind, *, days: int = 0
) -> ModelRun:
    now = UNTIL + timedelta(days=days)
    async with database.transaction(project.project_id) as tx:
        run, _ = await create_run(tx, kind, by="somebody", now=now)
    return await carry_out(database, settings, project.project_id, run.id, clock=lambda: now)


@pytest.mark.slow
async def test_from_a_request_to_scores_that_rules_know(
    database: Database, project: Project, tmp_path: Path
) -> None:
    settings = await fill_lake(database, project.project_id, make_shop(200), tmp_path / "lake")
    runs = [await _train(database, project, settings, one) for one in SCORING_KINDS[:2]]
    assert [one.status for one in runs] == [RunStatus.DONE] * 2
    async with database.transaction(project.project_id) as tx:
        models = [await get_model(tx, str(one.model_id)) for one in runs]
        # Without lines, counting earlier redemptions says as much as trees do: they stay out of use.
        assert [(one.status, one.verdict.code, one.scored_count) for one in models] == [
            (ModelStatus.ACTIVE, VerdictCode.FIRST, 200),
            (ModelStatus.CANDIDATE, VerdictCode.WORSE_THAN_BASELINE, None),
        ]
        portrait = await read_portrait(tx, "c0000", now=UNTIL)
        assert sorted(portrait.predictions) == ["churn", "next_purchase"]
        assert set(portrait.predicted_at.values()) == {UNTIL}
        likely = await _count(tx, "score.next_purchase", "at_least", 0.5)
        unlikely = await _count(tx, "score.churn", "more_than", 0.5)
        assert likely > 20
        assert likely + unlikely == 200
        total, shares = await list_score_shares(tx, "next_purchase", bins=10)
        assert (total, sum(count for _, _, count in shares)) == (200, 200)
    again = await carry_out(database, settings, project.project_id, runs[0].id, clock=lambda: UNTIL)
    assert again.model_id == runs[0].model_id


async def _count(tx: Tx, attribute: str, operator: str, value: float) -> int:
    rule = {"attribute": attribute, "operator": operator, "value": value}
    return (await count_audience(tx, rule, now=UNTIL)).count


@pytest.mark.slow
async def test_lifetimes_are_registered_and_scored_alike(
    database: Database, project: Project, tmp_path: Path
) -> None:
    settings = await fill_lake(database, project.project_id, make_shop(120), tmp_path / "lake")
    run = await _train(database, project, settings, ModelKind.LIFETIME_VALUE)
    async with database.transaction(project.project_id) as tx:
        model = await get_model(tx, str(run.model_id))
        card = model.card
        assert card.measures["absolute_error"].value > 0
        assert abs(card.measures["total_error"].value) < 0.5
        assert model.status is ModelStatus.ACTIVE
        portrait = await read_portrait(tx, "c0000", now=UNTIL)
        assert sorted(portrait.predictions) == ["alive", "clv_purchases", "clv_value"]
        assert 0 <= float(portrait.predictions["alive"]) <= 1


@pytest.mark.slow
async def test_later_versions_take_over_or_say_why_not(
    database: Database, project: Project, tmp_path: Path
) -> None:
    """The same facts give an equal version, which takes over; then everybody stops buying."""
    place = tmp_path / "lake"
    settings = await fill_lake(database, project.project_id, make_shop(200), place)
    await _train(database, project, settings, KIND)
    second = await _train(database, project, settings, KIND, days=1)
    async with database.transaction(project.project_id) as tx:
        first = (await list_models(tx, order="trained_at", limit=1)).items[0]
        model = await get_model(tx, str(second.model_id))
        assert (first.status, model.status) == (ModelStatus.RETIRED, ModelStatus.ACTIVE)
        assert (model.version, model.verdict.code) == (2, VerdictCode.BETTER)
        assert len(await list_drifts(tx, first.id)) == 1
        # One late order moves the end of the data by 160 days in which nobody else bought.
        await tx.execute(
            "insert into orders (id, customer_id, status, amount_minor, placed_at, created_at)"
            " values ('late', 'c0001', 'PAID', 100, %(at)s, %(at)s)",
            {"at": UNTIL + timedelta(days=160)},
        )
    await copy_lake(database, project.project_id, Storage(str(place)), now=UNTIL)
    third = await _train(database, project, settings, KIND, days=161)
    assert third.status is RunStatus.REFUSED
    assert [one.code for one in third.lacks] == [LackCode.HOLDOUT]
    async with database.transaction(project.project_id) as tx:
        active = await find_active(tx, KIND)
        assert active is not None
        assert active.id == second.model_id
        drifts = await list_drifts(tx, active.id)
        assert (drifts[0].state, drifts[0].outcome_state) == ("shifted", "shifted")


async def test_a_small_shop_is_told_what_is_lacking(
    database: Database, project: Project, tmp_path: Path
) -> None:
    settings = await fill_lake(database, project.project_id, make_shop(12), tmp_path / "lake")
    for kind in SCORING_KINDS:
        run = await _train(database, project, settings, kind)
        assert (run.status, run.model_id) == (RunStatus.REFUSED, None)
        assert [(one.code, one.have) for one in run.lacks] == [(LackCode.CUSTOMERS, 12)]
    async with database.transaction(project.project_id) as tx:
        assert (await list_models(tx, limit=5)).total == 0
        assert len(await list_latest_runs(tx)) == 3
        assert (await read_portrait(tx, "c0000", now=UNTIL)).predictions == {}


async def test_the_worker_does_what_is_asked(
    database: Database, project: Project, postgres_url: str, tmp_path: Path
) -> None:
    settings = await fill_lake(database, project.project_id, make_shop(12), tmp_path / "lake")
    async with database.transaction(project.project_id) as tx:
        run = await request_training(tx, KIND, by="somebody", now=UNTIL)
        assert await request_training(tx, KIND, by="another", now=UNTIL) == run
    await run_worker(postgres_url, JobServices(database, settings), until_empty=True)
    async with database.transaction(project.project_id) as tx:
        assert (await get_run(tx, run.id)).status is RunStatus.REFUSED


async def test_a_shop_without_orders(database: Database, project: Project, tmp_path: Path) -> None:
    empty = make_shop(1) | {"orders": table("orders", [])}
    settings = await fill_lake(database, project.project_id, empty, tmp_path / "lake")
    run = await _train(database, project, settings, KIND)
    assert [one.code for one in run.lacks] == [LackCode.CUSTOMERS]


async def test_requests_that_make_no_sense(tx: Tx) -> None:
    with pytest.raises(InvalidInput, match="one experiment"):
        await create_run(tx, ModelKind.UPLIFT, by="x", now=START)
    with pytest.raises(InvalidInput, match="no other model"):
        await create_run(tx, KIND, subject="e", by="x", now=START)
    with pytest.raises(NotFound):
        await create_run(tx, ModelKind.UPLIFT, subject="none", by="x", now=START)
    first, fresh = await create_run(tx, KIND, by="x", now=START)
    assert (await create_run(tx, KIND, by="y", now=START), fresh) == ((first, False), True)
