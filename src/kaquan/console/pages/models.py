"""Models: what is in use and since when, how predictions spread, and the card of a version."""

from __future__ import annotations

import csv
import io
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console import formats
from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.model_charts import (
    calibration_chart,
    distribution_chart,
    drift_chart,
    feature_shares,
    name_feature,
    uplift_chart,
)
from kaquan.console.pages.model_figures import measure_rows, say_gain
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.words import Badge
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of, read_form
from kaquan.experiments import ExperimentKind, list_experiments
from kaquan.insight.models import (
    GIVEN_UP_AFTER,
    KINDS,
    PREDICTIONS,
    SCORING_KINDS,
    Drift,
    DriftState,
    ModelKind,
    ModelRun,
    ModelStatus,
    ModelVersion,
    RunStatus,
    Shift,
    find_active,
    get_model,
    list_drifts,
    list_latest_runs,
    list_models,
    list_score_shares,
    request_training,
    say_answers,
    say_model_lack,
    say_verdict,
)
from kaquan.runtime import InvalidInput, NotFound
from kaquan.trust import Ability

PATH = "/console/models"
STEPS = 20
MOST_CHOICES = 200
MOST_SHIFTS = 10
STATUSES = {
    ModelStatus.CANDIDATE: Badge(N_("Not in use"), "off"),
    ModelStatus.ACTIVE: Badge(N_("In use"), "good"),
    ModelStatus.RETIRED: Badge(N_("Replaced"), "off"),
}
RUNS = {
    RunStatus.PENDING: Badge(N_("Being trained"), "busy"),
    RunStatus.DONE: Badge(N_("Done"), "good"),
    RunStatus.REFUSED: Badge(N_("Cannot be said yet"), "wait"),
    RunStatus.FAILED: Badge(N_("Failed"), "bad"),
}
DRIFTS = {
    DriftState.STABLE: Badge(N_("Stable"), "good"),
    DriftState.WATCH: Badge(N_("Moving"), "wait"),
    DriftState.SHIFTED: Badge(N_("Moved away"), "bad"),
    DriftState.UNKNOWN: Badge(N_("Not enough data"), "off"),
}


class KindRow(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of model: the version in use, how it stands, and what became of the last request."""

    kind: ModelKind
    name: str
    answers: str
    active: ModelVersion | None
    said: str
    drift: Drift | None
    run: ModelRun | None
    lacks: list[str]
    waits: bool


@get(PATH, include_in_schema=False)
async def show_models(request: Request[Any, Any, Any]) -> Response[str]:
    """What is in use, how predictions spread, and all versions."""
    return await _show_list(request)


@post(PATH, include_in_schema=False)
async def ask_to_train(request: Request[Any, Any, Any]) -> Response[str]:
    """Ask for a model to be trained; a job does."""
    page = page_of(request)
    given = await read_form(request, "kind", "experiment")
    try:
        if given["kind"] not in list(ModelKind):
            raise InvalidInput(N_("This is no kind of model."), field="kind")
        async with page_transaction(request) as tx:
            await request_training(
                tx,
                ModelKind(given["kind"]),
                subject=given["experiment"] or None,
                by=person_of(request).name,
                now=page.now,
            )
    except (InvalidInput, NotFound) as error:
        return await _show_list(request, refusal=_say(page, error.message))
    notice = _say(page, N_("The model is being trained; this page shows what comes of it."))
    return redirect(PATH, notice=notice)


@get(PATH + "/{model_id:str}", include_in_schema=False)
async def show_model(request: Request[Any, Any, Any], model_id: FromPath[str]) -> Response[str]:
    """The card of a version."""
    page = page_of(request)
    language = page.language.value
    async with page_snapshot(request) as tx:
        model = await get_model(tx, model_id)
        drifts = await list_drifts(tx, model_id)
    card = model.card
    about = KINDS[card.kind]
    uplift = card.kind is ModelKind.UPLIFT
    return render(
        request,
        "pages/model.html",
        model=model,
        card=card,
        badge=STATUSES[model.status],
        name=about.name[language],
        said=say_verdict(model.verdict, language),
        answers=say_answers(card, language),
        good_for=about.good_for[language],
        not_for=about.not_for[language],
        measures=measure_rows(card, page),
        gain=say_gain(card, page),
        picture=uplift_chart(card, page) if uplift else calibration_chart(card, page),
        features=feature_shares(card, page),
        drift=drifts[0] if drifts else None,
        drift_badges=DRIFTS,
        drift_course=drift_chart(drifts, page),
        outcome=_outcome(drifts[0], page) if drifts else "",
        shifts=_shift_rows(drifts[0], page) if drifts else [],
        parameters=[(name, _parameter(value)) for name, value in card.parameters.items()],
    )


@get(PATH + "/{model_id:str}/download", include_in_schema=False)
async def download_model(
    request: Request[Any, Any, Any], model_id: FromPath[str]
) -> Response[bytes]:
    """The figures of a card as CSV: measures, calibration, and the latest look at drift."""
    async with page_snapshot(request) as tx:
        model = await get_model(tx, model_id)
        drifts = await list_drifts(tx, model_id)
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["part", "name", "value", "low", "high", "baseline"])
    card = model.card
    for name, one in card.measures.items():
        counted = card.baseline.get(name)
        rows.writerow(["measure", name, one.value, one.low, one.high, counted and counted.value])
    if card.gain is not None:
        rows.writerow(["gain", "", card.gain.value, card.gain.low, card.gain.high, ""])
    for place, part in enumerate(card.bins, start=1):
        rows.writerow(["tenth", place, part.observed, part.low, part.high, part.predicted])
    for spread in card.spreads:
        rows.writerow(["feature", spread.name, spread.weight, "", "", ""])
    for shift in drifts[0].shifts if drifts else ():
        rows.writerow(["stability", shift.name, shift.index, "", shift.by_chance, ""])
    name = f"model-{model.kind}-{model.version}.csv"
    return Response(
        ("\ufeff" + text.getvalue()).encode(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _show_list(request: Request[Any, Any, Any], *, refusal: str = "") -> Response[str]:
    page = page_of(request)
    language = page.language.value
    number = page_number(dict(page.query).get("cursor", ""))
    async with page_snapshot(request) as tx:
        found = await list_models(tx, limit=PAGE_SIZE, page=number)
        runs = await list_latest_runs(tx)
        actives = {kind: await find_active(tx, kind) for kind in SCORING_KINDS}
        looks = {
            kind: (await list_drifts(tx, one.id))[:1]
            for kind, one in actives.items()
            if one is not None
        }
        spreads = [(name, *await list_score_shares(tx, name, bins=STEPS)) for name in PREDICTIONS]
        tried = await list_experiments(tx, kind=ExperimentKind.CAMPAIGN, limit=MOST_CHOICES)
    latest = {(run.kind, run.subject): run for run in runs}
    names = {one.id: one.name for one in tried.items}
    return render(
        request,
        "pages/models.html",
        status_code=HTTPStatus.BAD_REQUEST if refusal else HTTPStatus.OK,
        kinds=[
            _kind_row(kind, actives[kind], looks.get(kind, []), latest.get((kind, None)), page)
            for kind in SCORING_KINDS
        ],
        rows=[(one, KINDS[one.kind].name[language], STATUSES[one.status]) for one in found.items],
        total=found.total,
        next_cursor=found.next_cursor,
        charts=[
            distribution_chart(name, total, steps, page)
            for name, total, steps in spreads
            if total and name != "churn"
        ],
        experiments=[("", _say(page, N_("Choose"))), *names.items()],
        tried=[
            (
                run,
                names.get(run.subject or "", ""),
                [say_model_lack(x, language) for x in run.lacks],
            )
            for run in runs
            if run.kind is ModelKind.UPLIFT
        ],
        run_badges=RUNS,
        drift_badges=DRIFTS,
        refusal=refusal,
        trains=person_of(request).may(Ability.MANAGE),
    )


def _kind_row(
    kind: ModelKind,
    active: ModelVersion | None,
    looks: list[Drift],
    run: ModelRun | None,
    page: PageView,
) -> KindRow:
    language = page.language.value
    days = 30 if active is None else active.card.horizon_days
    return KindRow(
        kind=kind,
        name=KINDS[kind].name[language],
        answers=KINDS[kind].answers[language].format(days=days),
        active=active,
        said="" if active is None else say_verdict(active.verdict, language),
        drift=looks[0] if looks else None,
        run=run,
        lacks=[say_model_lack(one, language) for one in run.lacks] if run else [],
        waits=run is not None
        and run.status is RunStatus.PENDING
        and page.now - run.created_at < GIVEN_UP_AFTER,
    )


def _outcome(drift: Drift, page: PageView) -> str:
    """What was predicted of those whose time is over, and what came."""
    say = translations(page.language).gettext
    if drift.expected is None or drift.observed is None:
        return say(N_("Nobody's time is over yet, so predictions cannot be compared with events."))
    return say(
        N_(
            "Of %(count)s predictions whose time is over, %(expected)s were to come true; %(came)s did."
        )
    ) % {
        "count": formats.number(drift.outcomes),
        "expected": formats.number(round(drift.expected)),
        "came": formats.number(round(drift.observed)),
    }


def _shift_rows(drift: Drift, page: PageView) -> list[tuple[str, Shift]]:
    """The prediction first, then the features that moved most."""
    first = [] if drift.scores is None else [drift.scores]
    return [(name_feature(one.name, page), one) for one in [*first, *drift.shifts[:MOST_SHIFTS]]]


def _parameter(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
