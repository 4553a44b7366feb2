"""``/v1/segments`` and a customer's segments."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.call import Call, CurrentCall
from kaquan.api.listing import CurrentPaging, read_limit, read_unordered_paging
from kaquan.api.routes import reads, removes, writes
from kaquan.api.segment_filters import read_segment_filter
from kaquan.api.values import Identifier
from kaquan.customers import get_customer
from kaquan.runtime import InvalidInput, Tx
from kaquan.segments import (
    Segment,
    SegmentChange,
    SegmentKind,
    count_segments,
    create_segment,
    delete_segment,
    get_segment,
    list_segment_changes,
    list_segments,
    replace_listed_members,
    segment_ids_of,
)

_FILTER = "dialect_filter"
"""The key under which a segment keeps the filter that its rule was read from."""

_LAST_CHANGE = 2**63 - 1


class SegmentExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: the rule as a tree, and how many members it had when counted."""

    definition: dict[str, Any] | UnsetType = UNSET
    member_count: int | UnsetType = UNSET
    evaluated_at: datetime | UnsetType | None = UNSET


class SegmentBody(msgspec.Struct, frozen=True, kw_only=True):
    """A new segment: ``customers`` of a static one, else its rule.

    The rule is the dialect's ``filter`` or, in our own language, ``kaquan.definition``.
    """

    name: Identifier
    type: SegmentKind = SegmentKind.AUTO_UPDATE
    kaquan: SegmentExtension | None = None
    filter: dict[str, Any] | None = None
    customers: Annotated[list[Identifier], Meta(max_length=20_000)] | None = None


class SegmentView(msgspec.Struct, frozen=True, kw_only=True):
    """A segment as answered."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime | None
    type: SegmentKind
    filter: dict[str, Any] | None
    initial_sync_status: Literal["DONE"] = "DONE"
    metadata: dict[str, Any]
    kaquan: SegmentExtension
    object: Literal["segment"] = "segment"


class SegmentList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the segments."""

    data: list[SegmentView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class ChangeView(SegmentChange, frozen=True, kw_only=True):
    """A customer who ``entered`` a segment, or left it."""

    object: Literal["segment_change"] = "segment_change"


class ChangeList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of who entered and left."""

    data: list[ChangeView]
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class CustomerSegment(msgspec.Struct, frozen=True):
    """A segment that a customer is in."""

    id: str
    name: str
    object: Literal["segment"] = "segment"


class CustomerSegments(msgspec.Struct, frozen=True, kw_only=True):
    """The segments that a customer is in now."""

    data: list[CustomerSegment]
    total: int
    has_more: Literal[False] = False
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_segment(segment: Segment) -> SegmentView:
    """Map a segment to the wire."""
    return SegmentView(
        id=segment.id,
        name=segment.name,
        created_at=segment.created_at,
        updated_at=segment.updated_at,
        type=segment.kind,
        filter=segment.metadata.get(_FILTER),
        metadata={key: value for key, value in segment.metadata.items() if key != _FILTER},
        kaquan=SegmentExtension(
            definition=segment.definition,
            member_count=segment.member_count,
            evaluated_at=segment.evaluated_at,
        ),
    )


@writes("POST", "/segments", "Create segment")
async def make_segment(data: JSONBody[SegmentBody], call: CurrentCall) -> SegmentView:
    """Create a segment of the customers that a rule matches, or of those that are listed."""
    async with call.transaction() as tx:
        if data.customers is not None:
            return view_segment(await _make_listed(tx, data, data.customers, call=call))
        segment = await create_segment(
            tx,
            data.name,
            _read_definition(data),
            kind=data.type,
            metadata={} if data.filter is None else {_FILTER: data.filter},
            now=call.now,
        )
        return view_segment(segment)


async def _make_listed(tx: Tx, data: SegmentBody, customers: list[str], *, call: Call) -> Segment:
    if data.type is not SegmentKind.STATIC:
        message = "Only a static segment lists its customers."
        raise InvalidInput(message, field="customers")
    if data.filter is not None or data.kaquan is not None:
        message = "A segment has either 'customers' or a rule."
        raise InvalidInput(message, field="customers")
    segment = await create_segment(
        tx, data.name, {"any": []}, kind=SegmentKind.STATIC, now=call.now
    )
    await replace_listed_members(tx, segment.id, customers, now=call.now)
    return await get_segment(tx, segment.id)


def _read_definition(data: SegmentBody) -> dict[str, Any]:
    definition = UNSET if data.kaquan is None else data.kaquan.definition
    if not isinstance(definition, UnsetType):
        if data.filter is not None:
            message = "State the rule by 'filter' or by 'kaquan.definition', not both."
            raise InvalidInput(message, field="filter")
        return definition
    if data.filter is None:
        message = "A segment needs 'filter', or 'customers' when it is static."
        raise InvalidInput(message, field="filter")
    return read_segment_filter(data.filter)


@reads("/segments/{segment_id:str}", "Get segment")
async def read_segment(segment_id: FromPath[str], call: CurrentCall) -> SegmentView:
    """Get a segment by id or name."""
    async with call.transaction() as tx:
        return view_segment(await get_segment(tx, segment_id))


@removes("/segments/{segment_id:str}", "Delete segment")
async def remove_segment(segment_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a segment that nothing refers to."""
    async with call.transaction() as tx:
        await delete_segment(tx, segment_id)


@reads("/segments", "List segments", paging=read_unordered_paging)
async def read_segments(call: CurrentCall, paging: CurrentPaging) -> SegmentList:
    """List segments by name."""
    async with call.transaction() as tx:
        found = await list_segments(tx, limit=paging.limit, page=paging.page)
        return SegmentList(data=list(map(view_segment, found)), total=await count_segments(tx))


@reads("/kaquan/segments/{segment_id:str}/changes", "List segment's changes", paging=read_limit)
async def read_segment_changes(
    segment_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    after: Annotated[int, QueryParameter(ge=0, le=_LAST_CHANGE)] = 0,
) -> ChangeList:
    """List who entered and left a segment, the first first.

    A reader who passes the id of the last change it handled as ``after`` misses none.
    """
    async with call.transaction() as tx:
        segment = await get_segment(tx, segment_id)
        found = await list_segment_changes(
            tx, after=after, segment_id=segment.id, limit=paging.limit + 1
        )
    return ChangeList(
        data=[ChangeView(**msgspec.structs.asdict(one)) for one in found[: paging.limit]],
        has_more=len(found) > paging.limit,
    )


@reads("/customers/{customer_id:str}/segments", "List customer's segments")
async def read_customer_segments(customer_id: FromPath[str], call: CurrentCall) -> CustomerSegments:
    """List the segments that a customer is in now."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        ids = await segment_ids_of(tx, customer.id, now=call.now)
        named = [CustomerSegment(s.id, s.name) for s in await list_segments(tx) if s.id in ids]
    return CustomerSegments(data=named, total=len(named))


def segments_router() -> Router:
    """Routes of segments."""
    return Router(
        path="/",
        route_handlers=[
            make_segment,
            read_segment,
            remove_segment,
            read_segments,
            read_segment_changes,
            read_customer_segments,
        ],
        tags=["Segments"],
    )
