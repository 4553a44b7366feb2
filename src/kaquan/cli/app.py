"""The commands by name; each lives in the file that does it."""

import errno
import sys
from typing import Annotated, NoReturn

import psycopg
import typer
from rich.console import Console

from kaquan import __version__
from kaquan.cli.audit import audit
from kaquan.cli.commands import (
    demo,
    doctor,
    init,
    ledger_check,
    migrate_database,
    serve,
    settings_list,
    worker,
)
from kaquan.cli.evaluate import evaluate
from kaquan.cli.explain import explain_coupon
from kaquan.cli.export import export
from kaquan.cli.imports import import_file
from kaquan.cli.keys import keys
from kaquan.cli.lake import lake
from kaquan.cli.models import models
from kaquan.cli.openapi import print_document
from kaquan.cli.personal import personal
from kaquan.cli.segment import segment
from kaquan.runtime import InvalidInput, KaquanError

cli = typer.Typer(
    name="kaquan",
    help="Kaquan (卡券): the self-hosted CRM coupon platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
ledger = typer.Typer(help="Look after the ledger.", no_args_is_help=True)
cli.add_typer(ledger, name="ledger")
cli.add_typer(audit, name="audit")
cli.add_typer(evaluate, name="evaluate")
cli.add_typer(keys, name="keys")
cli.add_typer(lake, name="lake")
cli.add_typer(models, name="models")
cli.add_typer(personal, name="personal")
cli.add_typer(segment, name="segment")

cli.command()(serve)
cli.command()(worker)
cli.command()(init)
cli.command()(demo)
cli.command()(doctor)
cli.command()(export)
cli.command(name="explain")(explain_coupon)
cli.command(name="import")(import_file)
cli.command(name="migrate")(migrate_database)
cli.command(name="settings")(settings_list)
cli.command(name="openapi")(print_document)
ledger.command(name="check")(ledger_check)


@cli.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Kaquan (卡券): the self-hosted CRM coupon platform."""
    if show:
        typer.echo(f"kaquan {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; an error a person can act on is one readable line, exit code 1."""
    try:
        cli()
    except KaquanError as error:
        place = f" ({error.field})" if isinstance(error, InvalidInput) else ""
        _fail(f"{error.message}{place}", error.key)
    except psycopg.errors.DiskFull as error:
        _fail(f"The database's disk is full: {str(error).strip()}", "disk_full")
    except psycopg.Error as error:
        _fail(f"The database gave up: {str(error).strip()}", "database_error")
    except OSError as error:
        _fail(str(error), "disk_full" if error.errno == errno.ENOSPC else "system_error")


def _fail(text: str, key: str) -> NoReturn:
    console = Console(stderr=True, soft_wrap=True)
    console.print(f"kaquan: {text} [{key}]", style="red", markup=False)
    sys.exit(1)
