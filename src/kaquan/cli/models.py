"""``kaquan models``: train, list and show models of what customers will do."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kaquan.cli.connect import connected
from kaquan.cli.project_choice import choose_project
from kaquan.runtime import InvalidInput, Settings, load_settings, utc_now

if TYPE_CHECKING:
    from kaquan.insight.models import ModelRun, ModelVersion

models = typer.Typer(help="Models of what customers will do.", no_args_is_help=True)
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder of the embedded database and of Kaquan's files."),
]
Project = Annotated[
    str | None, typer.Option("--project", help="Id or name, where there are several projects.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_MOST_LISTED = 200


@models.command()
def train(
    kind: Annotated[
        str, typer.Argument(help="next_purchase, redemption, lifetime_value or uplift.")
    ],
    experiment: Annotated[
        str | None, typer.Option(help="Id or name of the experiment of an uplift model.")
    ] = None,
    arm: Annotated[str | None, typer.Option(help="Its arm; the largest if none is named.")] = None,
    control: Annotated[
        str | None,
        typer.Option(help="What the arm is compared with; who got nothing if none is named."),
    ] = None,
    project: Project = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Train now, score customers where a version is in use; exit code 1 when nothing came of it."""
    settings = load_settings(data_dir)
    asked = _Asked(kind=kind, experiment=experiment, arm=arm, control=control)
    run, model = asyncio.run(_train(settings, asked, project=project))
    _print_run(run, model, as_json=as_json)
    if model is None:
        raise typer.Exit(1)


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    experiment: str | None
    arm: str | None
    control: str | None


@models.command(name="list")
def list_all(project: Project = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List versions, the newest first."""
    found = asyncio.run(_list(load_settings(data_dir), project))
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    table = Table("id", "kind", "version", "status", "trained", "scored", box=None)
    for one in found:
        scored = "–" if one.scored_count is None else f"{one.scored_count:,}"
        trained = f"{one.trained_at:%Y-%m-%d %H:%M}"
        table.add_row(one.id, one.kind, str(one.version), one.status, trained, scored)
    Console(width=120).print(table)


@models.command()
def show(
    model_id: Annotated[str, typer.Argument(help="Id of a version.")],
    project: Project = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print a version's card."""
    model = asyncio.run(_show(load_settings(data_dir), model_id, project))
    if as_json:
        typer.echo(msgspec.json.encode(model).decode())
    else:
        _print_card(model)


@models.command()
def runs(project: Project = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the latest request of each kind: waiting, at work, done, refused, failed or cut off."""
    found = asyncio.run(_list_runs(load_settings(data_dir), project))
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    table = Table("id", "kind", "of", "status", "asked by", "asked", "finished", box=None)
    for one in found:
        of = " ".join(part for part in (one.subject, one.arm, one.control) if part)
        finished = "–" if one.finished_at is None else f"{one.finished_at:%Y-%m-%d %H:%M}"
        asked = f"{one.created_at:%Y-%m-%d %H:%M}"
        table.add_row(one.id, one.kind, of, _stands(one), one.asked_by, asked, finished)
    Console(width=140).print(table)


def _stands(run: "ModelRun") -> str:
    if run.died(utc_now()):
        return "cut off"
    if run.finished_at is None:
        return "waiting" if run.alive_until is None else "at work"
    return run.status.value


async def _list_runs(settings: Settings, project: str | None) -> "list[ModelRun]":
    from kaquan.insight.models import list_latest_runs

    async with connected(settings) as database:
        chosen = await choose_project(database, project)
        async with database.snapshot(chosen.project_id) as tx:
            return await list_latest_runs(tx)


async def _train(
    settings: Settings, asked: _Asked, *, project: str | None
) -> "tuple[ModelRun, ModelVersion | None]":
    from kaquan.insight.models import ModelKind, carry_out, create_run, fail_run, get_model

    if asked.kind not in list(ModelKind):
        message = f"'{asked.kind}' is none of {', '.join(ModelKind)}."
        raise InvalidInput(message, field="KIND")
    async with connected(settings) as database:
        chosen = await choose_project(database, project)
        async with database.transaction(chosen.project_id) as tx:
            run, fresh = await create_run(
                tx,
                ModelKind(asked.kind),
                subject=asked.experiment,
                arm=asked.arm,
                control=asked.control,
                by="command line",
                now=utc_now(),
            )
        if not fresh and run.alive_until is not None:
            return run, None
        try:
            run = await carry_out(database, settings, chosen.project_id, run.id, clock=utc_now)
        except Exception:
            async with database.transaction(chosen.project_id) as tx:
                await fail_run(tx, run.id, now=utc_now())
            raise
        if run.model_id is None:
            return run, None
        async with database.snapshot(chosen.project_id) as tx:
            return run, await get_model(tx, run.model_id)


async def _list(settings: Settings, project: str | None) -> "list[ModelVersion]":
    from kaquan.insight.models import list_models

    async with connected(settings) as database:
        chosen = await choose_project(database, project)
        async with database.snapshot(chosen.project_id) as tx:
            return (await list_models(tx, limit=_MOST_LISTED)).items


async def _show(settings: Settings, model_id: str, project: str | None) -> "ModelVersion":
    from kaquan.insight.models import get_model

    async with connected(settings) as database:
        chosen = await choose_project(database, project)
        async with database.snapshot(chosen.project_id) as tx:
            return await get_model(tx, model_id)


def _print_run(run: "ModelRun", model: "ModelVersion | None", *, as_json: bool) -> None:
    from kaquan.insight.models import say_model_lack

    if as_json:
        typer.echo(msgspec.json.encode({"run": run, "model": model}).decode())
        return
    if run.finished_at is None:
        message = (
            f"It is being trained already: {run.asked_by} asked for it at"
            f" {run.created_at:%Y-%m-%d %H:%M} (run {run.id})."
        )
        typer.echo(message, err=True)
    for lack in run.lacks:
        typer.echo(say_model_lack(lack, "en"), err=True)
    if model is not None:
        _print_card(model)


def _print_card(model: "ModelVersion") -> None:
    from kaquan.insight.models import say_answers, say_verdict

    card = model.card
    typer.echo(f"{model.kind} version {model.version} ({model.id}), {model.status}")
    typer.echo(say_answers(card, "en"))
    typer.echo(say_verdict(model.verdict, "en"))
    typer.echo(
        f"Facts of {card.data_from:%Y-%m-%d} to {card.data_until:%Y-%m-%d}, tested from"
        f" {card.holdout_from:%Y-%m-%d} on; {card.train_rows:,} rows learnt from,"
        f" {card.test_rows:,} tested; seed {card.seed}."
    )
    table = Table("figure", "value", "95 %", "counting", box=None)
    for name, figure in card.measures.items():
        interval = "" if figure.low is None else f"{figure.low:.4f} to {figure.high:.4f}"
        counted = card.baseline.get(name)
        table.add_row(
            name, f"{figure.value:.4f}", interval, "" if counted is None else f"{counted.value:.4f}"
        )
    Console(width=120).print(table)
