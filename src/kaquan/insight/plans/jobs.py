"""Background work of plans."""

import asyncio
from datetime import datetime

from procrastinate import JobContext

from kaquan.insight.plans.model import Plan, PlanDraft
from kaquan.insight.plans.run import (
    create_plan,
    fail_plan,
    gather_material,
    run_plan,
    store_decision,
)
from kaquan.insight.plans.watch import watch_plan
from kaquan.insight.plans.watch_store import list_watched
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


@job_queue.task(name="insight.plan", retry=UNTIL_DONE, pass_context=True)
async def make_plan(context: JobContext, *, project_id: int, plan_id: str) -> None:
    """Work out a plan: read, learn in a thread without a transaction, store."""
    database = services_of(context).database
    async with on_last_failure(
        context,
        project_id,
        lambda tx, _: fail_plan(tx, plan_id, now=utc_now()),
    ):
        async with database.transaction(project_id) as tx:
            material = await gather_material(tx, plan_id, now=utc_now())
        decision = await asyncio.to_thread(run_plan, material)
        async with database.transaction(project_id) as tx:
            await store_decision(tx, plan_id, decision, now=utc_now())


async def request_plan(tx: Tx, draft: PlanDraft, *, now: datetime) -> Plan:
    """Store what is asked and queue the job that works it out. Raises as create_plan does."""
    plan = await create_plan(tx, draft, now=now)
    project = await get_project(tx)
    await defer_job(tx, make_plan, project_id=project.project_id, plan_id=plan.id)
    return plan


@upkeep_of_projects("insight.watch_plans", cron="23 4 * * *")
async def watch_plans(services: JobServices, project: Project) -> None:
    """Once a day, look whether the certificates of approved plans still hold."""
    async with services.database.transaction(project.project_id) as tx:
        plans = await list_watched(tx)
    for plan_id in plans:
        async with services.database.transaction(project.project_id) as tx:
            await watch_plan(tx, plan_id, now=utc_now())
