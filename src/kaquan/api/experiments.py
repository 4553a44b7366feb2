"""``/v1/kaquan/experiments``: our own addition, arms of campaigns and what they showed."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.experiment_views import ResultsView, view_results
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads, writes
from kaquan.experiments import (
    EXPERIMENT_ORDERS,
    Experiment,
    ExperimentDraft,
    ExperimentKind,
    ExperimentStatus,
    count_placements,
    get_experiment,
    list_experiments,
    start_experiment,
    stop_experiment,
)
from kaquan.insight import (
    CannotPlan,
    SizePlan,
    SizeRequest,
    plan_size,
    read_results,
)
from kaquan.outreach import define_experiment
from kaquan.runtime import InvalidInput, get_project

PATH = "/kaquan/experiments"


class ExperimentView(Experiment, frozen=True, kw_only=True):
    """An experiment and how many customers each of its arms has."""

    customers: dict[str, int]
    object: Literal["experiment"] = "experiment"


class ExperimentList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the experiments."""

    data: list[ExperimentView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class SizeView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How many customers are needed, or why that cannot be said (``cannot_say``)."""

    customers_seen: int
    cannot_say: str | None = None
    mean: float | None = None
    deviation: float | None = None
    explained: float | None = None
    needed: int | None = None
    per_arm: tuple[int, ...] | None = None
    detectable: float | None = None
    audience: int | None = None
    arrivals_a_day: float | None = None
    days: int | None = None
    object: Literal["experiment_size"] = "experiment_size"


def _views(
    experiments: Sequence[Experiment], counts: dict[str, dict[str, int]]
) -> list[ExperimentView]:
    return [
        ExperimentView(
            **{name: getattr(one, name) for name in Experiment.__struct_fields__},
            customers=counts.get(one.id, {}),
        )
        for one in experiments
    ]


@writes("POST", PATH, "Create experiment")
async def make_experiment(data: JSONBody[ExperimentDraft], call: CurrentCall) -> ExperimentView:
    """Create a draft of an experiment on a campaign, or of the project's global holdout."""
    async with call.transaction() as tx:
        (view,) = _views([await define_experiment(tx, data, now=call.now)], {})
        return view


@reads(PATH, "List experiments")
async def read_experiments(
    call: CurrentCall,
    paging: CurrentPaging,
    status: FromQuery[ExperimentStatus | None] = None,
    kind: FromQuery[ExperimentKind | None] = None,
    campaign_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> ExperimentList:
    """List experiments, the newest first unless ``order`` says otherwise."""
    order = paging.order or "-created_at"
    if order not in EXPERIMENT_ORDERS:
        message = f"'order' is one of {', '.join(EXPERIMENT_ORDERS)}."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        found = await list_experiments(
            tx,
            status=status,
            kind=kind,
            campaign_id=campaign_id,
            order=order,
            limit=paging.limit,
            page=paging.page,
        )
        counts = await count_placements(tx, [one.id for one in found.items])
    return ExperimentList(
        data=_views(found.items, counts),
        total=found.total,
        has_more=paging.has_more(found.total),
    )


@reads(PATH + "/{experiment_id:str}", "Get experiment")
async def read_experiment(experiment_id: FromPath[str], call: CurrentCall) -> ExperimentView:
    """Get an experiment by id or name."""
    async with call.transaction() as tx:
        experiment = await get_experiment(tx, experiment_id)
        (view,) = _views([experiment], await count_placements(tx, [experiment.id]))
        return view


@reads(PATH + "/{experiment_id:str}/results", "Get experiment's results")
async def read_experiment_results(
    experiment_id: FromPath[str],
    call: CurrentCall,
    control: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> ResultsView:
    """Compare the arms with the first one, or with another ``control``, such as the holdout."""
    async with call.transaction() as tx:
        experiment = await get_experiment(tx, experiment_id)
        results = await read_results(tx, experiment, control=control, now=call.now)
        return view_results(results, currency=(await get_project(tx)).currency)


@writes("POST", PATH + "/{experiment_id:str}/start", "Start experiment")
async def begin_experiment(experiment_id: FromPath[str], call: CurrentCall) -> ExperimentView:
    """Let a draft run: from now on, sendings of the campaign give each arm its own variant."""
    async with call.transaction() as tx:
        experiment = await get_experiment(tx, experiment_id)
        if experiment.kind is ExperimentKind.PLAN:
            message = "A plan is started by approving it."
            raise InvalidInput(message, field="experiment_id")
        (view,) = _views([await start_experiment(tx, experiment.id, now=call.now)], {})
        return view


@writes("POST", PATH + "/{experiment_id:str}/stop", "Stop experiment")
async def end_experiment(experiment_id: FromPath[str], call: CurrentCall) -> ExperimentView:
    """End an experiment for good; outcomes of those who are in it are still counted."""
    async with call.transaction() as tx:
        experiment = await stop_experiment(tx, experiment_id, now=call.now)
        (view,) = _views([experiment], await count_placements(tx, [experiment.id]))
        return view


@writes("POST", PATH + "/planner", "Size an experiment")
async def size_experiment(data: JSONBody[SizeRequest], call: CurrentCall) -> SizeView:
    """Say how many customers show a change, by what the project's own customers do."""
    async with call.transaction() as tx:
        plan = await plan_size(tx, data, now=call.now)
    return _view_size(plan)


def _view_size(plan: SizePlan | CannotPlan) -> SizeView:
    if isinstance(plan, CannotPlan):
        return SizeView(customers_seen=plan.customers, cannot_say=plan.reason)
    figures = {
        name: getattr(plan, name) for name in SizePlan.__struct_fields__ if name != "customers"
    }
    return SizeView(customers_seen=plan.customers, **figures)


def experiments_router() -> Router:
    """Routes of experiments."""
    return Router(
        path="/",
        route_handlers=[
            make_experiment,
            read_experiments,
            size_experiment,
            read_experiment,
            read_experiment_results,
            begin_experiment,
            end_experiment,
        ],
        tags=["Experiments"],
    )
