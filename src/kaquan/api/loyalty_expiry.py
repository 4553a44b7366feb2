"""``…/points-expiration``: points that expire, and their file."""

from datetime import date, datetime
from typing import Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.exports import ExportView, ParametersBody, load_export, read_parameters
from kaquan.api.listing import CurrentPaging, read_unordered_paging
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, writes
from kaquan.insight import ExportedObject, request_export
from kaquan.loyalty import PointsLot, get_programme, list_points_lots


class BucketPoints(msgspec.Struct, frozen=True):
    """How many points are left in a bucket, or were when they expired."""

    total_points: int


class BucketView(msgspec.Struct, frozen=True, kw_only=True):
    """Points that came at once; they can be spent until the end of ``expires_at``."""

    id: str
    voucher_id: str
    campaign_id: str | None
    bucket: BucketPoints
    status: Literal["ACTIVE", "EXPIRED"]
    expires_at: date
    created_at: datetime
    updated_at: datetime | None
    object: Literal["loyalty_points_bucket"] = "loyalty_points_bucket"


class BucketList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a card's points that expire."""

    data: list[BucketView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class ExpiryExportBody(msgspec.Struct, frozen=True, kw_only=True):
    """Which points to export, with which columns."""

    parameters: ParametersBody | None = None


def view_bucket(lot: PointsLot) -> BucketView:
    """Map points that expire to the wire."""
    return BucketView(
        id=lot.id,
        voucher_id=lot.voucher_id,
        campaign_id=lot.campaign_id,
        bucket=BucketPoints(lot.remaining or lot.expired),
        status="ACTIVE" if lot.remaining else "EXPIRED",
        expires_at=lot.expires_on,
        created_at=lot.created_at,
        updated_at=lot.updated_at,
    )


@reads(
    "/{campaign_id:str}/members/{member_id:str}/points-expiration",
    "List points expiration",
    paging=read_unordered_paging,
)
async def read_buckets(
    campaign_id: FromPath[str], member_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> BucketList:
    """List a card's points that expire or did, by their day; what was spent is left out."""
    async with call.transaction() as tx:
        found = await list_points_lots(
            tx, campaign_id, member_id, limit=paging.limit, page=paging.page
        )
    return BucketList(data=list(map(view_bucket, found.items)), total=found.total)


@writes("POST", "/{campaign_id:str}/points-expiration/export", "Export points expiration")
async def export_buckets(
    request: AnyRequest,
    campaign_id: FromPath[str],
    call: CurrentCall,
    data: JSONBody[ExpiryExportBody | None] = None,
) -> ExportView:
    """Ask for a CSV file of a programme's points that expire or did."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        asked = read_parameters(None if data is None else data.parameters)
        filters = (asked.filters or {}) | {"campaign_id": {"conditions": {"$is": campaign.id}}}
        parameters = msgspec.structs.replace(asked, filters=filters)
        exported = ExportedObject.POINTS_EXPIRATION
        export = await request_export(tx, exported, parameters, now=call.now)
        return await load_export(tx, request, export)


def loyalty_expiry_router() -> Router:
    """Routes of points that expire."""
    return Router(
        path="/loyalties", route_handlers=[read_buckets, export_buckets], tags=["Loyalties"]
    )
