"""``kaquan export``: a table of the lake or a metric as a file."""

import asyncio
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from kaquan.cli.connect import connected
from kaquan.runtime import (
    InvalidInput,
    Project,
    Settings,
    load_settings,
    read_projects,
    utc_now,
)

if TYPE_CHECKING:
    from kaquan.insight.metrics import Engine, Question

Choice = TypeVar("Choice", bound=StrEnum)
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


def export(
    subject: Annotated[str, typer.Argument(help="A table of the lake, or a metric's id.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    form: Annotated[str, typer.Option("--format", help="csv, xlsx or parquet.")] = "csv",
    since: Day = None,
    until: Day = None,
    grain: Annotated[str | None, typer.Option(help="hour, day, week or month.")] = None,
    by: Annotated[
        str | None, typer.Option(help="campaign, channel, location, product or category.")
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="Id or name, where there are several projects.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
    ] = None,
) -> None:
    """Write a table or a metric; days are the project's, the last one included.

    A metric is of the last thirty days, a table of all days, unless --since or --until is given.
    """
    settings = load_settings(data_dir)
    window = (since and since.date(), until and until.date())
    from kaquan.insight.metrics import FileFormat, write_table

    chosen = _chosen(FileFormat, form, "--format")
    table = asyncio.run(_ask(settings, subject, window=window, grain=grain, by=by, project=project))
    with out.open("wb") as target:
        rows = write_table(table, target, form=chosen, sheet=subject)
    typer.echo(f"{rows:,} rows in {out}")


async def _ask(
    settings: Settings,
    subject: str,
    *,
    window: tuple[date | None, date | None],
    grain: str | None,
    by: str | None,
    project: str | None,
) -> Any:
    from kaquan.insight.lake import TABLES
    from kaquan.insight.metrics import (
        METRICS,
        Dimension,
        Grain,
        answer_metrics,
        answer_table,
        fact_table,
        get_metric,
        read_source,
        work_out,
    )

    if subject not in METRICS and subject not in TABLES:
        known = ", ".join([*TABLES, *METRICS])
        message = f"There is no table or metric '{subject}'; there are {known}."
        raise InvalidInput(message, field="SUBJECT")
    async with connected(settings) as database:
        chosen = _choose(await read_projects(database), project)
        async with database.snapshot(chosen.project_id) as tx:
            source = await read_source(tx)
    asked = _question(
        chosen,
        window,
        grain=None if grain is None else _chosen(Grain, grain, "--grain"),
        by=None if by is None else _chosen(Dimension, by, "--by"),
    )

    def ask(engine: "Engine") -> Any:
        if subject in TABLES:
            return fact_table(engine, subject, asked if any(window) else None)
        return answer_table([answer_metrics(engine, [get_metric(subject)], asked)[subject]])

    return await work_out(settings, source, ask)


def _question(
    project: Project, window: tuple[date | None, date | None], **changes: Any
) -> "Question":
    from kaquan.insight.metrics import Question, usual_window

    since, until = window
    usual = usual_window(project, now=utc_now())
    return Question(
        since=since or min(usual.since, until or usual.since),
        until=until or max(usual.until, since or usual.until),
        **changes,
    )


def _chosen(kind: type[Choice], name: str, field: str) -> Choice:
    if name not in list(kind):
        message = f"'{name}' is none of {', '.join(kind)}."
        raise InvalidInput(message, field=field)
    return kind(name)


def _choose(projects: list[Project], named: str | None) -> Project:
    found = [one for one in projects if named is None or named in (one.id, one.name)]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{one.name} ({one.id})" for one in projects) or "none"
    message = f"Name one project with --project; there are: {known}."
    raise InvalidInput(message, field="--project")
