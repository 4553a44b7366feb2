"""``/v1/kaquan/merges``: making one person of two, and two of one again."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.customer_views import SimpleCustomer, view_simple_customer
from kaquan.api.listing import CurrentPaging, read_unordered_paging
from kaquan.api.routes import Dry, reads, writes
from kaquan.api.values import Identifier, ShortText
from kaquan.customers import (
    Merge,
    get_merge,
    list_merges,
    merge_customers,
    preview_merge,
    undo_merge,
)


class MergePair(msgspec.Struct, frozen=True, kw_only=True):
    """Who goes on and who becomes part of them, by our ids or the merchant's."""

    survivor: Identifier
    merged: Identifier


class MergeBody(MergePair, frozen=True, kw_only=True):
    """What to merge and why."""

    reason: ShortText = "Merged by hand."


class PreviewView(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge would do: fields taken over, fields in which both differ, records that move."""

    survivor: SimpleCustomer
    merged: SimpleCustomer
    filled: dict[str, Any]
    conflicts: list[str]
    moves: dict[str, int]
    points: int
    object: Literal["merge_preview"] = "merge_preview"


class MergeView(msgspec.Struct, frozen=True, kw_only=True):
    """A merge as answered: who, by whom, when, why; ``moved`` counts records by kind."""

    id: str
    survivor_id: str
    merged_id: str
    reason: str
    score_ppm: int | None
    moved: dict[str, int]
    merged_by: str
    merged_at: datetime
    undone_by: str | None
    undone_at: datetime | None
    may_be_undone: bool
    object: Literal["merge"] = "merge"


class MergeList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the merges, newest first."""

    data: list[MergeView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_merge(merge: Merge) -> MergeView:
    """Map a merge to the wire, without what profiles said before it."""
    return MergeView(
        id=merge.id,
        survivor_id=merge.survivor_id,
        merged_id=merge.merged_id,
        reason=merge.reason,
        score_ppm=merge.score_ppm,
        moved={kind: len(keys) for kind, keys in merge.moved.items() if keys},
        merged_by=merge.merged_by,
        merged_at=merge.merged_at,
        undone_by=merge.undone_by,
        undone_at=merge.undone_at,
        may_be_undone=merge.may_be_undone,
    )


@writes("POST", "/preview", "Preview merge", dry=Dry.ALWAYS)
async def try_merge(data: JSONBody[MergePair], call: CurrentCall) -> PreviewView:
    """Say what merging two people would do; nothing is changed."""
    async with call.transaction() as tx:
        found = await preview_merge(tx, data.survivor, data.merged)
    return PreviewView(
        survivor=view_simple_customer(found.survivor),
        merged=view_simple_customer(found.merged),
        filled=found.filled,
        conflicts=list(found.conflicts),
        moves=found.moves,
        points=found.points,
    )


@writes("POST", "/", "Merge customers")
async def create_merge(data: JSONBody[MergeBody], call: CurrentCall) -> MergeView:
    """Make one person part of another; ids of both then name the survivor."""
    async with call.transaction() as tx:
        merge = await merge_customers(
            tx,
            data.survivor,
            data.merged,
            by=call.caller.actor,
            reason=data.reason,
            now=call.now,
        )
    return view_merge(merge)


@reads("/", "List merges", paging=read_unordered_paging)
async def read_merges(call: CurrentCall, paging: CurrentPaging) -> MergeList:
    """List merges, undone ones too."""
    async with call.transaction() as tx:
        found = await list_merges(tx, limit=paging.limit, page=paging.page)
    return MergeList(
        data=[view_merge(one) for one in found.items],
        total=found.total,
        has_more=found.next_cursor is not None,
    )


@reads("/{merge_id:str}", "Get merge")
async def read_merge(merge_id: FromPath[str], call: CurrentCall) -> MergeView:
    """Get a merge."""
    async with call.transaction() as tx:
        return view_merge(await get_merge(tx, merge_id))


@writes("POST", "/{merge_id:str}/undo", "Undo merge")
async def revert_merge(merge_id: FromPath[str], call: CurrentCall) -> MergeView:
    """Make two people of one again, as they were before the merge."""
    async with call.transaction() as tx:
        return view_merge(await undo_merge(tx, merge_id, by=call.caller.actor, now=call.now))


def merges_router() -> Router:
    """Routes of merges."""
    return Router(
        path="/kaquan/merges",
        route_handlers=[try_merge, create_merge, read_merges, read_merge, revert_merge],
        tags=["Customers"],
    )
