"""One plan: its certificate and what became of it, its frontier, and who gets what and why."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.download import MOST_ROWS, Sheet, wanted_name
from kaquan.console.language import N_, translations
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListQuery, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.plan_charts import Step, choose_step, frontier_chart, watch_chart
from kaquan.console.pages.plans import PATH, STATUSES
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of
from kaquan.customers import list_customers
from kaquan.experiments import ExperimentConflict, Preset, get_experiment, list_presets
from kaquan.insight import (
    NoCertificate,
    NotReady,
    Plan,
    PlanResult,
    PlanStatus,
    Why,
    approve_plan,
    get_plan,
    list_watches,
    say_lack,
    say_plan,
    say_reason,
    say_watch,
    watch_plan,
)
from kaquan.runtime import Page, Tx, minor_digits
from kaquan.segments import get_segment, list_segments
from kaquan.trust import Ability

SHEET = "assignments"
LOOKS = 60
_NAMED_AT_ONCE = 5_000
_COLUMNS = (
    Column(key="customer", label=N_("Customer")),
    Column(key="arm", label=N_("Arm")),
    Column(key="why", label=N_("Why")),
    Column(key="gain", label=N_("Expected gain"), numeric=True),
    Column(key="cost", label=N_("Expected cost"), numeric=True),
    Column(key="chance", label=N_("Chance"), numeric=True),
)


class Assigned(msgspec.Struct, frozen=True, kw_only=True):
    """A row of who gets what: the choice, the customer's name, why, and what else would bring."""

    preset: Preset
    name: str
    why: str
    others: tuple[tuple[str, float], ...]


@get(PATH + "/{plan_id:str}", include_in_schema=False)
async def show_plan(request: Request[Any, Any, Any], plan_id: FromPath[str]) -> Response[str]:
    """One plan: its certificate, the frontier, the arms, and who gets what."""
    return await _show_one(request, plan_id)


@post(PATH + "/{plan_id:str}/approve", include_in_schema=False)
async def accept_plan(request: Request[Any, Any, Any], plan_id: FromPath[str]) -> Response[str]:
    """Let a plan be carried out."""
    page = page_of(request)
    try:
        async with page_transaction(request) as tx:
            await approve_plan(tx, plan_id, by=person_of(request).name, now=page.now)
    except NotReady:
        refusal = N_("This plan does not wait for approval.")
        return await _show_one(request, plan_id, refusal=_say(page, refusal))
    except ExperimentConflict:
        refusal = N_("Another experiment or plan runs on the campaign; stop it first.")
        return await _show_one(request, plan_id, refusal=_say(page, refusal))
    notice = _say(page, N_("Approved: the campaign's next sending to the segment carries it out."))
    return redirect(f"{PATH}/{plan_id}", notice=notice)


@post(PATH + "/{plan_id:str}/watch", include_in_schema=False)
async def look_at_plan(request: Request[Any, Any, Any], plan_id: FromPath[str]) -> Response[str]:
    """Look now whether the certificate still holds."""
    page = page_of(request)
    try:
        async with page_transaction(request) as tx:
            watch = await watch_plan(tx, plan_id, now=page.now)
    except NoCertificate:
        refusal = N_("This plan has no certificate in force.")
        return await _show_one(request, plan_id, refusal=_say(page, refusal))
    said = say_watch(watch, currency=page.currency, language=page.language.value)
    return redirect(f"{PATH}/{plan_id}", notice=said)


async def _show_one(
    request: Request[Any, Any, Any], plan_id: str, *, refusal: str = ""
) -> Response[str]:
    page = page_of(request)
    language = page.language.value
    async with page_snapshot(request) as tx:
        plan = await get_plan(tx, plan_id)
        result = plan.result
        shape = _shape(result, page)
        query = shape.read(page.query)
        found = await _list_chosen(tx, plan, query, whole=wanted_name(page) == SHEET)
        looks = (await list_watches(tx, plan.id, limit=LOOKS)).items
        learnt = await get_experiment(tx, plan.learnt_from)
        segment = await get_segment(tx, plan.segment_id)
        names = {one.id: one.name for one in await list_segments(tx, limit=1000)}
        people = await _names(tx, found.items)
    rows = [_assigned(one, people, result, page) for one in found.items]
    return render(
        request,
        "pages/plan.html",
        status_code=HTTPStatus.CONFLICT if refusal else HTTPStatus.OK,
        plan=plan,
        badge=STATUSES[plan.status],
        learnt=learnt,
        segment=segment,
        result=result,
        certificate=say_plan(result, currency=page.currency, language=language)
        if result and not result.lacks
        else "",
        lacks=[say_lack(one, language, currency=page.currency) for one in result.lacks]
        if result
        else [],
        limits=_limits(result, names, page) if result else [],
        frontier=frontier_chart(result, page) if result else None,
        step=_step(plan, page),
        listing=Listing(
            shape=shape,
            query=query,
            rows=rows,
            count=Count(value=found.total),
            next_cursor=found.next_cursor,
        ),
        sheet=_sheet(rows, page),
        watch=say_watch(looks[0], currency=page.currency, language=language) if looks else "",
        looked_at=looks[0].looked_at if looks else None,
        watched=watch_chart(looks, page),
        watching=plan.status is PlanStatus.APPROVED and bool(result and result.certified),
        approves=person_of(request).may(Ability.MANAGE),
        refusal=refusal,
    )


def _shape(result: PlanResult | None, page: PageView) -> ListShape:
    arms = result.arm_names if result else ()
    return ListShape(
        columns=_COLUMNS,
        filters=(
            Filter(
                name="arm",
                label=N_("Arm"),
                choices=tuple(Choice(value=arm, label=arm) for arm in arms),
            ),
            Filter(
                name="why",
                label=N_("Why"),
                choices=tuple(
                    Choice(value=why.value, label=say_reason(why, page.language.value))
                    for why in Why
                ),
            ),
        ),
        searchable=False,
    )


async def _list_chosen(tx: Tx, plan: Plan, query: ListQuery, *, whole: bool) -> Page[Preset]:
    if plan.experiment_id is None:
        return Page([], 0, None)
    return await list_presets(
        tx,
        plan.experiment_id,
        arm=query.filters.get("arm"),
        reason=query.filters.get("why"),
        limit=MOST_ROWS if whole else PAGE_SIZE,
        page=1 if whole else page_number(query.cursor),
    )


async def _names(tx: Tx, presets: Sequence[Preset]) -> dict[str, str]:
    ids = [one.customer_id for one in presets]
    names: dict[str, str] = {}
    for start in range(0, len(ids), _NAMED_AT_ONCE):
        part = ids[start : start + _NAMED_AT_ONCE]
        found = await list_customers(tx, ids=part, limit=len(part))
        names |= {one.id: one.name or one.source_id or one.id for one in found.items}
    return names


def _assigned(
    preset: Preset, people: dict[str, str], result: PlanResult | None, page: PageView
) -> Assigned:
    """The row, with what the arms not given would be expected to bring beside nothing."""
    names = result.arm_names if result else ()
    of_arm = dict(zip(names, preset.expected, strict=False))
    nothing = of_arm.get(result.control, 0.0) if result else 0.0
    return Assigned(
        preset=preset,
        name=people.get(preset.customer_id, preset.customer_id),
        why=say_reason(preset.reason, page.language.value),
        others=tuple(
            (arm, value - nothing)
            for arm, value in of_arm.items()
            if result and arm not in (preset.arm, result.control)
        ),
    )


def _sheet(rows: list[Assigned], page: PageView) -> Sheet:
    scale = 10 ** -minor_digits(page.currency)

    def money(value: float | None) -> float | None:
        return None if value is None else round(value * scale, 4)

    return Sheet(
        name=SHEET,
        headings=("id", *(_say(page, column.label) for column in _COLUMNS)),
        rows=tuple(
            (
                row.preset.customer_id,
                *(row.name, row.preset.arm, row.why),
                *(money(row.preset.gain_minor), money(row.preset.cost_minor)),
                row.preset.propensity,
            )
            for row in rows
        ),
    )


def _limits(
    result: PlanResult, names: dict[str, str], page: PageView
) -> list[tuple[str, float, float, float, bool]]:
    """Each limit's name, use, most, price, and whether it is money."""
    found: list[tuple[str, float, float, float, bool]] = []
    for one in result.limits:
        whose, _, kind = one.name.rpartition("/")
        word = _say(page, N_("Budget") if kind == "budget" else N_("Customers contacted"))
        label = f"{names.get(whose, whose)}: {word}" if whose else word
        found.append((label, one.used, one.most, one.shadow_price, kind == "budget"))
    return found


def _step(plan: Plan, page: PageView) -> Step | None:
    return None if plan.result is None else choose_step(plan.result, dict(page.query).get("step"))


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
