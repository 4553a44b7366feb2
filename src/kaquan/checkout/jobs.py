"""Background work of the checkout."""

from kaquan.checkout.attempts import FORGET_AT_ONCE, forget_attempts
from kaquan.checkout.referrals import settle_referral
from kaquan.checkout.sessions import expire_sessions
from kaquan.checkout.store.referrals import list_due_referrals
from kaquan.runtime import (
    JobServices,
    Project,
    upkeep_of_projects,
    utc_now,
)

_PORTION = 1000


@upkeep_of_projects("checkout.expire_sessions", cron="* * * * *")
async def expire_overdue_sessions(services: JobServices, project: Project) -> None:
    """Every minute, free what sessions reserved and did not use in time.

    A checkout that meets such a reservation passes over it already; this tidies up behind those
    that nobody meets again.
    """
    freed = _PORTION
    while freed >= _PORTION:
        async with services.database.transaction(project.project_id) as tx:
            freed = await expire_sessions(tx, now=utc_now(), limit=_PORTION)


@upkeep_of_projects("checkout.forget_attempts", cron="17 * * * *")
async def forget_old_attempts(services: JobServices, project: Project) -> None:
    """Every hour, delete validations and qualifications that were kept long enough."""
    forgotten = FORGET_AT_ONCE
    while forgotten >= FORGET_AT_ONCE:
        async with services.database.transaction(project.project_id) as tx:
            forgotten = await forget_attempts(
                tx, days=services.settings.attempt_days, now=utc_now()
            )


@upkeep_of_projects("checkout.settle_referrals", cron="* * * * * */5")
async def settle_due_referrals(services: JobServices, project: Project) -> None:
    """Every five seconds, reward or take back for what became of orders, each by itself."""
    async with services.database.transaction(project.project_id) as tx:
        due = await list_due_referrals(tx, now=utc_now(), limit=_PORTION)
    for referral_id in due:
        async with services.database.transaction(project.project_id) as tx:
            await settle_referral(tx, referral_id, now=utc_now())
