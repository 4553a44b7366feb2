"""Background tasks: forgetting receipts that are old."""

from datetime import timedelta

from procrastinate import JobContext

from kaquan.connectors.store.sources import delete_old_receipts
from kaquan.runtime import job_queue, read_projects, services_of, utc_now

RECEIPTS_KEPT = timedelta(days=90)


@job_queue.periodic(cron="41 3 * * *")
@job_queue.task(
    name="connectors.forget_receipts", queueing_lock="connectors.forget", pass_context=True
)
async def forget_old_receipts(context: JobContext, timestamp: int) -> None:
    """Every night, forget what came in more than 90 days ago."""
    database = services_of(context).database
    projects = await read_projects(database)
    for project in projects:
        async with database.transaction(project.project_id) as tx:
            await delete_old_receipts(tx, before=utc_now() - RECEIPTS_KEPT)
