"""``kaquan audit``: looking after the audit chain."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kaquan.cli.connect import connected
from kaquan.runtime import (
    InvalidInput,
    Settings,
    load_settings,
    read_projects,
)

if TYPE_CHECKING:
    from kaquan.trust import ChainVerdict

audit = typer.Typer(help="Look after the audit chain.", no_args_is_help=True)


@audit.command(name="verify")
def audit_verify(
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(help="A head that was printed before: it must still be in one of the chains."),
    ] = None,
) -> None:
    """Work every record's hash out anew: finds what was altered, left out or put in between.

    Keep the head that is printed somewhere else: it also proves that nothing was cut off.
    """
    try:
        expected = None if expect is None else bytes.fromhex(expect)
    except ValueError as error:
        message = f"'{expect}' is not a head as this command prints it."
        raise InvalidInput(message, field="--expect") from error
    found = asyncio.run(_verify(load_settings(data_dir), expected))
    for project_id, verdict in found:
        if verdict.broken is None:
            words = f"{verdict.records:,} records: intact, head {verdict.head.hex()}"
        else:
            words = f"broken at record {verdict.broken.seq}: {verdict.broken.rule}"
        typer.echo(f"{project_id}: {words}", err=verdict.broken is not None)
    lost = expected is not None and not any(verdict.seen for _, verdict in found)
    if lost:
        typer.echo("The head that was expected is in no chain.", err=True)
    if lost or any(verdict.broken for _, verdict in found):
        raise typer.Exit(1)


async def _verify(settings: Settings, expected: bytes | None) -> "list[tuple[str, ChainVerdict]]":
    from kaquan.trust import verify_audit

    found: list[tuple[str, ChainVerdict]] = []
    async with connected(settings) as database:
        projects = await read_projects(database)
        for project in projects:
            async with database.snapshot(project.project_id) as tx:
                found.append((project.id, await verify_audit(tx, expected=expected)))
    return found
