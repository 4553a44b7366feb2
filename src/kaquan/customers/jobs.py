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
    delete_expired_files,
    job_queue,
    read_projects,
    services_of,
    utc_now,
)


@job_queue.task(name="customers.import", retry=UNTIL_DONE, pass_context=True)
async def import_requested_file(context: JobContext, *, project_id: int, action_id: str) -> None:
    """Import a file, going on where an earlier run was stopped."""
    database = services_of(context).database
    try:
        await run_import(database, project_id, action_id, clock=utc_now)
    except Exception as error:
        if UNTIL_DONE.get_retry_decision(exception=error, job=context.job) is None:
            async with database.transaction(project_id) as tx:
                await fail_import(tx, action_id, error, now=utc_now())
        raise


@job_queue.task(name="customers.carry_out_import", retry=UNTIL_DONE, pass_context=True)
async def carry_out_import(context: JobContext, *, project_id: int, action_id: str) -> None:
    """Try or import a mapped file, going on where an earlier run was stopped."""
    database = services_of(context).database
    try:
        await carry_out(database, project_id, action_id, clock=utc_now)
    except Exception as error:
        if UNTIL_DONE.get_retry_decision(exception=error, job=context.job) is None:
            async with database.transaction(project_id) as tx:
                await fail_file_import(tx, action_id, error, now=utc_now())
        raise


@job_queue.task(name="customers.find_duplicates", retry=UNTIL_DONE, pass_context=True)
async def find_requested_duplicates(
    context: JobContext, *, project_id: int, action_id: str
) -> None:
    """Search for people who are entered twice."""
    database = services_of(context).database
    await run_search(database, project_id, action_id, clock=utc_now)


@job_queue.periodic(cron="*/10 * * * *")
@job_queue.task(
    name="customers.gather_late_rows", queueing_lock="gather_late_rows", pass_context=True
)
async def gather_rows_after_merges(context: JobContext, timestamp: int) -> None:
    """Move what came for merged people while they were being merged (every ten minutes)."""
    database = services_of(context).database
    projects = await read_projects(database)
    for project in projects:
        async with database.transaction(project.project_id) as tx:
            await gather_late_rows(tx, now=utc_now())


@job_queue.periodic(cron="* * * * * */10")
@job_queue.task(
    name="customers.join_sessions", queueing_lock="customers.join_sessions", pass_context=True
)
async def join_new_sessions(context: JobContext, timestamp: int) -> None:
    """Join what was browsed into sessions (every ten seconds)."""
    database = services_of(context).database
    projects = await read_projects(database)
    for project in projects:
        more = True
        while more:
            async with database.transaction(project.project_id) as tx:
                more = await join_sessions(tx)


@job_queue.periodic(cron="* * * * *")
@job_queue.task(name="customers.log_erasures", queueing_lock="log_erasures", pass_context=True)
async def log_new_erasures(context: JobContext, timestamp: int) -> None:
    """Write who was erased to the log outside of the database (every minute)."""
    services = services_of(context)
    await log_erasures(services.database, erasure_log(services.settings), clock=utc_now)


@job_queue.periodic(cron="17 3 * * *")
@job_queue.task(
    name="customers.delete_expired_files", queueing_lock="delete_expired_files", pass_context=True
)
async def delete_old_files(context: JobContext, timestamp: int) -> None:
    """Remove files whose time is over (every night)."""
    database = services_of(context).database
    projects = await read_projects(database)
    for project in projects:
        async with database.transaction(project.project_id) as tx:
            await delete_expired_files(tx, now=utc_now())
