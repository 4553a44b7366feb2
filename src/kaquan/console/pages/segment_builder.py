"""Building a segment: its rule tried while it is made, explained for a person, and kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.rules import RuleLine, rule_lines
from kaquan.console.pages.segment_catalogue import read_catalogue
from kaquan.console.pages.segment_faults import Fault, fault_of, read_definition
from kaquan.console.pages.words import CHANNELS
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of, read_form
from kaquan.customers import Customer, get_customer, list_customers
from kaquan.runtime import Duplicate, InvalidInput, NotFound, Tx
from kaquan.segments import (
    Explanation,
    Reach,
    Segment,
    SegmentKind,
    WrittenQuery,
    check_definition,
    create_segment,
    explain_membership,
    get_segment,
    list_segments,
    measure_reach,
    parse_definition,
    sample_audience,
    update_segment,
    write_audience_query,
)
from kaquan.trust import Ability

SEGMENTS_PATH = "/console/segments"
SAMPLE_SHOWN = 8
LIKELY_SHOWN = 6
LONGEST_ADDRESS = 6_000
EVERYBODY: Mapping[str, Any] = {"all": []}

AnyRequest = Request[Any, Any, Any]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a rule that is being made."""

    reach: Reach
    lines: list[RuleLine]
    people: list[Customer]
    query: WrittenQuery
    list_href: str
    reach_hrefs: Mapping[str, str]


@get(f"{SEGMENTS_PATH}/new", include_in_schema=False)
async def show_builder(request: AnyRequest) -> Response[str]:
    """An empty builder, or one that begins with the rule in the address."""
    given = dict(page_of(request).query)
    text = given.get("definition", "")
    try:
        definition = read_definition(text) if text else EVERYBODY
    except InvalidInput:
        definition = EVERYBODY
    return await _show(request, written=_write(definition), name=given.get("name", "")[:255])


@get(f"{SEGMENTS_PATH}/{{segment_id:str}}/edit", include_in_schema=False)
async def show_editor(request: AnyRequest, segment_id: FromPath[str]) -> Response[str]:
    """The builder with a segment's rule."""
    async with page_snapshot(request) as tx:
        segment = await get_segment(tx, segment_id)
    return await _show(
        request, written=_write(segment.definition), name=segment.name, segment=segment
    )


@post(f"{SEGMENTS_PATH}/try", include_in_schema=False)
async def try_rule(request: AnyRequest) -> Response[str]:
    """How many a rule finds, who for example, and its SQL; or what is wrong with it and where."""
    page = page_of(request)
    given = await read_form(request, "definition", "exact")
    try:
        definition = read_definition(given["definition"])
        async with page_snapshot(request) as tx:
            trial = await _try(tx, definition, page=page, exact=given["exact"] == "yes")
    except InvalidInput as error:
        return _refuse(request, fault_of(error, page))
    return render(request, "pages/segment_trial.html", trial=trial)


@post(f"{SEGMENTS_PATH}/explain", include_in_schema=False)
async def explain_rule(request: AnyRequest) -> Response[str]:
    """Why a person is in the rule's audience or not, condition by condition."""
    page = page_of(request)
    given = await read_form(request, "definition", "customer")
    explanation: Explanation | None = None
    person: Customer | None = None
    likely: list[Customer] = []
    try:
        definition = read_definition(given["definition"])
        async with page_snapshot(request) as tx:
            likely = await _find_people(tx, given["customer"])
            if len(likely) == 1:
                person = likely[0]
                explanation = await explain_membership(tx, definition, person.id, now=page.now)
    except InvalidInput as error:
        return _refuse(request, fault_of(error, page))
    return render(
        request,
        "pages/segment_explanation.html",
        explanation=explanation,
        person=person,
        likely=likely,
        asked=given["customer"],
        language=page.language.value,
    )


@post(SEGMENTS_PATH, include_in_schema=False)
async def keep_segment(request: AnyRequest) -> Response[str]:
    """Store a new segment that follows its rule, or one that keeps whom the rule finds now."""
    page = page_of(request)
    given = await read_form(request, "name", "definition", "kind")
    try:
        definition = read_definition(given["definition"])
        kind = SegmentKind.STATIC if given["kind"] == "fixed" else SegmentKind.AUTO_UPDATE
        async with page_transaction(request) as tx:
            made = await create_segment(tx, given["name"], definition, kind=kind, now=page.now)
    except (InvalidInput, Duplicate) as error:
        return await _show(
            request,
            written=given["definition"],
            name=given["name"],
            kind=given["kind"],
            fault=fault_of(error, page),
        )
    return redirect(f"{SEGMENTS_PATH}/{made.id}", notice=_say(page, N_("The segment is kept.")))


@post(f"{SEGMENTS_PATH}/{{segment_id:str}}", include_in_schema=False)
async def change_segment(request: AnyRequest, segment_id: FromPath[str]) -> Response[str]:
    """Give a segment another name or rule."""
    page = page_of(request)
    given = await read_form(request, "name", "definition")
    async with page_snapshot(request) as tx:
        segment = await get_segment(tx, segment_id)
    try:
        definition = read_definition(given["definition"])
        async with page_transaction(request) as tx:
            # A fixed segment's members are settled anew by a rule, so only a changed one is given.
            checked = await check_definition(tx, definition, own_id=segment.id)
            changed = None if checked == segment.definition else definition
            await update_segment(
                tx, segment.id, name=given["name"], definition=changed, now=page.now
            )
    except (InvalidInput, Duplicate) as error:
        return await _show(
            request,
            written=given["definition"],
            name=given["name"],
            segment=segment,
            fault=fault_of(error, page),
        )
    return redirect(f"{SEGMENTS_PATH}/{segment.id}", notice=_say(page, N_("Saved.")))


async def _show(
    request: AnyRequest,
    *,
    written: str,
    name: str,
    segment: Segment | None = None,
    kind: str = "live",
    fault: Fault | None = None,
) -> Response[str]:
    page = page_of(request)
    async with page_snapshot(request) as tx:
        catalogue = await read_catalogue(tx, page=page, own_id=segment.id if segment else "")
    return render(
        request,
        "pages/segment_builder.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK,
        catalogue=catalogue,
        written=written,
        name=name,
        segment=segment,
        kind=kind,
        fault=fault,
        keeps=person_of(request).may(Ability.MANAGE),
    )


async def _try(tx: Tx, definition: Mapping[str, Any], *, page: PageView, exact: bool) -> Trial:
    checked = await check_definition(tx, definition)
    names = {one.id: one.name for one in await list_segments(tx)}
    reach = await measure_reach(tx, checked, channels=tuple(CHANNELS), exact=exact, now=page.now)
    ids = await sample_audience(tx, checked, limit=SAMPLE_SHOWN, now=page.now)
    people = (await list_customers(tx, ids=ids, limit=SAMPLE_SHOWN)).items if ids else []
    return Trial(
        reach=reach,
        lines=rule_lines(parse_definition(checked), page=page, segments=names),
        people=people,
        query=await write_audience_query(tx, checked, now=page.now),
        list_href=list_href(checked),
        reach_hrefs={
            channel: list_href({"all": [checked, {"reachable": {"channel": channel}}]})
            for channel in reach.channels
        },
    )


def list_href(definition: Mapping[str, Any]) -> str:
    """The list of whom a rule finds; '' for a rule that is too long for an address."""
    written = json.dumps(definition, ensure_ascii=False, separators=(",", ":"))
    href = "/console/customers?" + urlencode({"definition": written})
    return href if len(href) <= LONGEST_ADDRESS else ""


async def _find_people(tx: Tx, text: str) -> list[Customer]:
    """The customer with this id, ours or the merchant's; else all whom a search finds."""
    if not text:
        return []
    try:
        return [await get_customer(tx, text)]
    except NotFound:
        return (await list_customers(tx, search=text, limit=LIKELY_SHOWN)).items


def _refuse(request: AnyRequest, fault: Fault) -> Response[str]:
    # While a rule is being made it is incomplete now and then: an answer, not a failure.
    return render(request, "pages/segment_fault.html", fault=fault)


def _write(definition: Mapping[str, Any]) -> str:
    return json.dumps(definition, ensure_ascii=False, indent=2)


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
