"""``kaquan lake``: the Parquet copy that figures are worked out on."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kaquan.cli.connect import connected
from kaquan.runtime import (
    Database,
    Project,
    Settings,
    load_settings,
    read_projects,
    utc_now,
)

if TYPE_CHECKING:
    from kaquan.insight import Fault, Storage

lake = typer.Typer(help="Copy facts to Parquet, check and compact the copy.", no_args_is_help=True)
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
]
_PATIENCE_S = 30


@lake.command()
def sync(data_dir: DataDir = None) -> None:
    """Copy what changed since the last run; everything at the first one."""
    waiting = asyncio.run(_sync(load_settings(data_dir)))
    if waiting:
        typer.echo("Transactions from before the first copy still run: try again.", err=True)
        raise typer.Exit(1)


@lake.command()
def check(data_dir: DataDir = None) -> None:
    """Compare the copy with the database; exit code 1 when it is not as it should be."""
    faults = asyncio.run(_check(load_settings(data_dir)))
    for project, fault in faults:
        typer.echo(f"{project}: {fault.subject}: {fault.what}", err=True)
    if faults:
        raise typer.Exit(1)
    typer.echo("The lake is as the database says.")


@lake.command()
def compact(data_dir: DataDir = None) -> None:
    """Put months that are over into one file each, and remove files nobody needs."""
    asyncio.run(_compact(load_settings(data_dir)))


@lake.command()
def metrics() -> None:
    """Print the reference page of metrics (docs/reference/metrics.md)."""
    from kaquan.insight.metrics import metrics_page

    typer.echo(metrics_page(), nl=False)


async def _sync(settings: Settings) -> bool:
    from kaquan.insight import lake_of

    storage = lake_of(settings)
    waiting = False
    async with connected(settings) as database:
        for project in await read_projects(database):
            waiting |= await _sync_one(database, project, storage)
    return waiting


async def _sync_one(database: Database, project: Project, storage: "Storage") -> bool:
    """Copy one project's facts; returns whether older transactions were in the way to the end."""
    from kaquan.insight import sync_lake

    for attempt in range(_PATIENCE_S):
        if attempt > 1:
            await asyncio.sleep(1)
        async with database.transaction(project.project_id) as tx:
            done = await sync_lake(tx, storage, now=utc_now())
        if not done.waiting:
            typer.echo(f"{project.id}: {done.rows:,} rows in {done.files:,} files")
            return False
    return True


async def _check(settings: Settings) -> "list[tuple[str, Fault]]":
    from kaquan.insight import check_lake, lake_of

    storage = lake_of(settings)
    found: list[tuple[str, Fault]] = []
    async with connected(settings) as database:
        for project in await read_projects(database):
            async with database.snapshot(project.project_id) as tx:
                found += [(project.id, fault) for fault in await check_lake(tx, storage)]
    return found


async def _compact(settings: Settings) -> None:
    from kaquan.insight import compact_lake, lake_of

    storage = lake_of(settings)
    async with connected(settings) as database:
        for project in await read_projects(database):
            async with database.transaction(project.project_id) as tx:
                months = await compact_lake(tx, storage, now=utc_now())
            typer.echo(f"{project.id}: {months:,} months written")
