"""``/v1/trash-bin``: what was deleted and may come back."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentFilters, CurrentPaging, read_condition
from kaquan.api.routes import reads, removes, writes
from kaquan.campaigns import recover_from_bin, request_purge
from kaquan.runtime import (
    BIN_FILTERS,
    BinEntry,
    BinnedKind,
    InvalidInput,
    all_of,
    list_bin_entries,
)


class BinEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the bin as answered."""

    id: str
    created_at: datetime
    deleted_by_user_id: str | None
    resource_id: str
    resource_type: BinnedKind
    resource_name: str | None
    resource_parent_id: str | None
    object: BinnedKind


class BinList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what is in the bin; ``total`` is of this part, as the dialect has it."""

    data: list[BinEntryView]
    total: int
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_bin_entry(entry: BinEntry) -> BinEntryView:
    """Map an entry to the wire."""
    return BinEntryView(
        id=entry.id,
        created_at=entry.created_at,
        deleted_by_user_id=entry.deleted_by,
        resource_id=entry.resource_id,
        resource_type=entry.resource_type,
        resource_name=entry.resource_name,
        resource_parent_id=entry.resource_parent_id,
        object=entry.resource_type,
    )


@reads("/trash-bin", "List bin entries")
async def read_bin(
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    starting_after_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> BinList:
    """List what is in the bin, what was deleted last first unless ``order`` is ``id``."""
    if paging.order not in (None, "id", "-id"):
        message = "The bin can be ordered by id or -id."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        condition = await read_condition(tx, filters, BIN_FILTERS, now=call.now)
        found = await list_bin_entries(
            tx,
            condition=condition or all_of([]),
            after=starting_after_id,
            descending=paging.order != "id",
            limit=paging.limit,
        )
    return BinList(
        data=list(map(view_bin_entry, found.items)),
        total=len(found.items),
        has_more=found.next_cursor is not None,
        more_starting_after=found.next_cursor or UNSET,
    )


@removes("/trash-bin/{entry_id:str}", "Delete bin entry")
async def remove_bin_entry(entry_id: FromPath[str], call: CurrentCall) -> None:
    """Delete what is in the bin for good; many vouchers go in the background."""
    async with call.transaction() as tx:
        await request_purge(tx, entry_id, now=call.now)


@writes("POST", "/kaquan/trash-bin/{entry_id:str}/recovery", "Recover bin entry")
async def recover_bin_entry(entry_id: FromPath[str], call: CurrentCall) -> BinEntryView:
    """Put what was deleted back where it was (our own addition)."""
    async with call.transaction() as tx:
        return view_bin_entry(await recover_from_bin(tx, entry_id, now=call.now))


def trash_bin_router() -> Router:
    """Routes of the bin."""
    return Router(
        path="/", route_handlers=[read_bin, remove_bin_entry, recover_bin_entry], tags=["Bin"]
    )
