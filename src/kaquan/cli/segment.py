"""Segments on the command line: checked, listed on any engine, explained.

What the commands need is imported in them, as in ``commands``.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from kaquan.runtime import load_settings

segment = typer.Typer(help="Check, list and explain segments.", no_args_is_help=True)

DefinitionFile = Annotated[
    Path, typer.Argument(help="JSON file with the definition.", exists=True, dir_okay=False)
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
]
ProjectName = Annotated[
    str | None, typer.Option("--project", help="Id or name, where there are several projects.")
]
At = Annotated[
    str | None, typer.Option("--at", help="Moment to evaluate at, with its offset; else now.")
]


@segment.command()
def members(
    definition: Annotated[
        Path,
        typer.Option(
            "--definition", help="JSON file with the definition.", exists=True, dir_okay=False
        ),
    ],
    engine: Annotated[
        str, typer.Option(help="Who evaluates: postgres, duckdb, spark or reference.")
    ] = "postgres",
    data_dir: DataDir = None,
    at: At = None,
    project: ProjectName = None,
) -> None:
    """Print the members' ids (the merchant's, ours where there is none), one a line, sorted."""
    from kaquan.cli import segment_work as work

    found = asyncio.run(
        work.list_members(
            load_settings(data_dir),
            work.read_definition(definition),
            engine=work.read_engine(engine),
            now=work.read_moment(at),
            project=project,
        )
    )
    for source_id in found:
        typer.echo(source_id)


@segment.command()
def check(definition: DefinitionFile) -> None:
    """Say whether a definition can be meant; names of other segments are not looked up."""
    from kaquan.cli.segment_work import read_definition
    from kaquan.segments import parse_definition

    parse_definition(read_definition(definition))
    typer.echo("The definition is valid.")


@segment.command()
def schema() -> None:
    """Print the JSON Schema of definitions."""
    import msgspec

    from kaquan.segments import definition_schema

    typer.echo(msgspec.json.format(msgspec.json.encode(definition_schema())).decode())


@segment.command()
def explain(
    definition: DefinitionFile,
    customer: Annotated[str, typer.Option("--customer", help="Our id or the merchant's.")],
    data_dir: DataDir = None,
    at: At = None,
    project: ProjectName = None,
    language: Annotated[
        str | None, typer.Option("--language", help="zh or en; else the project's.")
    ] = None,
) -> None:
    """Print every rule with whether it holds for a customer, and what was found."""
    from kaquan.cli import segment_work as work

    explanation, spoken = asyncio.run(
        work.explain_one(
            load_settings(data_dir),
            work.read_definition(definition),
            customer,
            now=work.read_moment(at),
            project=project,
        )
    )
    work.write_explanation(explanation, language or spoken)
