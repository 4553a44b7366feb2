"""Segments: the list, and one segment with its rule in words and some of its members."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from kaquan.console.language import N_
from kaquan.console.listing import Column, Count, Listing, ListShape
from kaquan.console.page import PageView
from kaquan.console.pages.customers import CustomerRow
from kaquan.console.pages.paging import PAGE_SIZE, page_number
from kaquan.console.pages.rules import RuleLine, rule_lines
from kaquan.console.pages.words import SEGMENT_KINDS
from kaquan.console.render import page_of, render
from kaquan.console.session import page_snapshot
from kaquan.customers import list_customer_summaries, list_customers
from kaquan.runtime import Tx
from kaquan.segments import (
    Segment,
    SegmentKind,
    get_segment,
    list_member_ids,
    list_segments,
    parse_definition,
    preview_count,
)

MEMBERS_SHOWN = 10

SHAPE = ListShape(
    columns=(
        Column(key="name", label=N_("Segment")),
        Column(key="kind", label=N_("Kind")),
        Column(key="members", label=N_("Members"), numeric=True),
        Column(key="evaluated", label=N_("Counted")),
    ),
    search_label=N_("Search segments"),
)


@get("/console/segments", include_in_schema=False)
async def show_segments(request: Request[Any, Any, Any]) -> Response[str]:
    """The list of segments, by name."""
    query = SHAPE.read(page_of(request).query)
    number = page_number(query.cursor)
    async with page_snapshot(request) as tx:
        found = await list_segments(tx, search=query.search or None)
    rows = found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    listing = Listing(
        shape=SHAPE,
        query=query,
        rows=rows,
        count=Count(value=len(found)),
        next_cursor=str(number + 1) if len(found) > number * PAGE_SIZE else None,
    )
    return render(request, "pages/segments.html", listing=listing, kinds=SEGMENT_KINDS)


@get("/console/segments/{segment_id:str}", include_in_schema=False)
async def show_segment(request: Request[Any, Any, Any], segment_id: FromPath[str]) -> Response[str]:
    """One segment: its rule in words, how many match now, and some members."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        segment = await get_segment(tx, segment_id)
        names = {one.id: one.name for one in await list_segments(tx)}
        live = segment.kind is not SegmentKind.STATIC
        count = (
            await preview_count(tx, segment.definition, now=page.now)
            if live
            else segment.member_count
        )
        members = await _some_members(tx, segment)
    return render(
        request,
        "pages/segment.html",
        segment=segment,
        count=count,
        lines=_in_words(segment, names, page),
        members=members,
        kinds=SEGMENT_KINDS,
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
