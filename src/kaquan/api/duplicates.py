"""``/v1/kaquan/duplicates``: the queue of people who are likely entered twice."""

from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging, read_unordered_paging
from kaquan.api.merges import MergeView, view_merge
from kaquan.api.routes import reads, writes
from kaquan.api.uploads import AsyncActionId
from kaquan.api.values import Identifier
from kaquan.customers import (
    Decided,
    DuplicatePair,
    PairState,
    accept_pair,
    accept_pairs,
    list_pairs,
    reject_pair,
    request_search,
)

_Millionths = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_PAIR = "/{first_id:str}/{second_id:str}"


class PairList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the queue, the likeliest first."""

    data: list[DuplicatePair]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class SearchBody(msgspec.Struct, frozen=True, kw_only=True):
    """How likely a pair must be to be proposed, in millionths."""

    least_ppm: _Millionths = 800_000


class AcceptBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who of the pair goes on; without it who was entered earlier."""

    survivor: Identifier | None = None


class BulkBody(msgspec.Struct, frozen=True, kw_only=True):
    """From which likelihood on to accept, and how many at most."""

    least_ppm: _Millionths
    limit: int = 100


@writes("POST", "/search", "Search for duplicates")
async def start_search(data: JSONBody[SearchBody], call: CurrentCall) -> AsyncActionId:
    """Compare all customers in the background; likely pairs go into the queue."""
    async with call.transaction() as tx:
        action = await request_search(tx, least_ppm=data.least_ppm, now=call.now)
    return AsyncActionId(async_action_id=action.id)


@reads("/", "List likely duplicates", paging=read_unordered_paging)
async def read_pairs(
    call: CurrentCall,
    paging: CurrentPaging,
    status: FromQuery[PairState] = PairState.OPEN,
    least_ppm: Annotated[int, QueryParameter(ge=0, le=1_000_000)] = 0,
    customer_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> PairList:
    """List pairs of the queue with their scores and reasons."""
    async with call.transaction() as tx:
        found = await list_pairs(
            tx,
            state=status,
            least_ppm=least_ppm,
            customer_id=customer_id,
            limit=paging.limit,
            page=paging.page,
        )
    return PairList(data=found.items, total=found.total, has_more=found.next_cursor is not None)


@writes("POST", "/accept", "Accept likely duplicates")
async def accept_many(data: JSONBody[BulkBody], call: CurrentCall) -> Decided:
    """Merge the likeliest pairs at once; each merge can be undone."""
    async with call.transaction() as tx:
        return await accept_pairs(
            tx,
            least_ppm=data.least_ppm,
            limit=data.limit,
            by=call.caller.actor,
            now=call.now,
        )


@writes("POST", f"{_PAIR}/accept", "Accept likely duplicate")
async def accept_one(
    first_id: FromPath[str],
    second_id: FromPath[str],
    data: JSONBody[AcceptBody],
    call: CurrentCall,
) -> MergeView:
    """Merge a pair."""
    async with call.transaction() as tx:
        merge = await accept_pair(
            tx,
            first_id,
            second_id,
            survivor=data.survivor,
            by=call.caller.actor,
            now=call.now,
        )
    return view_merge(merge)


@writes("POST", f"{_PAIR}/reject", "Reject likely duplicate")
async def reject_one(
    first_id: FromPath[str], second_id: FromPath[str], call: CurrentCall
) -> DuplicatePair:
    """Decide that these are two people; they are not proposed again."""
    async with call.transaction() as tx:
        return await reject_pair(tx, first_id, second_id, by=call.caller.actor, now=call.now)


def duplicates_router() -> Router:
    """Routes of likely duplicates."""
    return Router(
        path="/kaquan/duplicates",
        route_handlers=[start_search, read_pairs, accept_many, accept_one, reject_one],
        tags=["Customers"],
    )
