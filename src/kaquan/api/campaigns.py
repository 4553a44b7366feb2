"""``/v1/campaigns``."""

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.campaign_views import (
    CampaignBody,
    CampaignList,
    CampaignView,
    draft_campaign,
    draft_change,
    load_view,
    load_views,
)
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import deletes, reads, writes
from kaquan.campaigns import (
    CampaignKind,
    create_campaign,
    delete_campaign,
    disable_campaign,
    enable_campaign,
    get_campaign,
    list_campaigns,
    request_vouchers,
    update_campaign,
)
from kaquan.runtime import ActionStatus, Answer, Tx, start_action, update_action


class Switched(msgspec.Struct, frozen=True):
    """Said, empty as in the dialect, when a campaign was switched on or off."""


class CampaignDeleted(msgspec.Struct, frozen=True):
    """The dialect deletes in the background; here it is done when this is answered."""

    async_action_id: str


@writes("POST", "/", "Create campaign")
async def make_campaign(
    request: AnyRequest, data: JSONBody[CampaignBody], call: CurrentCall, key: IdempotencyKey = None
) -> Response[CampaignView]:
    """Create a campaign and its vouchers; above 1,000 they are made in the background."""

    async def produce(tx: Tx) -> Answer:
        draft = await draft_campaign(tx, data)
        campaign = await create_campaign(tx, draft, now=call.now)
        if data.vouchers_count:
            await request_vouchers(tx, campaign.id, data.vouchers_count, now=call.now)
        return succeed(await load_view(tx, campaign))

    return await move_value(request, call, key, produce=produce)


@reads("/{campaign_id:str}", "Get campaign")
async def read_campaign(campaign_id: FromPath[str], call: CurrentCall) -> CampaignView:
    """Get a campaign by id or name."""
    async with call.transaction() as tx:
        return await load_view(tx, await get_campaign(tx, campaign_id))


@writes("PUT", "/{campaign_id:str}", "Update campaign")
async def change_campaign(
    campaign_id: FromPath[str], data: JSONBody[CampaignBody], call: CurrentCall
) -> CampaignView:
    """Change a campaign by id or name; metadata is merged key by key."""
    async with call.transaction() as tx:
        known = await get_campaign(tx, campaign_id, lock=True)
        change = await draft_change(tx, data, known)
        return await load_view(tx, await update_campaign(tx, known.id, change, now=call.now))


@deletes("/{campaign_id:str}", "Delete campaign")
async def remove_campaign(
    campaign_id: FromPath[str], call: CurrentCall, force: FromQuery[bool] = False
) -> CampaignDeleted:
    """Delete a campaign that was never used; there is no bin, so ``force`` changes nothing."""
    async with call.transaction() as tx:
        campaign = await get_campaign(tx, campaign_id)
        await delete_campaign(tx, campaign.id, now=call.now)
        action = await start_action(
            tx, "campaigns.delete", request={"campaign_id": campaign.id}, total=1, now=call.now
        )
        await update_action(tx, action.id, status=ActionStatus.DONE, done=1, now=call.now)
    return CampaignDeleted(action.id)


@writes("POST", "/{campaign_id:str}/enable", "Enable campaign")
async def switch_campaign_on(campaign_id: FromPath[str], call: CurrentCall) -> Switched:
    """Let a campaign's vouchers be given away and used again."""
    async with call.transaction() as tx:
        await enable_campaign(tx, campaign_id, now=call.now)
    return Switched()


@writes("POST", "/{campaign_id:str}/disable", "Disable campaign")
async def switch_campaign_off(campaign_id: FromPath[str], call: CurrentCall) -> Switched:
    """Keep a campaign's vouchers from being given away and used."""
    async with call.transaction() as tx:
        await disable_campaign(tx, campaign_id, now=call.now)
    return Switched()


@reads("/", "List campaigns")
async def read_campaigns(
    call: CurrentCall,
    paging: CurrentPaging,
    campaign_type: FromQuery[CampaignKind | None] = None,
) -> CampaignList:
    """List campaigns, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        found = await list_campaigns(
            tx,
            kind=campaign_type,
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        views = await load_views(tx, found.items)
    return CampaignList(campaigns=views, total=found.total)


def campaigns_router() -> Router:
    """Routes of campaigns."""
    return Router(
        path="/campaigns",
        route_handlers=[
            make_campaign,
            read_campaign,
            change_campaign,
            remove_campaign,
            switch_campaign_on,
            switch_campaign_off,
            read_campaigns,
        ],
        tags=["Campaigns"],
    )
