"""Plans: the list with the form that asks for one, and one plan with its certificate."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.experiment_charts import frontier_chart
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.words import Badge
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of, read_form
from kaquan.customers import list_customers
from kaquan.experiments import (
    ExperimentConflict,
    ExperimentKind,
    Preset,
    get_experiment,
    list_experiments,
    list_presets,
)
from kaquan.insight import (
    NotReady,
    PlanDraft,
    PlanStatus,
    approve_plan,
    get_plan,
    list_plans,
    request_plan,
    say_lack,
    say_plan,
)
from kaquan.runtime import Duplicate, InvalidInput, Tx, minor_digits
from kaquan.segments import get_segment, list_segments
from kaquan.trust import Ability

PATH = "/console/plans"
SHOWN = 10
MOST_CHOICES = 200
FIELDS = ("name", "experiment", "segment", "budget")
STATUSES = {
    PlanStatus.PENDING: Badge(N_("Being worked out"), "busy"),
    PlanStatus.READY: Badge(N_("Waits for approval"), "wait"),
    PlanStatus.REFUSED: Badge(N_("Not possible"), "bad"),
    PlanStatus.FAILED: Badge(N_("Failed"), "bad"),
    PlanStatus.APPROVED: Badge(N_("Approved"), "good"),
}
_FORM = {"learnt_from": "experiment", "segment_id": "segment", "budget_minor": "budget"}


@get(PATH, include_in_schema=False)
async def show_plans(request: Request[Any, Any, Any]) -> Response[str]:
    """All plans, the newest first, and the form for another one."""
    return await _show_list(request, dict.fromkeys(FIELDS, ""))


@post(PATH, include_in_schema=False)
async def ask_plan(request: Request[Any, Any, Any]) -> Response[str]:
    """Ask for a plan; a job works it out."""
    page, given = page_of(request), await read_form(request, *FIELDS)
    try:
        budget = _read_budget(given["budget"], page.currency)
        draft = PlanDraft(
            name=given["name"],
            learnt_from=given["experiment"],
            segment_id=given["segment"],
            budget_minor=budget,
        )
        async with page_transaction(request) as tx:
            plan = await request_plan(tx, draft, now=page.now)
    except (InvalidInput, Duplicate) as error:
        field = error.field if isinstance(error, InvalidInput) else "name"
        errors = {_FORM.get(field, field): _say(page, error.message)}
        return await _show_list(request, given, errors=errors)
    return redirect(f"{PATH}/{plan.id}")


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
    except (NotReady, ExperimentConflict) as error:
        return await _show_one(request, plan_id, refusal=_say(page, error.message))
    notice = _say(page, N_("Approved: the campaign's next sending to the segment carries it out."))
    return redirect(f"{PATH}/{plan_id}", notice=notice)


async def _show_list(
    request: Request[Any, Any, Any], given: dict[str, str], *, errors: dict[str, str] | None = None
) -> Response[str]:
    page = page_of(request)
    number = page_number(dict(page.query).get("cursor", ""))
    async with page_snapshot(request) as tx:
        found = await list_plans(tx, limit=PAGE_SIZE, page=number)
        tried = await list_experiments(tx, kind=ExperimentKind.CAMPAIGN, limit=MOST_CHOICES)
        segments = await list_segments(tx, limit=MOST_CHOICES)
    choose = ("", _say(page, N_("Choose")))
    return render(
        request,
        "pages/plans.html",
        status_code=HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK,
        rows=[(plan, STATUSES[plan.status]) for plan in found.items],
        total=found.total,
        next_cursor=found.next_cursor,
        given=given,
        errors=errors or {},
        experiments=[choose] + [(one.id, one.name) for one in tried.items],
        segments=[choose] + [(one.id, one.name) for one in segments],
        asks=person_of(request).may(Ability.MANAGE),
    )


async def _show_one(
    request: Request[Any, Any, Any], plan_id: str, *, refusal: str = ""
) -> Response[str]:
    page = page_of(request)
    language = page.language.value
    async with page_snapshot(request) as tx:
        plan = await get_plan(tx, plan_id)
        learnt = await get_experiment(tx, plan.learnt_from)
        segment = await get_segment(tx, plan.segment_id)
        presets = (
            []
            if plan.experiment_id is None
            else (await list_presets(tx, plan.experiment_id, limit=SHOWN)).items
        )
        people = await _names(tx, presets)
    result = plan.result
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
        lacks=[say_lack(lack, language) for lack in result.lacks] if result else [],
        frontier=frontier_chart(result, page) if result else None,
        presets=[(one, people.get(one.customer_id, one.customer_id)) for one in presets],
        approves=person_of(request).may(Ability.MANAGE),
        refusal=refusal,
    )


async def _names(tx: Tx, presets: list[Preset]) -> dict[str, str]:
    ids = [one.customer_id for one in presets]
    if not ids:
        return {}
    found = await list_customers(tx, ids=ids, limit=len(ids))
    return {one.id: one.name or one.source_id or one.id for one in found.items}


def _read_budget(text: str, currency: str) -> int | None:
    if not text:
        return None
    try:
        minor = Decimal(text) * 10 ** minor_digits(currency)
    except InvalidOperation:
        minor = Decimal(-1)
    if not minor.is_finite() or not 0 <= minor < 10**15 or minor != int(minor):
        raise InvalidInput(N_("This must be an amount of money."), field="budget")
    return int(minor)


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
