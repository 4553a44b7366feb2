"""``kaquan explain``: its options."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kaquan.runtime import load_settings


class Tongue(StrEnum):
    """Languages that reasons are told in."""

    ZH = "zh"
    EN = "en"


def explain_coupon(
    code: Annotated[str, typer.Argument(help="Code of the coupon.")],
    order: Annotated[
        str, typer.Option("--order", help="File with the order as JSON; - is the standard input.")
    ],
    customer: Annotated[
        str | None, typer.Option("--customer", help="Our id or yours of the customer.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="Time to decide at (ISO 8601), past or future.")
    ] = None,
    best: Annotated[
        bool, typer.Option("--best", help="Also tell the customer's best combination.")
    ] = False,
    language: Annotated[
        Tongue | None, typer.Option("--language", help="Default: the project's.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    project: Annotated[
        str | None, typer.Option("--project", help="Id of the project, if there are several.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
    ] = None,
) -> None:
    """Say whether a coupon works on an order and if not, why and how far away it is.

    Nothing is written. Exit code 0 when it works, 1 when it does not.
    """
    from kaquan.cli.explanation import Question, print_explanation

    question = Question(
        code=code, order_file=order, customer=customer, at=at, best=best, project=project
    )
    spoken = None if language is None else language.value
    valid = asyncio.run(
        print_explanation(load_settings(data_dir), question, language=spoken, as_json=as_json)
    )
    if not valid:
        raise typer.Exit(1)
