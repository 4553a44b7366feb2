"""``/v1/kaquan/plans``: our own addition, who should get which arm, and whether that is known."""

from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads, writes
from kaquan.experiments import Preset, list_presets
from kaquan.insight import (
    PLAN_ORDERS,
    Plan,
    PlanDraft,
    PlanStatus,
    PlanWatch,
    Why,
    approve_plan,
    get_plan,
    list_plans,
    list_watches,
    request_plan,
    say_plan,
    say_watch,
    watch_plan,
)
from kaquan.runtime import InvalidInput, NotFound, Tx, get_project

PATH = "/kaquan/plans"
_WATCH_ORDERS = (None, "looked_at", "-looked_at")


class SaidView(msgspec.Struct, frozen=True, kw_only=True):
    """The same sentence in both languages."""

    zh: str
    en: str


class PlanView(Plan, frozen=True, kw_only=True):
    """A plan and what it says: its certificate, or what it lacks."""

    certificate: SaidView | None
    object: Literal["plan"] = "plan"


class PlanList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the plans."""

    data: list[PlanView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class AssignmentList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what a plan chose, the largest expected gain first; money in minor units."""

    data: list[Preset]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class WatchView(PlanWatch, frozen=True, kw_only=True):
    """A look at a plan's outcomes and what it says; money in minor units a customer."""

    said: SaidView
    object: Literal["plan_watch"] = "plan_watch"


class WatchList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the looks at a plan, the latest first."""

    data: list[WatchView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_watch(watch: PlanWatch, *, currency: str) -> WatchView:
    """Map a look to the wire."""
    return WatchView(
        **{name: getattr(watch, name) for name in PlanWatch.__struct_fields__},
        said=SaidView(
            zh=say_watch(watch, currency=currency, language="zh"),
            en=say_watch(watch, currency=currency, language="en"),
        ),
    )


def view_plan(plan: Plan, *, currency: str) -> PlanView:
    """Map a plan to the wire."""
    said = None
    if plan.result is not None:
        said = SaidView(
            zh=say_plan(plan.result, currency=currency, language="zh"),
            en=say_plan(plan.result, currency=currency, language="en"),
        )
    return PlanView(
        **{name: getattr(plan, name) for name in Plan.__struct_fields__}, certificate=said
    )


async def _view(tx: Tx, plan: Plan) -> PlanView:
    return view_plan(plan, currency=(await get_project(tx)).currency)


@writes("POST", PATH, "Create plan")
async def ask_for_plan(data: JSONBody[PlanDraft], call: CurrentCall) -> PlanView:
    """Ask for a plan; a job learns from the experiment and decides for the segment.

    A plan that cannot be made is ``refused`` and says what is lacking. Nothing is sent before
    somebody approves.
    """
    async with call.transaction() as tx:
        return await _view(tx, await request_plan(tx, data, now=call.now))


@reads(PATH, "List plans")
async def read_plans(
    call: CurrentCall, paging: CurrentPaging, status: FromQuery[PlanStatus | None] = None
) -> PlanList:
    """List plans, the newest first unless ``order`` says otherwise."""
    order = paging.order or "-created_at"
    if order not in PLAN_ORDERS:
        message = f"'order' is one of {', '.join(PLAN_ORDERS)}."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        found = await list_plans(
            tx, status=status, order=order, limit=paging.limit, page=paging.page
        )
        data = [await _view(tx, plan) for plan in found.items]
    return PlanList(data=data, total=found.total, has_more=paging.has_more(found.total))


@reads(PATH + "/{plan_id:str}", "Get plan")
async def read_plan(plan_id: FromPath[str], call: CurrentCall) -> PlanView:
    """Get a plan by id or name."""
    async with call.transaction() as tx:
        return await _view(tx, await get_plan(tx, plan_id))


@reads(PATH + "/{plan_id:str}/assignments", "List plan's assignments")
async def read_plan_assignments(
    plan_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    arm: Annotated[str | None, QueryParameter(max_length=255)] = None,
    reason: FromQuery[Why | None] = None,
) -> AssignmentList:
    """List who gets what by a plan, why, and what is expected of it.

    ``chances`` and ``expected`` (net value) are in the order of the plan's ``result.arm_names``.
    """
    async with call.transaction() as tx:
        plan = await get_plan(tx, plan_id)
        if plan.experiment_id is None:
            raise NotFound("assignment of plan", plan.id)
        found = await list_presets(
            tx,
            plan.experiment_id,
            arm=arm,
            reason=reason,
            limit=paging.limit,
            page=paging.page,
        )
    return AssignmentList(
        data=found.items, total=found.total, has_more=paging.has_more(found.total)
    )


@writes("POST", PATH + "/{plan_id:str}/approve", "Approve plan")
async def accept_plan(plan_id: FromPath[str], call: CurrentCall) -> PlanView:
    """Approve a plan: the campaign's next sendings give everybody in it what it chose."""
    async with call.transaction() as tx:
        return await _view(tx, await approve_plan(tx, plan_id, by=call.caller.actor, now=call.now))


@writes("POST", PATH + "/{plan_id:str}/watch", "Watch plan")
async def look_at_plan(plan_id: FromPath[str], call: CurrentCall) -> WatchView:
    """Look now whether an approved plan's certificate still holds; a job does so every day.

    One that no longer holds is withdrawn: nothing more of the plan is sent.
    """
    async with call.transaction() as tx:
        watch = await watch_plan(tx, plan_id, now=call.now)
        return view_watch(watch, currency=(await get_project(tx)).currency)


@reads(PATH + "/{plan_id:str}/watches", "List plan's watches")
async def read_plan_watches(
    plan_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> WatchList:
    """List the looks at an approved plan's outcomes, by time, the latest first if not asked."""
    if paging.order not in _WATCH_ORDERS:
        message = "'order' is looked_at or -looked_at."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        plan = await get_plan(tx, plan_id)
        found = await list_watches(
            tx,
            plan.id,
            limit=paging.limit,
            page=paging.page,
            ascending=paging.order == "looked_at",
        )
        currency = (await get_project(tx)).currency
    return WatchList(
        data=[view_watch(one, currency=currency) for one in found.items],
        total=found.total,
        has_more=paging.has_more(found.total),
    )


def plans_router() -> Router:
    """Routes of plans."""
    return Router(
        path="/",
        route_handlers=[
            ask_for_plan,
            read_plans,
            read_plan,
            read_plan_assignments,
            accept_plan,
            look_at_plan,
            read_plan_watches,
        ],
        tags=["Plans"],
    )
