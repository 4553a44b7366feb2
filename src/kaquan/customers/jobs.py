"""Background work of customers: imports, duplicates, what comes late, files that are over."""

from procrastinate import JobContext

from kaquan.customers.browsing import join_sessions
from kaquan.customers.duplicates.review import run_search
from kaquan.customers.erasures import erasure_log, log_erasures
from kaquan.customers.imports.files.carry import carry_out, fail_file_import
from kaquan.customers.imports.run import fail_import, run_import
from kaquan.customers.merging.merge import gather_late_rows
from kaquan.runtime import (
    UNTIL_DONE,
    JobServices,
    Project,
    delete_expired_files,
    job_queue,
    on_last_failure,
    services_of,
    upkeep,
    upkeep_of_projects,
    utc_now,
)


@job_queue.task(name="customers.import", retry=UNTIL_DONE, pass_context=True)
async def import_requested_file(context: JobContext, *, project_id: int, action_id: str) -> None:
    """Import a file, going on where an earlier run was stopped."""
    database = services_of(context).database
    async with on_last_failure(
        context,
        project_id,
        lambda tx, error: fail_import(tx, action_id, error, now=utc_now()),
    ):
        await run_import(database, project_id, action_id, clock=utc_now)


@job_queue.task(name="customers.carry_out_import", retry=UNTIL_DONE, pass_context=True)
async def carry_out_import(context: JobContext, *, project_id: int, action_id: str) -> None:
    """Try or import a mapped file, going on where an earlier run was stopped."""
    database = services_of(context).database
    async with on_last_failure(
        context,
        project_id,
        lambda tx, error: fail_file_import(tx, action_id, error, now=utc_now()),
    ):
        await carry_out(database, project_id, action_id, clock=utc_now)


@job_queue.task(name="customers.find_duplicates", retry=UNTIL_DONE, pass_context=True)
async def find_requested_duplicates(
    context: JobContext, *, project_id: int, action_id: str
) -> None:
    """Search for people who are entered twice."""
    database = services_of(context).database
    await run_search(database, project_id, action_id, clock=utc_now)


@upkeep_of_projects("customers.gather_late_rows", cron="*/10 * * * *")
async def gather_rows_after_merges(services: JobServices, project: Project) -> None:
    """Move what came for merged people while they were being merged (every ten minutes)."""
    async with services.database.transaction(project.project_id) as tx:
        await gather_late_rows(tx, now=utc_now())


@upkeep_of_projects("customers.join_sessions", cron="* * * * * */10")
async def join_new_sessions(services: JobServices, project: Project) -> None:
    """Join what was browsed into sessions (every ten seconds)."""
    more = True
    while more:
        async with services.database.transaction(project.project_id) as tx:
            more = await join_sessions(tx)


@upkeep("customers.log_erasures", cron="* * * * *")
async def log_new_erasures(services: JobServices) -> None:
    """Write who was erased to the log outside of the database (every minute)."""
    await log_erasures(services.database, erasure_log(services.settings), clock=utc_now)


@upkeep_of_projects("customers.delete_expired_files", cron="17 3 * * *")
async def delete_old_files(services: JobServices, project: Project) -> None:
    """Remove files whose time is over (every night)."""
    async with services.database.transaction(project.project_id) as tx:
        await delete_expired_files(tx, now=utc_now())
