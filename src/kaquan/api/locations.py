"""``/v1/locations``."""

from datetime import datetime
from typing import Literal

import msgspec
from litestar import Router
from litestar.params import FromPath

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads
from kaquan.api.values import Metadata
from kaquan.customers import Location, get_location, list_locations


class LocationView(msgspec.Struct, frozen=True, kw_only=True):
    """A store or till as answered."""

    id: str
    name: str
    source_id: str | None
    metadata: Metadata
    created_at: datetime
    object: Literal["location"] = "location"


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
        metadata=location.metadata,
        created_at=location.created_at,
    )


@reads("/{location_id:str}", "Get location")
async def read_location(location_id: FromPath[str], call: CurrentCall) -> LocationView:
    """Get a location by id or source id."""
    async with call.transaction() as tx:
        return view_location(await get_location(tx, location_id))


@reads("/", "List locations")
async def read_locations(call: CurrentCall, paging: CurrentPaging) -> LocationList:
    """List locations by name unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        found = await list_locations(
            tx, limit=paging.limit, page=paging.page, order=paging.order or "name"
        )
    return LocationList(
        data=list(map(view_location, found.items)),
        total=found.total,
        has_more=paging.has_more(found.total),
    )


def locations_router() -> Router:
    """Routes of locations."""
    return Router(
        path="/locations", route_handlers=[read_location, read_locations], tags=["Locations"]
    )
