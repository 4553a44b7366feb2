"""Segments: the list, one segment with its rule, size and members, and how segments overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.console import formats
from kaquan.console.chart import Chart, ChartKind, Series
from kaquan.console.language import N_, translations
from kaquan.console.listing import Choice, Column, Count, Filter, Listing, ListQuery, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.customers import CustomerRow
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.rules import RuleLine, rule_lines
from kaquan.console.pages.segment_builder import SEGMENTS_PATH, list_href
from kaquan.console.pages.segment_changes import TREND_DAYS, changes_href
from kaquan.console.pages.words import SEGMENT_KINDS
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_snapshot, page_transaction, person_of
from kaquan.customers import list_customer_summaries, list_customers
from kaquan.runtime import Tx
from kaquan.segments import (
    DailyChange,
    Segment,
    SegmentInUse,
    SegmentKind,
    delete_segment,
    get_segment,
    list_daily_changes,
    list_member_ids,
    list_referring,
    list_segments,
    measure_regions,
    parse_definition,
    preview_count,
)
from kaquan.trust import Ability

MEMBERS_SHOWN = 10
TREND_IN_LIST_DAYS = 7
MOST_OVERLAPPED = 3

SHAPE = ListShape(
    columns=(
        Column(key="name", label=N_("Segment"), sortable=True),
        Column(key="kind", label=N_("Kind")),
        Column(key="members", label=N_("Members"), sortable=True, numeric=True),
        Column(key="trend", label=N_("Last 7 days"), numeric=True),
        Column(key="evaluated", label=N_("Counted"), sortable=True),
    ),
    filters=(
        Filter(
            name="kind",
            label=N_("Kind"),
            choices=(
                Choice(value="live", label=N_("Follows its rule")),
                Choice(value="fixed", label=N_("Frozen")),
            ),
        ),
    ),
    search_label=N_("Search segments"),
    default_sort="name",
)


class SegmentRow(msgspec.Struct, frozen=True):
    """A segment of the list, with how many entered and left it lately."""

    segment: Segment
    entered: int
    left: int

    @property
    def changes_href(self) -> str:
        """Where they are listed."""
        return changes_href(self.segment.id, days=TREND_IN_LIST_DAYS)


class Region(msgspec.Struct, frozen=True):
    """Who is in exactly these segments (by their places), how many, and where they are listed."""

    places: frozenset[int]
    count: int
    href: str


@get(SEGMENTS_PATH, include_in_schema=False)
async def show_segments(request: Request[Any, Any, Any]) -> Response[str]:
    """The list of segments."""
    page = page_of(request)
    query = SHAPE.read(page.query)
    number = page_number(query.cursor)
    async with page_snapshot(request) as tx:
        found = _narrowed(await list_segments(tx, search=query.search or None), query)
        shown = found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        changes = await _changes(tx, shown, days=TREND_IN_LIST_DAYS, page=page)
    listing = Listing(
        shape=SHAPE,
        query=query,
        rows=[_with_trend(one, changes) for one in shown],
        count=Count(value=len(found)),
        next_cursor=str(number + 1) if len(found) > number * PAGE_SIZE else None,
    )
    return render(
        request,
        "pages/segments.html",
        listing=listing,
        kinds=SEGMENT_KINDS,
        keeps=person_of(request).may(Ability.MANAGE),
    )


@get(f"{SEGMENTS_PATH}/{{segment_id:str}}", include_in_schema=False)
async def show_segment(request: Request[Any, Any, Any], segment_id: FromPath[str]) -> Response[str]:
    """One segment: its rule in words, how many match now, its trend and some members."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        segment = await get_segment(tx, segment_id)
        others = await list_segments(tx)
        live = segment.kind is not SegmentKind.STATIC
        count = (
            await preview_count(tx, segment.definition, now=page.now)
            if live
            else segment.member_count
        )
        members = await _some_members(tx, segment)
        changes = await _changes(tx, [segment], days=TREND_DAYS, page=page)
        referring = await list_referring(tx, segment.id)
    return render(
        request,
        "pages/segment.html",
        segment=segment,
        count=count,
        lines=_in_words(segment, {one.id: one.name for one in others}, page),
        members=members,
        kinds=SEGMENT_KINDS,
        trend=_trend_chart(segment, changes, page=page),
        moves=[
            (entered, sum(one.entered if entered else one.left for one in changes), href)
            for entered in (True, False)
            if (href := changes_href(segment.id, days=TREND_DAYS, entered=entered))
        ],
        others=[one for one in others if one.id != segment.id],
        referring=referring,
        keeps=person_of(request).may(Ability.MANAGE),
    )


@post(f"{SEGMENTS_PATH}/{{segment_id:str}}/delete", include_in_schema=False)
async def remove_segment(
    request: Request[Any, Any, Any], segment_id: FromPath[str]
) -> Response[str]:
    """Delete a segment, unless something uses it: then say what."""
    page = page_of(request)
    say = translations(page.language).gettext
    async with page_snapshot(request) as tx:
        segment = await get_segment(tx, segment_id)
        referring = [one.name for one in await list_referring(tx, segment.id)]
    try:
        async with page_transaction(request) as tx:
            await delete_segment(tx, segment.id)
    except SegmentInUse:
        reason = (
            say(N_("Not deleted: other segments use it: %(names)s."))
            % {"names": _listed(referring)}
            if referring
            else say(N_("Not deleted: something was sent to it, and its record is kept."))
        )
        return redirect(f"{SEGMENTS_PATH}/{segment.id}", notice=reason)
    notice = say(N_("The segment “%(name)s” is deleted.")) % {"name": segment.name}
    return redirect(SEGMENTS_PATH, notice=notice)


@get(f"{SEGMENTS_PATH}/overlap", include_in_schema=False)
async def show_overlap(request: Request[Any, Any, Any]) -> Response[str]:
    """How many customers two or three segments share."""
    page = page_of(request)
    asked = list(dict.fromkeys(value for name, value in page.query if name == "of"))
    regions: list[Region] = []
    async with page_snapshot(request) as tx:
        known = await list_segments(tx)
        by_id = {one.id: one for one in known}
        chosen = [by_id[one] for one in asked if one in by_id][:MOST_OVERLAPPED]
        if len(chosen) > 1:
            rules = [{"attribute": "segment", "operator": "is", "value": one.id} for one in chosen]
            found = await measure_regions(tx, rules, now=page.now)
            regions = [
                Region(places, count, list_href(_exactly(rules, places)))
                for places, count in found.items()
            ]
    regions.sort(key=lambda one: (-len(one.places), sorted(one.places)))
    return render(
        request,
        "pages/segment_overlap.html",
        known=known,
        chosen=chosen,
        places=range(MOST_OVERLAPPED),
        regions=regions,
        total=sum(one.count for one in regions),
        sizes=[
            sum(one.count for one in regions if place in one.places) for place in range(len(chosen))
        ],
    )


def _exactly(rules: Sequence[Mapping[str, Any]], places: frozenset[int]) -> Mapping[str, Any]:
    """The rule of those who are in the segments of these places and in no other."""
    return {"all": [rule if place in places else {"not": rule} for place, rule in enumerate(rules)]}


def _narrowed(found: list[Segment], query: ListQuery) -> list[Segment]:
    kind = query.filters.get("kind")
    kept = [
        one
        for one in found
        if kind is None or (one.kind is SegmentKind.STATIC) == (kind == "fixed")
    ]
    if query.sort in _ORDERS:
        kept.sort(key=_ORDERS[query.sort], reverse=query.descending)
    return kept


def _by_evaluation(one: Segment) -> tuple[bool, float]:
    return one.evaluated_at is not None, one.evaluated_at.timestamp() if one.evaluated_at else 0.0


_ORDERS: Mapping[str, Callable[[Segment], Any]] = {
    "name": lambda one: one.name.lower(),
    "members": lambda one: one.member_count,
    "evaluated": _by_evaluation,
}


async def _changes(
    tx: Tx, segments: Sequence[Segment], *, days: int, page: PageView
) -> list[DailyChange]:
    since = (page.now.astimezone(page.zone) - timedelta(days=days - 1)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return await list_daily_changes(
        tx, segment_ids=[one.id for one in segments], since=since, zone=page.zone.key
    )


def _with_trend(segment: Segment, changes: list[DailyChange]) -> SegmentRow:
    own = [one for one in changes if one.segment_id == segment.id]
    return SegmentRow(segment, sum(one.entered for one in own), sum(one.left for one in own))


def _trend_chart(segment: Segment, changes: list[DailyChange], *, page: PageView) -> Chart | None:
    """The sizes at the end of each day, counted back from the size that is known now."""
    if segment.kind is not SegmentKind.AUTO_UPDATE or segment.evaluated_at is None:
        return None
    say = translations(page.language).gettext
    moves = {one.day: one.entered - one.left for one in changes}
    today = page.now.astimezone(page.zone).date()
    first = segment.created_at.astimezone(page.zone).date()
    size, sizes, days = segment.member_count, list[float](), list[str]()
    for back in range(TREND_DAYS):
        day = today - timedelta(days=back)
        if day < first:
            break
        sizes.insert(0, size)
        days.insert(0, formats.day(day, language=page.language, zone=page.zone))
        size -= moves.get(day, 0)
    entered, left = (sum(getattr(one, key) for one in changes) for key in ("entered", "left"))
    text = say(N_("In the last 30 days %(entered)s entered and %(left)s left; now %(size)s.")) % {
        "entered": formats.number(entered),
        "left": formats.number(left),
        "size": formats.number(segment.member_count),
    }
    return Chart(
        name="segment-trend",
        kind=ChartKind.LINE,
        title=say(N_("Size day by day")),
        text=text,
        categories=tuple(days),
        series=(Series(name=say(N_("Members")), values=tuple(sizes)),),
        category_label=say(N_("Day")),
    )


async def _some_members(tx: Tx, segment: Segment) -> list[CustomerRow]:
    ids = await list_member_ids(tx, segment.id, limit=MEMBERS_SHOWN)
    if not ids:
        return []
    found = await list_customers(tx, ids=ids, order="-spend", limit=MEMBERS_SHOWN)
    summaries = await list_customer_summaries(tx, ids)
    return [CustomerRow(customer, summaries[customer.id]) for customer in found.items]


def _in_words(segment: Segment, names: dict[str, str], page: PageView) -> list[RuleLine]:
    return rule_lines(parse_definition(segment.definition), page=page, segments=names)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5])
