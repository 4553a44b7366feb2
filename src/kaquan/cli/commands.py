"""Each command's options, and the call that does the work.

What only one command needs is imported in it: the others start in a fraction of the time.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from kaquan.cli.connect import connected, database_url
from kaquan.runtime import Settings, load_settings, read_projects

if TYPE_CHECKING:
    from kaquan.cli.first_steps import FirstSetup
    from kaquan.ledger import Discrepancy

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")]


def serve(
    data_dir: DataDir = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Web processes.")] = 1,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Leave background jobs to 'kaquan worker'.")
    ] = False,
) -> None:
    """Run API, console and job worker."""
    from kaquan.cli.server import run_server

    run_server(
        load_settings(data_dir), host=host, port=port, workers=workers, with_worker=not no_worker
    )


def worker(
    data_dir: DataDir = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Run background jobs only."""
    from kaquan.cli.job_worker import run_job_worker

    run_job_worker(load_settings(data_dir), ends_with_parent=with_parent)


def init(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    name: Annotated[str, typer.Option(help="Name of the project.")] = "My shop",
    currency: Annotated[str, typer.Option(help="ISO 4217 currency.")] = "USD",
    time_zone: Annotated[str, typer.Option(help="IANA time zone.")] = "UTC",
    language: Annotated[str, typer.Option(help="zh or en.")] = "en",
    admin_email: Annotated[
        str, typer.Option(help="Sign-in name of the administrator.")
    ] = "admin@example.com",
    base_url: Annotated[str | None, typer.Option(help="Address of the API.")] = None,
) -> None:
    """Create a project, its keys and its administrator if there is none; secrets show once."""
    from kaquan.cli.first_steps import setup_as_json

    settings = load_settings(data_dir)
    setup = asyncio.run(
        _set_up(
            settings,
            name=name,
            currency=currency.upper(),
            time_zone=time_zone,
            language=language,
            admin_email=admin_email,
        )
    )
    address = base_url or settings.public_url or "http://127.0.0.1:8000"
    if as_json:
        typer.echo(setup_as_json(setup, address).decode())
    else:
        _print_setup(setup, address)


def demo(
    data_dir: DataDir = None,
    port: Port = 8000,
    host: Host = "127.0.0.1",
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Fill the database and stop.")
    ] = False,
    households: Annotated[
        int | None, typer.Option(min=1, help="Take only this many households.")
    ] = None,
) -> None:
    """Fill a database with real purchase data, run a campaign on it, and serve."""
    from kaquan.cli.demonstrate import demonstrate
    from kaquan.cli.server import run_server

    settings = load_settings(data_dir)
    demonstrate(settings, host=host, port=port, households=households)
    if not no_serve:
        run_server(settings, host=host, port=port, workers=1, with_worker=True)


def _table(*headings: str, show_header: bool = True) -> Table:
    """A table that breaks what does not fit, such as paths and tokens, and cuts nothing off."""
    columns = [Column(heading, overflow="fold") for heading in headings]
    return Table(*columns, box=None, show_header=show_header)


def doctor(data_dir: DataDir = None) -> None:
    """Check this installation and say what to do about what is wrong."""
    from kaquan.cli.diagnosis import diagnose

    findings = diagnose(load_settings(data_dir))
    table = _table("", "what", "finding", show_header=False)
    for finding in findings:
        mark = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "bad": "[red]bad[/]"}
        table.add_row(mark[finding.verdict], escape(finding.subject), escape(finding.text))
    Console().print(table)
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)


def migrate_database(data_dir: DataDir = None) -> None:
    """Bring the database to this version's schema."""
    with database_url(load_settings(data_dir)):
        typer.echo("The database is up to date.")


def settings_list() -> None:
    """List every setting: its environment variable, value and meaning."""
    settings = load_settings()
    table = _table("setting", "value", "meaning")
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        table.add_row(f"KAQUAN_{name.upper()}", escape(str(value)), escape(field.description or ""))
    Console().print(table)


def ledger_check(data_dir: DataDir = None) -> None:
    """Prove that all transfers balance and all balances equal the sum of their transfers."""
    found = asyncio.run(_check(load_settings(data_dir)))
    for project_id, discrepancy in found:
        typer.echo(
            f"{project_id}: {discrepancy.rule}: {discrepancy.subject}:"
            f" expected {discrepancy.expected}, found {discrepancy.found}",
            err=True,
        )
    if found:
        raise typer.Exit(1)


async def _check(settings: Settings) -> "list[tuple[str, Discrepancy]]":
    from kaquan.checkout import check_settlement
    from kaquan.ledger import check_ledger, count_ledger

    found: list[tuple[str, Discrepancy]] = []
    async with connected(settings) as database:
        projects = await read_projects(database)
        for project in projects:
            async with database.snapshot(project.project_id) as tx:
                wrong = [*await check_ledger(tx), *await check_settlement(tx)]
                accounts, transfers = await count_ledger(tx)
            verdict = f"{len(wrong)} discrepancies" if wrong else "clean"
            typer.echo(f"{project.id}: {accounts:,} accounts, {transfers:,} transfers: {verdict}")
            found += [(project.id, discrepancy) for discrepancy in wrong]
    return found


async def _set_up(settings: Settings, **details: str) -> "FirstSetup":
    from kaquan.cli.first_steps import set_up

    async with connected(settings) as database:
        return await set_up(database, **details)


def _print_setup(setup: "FirstSetup", address: str) -> None:
    console = Console()
    if setup.credentials is None:
        console.print(
            f"Project {setup.project.name} ({setup.project.id}) exists; "
            "its secrets were shown when it was created."
        )
        return
    fresh = setup.credentials
    table = _table("what", "value", show_header=False)
    table.add_row("Project", f"{setup.project.name} ({setup.project.id})")
    table.add_row("Address", address)
    table.add_row("Sign in", f"{fresh.admin.email}  password: {fresh.admin_password}")
    for key in (fresh.server, fresh.client, fresh.management):
        table.add_row(f"{key.kind.capitalize()} key", f"{key.app_id}  token: {key.token}")
    console.print(table)
    console.print("These secrets are stored as digests only: keep them now.")
