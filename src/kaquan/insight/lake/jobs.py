"""Background work of the lake: every minute what changed, every night the small files."""

from procrastinate import JobContext

from kaquan.insight.lake.storage import lake_of
from kaquan.insight.lake.sync import compact_lake, sync_lake
from kaquan.runtime import job_queue, read_projects, services_of, utc_now


@job_queue.periodic(cron="* * * * * */30")
@job_queue.task(name="insight.sync_lake", queueing_lock="insight.sync_lake", pass_context=True)
async def sync_all_lakes(context: JobContext, timestamp: int) -> None:
    """Every thirty seconds, copy what changed in each project: figures are fresh in a minute."""
    services = services_of(context)
    storage = lake_of(services.settings)
    for project_id in await _projects(context):
        async with services.database.transaction(project_id) as tx:
            await sync_lake(tx, storage, now=utc_now())


@job_queue.periodic(cron="23 2 * * *")
@job_queue.task(
    name="insight.compact_lake", queueing_lock="insight.compact_lake", pass_context=True
)
async def compact_all_lakes(context: JobContext, timestamp: int) -> None:
    """Once a night, put months that are over into one file each and remove what was replaced."""
    services = services_of(context)
    storage = lake_of(services.settings)
    for project_id in await _projects(context):
        async with services.database.transaction(project_id) as tx:
            await compact_lake(tx, storage, now=utc_now())


async def _projects(context: JobContext) -> list[int]:
    return [project.project_id for project in await read_projects(services_of(context).database)]
