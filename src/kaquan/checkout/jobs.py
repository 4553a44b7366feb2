"""Background work of the checkout."""

from procrastinate import JobContext

from kaquan.checkout.attempts import FORGET_AT_ONCE, forget_attempts
from kaquan.checkout.referrals import settle_referral
from kaquan.checkout.sessions import expire_sessions
from kaquan.checkout.store.referrals import list_due_referrals
from kaquan.runtime import job_queue, read_projects, services_of, utc_now

_PORTION = 1000


@job_queue.periodic(cron="* * * * *")
@job_queue.task(
    name="checkout.expire_sessions", queueing_lock="checkout.expire_sessions", pass_context=True
)
async def expire_all_sessions(context: JobContext, timestamp: int) -> None:
    """Every minute, free what sessions reserved and did not use in time.

    A checkout that meets such a reservation passes over it already; this tidies up behind those
    that nobody meets again.
    """
    database = services_of(context).database
    projects = await read_projects(database)
    for project in projects:
        freed = _PORTION
        while freed >= _PORTION:
            async with database.transaction(project.project_id) as tx:
                freed = await expire_sessions(tx, now=utc_now(), limit=_PORTION)


@job_queue.periodic(cron="17 * * * *")
@job_queue.task(
    name="checkout.forget_attempts", queueing_lock="checkout.forget_attempts", pass_context=True
)
async def forget_old_attempts(context: JobContext, timestamp: int) -> None:
    """Every hour, delete validations and qualifications that were kept long enough."""
    services = services_of(context)
    projects = await read_projects(services.database)
    for project in projects:
        forgotten = FORGET_AT_ONCE
        while forgotten >= FORGET_AT_ONCE:
            async with services.database.transaction(project.project_id) as tx:
                forgotten = await forget_attempts(
                    tx, days=services.settings.attempt_days, now=utc_now()
                )


@job_queue.periodic(cron="* * * * * */5")
@job_queue.task(
    name="checkout.settle_referrals", queueing_lock="checkout.settle_referrals", pass_context=True
)
async def settle_all_referrals(context: JobContext, timestamp: int) -> None:
    """Every five seconds, reward or take back for what became of orders, each by itself."""
    database = services_of(context).database
    projects = await read_projects(database)
    for project in projects:
        async with database.transaction(project.project_id) as tx:
            due = await list_due_referrals(tx, now=utc_now(), limit=_PORTION)
        for referral_id in due:
            async with database.transaction(project.project_id) as tx:
                await settle_referral(tx, referral_id, now=utc_now())
