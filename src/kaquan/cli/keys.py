"""``kaquan keys``: the master key, which wraps all that projects keep as secrets in the database."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kaquan.cli.connect import connected
from kaquan.runtime import (
    Database,
    InvalidInput,
    Settings,
    count_master_keys,
    generate_master_key,
    list_master_lines,
    load_settings,
    master_key_file,
    write_master_keys,
)

if TYPE_CHECKING:
    from kaquan.trust import MasterRotation

keys = typer.Typer(
    help="Look after the master key, which stands outside of the database.", no_args_is_help=True
)
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
]


@keys.command()
def generate() -> None:
    """Print a fresh master key, for KAQUAN_MASTER_KEY or a file."""
    typer.echo(generate_master_key())


@keys.command()
def show(data_dir: DataDir = None) -> None:
    """List the master keys at hand by name, and how many keys each one wraps."""
    settings = load_settings(data_dir)
    names, used = asyncio.run(_look(settings))
    typer.echo(f"Kept in {master_key_file(settings) or 'the environment'}.")
    for place, name in enumerate(names):
        role = "in use" if place == 0 else "only unwraps"
        typer.echo(f"{name}: {role}; wraps {used.get(name, 0)} keys")


@keys.command()
def rotate(data_dir: DataDir = None) -> None:
    """Put a fresh master key in front of the file, and wrap all projects' keys by it.

    Runs beside the shop, and goes on where it was when it was stopped. The former key stays in the
    file until 'kaquan keys retire'. Where the master key comes from the environment, put the new
    one in front there first, and start the servers with it.
    """
    settings = load_settings(data_dir)
    done = asyncio.run(_rotate(settings))
    typer.echo(f"Master key {done.master} is in use; keys wrapped anew: {done.wrapped}.")
    typer.echo("Copy it apart from the dumps. Dumps made before need the former key.")


@keys.command()
def retire(data_dir: DataDir = None) -> None:
    """Take the master keys that wrap nothing any more out of the file."""
    settings = load_settings(data_dir)
    file = master_key_file(settings)
    if file is None:
        raise InvalidInput(_OUTSIDE, field="KAQUAN_MASTER_KEY")
    _, used = asyncio.run(_look(settings))
    lines = list_master_lines(file)
    kept = [line for place, (name, line) in enumerate(lines) if place == 0 or name in used]
    gone = [name for place, (name, _) in enumerate(lines) if place and name not in used]
    if gone:
        write_master_keys(file, kept)
    typer.echo(f"Taken out: {', '.join(gone) or 'none'}.")


_OUTSIDE = "The master key comes from the environment: put the new one in front, or take old ones out, there."


async def _look(settings: Settings) -> tuple[tuple[str, ...], dict[str, int]]:
    async with connected(settings) as database:
        return database.master.names, await _count(database)


async def _count(database: Database) -> dict[str, int]:
    async with database.transaction() as tx:
        return await count_master_keys(tx)


async def _rotate(settings: Settings) -> "MasterRotation":
    from kaquan.trust import rotate_master_key

    file = master_key_file(settings)

    def renew() -> None:
        if file is None:
            raise InvalidInput(_OUTSIDE, field="KAQUAN_MASTER_KEY")
        former = [line for _, line in list_master_lines(file)]
        write_master_keys(file, [generate_master_key(), *former])

    async with connected(settings) as database:
        return await rotate_master_key(database, renew=renew)
