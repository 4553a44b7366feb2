"""Background work of exports."""

from datetime import datetime

from procrastinate import JobContext

from kaquan.insight.exports.model import Export, ExportedObject, ExportParameters
from kaquan.insight.exports.run import create_export, fail_export, run_export
from kaquan.runtime import (
    UNTIL_DONE,
    Tx,
    defer_job,
    get_project,
    job_queue,
    on_last_failure,
    services_of,
    utc_now,
)


@job_queue.task(name="insight.export", retry=UNTIL_DONE, pass_context=True)
async def make_requested_export(context: JobContext, *, project_id: int, export_id: str) -> None:
    """Make an export's file."""
    database = services_of(context).database
    async with on_last_failure(
        context,
        project_id,
        lambda tx, _: fail_export(tx, export_id, now=utc_now()),
    ):
        await run_export(database, project_id, export_id, clock=utc_now)


async def request_export(
    tx: Tx, exported: ExportedObject, parameters: ExportParameters, *, now: datetime
) -> Export:
    """Record an export and queue the job that makes it. Raises as create_export does."""
    export = await create_export(tx, exported, parameters, now=now)
    project = await get_project(tx)
    await defer_job(tx, make_requested_export, project_id=project.project_id, export_id=export.id)
    return export
