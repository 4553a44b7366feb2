"""Background work of loyalty: points that follow from orders, events and the calendar."""

from contextlib import suppress
from datetime import datetime

from kaquan.loyalty.expiry import expire_points
from kaquan.loyalty.pending import activate_pending
from kaquan.loyalty.settle import settle_points
from kaquan.loyalty.store.lots import list_cards_with_overdue
from kaquan.loyalty.store.pending import list_due_pending
from kaquan.loyalty.store.points import list_due_subjects
from kaquan.runtime import (
    Database,
    JobServices,
    NotFound,
    Project,
    upkeep_of_projects,
    utc_now,
)

A_ROUND = 500


@upkeep_of_projects("loyalty.settle", cron="* * * * * */5")
async def settle_due_points(services: JobServices, project: Project) -> None:
    """Every five seconds, settle what is due, each order by itself."""
    async with services.database.transaction(project.project_id) as tx:
        subjects = await list_due_subjects(tx, limit=A_ROUND)
    for subject_id in subjects:
        async with services.database.transaction(project.project_id) as tx:
            await settle_points(tx, subject_id, now=utc_now())


@upkeep_of_projects("loyalty.calendar", cron="* * * * *")
async def turn_calendar(services: JobServices, project: Project) -> None:
    """Every minute, let points count whose day has come and take off those whose day is over."""
    await turn_day(services.database, project, now=utc_now())


async def turn_day(database: Database, project: Project, *, now: datetime) -> None:
    """Activate and expire what is due in a project, each card by itself; may stop anywhere."""
    today = now.astimezone(project.zone).date()
    after: str | None = ""
    while after is not None:
        async with database.transaction(project.project_id) as tx:
            due = await list_due_pending(tx, today=today, after=after, limit=A_ROUND)
        for pending_id, voucher_id in due:
            with suppress(NotFound):  # Somebody activated or cancelled it meanwhile.
                async with database.transaction(project.project_id) as tx:
                    await activate_pending(tx, voucher_id, pending_id, now=now)
        after = due[-1][0] if len(due) == A_ROUND else None
    after = ""
    while after is not None:
        async with database.transaction(project.project_id) as tx:
            cards = await list_cards_with_overdue(tx, today=today, after=after, limit=A_ROUND)
        for voucher_id in cards:
            async with database.transaction(project.project_id) as tx:
                await expire_points(tx, voucher_id, now=now)
        after = cards[-1] if len(cards) == A_ROUND else None
