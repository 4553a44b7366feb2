"""Experiments: the list, the design, and what one showed."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.campaigns import Campaign, get_campaign, list_campaigns
from kaquan.console import formats
from kaquan.console.download import Sheet
from kaquan.console.language import N_, translations
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.experiment_charts import difference_chart, sequence_chart
from kaquan.console.pages.experiment_form import (
    ARMS,
    CAPS,
    FRESH,
    NAMES,
    WHATS,
    Mistake,
    field_of,
    read_draft,
    read_metric,
    read_size,
)
from kaquan.console.pages.experiment_tables import (
    check_rows,
    effect_rows,
    metric_rows,
    policy_rows,
)
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.words import Badge
from kaquan.console.render import page_of, redirect, render
from kaquan.console.sentences import say_error
from kaquan.console.session import page_snapshot, page_transaction, person_of, read_form
from kaquan.experiments import (
    Experiment,
    ExperimentConflict,
    ExperimentKind,
    ExperimentStatus,
    Metric,
    count_placements,
    get_experiment,
    list_experiments,
    start_experiment,
    stop_experiment,
)
from kaquan.insight import (
    CannotPlan,
    ExperimentResults,
    SizePlan,
    advise,
    name_arm,
    name_metric,
    plan_size,
    read_results,
    say_advice,
    say_compared,
    write_figure,
)
from kaquan.outreach import define_experiment
from kaquan.runtime import Duplicate, InvalidInput, Tx
from kaquan.trust import Ability

PATH = "/console/experiments"
MOST_CAMPAIGNS = 200
STATUSES = {
    ExperimentStatus.DRAFT: Badge(N_("Draft"), "wait"),
    ExperimentStatus.RUNNING: Badge(N_("Running"), "good"),
    ExperimentStatus.STOPPED: Badge(N_("Stopped"), "off"),
}
SHAPE = ListShape(
    columns=(
        Column(key="name", label=N_("Experiment"), sortable=True),
        Column(key="status", label=N_("Status")),
        Column(key="campaign", label=N_("Campaign")),
        Column(key="arms", label=N_("Arms")),
        Column(key="customers", label=N_("Customers"), numeric=True),
        Column(key="created_at", label=N_("Created"), sortable=True),
    ),
    filters=(
        Filter(
            name="status",
            label=N_("Status"),
            choices=tuple(
                Choice(value=status.value, label=badge.word) for status, badge in STATUSES.items()
            ),
        ),
    ),
    searchable=False,
    default_sort="-created_at",
)


class ExperimentRow(msgspec.Struct, frozen=True):
    """An experiment of the list."""

    experiment: Experiment
    badge: Badge
    campaign: str | None
    customers: int


@get(PATH, include_in_schema=False)
async def show_experiments(request: Request[Any, Any, Any]) -> Response[str]:
    """The list of experiments, the newest first."""
    query = SHAPE.read(page_of(request).query)
    number = page_number(query.cursor)
    status = query.filters.get("status")
    async with page_snapshot(request) as tx:
        found = await list_experiments(
            tx,
            status=None if status is None else ExperimentStatus(status),
            order=f"{'-' if query.descending else ''}{query.sort}",
            limit=PAGE_SIZE,
            page=number,
        )
        counts = await count_placements(tx, [one.id for one in found.items])
        rows = [
            ExperimentRow(
                one,
                STATUSES[one.status],
                None if one.campaign_id is None else (await get_campaign(tx, one.campaign_id)).name,
                sum(counts.get(one.id, {}).values()),
            )
            for one in found.items
        ]
    return render(
        request,
        "pages/experiments.html",
        listing=Listing(
            shape=SHAPE,
            query=query,
            rows=rows,
            count=Count(value=found.total),
            next_cursor=found.next_cursor,
        ),
        designs=person_of(request).may(Ability.MANAGE),
    )


@get(PATH + "/new", include_in_schema=False)
async def show_design(request: Request[Any, Any, Any]) -> Response[str]:
    """The form that designs an experiment."""
    given = dict.fromkeys(NAMES, "") | FRESH
    given["campaign"] = dict(page_of(request).query).get("campaign", "")
    return await _show_form(request, given)


@post(PATH + "/new", include_in_schema=False)
async def design_experiment(request: Request[Any, Any, Any]) -> Response[str]:
    """Say how many customers the design needs, or create its draft."""
    page, given = page_of(request), await read_form(request, *NAMES)
    try:
        async with page_transaction(request) as tx:
            campaign = await _campaign(tx, given)
            if given["step"] == "size":
                size = await plan_size(tx, read_size(given, campaign), now=page.now)
            else:
                draft = read_draft(given, campaign, currency=page.currency)
                made = await define_experiment(tx, draft, now=page.now)
                notice = _say(page, N_("The draft is stored. Start it when you are ready."))
                return redirect(f"{PATH}/{made.id}", notice=notice)
    except Mistake as mistake:
        return await _show_form(request, given, errors={mistake.field: _say(page, mistake.words)})
    except (InvalidInput, Duplicate) as error:
        field = field_of(error, given) if isinstance(error, InvalidInput) else "name"
        return await _show_form(request, given, errors={field: say_error(error, page)})
    return await _show_form(request, given, size=_tell_size(page, size, read_metric(given)))


@get(PATH + "/{experiment_id:str}", include_in_schema=False)
async def show_experiment(
    request: Request[Any, Any, Any], experiment_id: FromPath[str]
) -> Response[str]:
    """What an experiment showed: sentences, intervals, the way there, arms."""
    return await _show_results(request, experiment_id)


@post(PATH + "/{experiment_id:str}/start", include_in_schema=False)
async def run_experiment(
    request: Request[Any, Any, Any], experiment_id: FromPath[str]
) -> Response[str]:
    """Let a draft run."""
    page = page_of(request)
    try:
        async with page_transaction(request) as tx:
            experiment = await get_experiment(tx, experiment_id)
            if experiment.kind is ExperimentKind.PLAN:
                message = _say(page, N_("A plan is started by approving it."))
                return await _show_results(request, experiment_id, refusal=message)
            await start_experiment(tx, experiment.id, now=page.now)
    except ExperimentConflict as error:
        return await _show_results(request, experiment_id, refusal=say_error(error, page))
    notice = _say(page, N_("It runs: the campaign's next sendings give each arm its variant."))
    return redirect(f"{PATH}/{experiment_id}", notice=notice)


@post(PATH + "/{experiment_id:str}/stop", include_in_schema=False)
async def halt_experiment(
    request: Request[Any, Any, Any], experiment_id: FromPath[str]
) -> Response[str]:
    """End an experiment for good."""
    page = page_of(request)
    try:
        async with page_transaction(request) as tx:
            await stop_experiment(tx, experiment_id, now=page.now)
    except ExperimentConflict as error:
        return await _show_results(request, experiment_id, refusal=say_error(error, page))
    notice = _say(page, N_("It is stopped. Outcomes of its customers are still counted."))
    return redirect(f"{PATH}/{experiment_id}", notice=notice)


async def _show_results(
    request: Request[Any, Any, Any], experiment_id: str, *, refusal: str = ""
) -> Response[str]:
    page = page_of(request)
    control = dict(page.query).get("control") or None
    async with page_snapshot(request) as tx:
        experiment = await get_experiment(tx, experiment_id)
        results = await read_results(tx, experiment, control=control, now=page.now)
        campaign = (
            None
            if experiment.campaign_id is None
            else await get_campaign(tx, experiment.campaign_id)
        )
    language = page.language.value
    sentences = [
        say_compared(results, one, currency=page.currency, language=language, zone=page.zone)
        for one in results.reading.comparisons
    ]
    means = {
        arm: None
        if mean is None
        else write_figure(mean, experiment.metric, currency=page.currency, language=language)
        for arm, mean in results.reading.means.items()
    }
    return render(
        request,
        "pages/experiment.html",
        status_code=HTTPStatus.CONFLICT if refusal else HTTPStatus.OK,
        experiment=experiment,
        badge=STATUSES[experiment.status],
        campaign=campaign,
        results=results,
        metric=name_metric(experiment.metric, language),
        sentences=sentences,
        advice=""
        if experiment.status is ExperimentStatus.DRAFT
        else say_advice(advise(results, zone=page.zone), language),
        means=means,
        arms={size.arm: name_arm(size.arm, language) for size in results.sizes},
        sheet=_arms_sheet(results, means, page),
        differences=difference_chart(results, page),
        sequence=sequence_chart(results, page),
        effects=effect_rows(results, page) if experiment.factors else [],
        checks=list(check_rows(results, page)),
        others=list(metric_rows(results, page)),
        policies=policy_rows(results, page),
        manages=person_of(request).may(Ability.MANAGE),
        refusal=refusal,
    )


def _arms_sheet(
    results: ExperimentResults, means: Mapping[str, str | None], page: PageView
) -> Sheet:
    """The arms as a file has them."""
    language = page.language.value
    say = translations(page.language).gettext
    metric = name_metric(results.experiment.metric, language)
    return Sheet(
        name="arms",
        headings=(say("Arm"), say("Customers"), say("Counted so far"), metric),
        rows=tuple(
            (name_arm(size.arm, language), size.assigned, size.counted, means.get(size.arm))
            for size in results.sizes
        ),
    )


async def _show_form(
    request: Request[Any, Any, Any],
    given: dict[str, str],
    *,
    errors: dict[str, str] | None = None,
    size: str = "",
) -> Response[str]:
    page = page_of(request)
    async with page_snapshot(request) as tx:
        found = await list_campaigns(tx, limit=MOST_CAMPAIGNS)
    say = translations(page.language).gettext
    return render(
        request,
        "pages/experiment_form.html",
        status_code=HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK,
        given=given,
        errors=errors or {},
        size=size,
        arms=range(1, ARMS + 1),
        campaigns=[("", say("Choose"))] + [(one.id, one.name) for one in found.items],
        metrics=[(one.value, name_metric(one, page.language.value)) for one in Metric],
        caps=[(value, say(label)) for value, label in CAPS],
        whats=[(value, say(label)) for value, label in WHATS],
    )


async def _campaign(tx: Tx, given: dict[str, str]) -> Campaign | None:
    return await get_campaign(tx, given["campaign"]) if given["campaign"] else None


def _tell_size(page: PageView, size: SizePlan | CannotPlan, metric: Metric) -> str:
    say = translations(page.language).gettext
    if isinstance(size, CannotPlan):
        reasons = {
            "too_few_customers": N_(
                "Only %(count)s customers were there long enough to learn from."
            ),
            "nothing_varies": N_("Of %(count)s customers none differs: nothing can be sized."),
            "mean_near_zero": N_(
                "What %(count)s customers bring is not clearly away from zero: a share of it cannot be"
                " sized. Choose another figure."
            ),
        }
        return say(reasons[size.reason]) % {"count": formats.number(size.customers)}
    figures = {
        "needed": formats.number(size.needed),
        "audience": formats.number(size.audience),
        "change": formats.percent(size.detectable),
        "mean": write_figure(
            size.mean, metric, currency=page.currency, language=page.language.value
        ),
    }
    text = say(
        "%(needed)s customers are needed; there are %(audience)s, which would show a change of"
        " %(change)s of today's %(mean)s."
    )
    if size.days is None:
        text += " " + say("At the pace at which customers come, they will not be enough.")
    else:
        text += " " + say("The result is complete after %(days)s days.")
        figures["days"] = formats.number(size.days)
    return text % figures


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
