"""Background work of campaigns."""

from procrastinate import JobContext

from kaquan.campaigns.delete_in_parts import continue_deletion, fail_deletion
from kaquan.campaigns.imports.run import fail_work, run_work
from kaquan.campaigns.issue import continue_issue, fail_issue
from kaquan.runtime import (
    UNTIL_DONE,
    ActionStatus,
    job_queue,
    on_last_failure,
    services_of,
    utc_now,
)


@job_queue.task(name="campaigns.issue_vouchers", retry=UNTIL_DONE, pass_context=True)
async def issue_requested_vouchers(context: JobContext, *, project_id: int, action_id: str) -> None:
    """Make the vouchers that an action asks for, going on where an earlier run was stopped."""
    database = services_of(context).database
    async with on_last_failure(
        context,
        project_id,
        lambda tx, error: fail_issue(tx, action_id, error, now=utc_now()),
    ):
        unfinished = True
        while unfinished:
            async with database.transaction(project_id) as tx:
                action = await continue_issue(tx, action_id, now=utc_now())
            unfinished = action.status is ActionStatus.RUNNING


@job_queue.task(name="campaigns.work_on_vouchers", retry=UNTIL_DONE, pass_context=True)
async def work_on_vouchers(context: JobContext, *, project_id: int, action_id: str) -> None:
    """Import or change many vouchers, going on where an earlier run was stopped."""
    database = services_of(context).database
    async with on_last_failure(
        context,
        project_id,
        lambda tx, error: fail_work(tx, action_id, error, now=utc_now()),
    ):
        await run_work(database, project_id, action_id, clock=utc_now)


@job_queue.task(name="campaigns.delete", retry=UNTIL_DONE, pass_context=True)
async def delete_requested_campaign(
    context: JobContext, *, project_id: int, action_id: str
) -> None:
    """Delete a campaign part by part, going on where an earlier run was stopped."""
    database = services_of(context).database
    async with on_last_failure(
        context,
        project_id,
        lambda tx, error: fail_deletion(tx, action_id, error, now=utc_now()),
    ):
        unfinished = True
        while unfinished:
            async with database.transaction(project_id) as tx:
                action = await continue_deletion(tx, action_id, now=utc_now())
            unfinished = action.status is ActionStatus.RUNNING
