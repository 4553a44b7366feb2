"""``/v1/kaquan/models``: our own addition, versions of models and what is known of them."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads, writes
from kaquan.api.values import Identifier
from kaquan.insight.models import (
    MODEL_ORDERS,
    SCORE_MEDIA_TYPES,
    Card,
    Drift,
    Lack,
    ModelKind,
    ModelRun,
    ModelStatus,
    ModelVersion,
    RunStatus,
    ScoreFormat,
    Verdict,
    check_score_names,
    get_model,
    get_run,
    list_drifts,
    list_models,
    request_training,
    say_answers,
    say_model_lack,
    say_verdict,
    stream_scores,
)
from kaquan.runtime import InvalidInput

PATH = "/kaquan/models"


class ModelWordsView(msgspec.Struct, frozen=True, kw_only=True):
    """The same sentence in both languages."""

    zh: str
    en: str


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a model: its card, and why it is in use or not."""

    id: str
    kind: ModelKind
    version: int
    status: ModelStatus
    answers: ModelWordsView
    verdict: Verdict
    said: ModelWordsView
    card: Card
    trained_at: datetime
    activated_at: datetime | None
    retired_at: datetime | None
    scored_at: datetime | None
    scored_count: int | None
    drift: Drift | None = None
    object: Literal["model"] = "model"


class ModelListView(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the versions."""

    data: list[ModelView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class LackView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is lacking, in figures and words."""

    lack: Lack
    said: ModelWordsView


class ModelRunView(msgspec.Struct, frozen=True, kw_only=True):
    """A request to train, and what became of it.

    ``cut_off`` says that it failed because whoever worked on it died, or that nobody ever began.
    """

    id: str
    kind: ModelKind
    status: RunStatus
    cut_off: bool
    experiment_id: str | None
    arm: str | None
    control: str | None
    asked_by: str
    model_id: str | None
    lacks: list[LackView]
    created_at: datetime
    finished_at: datetime | None
    object: Literal["model_run"] = "model_run"


class TrainBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to train; ``experiment`` (id or name), ``arm`` and ``control`` are for ``uplift`` only.

    Without ``arm`` the largest is looked at; without ``control`` it is compared with those who got
    nothing.
    """

    kind: ModelKind
    experiment: str | None = None
    arm: str | None = None
    control: str | None = None


def view_model(model: ModelVersion, *, drift: Drift | None = None) -> ModelView:
    """Map a version to the wire."""
    names = set(ModelVersion.__struct_fields__)
    return ModelView(
        **{name: getattr(model, name) for name in names},
        answers=ModelWordsView(zh=say_answers(model.card, "zh"), en=say_answers(model.card, "en")),
        said=ModelWordsView(
            zh=say_verdict(model.verdict, "zh"), en=say_verdict(model.verdict, "en")
        ),
        drift=drift,
    )


def view_run(run: ModelRun, *, now: datetime) -> ModelRunView:
    """Map a request to the wire."""
    died = run.died(now)
    return ModelRunView(
        id=run.id,
        kind=run.kind,
        status=RunStatus.FAILED if died else run.status,
        cut_off=died,
        experiment_id=run.subject,
        arm=run.arm,
        control=run.control,
        asked_by=run.asked_by,
        model_id=run.model_id,
        lacks=[
            LackView(
                lack=one,
                said=ModelWordsView(zh=say_model_lack(one, "zh"), en=say_model_lack(one, "en")),
            )
            for one in run.lacks
        ],
        created_at=run.created_at,
        finished_at=run.finished_at,
    )


@reads(PATH, "List models")
async def read_models(
    call: CurrentCall, paging: CurrentPaging, kind: FromQuery[ModelKind | None] = None
) -> ModelListView:
    """List versions of models, the newest first unless ``order`` says otherwise."""
    order = paging.order or "-trained_at"
    if order not in MODEL_ORDERS:
        message = f"'order' is one of {', '.join(MODEL_ORDERS)}."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        found = await list_models(tx, kind=kind, order=order, limit=paging.limit, page=paging.page)
    return ModelListView(
        data=[view_model(one) for one in found.items],
        total=found.total,
        has_more=paging.has_more(found.total),
    )


@reads(PATH + "/{model_id:str}", "Get model")
async def read_model(model_id: FromPath[str], call: CurrentCall) -> ModelView:
    """Get a version with its card and the latest look at whether it still fits."""
    async with call.transaction() as tx:
        model = await get_model(tx, model_id)
        drifts = await list_drifts(tx, model_id)
    return view_model(model, drift=drifts[0] if drifts else None)


@writes("POST", "/kaquan/model-runs", "Train model")
async def ask_to_train(data: JSONBody[TrainBody], call: CurrentCall) -> ModelRunView:
    """Ask for a model to be trained; a job does, and says what is lacking where it cannot.

    A new version takes over only if, on the newest data, it is known to be better than mere counting
    (the lower end of the 95 % interval of its gain is above zero) and is no worse than the one in
    use. Uplift scores customers only where its order is known to help. The same request that waits already is returned instead of a second one.
    """
    async with call.transaction() as tx:
        run = await request_training(
            tx,
            data.kind,
            subject=data.experiment,
            arm=data.arm,
            control=data.control,
            by=call.caller.actor,
            now=call.now,
        )
    return view_run(run, now=call.now)


@reads("/kaquan/model-runs/{run_id:str}", "Get model run")
async def read_run(run_id: FromPath[str], call: CurrentCall) -> ModelRunView:
    """Get a request to train, and what became of it."""
    async with call.transaction() as tx:
        return view_run(await get_run(tx, run_id), now=call.now)


@reads("/kaquan/scores", "Export scores", file="text/csv")
async def export_scores(
    call: CurrentCall,
    *,
    file_format: FromQuery[ScoreFormat] = ScoreFormat.CSV,
    prediction: Annotated[list[Identifier] | None, QueryParameter(max_items=50)] = None,
) -> Stream:
    """Get what models predict of every customer as one file, ``csv`` or ``xlsx``.

    A row a customer, two columns a prediction: its value, as rules compare ``score.<name>`` with
    (money in minor units), and as of when it is. ``prediction`` names those wanted; else all are.
    """
    async with call.transaction() as tx:
        names = await check_score_names(tx, prediction or [])
    content = stream_scores(call.database, call.caller.project_id, names, form=file_format)
    return Stream(
        content,
        media_type=SCORE_MEDIA_TYPES[file_format],
        headers={"Content-Disposition": f'attachment; filename="scores.{file_format}"'},
    )


def models_router() -> Router:
    """Routes of models."""
    return Router(
        path="/",
        route_handlers=[read_models, read_model, ask_to_train, read_run, export_scores],
        tags=["Models"],
    )
