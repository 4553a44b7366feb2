"""What the runtime itself forgets in time."""

from kaquan.runtime.clock import utc_now
from kaquan.runtime.idempotency import forget_answers
from kaquan.runtime.jobs import JobServices
from kaquan.runtime.model import Project
from kaquan.runtime.upkeep import upkeep_of_projects


@upkeep_of_projects("runtime.forget_answers", cron="11 3 * * *")
async def forget_old_answers(services: JobServices, project: Project) -> None:
    """Delete answers that no repetition is answered by any more (every night)."""
    place: tuple[str, str] | None = ("", "")
    while place is not None:
        async with services.database.transaction(project.project_id) as tx:
            place = await forget_answers(tx, place, now=utc_now())
