"""Background work of the lake: every minute what changed, every night the small files."""

from kaquan.insight.lake.storage import lake_of
from kaquan.insight.lake.sync import compact_lake, sync_lake
from kaquan.runtime import (
    JobServices,
    Project,
    upkeep_of_projects,
    utc_now,
)


@upkeep_of_projects("insight.sync_lake", cron="* * * * * */30")
async def sync_project_lake(services: JobServices, project: Project) -> None:
    """Every thirty seconds, copy what changed: figures are fresh in a minute."""
    storage = lake_of(services.settings)
    async with services.database.transaction(project.project_id) as tx:
        await sync_lake(tx, storage, now=utc_now())


@upkeep_of_projects("insight.compact_lake", cron="23 2 * * *")
async def compact_project_lake(services: JobServices, project: Project) -> None:
    """Once a night, put months that are over into one file each and remove what was replaced."""
    storage = lake_of(services.settings)
    async with services.database.transaction(project.project_id) as tx:
        await compact_lake(tx, storage, now=utc_now())
