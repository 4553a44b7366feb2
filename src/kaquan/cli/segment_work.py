"""What the commands of ``kaquan segment`` do."""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import typer

from kaquan.cli.connect import connected
from kaquan.cli.project_choice import choose_project
from kaquan.runtime import (
    InvalidInput,
    Settings,
    Tx,
    get_project,
    utc_now,
)
from kaquan.segments import (
    Engine,
    Explanation,
    check_definition,
    explain_membership,
    extract_tables,
    list_audience,
    list_segments,
    match_on_copy,
    open_instant,
    parse_definition,
    rules_reachable,
    tables_asked,
)


def read_engine(name: str) -> Engine:
    """Return an engine by name; raises InvalidInput naming those there are."""
    if name not in list(Engine):
        message = f"There is no engine '{name}'; there are {', '.join(Engine)}."
        raise InvalidInput(message, field="--engine")
    return Engine(name)


async def list_members(
    settings: Settings,
    definition: dict[str, Any],
    *,
    engine: Engine,
    now: datetime,
    project: str | None,
) -> list[str]:
    """Return whom a definition matches, by the merchant's ids, sorted."""
    async with _opened(settings, project) as tx:
        if engine is Engine.POSTGRES:
            return await list_audience(tx, definition, now=now)
        rule = parse_definition(await check_definition(tx, definition))
        reached = rules_reachable([rule], await list_segments(tx))
        at = await open_instant(tx, now=now)
        with tempfile.TemporaryDirectory(prefix="kaquan-segment-") as folder:
            await extract_tables(tx, Path(folder), tables=tables_asked(rule, reached))
            return match_on_copy(engine, rule, Path(folder), at=at, members=reached)


async def explain_one(
    settings: Settings,
    definition: dict[str, Any],
    customer: str,
    *,
    now: datetime,
    project: str | None,
) -> tuple[Explanation, str]:
    """Return why a customer matches or not, and the project's language."""
    async with _opened(settings, project) as tx:
        explanation = await explain_membership(tx, definition, customer, now=now)
        return explanation, (await get_project(tx)).language


@asynccontextmanager
async def _opened(settings: Settings, project: str | None) -> AsyncGenerator[Tx]:
    """Yield a snapshot of the named project, or of the only one there is."""
    async with connected(settings) as database:
        chosen = await choose_project(database, project)
        async with database.snapshot(chosen.project_id) as tx:
            yield tx


def read_definition(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file; raises InvalidInput."""
    try:
        given = msgspec.json.decode(file.read_bytes())
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"{file.name} is not JSON: {error}"
        raise InvalidInput(message, field="definition") from error
    if not isinstance(given, dict):
        raise InvalidInput("A definition is a JSON object.", field="definition")
    return cast("dict[str, Any]", given)


def read_moment(text: str | None) -> datetime:
    """Return a moment from its text, now from none; raises InvalidInput."""
    if text is None:
        return utc_now()
    refused = InvalidInput("This must be a time such as 2026-05-31T08:00:00Z.", field="--at")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise refused from error
    if moment.tzinfo is None:
        raise refused
    return moment.astimezone(UTC)


def write_explanation(explanation: Explanation, language: str, *, depth: int = 0) -> None:
    """Print an explanation, a rule a line."""
    text = explanation.text_zh if language == "zh" else explanation.text_en
    mark = typer.style("✓", fg="green") if explanation.holds else typer.style("✗", fg="red")
    found = ""
    if explanation.found is not None:
        found = f"  [{msgspec.json.encode(explanation.found).decode()}]"
    typer.echo(f"{'  ' * depth}{mark} {text}{found}")
    for part in explanation.parts:
        write_explanation(part, language, depth=depth + 1)
