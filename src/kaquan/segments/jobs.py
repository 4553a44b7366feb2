"""Background tasks of segments: members kept live, RFM scores of the night."""

from datetime import timedelta

from procrastinate import JobContext

from kaquan.runtime import (
    UNTIL_DONE,
    job_queue,
    read_projects,
    services_of,
    utc_now,
)
from kaquan.segments.rfm import run_scoring, score_rfm
from kaquan.segments.store.changes import delete_segment_changes
from kaquan.segments.upkeep import keep_members

CHANGES_KEPT = timedelta(days=30)


@job_queue.periodic(cron="* * * * * */10")
@job_queue.task(
    name="segments.keep_members", queueing_lock="segments.keep_members", pass_context=True
)
async def keep_all_members(context: JobContext, timestamp: int) -> None:
    """Every ten seconds, bring every project's live segments up to date."""
    database = services_of(context).database
    for project in await read_projects(database):
        more = True
        while more:
            async with database.transaction(project.project_id) as tx:
                more = (await keep_members(tx, now=utc_now())).more


@job_queue.periodic(cron="17 * * * *")
@job_queue.task(name="segments.score_rfm", queueing_lock="segments.score_rfm", pass_context=True)
async def score_at_night(context: JobContext, timestamp: int) -> None:
    """At 2 o'clock of each project's night, score RFM and forget old changes of members."""
    database = services_of(context).database
    now = utc_now()
    for project in await read_projects(database):
        if now.astimezone(project.zone).hour == 2:
            async with database.transaction(project.project_id) as tx:
                await score_rfm(tx, as_of=now)
                await delete_segment_changes(tx, before=now - CHANGES_KEPT)


@job_queue.task(name="segments.score", retry=UNTIL_DONE, pass_context=True)
async def score_requested(context: JobContext, *, project_id: int, action_id: str) -> None:
    """Score a project's customers because somebody asked for it."""
    await run_scoring(services_of(context).database, project_id, action_id, clock=utc_now)
