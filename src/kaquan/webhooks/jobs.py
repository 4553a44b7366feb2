"""Background work of webhooks: forgetting."""

from datetime import timedelta

from kaquan.runtime import (
    JobServices,
    Project,
    upkeep_of_projects,
    utc_now,
)
from kaquan.webhooks.store.events import delete_events

KEPT = timedelta(days=30)


@upkeep_of_projects("webhooks.forget", cron="41 3 * * *")
async def forget_old_events(services: JobServices, project: Project) -> None:
    """Once a night, forget events of more than thirty days ago and their messages."""
    async with services.database.transaction(project.project_id) as tx:
        await delete_events(tx, before=utc_now() - KEPT)
