"""What ``kaquan import`` does."""

from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from kaquan.cli.connect import connected
from kaquan.cli.project_choice import choose_project
from kaquan.customers import (
    FileImport,
    Mapping,
    PathImport,
    Subject,
    import_path,
    keep_profile,
)
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    Database,
    InvalidInput,
    Settings,
    get_file,
    stream_file,
    utc_now,
)

_SHOWN = 20


class Done(msgspec.Struct, frozen=True):
    """An import that has ended."""

    found: FileImport
    action: AsyncAction

    @property
    def is_done(self) -> bool:
        """Whether it came to its end."""
        return self.action.status is ActionStatus.DONE

    @property
    def result(self) -> dict[str, Any]:
        """The counts and problems."""
        return self.action.result or {}

    @property
    def refused(self) -> int:
        """How many rows were refused."""
        return self.result.get("failed_count", 0)


def read_request(
    kind: str,
    file: Path,
    *,
    profile: str | None,
    mapping: Path | None,
    sheet: str | None,
    dry_run: bool,
) -> PathImport:
    """Return what is asked for; raises InvalidInput with the option that cannot be meant."""
    if kind not in list(Subject):
        message = f"There is nothing of the kind '{kind[:40]}' to import; {', '.join(Subject)} are."
        raise InvalidInput(message, field="KIND")
    given = None
    if mapping is not None:
        try:
            given = msgspec.json.decode(mapping.read_bytes(), type=Mapping)
        except msgspec.MsgspecError as error:
            msg = f"{mapping.name}: {error}"
            raise InvalidInput(msg, field="--mapping") from error
    return PathImport(
        subject=Subject(kind),
        path=file,
        profile=profile,
        mapping=given,
        sheet=sheet,
        dry_run=dry_run,
    )


async def do_import(
    settings: Settings,
    asked: PathImport,
    *,
    project: str | None,
    save_as: str | None,
    rejects: Path | None,
) -> Done:
    """Import a file into the named project, or the only one, with a bar that shows how far it is."""
    async with connected(settings) as database:
        chosen = await choose_project(database, project)
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(f"{asked.path.name}", total=None)
            found, action = await import_path(
                database,
                chosen.project_id,
                asked,
                clock=utc_now,
                progress=lambda rows: bar.update(task, completed=rows),
            )
        if save_as is not None:
            async with database.transaction(chosen.project_id) as tx:
                await keep_profile(tx, asked.subject, save_as, found.mapping, now=utc_now())
        if rejects is not None and "report_id" in action.request:
            await _write_rejects(database, chosen.project_id, action, rejects)
    return Done(found, action)


def as_json(done: Done) -> str:
    """Return how an import ended, with its shape and mapping."""
    shown = {
        "id": done.found.id,
        "status": done.action.status.value,
        "shape": msgspec.to_builtins(done.found.shape),
        "mapping": msgspec.to_builtins(done.found.mapping),
        "result": done.result,
    }
    return msgspec.json.format(msgspec.json.encode(shown)).decode()


def write_outcome(done: Done) -> None:
    """Print how the file was understood and what came of it."""
    shape, result = done.found.shape, done.result
    read = [shape.format.value, shape.encoding, repr(shape.separator) if shape.separator else None]
    typer.echo(f"Read as {', '.join(part for part in read if part)}.")
    for field, column in done.found.mapping.fields.items():
        typer.echo(f"  {field} <- {column}")
    for key, column in done.found.mapping.metadata.items():
        typer.echo(f"  metadata.{key} <- {column}")
    typer.echo(result.get("message", ""))
    if done.is_done:
        typer.echo(
            f"{result['added']} added, {result['changed']} changed,"
            f" {result['unchanged']} as they were; {result['repeated_count']} came again."
        )
    for one in result.get("failed", [])[:_SHOWN]:
        place = f"{one['field']}: " if one["field"] else ""
        typer.echo(f"line {one['line']}: {place}{one['reason']}", err=True)
    if done.refused > _SHOWN:
        typer.echo(f"… and {done.refused - _SHOWN} more; --rejects writes all of them.", err=True)


async def _write_rejects(
    database: Database, project_id: int, action: AsyncAction, path: Path
) -> None:
    async with database.transaction(project_id) as tx:
        stored = await get_file(tx, action.request["report_id"])
    with path.open("wb") as file:
        async for part in stream_file(database, project_id, stored):
            file.write(part)
