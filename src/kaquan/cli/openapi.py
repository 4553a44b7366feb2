"""``kaquan openapi``: the description of the API, for tools that make clients, checks or pages."""

from typing import Annotated

import msgspec
import typer

from kaquan.runtime import Database, load_settings


def print_document(
    indent: Annotated[int, typer.Option(min=0, max=8, help="Spaces a level; 0 for one line.")] = 2,
) -> None:
    """Print the OpenAPI 3.1 document of the API; needs no database."""
    from kaquan.api import create_app, describe_routes

    # Never opened: the document is made of the routes alone.
    nowhere = Database("")
    document = msgspec.json.encode(
        describe_routes(create_app(database=nowhere, settings=load_settings()))
    )
    typer.echo(msgspec.json.format(document, indent=indent or -1).decode())
