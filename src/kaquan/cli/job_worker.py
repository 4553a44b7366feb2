"""The job worker: the process that does what rooms put off."""

import asyncio

from kaquan import (
    campaigns,
    checkout,
    connectors,
    customers,
    insight,
    loyalty,
    outreach,
    segments,
    webhooks,
)
from kaquan.cli.connect import database_url
from kaquan.cli.holder import end_with_parent
from kaquan.insight import metrics, models
from kaquan.runtime import (
    JobServices,
    Settings,
    calm_collector,
    configure_logs,
    open_database,
    read_master_keys,
    run_worker,
)

ROOMS_WITH_TASKS = (
    campaigns,
    checkout,
    connectors,
    customers,
    insight,
    loyalty,
    metrics,
    models,
    outreach,
    segments,
    webhooks,
)
"""Importing a room registers its background tasks with the queue."""


def run_job_worker(settings: Settings, *, ends_with_parent: bool) -> None:
    """Work on background jobs until interrupted."""
    configure_logs(settings)
    if ends_with_parent:
        end_with_parent()
    calm_collector()
    with database_url(settings) as url:
        asyncio.run(_work(url, settings))


async def _work(url: str, settings: Settings) -> None:
    private = settings.webhook_private_networks
    size, master = settings.database_pool_size, read_master_keys(settings)
    async with open_database(url, pool_size=size, master=master) as database:
        telling = asyncio.create_task(webhooks.dispatch_forever(database, private_allowed=private))
        try:
            await run_worker(url, JobServices(database, settings))
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
