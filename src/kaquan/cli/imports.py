"""Files imported from the command line, by the same code as those that are sent.

What the command needs is imported in it, as in ``commands``.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from kaquan.runtime import calm_collector, load_settings

SourceFile = Annotated[
    Path,
    typer.Argument(
        help="CSV, XLSX, Parquet or JSON lines file.", exists=True, dir_okay=False, readable=True
    ),
]


def import_file(
    kind: Annotated[str, typer.Argument(help="customers, orders, products, locations or events.")],
    file: SourceFile,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", help="Id or name, where there are several projects.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="Name of a mapping that is kept.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", help="JSON file with a mapping.", exists=True, dir_okay=False),
    ] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="Sheet of a workbook.")] = None,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", help="Where to write the refused rows, as CSV.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Store nothing; tell what would be refused.")
    ] = False,
    save_profile: Annotated[
        str | None, typer.Option("--save-profile", help="Keep the mapping under this name.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Import a file; its columns are guessed, or mapped by a profile. Exit code 2: rows refused."""
    from kaquan.cli import import_work as work

    asked = work.read_request(
        kind, file, profile=profile, mapping=mapping, sheet=sheet, dry_run=dry_run
    )
    calm_collector()
    done = asyncio.run(
        work.do_import(
            load_settings(data_dir), asked, project=project, save_as=save_profile, rejects=rejects
        )
    )
    if as_json:
        typer.echo(work.as_json(done))
    else:
        work.write_outcome(done)
    if not done.is_done:
        sys.exit(1)
    if done.refused:
        sys.exit(2)
