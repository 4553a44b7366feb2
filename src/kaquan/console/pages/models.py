"""Models: what is in use and since when, how predictions spread, and the card of a version."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from kaquan.console import formats
from kaquan.console.download import Sheet
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
from kaquan.console.pages.model_figures import card_sheet, measure_rows, say_gain
from kaquan.console.pages.model_uplift import (
    experiment_names,
    run_badge,
    say_arms,
    tried_rows,
    uplift_form,
)
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.words import Badge
from kaquan.console.render import page_of, redirect, render
from kaquan.console.sentences import say_error
from kaquan.console.session import page_snapshot, page_transaction, person_of, read_form
from kaquan.experiments import ExperimentKind, list_experiments
from kaquan.insight.models import (
    KINDS,
    PREDICTIONS,
    SCORE_MEDIA_TYPES,
    SCORING_KINDS,
    Card,
    Drift,
    DriftState,
    ModelKind,
    ModelRun,
    ModelStatus,
    ModelVersion,
    RunStatus,
    ScoreFormat,
    Shift,
    check_score_names,
    find_active,
    get_model,
    list_active,
    list_drifts,
    list_latest_runs,
    list_models,
    list_score_shares,
    name_uplift,
    request_training,
    say_answers,
    say_model_lack,
    say_verdict,
    stream_scores,
)
from kaquan.runtime import Database, InvalidInput, NotFound, get_project
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
    badge: Badge | None
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
    given = await read_form(request, "kind", "experiment", "arm", "control")
    try:
        if given["kind"] not in list(ModelKind):
            raise InvalidInput(N_("This is no kind of model."), field="kind")
        async with page_transaction(request) as tx:
            await request_training(
                tx,
                ModelKind(given["kind"]),
                subject=given["experiment"] or None,
                arm=given["arm"] or None,
                control=given["control"] or None,
                by=person_of(request).name,
                now=page.now,
            )
    except (InvalidInput, NotFound) as error:
        return await _show_list(request, refusal=say_error(error, page), chosen=given["experiment"])
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
        tried = await experiment_names(tx, [name_uplift(model.card)])
    card = model.card
    about = KINDS[card.kind]
    uplift = card.kind is ModelKind.UPLIFT
    return render(
        request,
        "pages/model.html",
        model=model,
        card=card,
        badge=STATUSES[model.status],
        name=name_model(model, tried, page),
        said=_said(model, page),
        sheet=card_sheet(model, drifts[0] if drifts else None),
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
        outcome=_outcome(drifts[0], card.kind, page) if drifts else "",
        shifts=_shift_rows(drifts[0], page) if drifts else [],
        compared=_compared(card, page),
        parameters=[(name, _parameter(value)) for name, value in card.parameters.items()],
    )


@get(PATH + "/scores", include_in_schema=False)
async def download_scores(request: Request[Any, Any, Any]) -> Stream:
    """What models predict of every customer, as CSV or XLSX."""
    given = dict(page_of(request).query).get("format", "")
    form = ScoreFormat(given) if given in list(ScoreFormat) else ScoreFormat.CSV
    async with page_snapshot(request) as tx:
        names = await check_score_names(tx, [])
        project = await get_project(tx)
    database: Database = request.app.state.database
    return Stream(
        stream_scores(database, project.project_id, names, form=form),
        media_type=SCORE_MEDIA_TYPES[form],
        headers={
            "Content-Disposition": f'attachment; filename="scores.{form}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _versions_sheet(models: list[ModelVersion], names: Mapping[str, str], page: PageView) -> Sheet:
    """The list of versions as it is shown."""
    say = translations(page.language).gettext
    return Sheet(
        name="model-versions",
        headings=tuple(
            map(
                say,
                (
                    N_("Model"),
                    N_("Version"),
                    N_("Status"),
                    N_("Trained"),
                    N_("Facts until"),
                    N_("Rows tested"),
                ),
            )
        ),
        rows=tuple(
            (
                name_model(one, names, page),
                float(one.version),
                say(STATUSES[one.status].word),
                one.trained_at.isoformat(),
                one.card.data_until.isoformat(),
                float(one.card.test_rows),
            )
            for one in models
        ),
    )


async def _show_list(
    request: Request[Any, Any, Any], *, refusal: str = "", chosen: str | None = None
) -> Response[str]:
    page = page_of(request)
    asked = dict(page.query)
    number = page_number(asked.get("cursor", ""))
    async with page_snapshot(request) as tx:
        found = await list_models(tx, limit=PAGE_SIZE, page=number)
        runs = await list_latest_runs(tx)
        actives = {kind: await find_active(tx, kind) for kind in SCORING_KINDS}
        looks = {
            kind: (await list_drifts(tx, one.id))[:1]
            for kind, one in actives.items()
            if one is not None
        }
        moved = await list_active(tx, ModelKind.UPLIFT)
        wanted = [*PREDICTIONS, *(name_uplift(one.card) for one in moved)]
        spreads = [(name, *await list_score_shares(tx, name, bins=STEPS)) for name in wanted]
        learnt = {
            run.model_id: await get_model(tx, run.model_id)
            for run in runs
            if run.kind is ModelKind.UPLIFT and run.model_id is not None
        }
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
        rows=[(one, name_model(one, names, page), STATUSES[one.status]) for one in found.items],
        sheet=_versions_sheet(found.items, names, page),
        total=found.total,
        next_cursor=found.next_cursor,
        charts=[
            distribution_chart(name, total, steps, page=page, experiments=names)
            for name, total, steps in spreads
            if total and name != "churn"
        ],
        form=uplift_form(tried.items, chosen or asked.get("experiment", ""), page),
        tried=tried_rows(runs, learnt, names, page),
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
        badge=None if run is None else run_badge(run, page),
        lacks=[say_model_lack(one, language) for one in run.lacks] if run else [],
        waits=run is not None and run.status is RunStatus.PENDING and not run.died(page.now),
    )


def name_model(model: ModelVersion, experiments: Mapping[str, str], page: PageView) -> str:
    """A version's name: of uplift, with the experiment and its arms."""
    card, name = model.card, KINDS[model.kind].name[page.language.value]
    if card.subject is None:
        return name
    arms = say_arms(card.arm, card.control, page)
    return f"{name} · {experiments.get(card.subject, '')} ({arms})"


def _said(model: ModelVersion, page: PageView) -> str:
    """Why a version is in use or not; of one that was, that it is no longer."""
    if model.status is not ModelStatus.RETIRED or model.retired_at is None:
        return say_verdict(model.verdict, page.language.value)
    day = formats.day(
        model.retired_at.astimezone(page.zone).date(), language=page.language, zone=page.zone
    )
    return _say(page, N_("Not in use any more: replaced on %(day)s.")) % {"day": day}


def _compared(card: Card, page: PageView) -> list[tuple[str, str]]:
    """Of uplift: the arms, and what was counted of whom for how long."""
    if card.subject is None:
        return []
    counted = (
        N_("Margin of %(days)s days")
        if card.parameters.get("outcome") == "margin"
        else N_("Revenue of %(days)s days, as no margin is known")
    )
    return [
        (_say(page, N_("Arms compared")), say_arms(card.arm, card.control, page)),
        (_say(page, N_("What was counted")), _say(page, counted) % {"days": card.horizon_days}),
    ]


def _outcome(drift: Drift, kind: ModelKind, page: PageView) -> str:
    """What was predicted of those whose time is over, and what came."""
    say = translations(page.language).gettext
    if drift.expected is None or drift.observed is None:
        return say(N_("Nobody's time is over yet, so predictions cannot be compared with events."))
    words = (
        N_("For %(count)s customers %(expected)s purchases were forecast; %(came)s came.")
        if kind is ModelKind.LIFETIME_VALUE
        else N_(
            "Of %(count)s predictions whose time is over, %(expected)s were to come true; %(came)s did."
        )
    )
    return say(words) % {
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
