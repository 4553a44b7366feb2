"""Parts of the dialect about points and referrals that this server does not do yet."""

from litestar import Router
from litestar.handlers import HTTPRouteHandler

from kaquan.api.problems import NotSupported
from kaquan.api.routes import reads, removes, writes


async def _refuse_pending() -> None:
    """Points that wait before they count are not supported yet."""
    message = "Points that wait before they count are not supported yet."
    raise NotSupported(message, field="pending_points")


async def _refuse_expiry() -> None:
    """Points that expire are not supported yet."""
    message = "Points that expire are not supported yet."
    raise NotSupported(message, field="points_expiration")


_NO_REFERRALS = "Referral programs are not supported yet."


async def _refuse_holders() -> None:
    """Referral programs are not supported yet."""
    raise NotSupported(_NO_REFERRALS, field="campaign_type")


async def _refuse_adding() -> None:
    """Referral programs are not supported yet."""
    raise NotSupported(_NO_REFERRALS, field="campaign_type")


async def _refuse_removing() -> None:
    """Referral programs are not supported yet."""
    raise NotSupported(_NO_REFERRALS, field="campaign_type")


_ONE_PENDING = "/loyalties/members/{member_id:str}/pending-points/{pending_points_id:str}"
_HOLDERS = (
    "/referrals/members/{member_id:str}/holders",
    "/referrals/{campaign_id:str}/members/{member_id:str}/holders",
)
_MEMBER = "/loyalties/{campaign_id:str}/members/{member_id:str}"


def _list_refusals() -> list[HTTPRouteHandler]:
    pending = [
        reads("/loyalties/{campaign_id:str}/pending-points", "List campaign pending points"),
        reads("/loyalties/members/{member_id:str}/pending-points", "List member pending points"),
        reads(f"{_MEMBER}/pending-points", "List member pending points in a campaign"),
        writes("POST", f"{_ONE_PENDING}/activate", "Activate pending points"),
        writes("POST", f"{_ONE_PENDING}/cancel", "Cancel pending points"),
        writes("POST", f"{_ONE_PENDING}/balance", "Adjust pending points"),
    ]
    expiry = [
        reads(f"{_MEMBER}/points-expiration", "List points expiration"),
        writes("POST", "/loyalties/{campaign_id:str}/points-expiration/export", "Export expiry"),
    ]
    referrals = [
        handler
        for path in _HOLDERS
        for handler in (
            reads(path, "List code holders")(_refuse_holders),
            writes("POST", path, "Add code holders")(_refuse_adding),
            removes(f"{path}/{{holder_id:str}}", "Remove code holder")(_refuse_removing),
        )
    ]
    return [
        *(decorate(_refuse_pending) for decorate in pending),
        *(decorate(_refuse_expiry) for decorate in expiry),
        *referrals,
    ]


def loyalty_later_router() -> Router:
    """Routes that answer 501."""
    return Router(path="/", route_handlers=_list_refusals(), tags=["Not yet"])
