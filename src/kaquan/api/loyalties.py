"""``/v1/loyalties``: programmes, which are campaigns of points cards."""

from typing import Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.campaign_bodies import (
    CampaignBody,
    CampaignVoucherBody,
)
from kaquan.api.campaign_views import CampaignList, CampaignView, load_view, load_views
from kaquan.api.campaigns import CampaignDeleted, amend_campaign, enter_campaign
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import deletes, reads, writes
from kaquan.campaigns import CampaignKind, list_campaigns, request_deletion
from kaquan.loyalty import get_programme
from kaquan.runtime import Answer, InvalidInput, Tx


class ProgrammeVoucherBody(CampaignVoucherBody, frozen=True, kw_only=True):
    """What the cards of a programme are like."""

    type: Literal["LOYALTY_CARD"] | None = None


class ProgrammeBody(CampaignBody, frozen=True, kw_only=True):
    """What a caller says about a programme: a member left out stays, null empties it.

    ``kaquan.offer`` may say what points pay at a checkout; without it only rewards cost points.
    """

    campaign_type: Literal["LOYALTY_PROGRAM"] | None = None
    voucher: ProgrammeVoucherBody | None = None
    options: dict[str, Any] | None = None


def _named(body: ProgrammeBody) -> ProgrammeBody:
    return msgspec.structs.replace(body, campaign_type="LOYALTY_PROGRAM")


@writes("POST", "/", "Create loyalty campaign")
async def make_programme(
    request: AnyRequest,
    data: JSONBody[ProgrammeBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[CampaignView]:
    """Create a programme and its cards; above 1,000 they are made in the background."""

    async def produce(tx: Tx) -> Answer:
        campaign = await enter_campaign(tx, _named(data), now=call.now)
        if campaign.kind is not CampaignKind.LOYALTY_PROGRAM:
            message = "The offer of a programme is a payment with points."
            raise InvalidInput(message, field="kaquan.offer", key="invalid_offer")
        return succeed(await load_view(tx, campaign))

    return await move_value(request, call, key, produce=produce)


@reads("/", "List loyalty campaigns")
async def read_programmes(call: CurrentCall, paging: CurrentPaging) -> CampaignList:
    """List programmes, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        found = await list_campaigns(
            tx,
            kind=CampaignKind.LOYALTY_PROGRAM,
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        views = await load_views(tx, found.items)
    return CampaignList(campaigns=views, total=found.total)


@reads("/{campaign_id:str}", "Get loyalty campaign")
async def read_programme(campaign_id: FromPath[str], call: CurrentCall) -> CampaignView:
    """Get a programme by id or name."""
    async with call.transaction() as tx:
        return await load_view(tx, await get_programme(tx, campaign_id))


@writes("PUT", "/{campaign_id:str}", "Update loyalty campaign")
async def change_programme(
    campaign_id: FromPath[str], data: JSONBody[ProgrammeBody], call: CurrentCall
) -> CampaignView:
    """Change a programme by id or name; metadata is merged key by key."""
    async with call.transaction() as tx:
        known = await get_programme(tx, campaign_id, lock=True)
        return await load_view(tx, await amend_campaign(tx, known, _named(data), now=call.now))


@deletes("/{campaign_id:str}", "Delete loyalty campaign")
async def remove_programme(
    campaign_id: FromPath[str], call: CurrentCall, force: FromQuery[bool] = False
) -> CampaignDeleted:
    """Put a programme with its cards into the bin; with ``force`` it is gone for good."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        action = await request_deletion(tx, campaign.id, force=force, now=call.now)
    return CampaignDeleted(action.id)


def loyalties_router() -> Router:
    """Routes of programmes."""
    return Router(
        path="/loyalties",
        route_handlers=[
            make_programme,
            read_programmes,
            read_programme,
            change_programme,
            remove_programme,
        ],
        tags=["Loyalties"],
    )
