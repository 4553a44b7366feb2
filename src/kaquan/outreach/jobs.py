"""Background work of outreach: advancing distributions and emptying the outbox."""

import msgspec
from procrastinate import JobContext

from kaquan.outreach.deliver import deliver_messages
from kaquan.outreach.distribute import advance_distribution
from kaquan.outreach.model import DistributionStatus, Mailing
from kaquan.outreach.smtp import mail_server
from kaquan.outreach.store import has_due_messages, lock_distribution, update_distribution
from kaquan.runtime import (
    UNTIL_DONE,
    JobServices,
    KaquanError,
    Project,
    Settings,
    Tx,
    defer_job,
    job_queue,
    on_last_failure,
    services_of,
    upkeep_of_projects,
    utc_now,
)

_FAULT = "An internal error stopped it."
DEFAULT_BASE_URL = "http://127.0.0.1:8000"


@job_queue.task(name="outreach.distribute", retry=UNTIL_DONE, pass_context=True)
async def distribute(context: JobContext, project_id: int, distribution_id: str) -> None:
    """Advance a distribution to its end, a transaction a chunk, then send what is queued.

    What cannot be helped by trying again, such as an empty pool of codes, fails the distribution
    with the reason, and so does a fault that stays; `resume_distribution` lets it go on.
    """
    services = services_of(context)
    mailing = mailing_of(services.settings)
    running = True
    async with on_last_failure(
        context, project_id, lambda tx, _: _fail(tx, distribution_id, reason=_FAULT)
    ):
        while running:
            try:
                async with services.database.transaction(project_id) as tx:
                    distribution = await advance_distribution(
                        tx, distribution_id, mailing=mailing, now=utc_now()
                    )
                    running = distribution.status is DistributionStatus.RUNNING
                    if not running and mailing.deliver:
                        await defer_job(tx, deliver, project_id=project_id)
            except KaquanError as error:
                running = False
                async with services.database.transaction(project_id) as tx:
                    await _fail(tx, distribution_id, reason=error.message)


async def _fail(tx: Tx, distribution_id: str, *, reason: str) -> None:
    failed = msgspec.structs.replace(
        await lock_distribution(tx, distribution_id),
        status=DistributionStatus.FAILED,
        error=reason,
        updated_at=utc_now(),
    )
    await update_distribution(tx, failed)


@job_queue.task(name="outreach.deliver", pass_context=True)
async def deliver(context: JobContext, project_id: int) -> None:
    """Send a project's due messages, if there is a mail server."""
    services = services_of(context)
    server = mail_server(services.settings)
    if server is not None:
        await deliver_messages(services.database, project_id, server=server, clock=utc_now)


@upkeep_of_projects("outreach.sweep_outboxes", cron="* * * * *")
async def sweep_outbox(services: JobServices, project: Project) -> None:
    """Every minute, send what is due again: put off, released, or left behind by a death."""
    if mail_server(services.settings) is None:
        return
    async with services.database.transaction(project.project_id) as tx:
        if await has_due_messages(tx, now=utc_now()):
            await defer_job(tx, deliver, project_id=project.project_id)


def mailing_of(settings: Settings) -> Mailing:
    """Return how messages leave, as the settings say."""
    return Mailing(
        sender=settings.mail_from,
        base_url=settings.public_url or DEFAULT_BASE_URL,
        deliver=settings.smtp_host is not None,
    )
