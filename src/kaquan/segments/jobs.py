"""Background tasks of segments: members kept live, RFM scores of the night."""

from datetime import timedelta

from procrastinate import JobContext

from kaquan.runtime import (
    UNTIL_DONE,
    JobServices,
    Project,
    job_queue,
    services_of,
    upkeep_of_projects,
    utc_now,
)
from kaquan.segments.rfm import run_scoring, score_rfm
from kaquan.segments.store.changes import delete_segment_changes
from kaquan.segments.upkeep import keep_members

CHANGES_KEPT = timedelta(days=30)


@upkeep_of_projects("segments.keep_members", cron="* * * * * */10")
async def keep_live_members(services: JobServices, project: Project) -> None:
    """Every ten seconds, bring the live segments up to date."""
    more = True
    while more:
        async with services.database.transaction(project.project_id) as tx:
            more = (await keep_members(tx, now=utc_now())).more


@upkeep_of_projects("segments.score_rfm", cron="17 * * * *")
async def score_at_night(services: JobServices, project: Project) -> None:
    """At 2 o'clock of the project's night, score RFM and forget old changes of members."""
    now = utc_now()
    if now.astimezone(project.zone).hour == 2:
        async with services.database.transaction(project.project_id) as tx:
            await score_rfm(tx, as_of=now)
            await delete_segment_changes(tx, before=now - CHANGES_KEPT)


@job_queue.task(name="segments.score", retry=UNTIL_DONE, pass_context=True)
async def score_requested(context: JobContext, *, project_id: int, action_id: str) -> None:
    """Score a project's customers because somebody asked for it."""
    await run_scoring(services_of(context).database, project_id, action_id, clock=utc_now)
