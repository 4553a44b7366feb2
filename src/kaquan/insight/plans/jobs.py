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
    Tx,
    defer_job,
    get_project,
    job_queue,
    read_projects,
    services_of,
    utc_now,
)


@job_queue.task(name="insight.plan", retry=UNTIL_DONE, pass_context=True)
async def make_plan(context: JobContext, *, project_id: int, plan_id: str) -> None:
    """Work out a plan: read, learn in a thread without a transaction, store."""
    database = services_of(context).database
    try:
        async with database.transaction(project_id) as tx:
            material = await gather_material(tx, plan_id, now=utc_now())
        decision = await asyncio.to_thread(run_plan, material)
        async with database.transaction(project_id) as tx:
            await store_decision(tx, plan_id, decision, now=utc_now())
    except Exception as error:
        if UNTIL_DONE.get_retry_decision(exception=error, job=context.job) is None:
            async with database.transaction(project_id) as tx:
                await fail_plan(tx, plan_id, now=utc_now())
        raise


async def request_plan(tx: Tx, draft: PlanDraft, *, now: datetime) -> Plan:
    """Store what is asked and queue the job that works it out. Raises as create_plan does."""
    plan = await create_plan(tx, draft, now=now)
    project = await get_project(tx)
    await defer_job(tx, make_plan, project_id=project.project_id, plan_id=plan.id)
    return plan


@job_queue.periodic(cron="23 4 * * *")
@job_queue.task(name="insight.watch_plans", queueing_lock="insight.watch_plans", pass_context=True)
async def watch_plans(context: JobContext, timestamp: int) -> None:
    """Once a day, look whether the certificates of approved plans still hold."""
    database = services_of(context).database
    projects = await read_projects(database)
    for project in projects:
        async with database.transaction(project.project_id) as tx:
            plans = await list_watched(tx)
        for plan_id in plans:
            async with database.transaction(project.project_id) as tx:
                await watch_plan(tx, plan_id, now=utc_now())
