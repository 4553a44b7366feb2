"""Plans: the list, and the form that asks for one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get, post

from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.plan_form import (
    CAPS,
    FIELDS,
    FRESH,
    LIMITS,
    field_of,
    read_plan,
    words_of,
)
from kaquan.console.pages.words import Badge
from kaquan.console.render import page_of, redirect, render
from kaquan.console.sentences import say_error
from kaquan.console.session import page_snapshot, page_transaction, person_of, read_form
from kaquan.experiments import ExperimentKind, list_experiments
from kaquan.insight import PlanStatus, list_plans, request_plan
from kaquan.runtime import Duplicate, InvalidInput, NotFound
from kaquan.segments import list_segments
from kaquan.trust import Ability

PATH = "/console/plans"
MOST_CHOICES = 200
STATUSES = {
    PlanStatus.PENDING: Badge(N_("Being worked out"), "busy"),
    PlanStatus.READY: Badge(N_("Waits for approval"), "wait"),
    PlanStatus.REFUSED: Badge(N_("Not possible"), "bad"),
    PlanStatus.FAILED: Badge(N_("Failed"), "bad"),
    PlanStatus.APPROVED: Badge(N_("Approved"), "good"),
    PlanStatus.WITHDRAWN: Badge(N_("Withdrawn"), "bad"),
}


@get(PATH, include_in_schema=False)
async def show_plans(request: Request[Any, Any, Any]) -> Response[str]:
    """All plans, the newest first, and the form for another one."""
    return await _show_list(request, FRESH)


@post(PATH, include_in_schema=False)
async def ask_plan(request: Request[Any, Any, Any]) -> Response[str]:
    """Ask for a plan; a job works it out."""
    page, given = page_of(request), await read_form(request, *FIELDS)
    try:
        draft = read_plan(given, currency=page.currency)
        async with page_transaction(request) as tx:
            plan = await request_plan(tx, draft, now=page.now)
    except InvalidInput as error:
        field = field_of(error, given)
        told = words_of(error, field)
        errors = {field: _say(page, told) if told else say_error(error, page)}
        return await _show_list(request, given, errors=errors)
    except Duplicate:
        errors = {"name": _say(page, N_("There is a plan of this name already."))}
        return await _show_list(request, given, errors=errors)
    except NotFound as error:
        field = "experiment" if error.kind == "experiment" else "segment"
        errors = {field: _say(page, N_("This is not there any more: choose again."))}
        return await _show_list(request, given, errors=errors)
    return redirect(f"{PATH}/{plan.id}")


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
        caps=range(1, CAPS + 1),
        limited=any(given[name] for name in LIMITS),
        asks=person_of(request).may(Ability.MANAGE),
    )


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
