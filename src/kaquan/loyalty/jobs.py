"""Background work of loyalty: points that follow from orders and events."""

from procrastinate import JobContext

from kaquan.loyalty.settle import settle_points
from kaquan.loyalty.store.points import list_due_subjects
from kaquan.runtime import (
    PROJECT_DIRECTORY,
    job_queue,
    list_projects,
    services_of,
    utc_now,
)

A_ROUND = 500


@job_queue.periodic(cron="* * * * * */5")
@job_queue.task(name="loyalty.settle", queueing_lock="loyalty.settle", pass_context=True)
async def settle_all_points(context: JobContext, timestamp: int) -> None:
    """Every five seconds, settle what is due in every project, each order by itself."""
    database = services_of(context).database
    async with database.transaction(lookup=PROJECT_DIRECTORY) as tx:
        projects = await list_projects(tx)
    for project in projects:
        async with database.transaction(project.project_id) as tx:
            subjects = await list_due_subjects(tx, limit=A_ROUND)
        for subject_id in subjects:
            async with database.transaction(project.project_id) as tx:
                await settle_points(tx, subject_id, now=utc_now())
