"""``kaquan personal``: keys of what is personal, and erasures after a restore."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from kaquan.cli.connect import connected
from kaquan.cli.project_choice import choose_project
from kaquan.runtime import Settings, load_settings, utc_now

personal = typer.Typer(
    help="Look after personal data: its keys, and erasures after a restore.", no_args_is_help=True
)
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
]
Named = Annotated[str | None, typer.Option("--project", help="The project's id or name.")]


@personal.command()
def replay(
    data_dir: DataDir = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", help="Log of erasures. Default: the one of the settings."),
    ] = None,
) -> None:
    """Erase again who was erased after the dump that the database was restored from.

    The server does so by itself whenever it starts. Where the dump has a merge of somebody to be
    erased with somebody who is not, the merge is undone first.
    """
    from kaquan.customers import erasure_log

    settings = load_settings(data_dir)
    count, undone = asyncio.run(_replay(settings, log or erasure_log(settings)))
    typer.echo(f"Erased again: {count}.")
    if undone:
        typer.echo(f"Merges undone first: {', '.join(undone)}.")


@personal.command()
def rotate(data_dir: DataDir = None, project: Named = None) -> None:
    """Make a new project key and wrap every customer's data key with it."""
    count = asyncio.run(_rotate(load_settings(data_dir), project))
    typer.echo(f"Data keys wrapped anew: {count}. Run 'kaquan personal retire' in an hour.")


@personal.command()
def retire(data_dir: DataDir = None, project: Named = None) -> None:
    """Destroy project keys that were replaced an hour ago or longer."""
    numbers = asyncio.run(_retire(load_settings(data_dir), project))
    typer.echo(f"Keys destroyed: {', '.join(map(str, numbers)) or 'none'}.")


async def _replay(settings: Settings, log: Path) -> tuple[int, tuple[str, ...]]:
    from kaquan.customers import replay_log

    async with connected(settings) as database:
        replayed = await replay_log(database, log, clock=utc_now)
    return len(replayed.erased), replayed.undone


async def _rotate(settings: Settings, named: str | None) -> int:
    from kaquan.customers import rotate_wrapping_key

    async with connected(settings) as database:
        project = await choose_project(database, named)
        return await rotate_wrapping_key(database, project.project_id, clock=utc_now)


async def _retire(settings: Settings, named: str | None) -> tuple[int, ...]:
    from kaquan.customers import retire_wrapping_keys

    async with connected(settings) as database:
        project = await choose_project(database, named)
        return await retire_wrapping_keys(database, project.project_id, clock=utc_now)
