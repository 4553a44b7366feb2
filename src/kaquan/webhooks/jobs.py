"""Background work of webhooks: forgetting."""

from datetime import timedelta

from procrastinate import JobContext

from kaquan.runtime import job_queue, services_of, utc_now
from kaquan.webhooks.dispatch import WEBHOOK_FEEDS
from kaquan.webhooks.store.endpoints import list_feeds
from kaquan.webhooks.store.events import delete_events

KEPT = timedelta(days=30)


@job_queue.periodic(cron="41 3 * * *")
@job_queue.task(name="webhooks.forget", queueing_lock="webhooks.forget", pass_context=True)
async def forget_old_events(context: JobContext, timestamp: int) -> None:
    """Once a night, forget events of more than thirty days ago and their messages."""
    database = services_of(context).database
    async with database.transaction(lookup=WEBHOOK_FEEDS) as tx:
        projects = await list_feeds(tx)
    for project_id in projects:
        async with database.transaction(project_id) as tx:
            await delete_events(tx, before=utc_now() - KEPT)
