"""Background work of models: on request, and every week for every project."""

from datetime import datetime

from procrastinate import JobContext

from kaquan.insight.models.judge import SCORING_KINDS
from kaquan.insight.models.model import ModelKind, ModelRun
from kaquan.insight.models.run import SCHEDULED, carry_out, create_run, fail_run
from kaquan.insight.models.store import list_active
from kaquan.runtime import (
    UNTIL_DONE,
    JobServices,
    Project,
    Tx,
    defer_job,
    get_project,
    job_queue,
    on_last_failure,
    services_of,
    upkeep_of_projects,
    utc_now,
)


@job_queue.task(name="insight.train", retry=UNTIL_DONE, pass_context=True)
async def train_model(context: JobContext, *, project_id: int, run_id: str) -> None:
    """Do what a request to train asks for."""
    services = services_of(context)
    database = services.database
    async with on_last_failure(
        context,
        project_id,
        lambda tx, _: fail_run(tx, run_id, now=utc_now()),
    ):
        await carry_out(database, services.settings, project_id, run_id, clock=utc_now)


@upkeep_of_projects("insight.train_weekly", cron="41 18 * * 0")
async def train_weekly(services: JobServices, project: Project) -> None:
    """Every Sunday evening (UTC), learn anew, look at what drifted, and score everybody."""
    async with services.database.transaction(project.project_id) as tx:
        for kind in SCORING_KINDS:
            await request_training(tx, kind, by=SCHEDULED, now=utc_now())
        for one in await list_active(tx, ModelKind.UPLIFT):
            card = one.card
            await request_training(
                tx,
                ModelKind.UPLIFT,
                subject=card.subject,
                arm=card.arm,
                control=card.control,
                by=SCHEDULED,
                now=utc_now(),
            )


async def request_training(
    tx: Tx,
    kind: ModelKind,
    *,
    subject: str | None = None,
    arm: str | None = None,
    control: str | None = None,
    by: str,
    now: datetime,
) -> ModelRun:
    """Ask for a model to be trained, or return the same request that waits already.

    Raises as `create_run` does.
    """
    run, fresh = await create_run(
        tx, kind, subject=subject, arm=arm, control=control, by=by, now=now
    )
    if fresh:
        project = await get_project(tx)
        await defer_job(tx, train_model, project_id=project.project_id, run_id=run.id)
    return run
