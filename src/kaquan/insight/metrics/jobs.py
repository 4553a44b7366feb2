"""The nightly export: the figures of the last thirty days, a file a project beside the lake."""

from datetime import datetime, timedelta

import msgspec

from kaquan.insight.lake import lake_of
from kaquan.insight.metrics.answer import answer_metrics
from kaquan.insight.metrics.ask import usual_window, work_out
from kaquan.insight.metrics.definitions import METRICS
from kaquan.insight.metrics.engine import Engine, read_source
from kaquan.insight.metrics.files import FileFormat, answer_table, table_bytes
from kaquan.insight.metrics.model import Answer, Grain
from kaquan.runtime import (
    Database,
    JobServices,
    Project,
    Settings,
    Unavailable,
    upkeep_of_projects,
    utc_now,
)


@upkeep_of_projects("insight.export_day", cron="37 * * * *")
async def export_at_night(services: JobServices, project: Project) -> None:
    """At 3 o'clock of each project's night, write the figures of the days up to yesterday."""
    now = utc_now()
    if now.astimezone(project.zone).hour == 3:
        await export_days(services.database, services.settings, project, now=now)


async def export_days(
    database: Database, settings: Settings, project: Project, *, now: datetime
) -> str | None:
    """Write every metric by day, of the thirty days up to yesterday, as CSV; returns its path.

    The file is ``exports/project=…/metrics-DAY.csv`` below the lake's root; there is none before
    the lake's first copy.
    """
    window = usual_window(project, now=now - timedelta(days=1))
    question = msgspec.structs.replace(window, grain=Grain.DAY)
    try:
        async with database.snapshot(project.project_id) as tx:
            source = await read_source(tx)
    except Unavailable:
        return None

    def ask(engine: Engine) -> list[Answer]:
        return list(answer_metrics(engine, list(METRICS.values()), question).values())

    content = table_bytes(
        answer_table(await work_out(settings, source, ask)), form=FileFormat.CSV, sheet="metrics"
    )
    path = f"exports/project={project.id}/metrics-{question.until}.csv"
    lake_of(settings).put(path, content)
    return path
