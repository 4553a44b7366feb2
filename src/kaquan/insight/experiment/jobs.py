"""Background work of experiments."""

from kaquan.experiments import list_adaptive
from kaquan.insight.experiment.bandit import move_weights
from kaquan.runtime import (
    JobServices,
    Project,
    upkeep_of_projects,
    utc_now,
)


@upkeep_of_projects("insight.move_weights", cron="17 * * * *")
async def move_adaptive_weights(services: JobServices, project: Project) -> None:
    """Every hour, move the chances of adaptive experiments."""
    async with services.database.transaction(project.project_id) as tx:
        for experiment in await list_adaptive(tx):
            await move_weights(tx, experiment.id, now=utc_now())
