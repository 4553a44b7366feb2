"""Background tasks: forgetting receipts that are old."""

from datetime import timedelta

from kaquan.connectors.store.sources import delete_old_receipts
from kaquan.runtime import (
    JobServices,
    Project,
    upkeep_of_projects,
    utc_now,
)

RECEIPTS_KEPT = timedelta(days=90)


@upkeep_of_projects("connectors.forget_receipts", cron="41 3 * * *")
async def forget_old_receipts(services: JobServices, project: Project) -> None:
    """Every night, forget what came in more than 90 days ago."""
    async with services.database.transaction(project.project_id) as tx:
        await delete_old_receipts(tx, before=utc_now() - RECEIPTS_KEPT)
