"""Background work of experiments."""

from procrastinate import JobContext

from kaquan.experiments import list_adaptive
from kaquan.insight.experiment.bandit import move_weights
from kaquan.runtime import job_queue, read_projects, services_of, utc_now


@job_queue.periodic(cron="17 * * * *")
@job_queue.task(
    name="insight.move_weights", queueing_lock="insight.move_weights", pass_context=True
)
async def move_all_weights(context: JobContext, timestamp: int) -> None:
    """Every hour, move the chances of adaptive experiments."""
    database = services_of(context).database
    projects = await read_projects(database)
    for project in projects:
        async with database.transaction(project.project_id) as tx:
            for experiment in await list_adaptive(tx):
                await move_weights(tx, experiment.id, now=utc_now())
