"""``/v1/locations``."""

from datetime import datetime
from typing import Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    merge_filters,
    period_filter,
    read_condition,
)
from kaquan.api.routes import reads, writes
from kaquan.api.values import Identifier, Metadata, MomentText
from kaquan.customers import (
    LOCATION_FILTERS,
    Location,
    LocationDraft,
    get_location,
    list_locations,
    upsert_location,
)


class LocationView(msgspec.Struct, frozen=True, kw_only=True):
    """A store or till as answered."""

    id: str
    name: str
    source_id: str | None
    shape: Metadata | None
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None
    object: Literal["location"] = "location"


class LocationBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says about a location: a member left out stays, null empties it."""

    id: Identifier | None = None
    source_id: Identifier | UnsetType | None = UNSET
    name: Identifier | UnsetType = UNSET
    shape: Metadata | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class LocationList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the locations."""

    data: list[LocationView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_location(location: Location) -> LocationView:
    """Map a location to the wire."""
    return LocationView(
        id=location.id,
        name=location.name,
        source_id=location.source_id,
        shape=location.shape,
        metadata=location.metadata,
        created_at=location.created_at,
        updated_at=location.updated_at,
    )


@writes("POST", "/", "Create location")
async def create_location(data: JSONBody[LocationBody], call: CurrentCall) -> LocationView:
    """Create a location, or change the one with this id or source id (our own addition)."""
    draft = LocationDraft(
        id=data.id,
        source_id=data.source_id,
        name=data.name,
        shape=data.shape,
        metadata={} if data.metadata is None else data.metadata,
    )
    async with call.transaction() as tx:
        return view_location(await upsert_location(tx, draft, now=call.now))


@reads("/{location_id:str}", "Get location")
async def read_location(location_id: FromPath[str], call: CurrentCall) -> LocationView:
    """Get a location by id or source id."""
    async with call.transaction() as tx:
        return view_location(await get_location(tx, location_id))


@reads("/", "List locations")
async def read_locations(
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    end_date: FromQuery[MomentText | None] = None,
) -> LocationList:
    """List locations by name unless ``order`` says otherwise; ``end_date`` bounds their creation."""
    given = merge_filters(filters, period_filter(None, end_date))
    async with call.transaction() as tx:
        found = await list_locations(
            tx,
            condition=await read_condition(tx, given, LOCATION_FILTERS, now=call.now),
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "name",
        )
    return LocationList(
        data=list(map(view_location, found.items)),
        total=found.total,
        has_more=paging.has_more(found.total),
    )


def locations_router() -> Router:
    """Routes of locations."""
    return Router(
        path="/locations",
        route_handlers=[create_location, read_location, read_locations],
        tags=["Locations"],
    )
