"""``/v1/promotions``: offers that need no code, and stacks of them."""

from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody

from kaquan.api.between import read_between
from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest
from kaquan.api.promotion_views import (
    StackBody,
    StackList,
    StackTiers,
    StackView,
    TierBody,
    TierList,
    TierView,
    change_tier,
    enter_tier,
    load_stack_views,
    load_tier_list,
    load_tier_views,
)
from kaquan.api.routes import reads, removes, writes
from kaquan.campaigns import (
    StackChange,
    StackDraft,
    TierChange,
    create_stack,
    delete_stack,
    delete_tier,
    get_campaign,
    get_promotion_stack,
    get_promotion_tier,
    list_promotion_stacks,
    update_stack,
    update_tier,
)
from kaquan.runtime import Answer, InvalidInput, Tx

_MOST_STACKS = 100


@writes("POST", "/{campaign_id:str}/tiers", "Add promotion tier to campaign")
async def make_tier(
    request: AnyRequest,
    campaign_id: FromPath[str],
    data: JSONBody[TierBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[TierView]:
    """Add an offer to a promotion."""

    async def produce(tx: Tx) -> Answer:
        tier = await enter_tier(tx, campaign_id, data, now=call.now)
        return succeed((await load_tier_views(tx, [tier]))[0])

    return await move_value(request, call, key, produce=produce)


@reads("/{campaign_id:str}/tiers", "List promotion tiers from campaign")
async def read_tiers_of(campaign_id: FromPath[str], call: CurrentCall) -> TierList:
    """List the tiers of a promotion, the lowest hierarchy first."""
    async with call.transaction() as tx:
        campaign = await get_campaign(tx, campaign_id)
        return await load_tier_list(tx, campaign_id=campaign.id)


@reads("/tiers", "List promotion tiers")
async def read_tiers(
    call: CurrentCall, paging: CurrentPaging, is_available: FromQuery[bool] = False
) -> TierList:
    """List the tiers of all promotions, or those that are switched on and not over."""
    async with call.transaction() as tx:
        return await load_tier_list(
            tx,
            available_at=call.now if is_available else None,
            order=paging.order or "-created_at",
            page=paging.page,
            limit=paging.limit,
        )


@reads("/tiers/{tier_id:str}", "Get promotion tier")
async def read_tier(tier_id: FromPath[str], call: CurrentCall) -> TierView:
    """Get a tier."""
    async with call.transaction() as tx:
        return (await load_tier_views(tx, [await get_promotion_tier(tx, tier_id)]))[0]


@writes("PUT", "/tiers/{tier_id:str}", "Update promotion tier")
async def rewrite_tier(
    tier_id: FromPath[str], data: JSONBody[TierBody], call: CurrentCall
) -> TierView:
    """Change a tier; metadata is merged key by key."""
    async with call.transaction() as tx:
        tier = await change_tier(tx, tier_id, data, now=call.now)
        return (await load_tier_views(tx, [tier]))[0]


@removes("/tiers/{tier_id:str}", "Delete promotion tier")
async def remove_tier(tier_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a tier, used or not; what was redeemed with it stays on record."""
    async with call.transaction() as tx:
        await delete_tier(tx, tier_id)


@writes("POST", "/tiers/{tier_id:str}/enable", "Enable promotion tier")
async def switch_tier_on(tier_id: FromPath[str], call: CurrentCall) -> TierView:
    """Let a tier be used again."""
    return await _switch(call, tier_id, active=True)


@writes("POST", "/tiers/{tier_id:str}/disable", "Disable promotion tier")
async def switch_tier_off(tier_id: FromPath[str], call: CurrentCall) -> TierView:
    """Keep a tier from being used."""
    return await _switch(call, tier_id, active=False)


async def _switch(call: CurrentCall, tier_id: str, *, active: bool) -> TierView:
    async with call.transaction() as tx:
        tier = await update_tier(tx, tier_id, TierChange(active=active), now=call.now)
        return (await load_tier_views(tx, [tier]))[0]


@writes("POST", "/{campaign_id:str}/stacks", "Create promotion stack")
async def make_stack(
    campaign_id: FromPath[str], data: JSONBody[StackBody], call: CurrentCall
) -> StackView:
    """Put tiers of a promotion together."""
    if not isinstance(data.name, str):
        raise InvalidInput("A stack needs a name.", field="name")
    if not isinstance(data.tiers, StackTiers):
        raise InvalidInput("A stack needs tiers.", field="tiers.ids")
    draft = StackDraft(
        name=data.name, tier_ids=tuple(data.tiers.ids), category_id=data.category_id or None
    )
    async with call.transaction() as tx:
        stack = await create_stack(tx, campaign_id, draft, now=call.now)
        return (await load_stack_views(tx, [stack]))[0]


@reads("/{campaign_id:str}/stacks", "List promotion stacks in campaign")
async def read_stacks_of(campaign_id: FromPath[str], call: CurrentCall) -> StackList:
    """List the stacks of a promotion."""
    async with call.transaction() as tx:
        campaign = await get_campaign(tx, campaign_id)
        found = await list_promotion_stacks(tx, campaign_id=campaign.id, limit=_MOST_STACKS)
        return StackList(data=await load_stack_views(tx, found.items), total=found.total)


@reads("/stacks", "List promotion stacks")
async def read_stacks(request: AnyRequest, call: CurrentCall, paging: CurrentPaging) -> StackList:
    """List the stacks of all promotions."""
    async with call.transaction() as tx:
        between = await read_between(tx, request, "created_at", "updated_at")
        found = await list_promotion_stacks(
            tx,
            created_after=between["created_at"].after,
            created_before=between["created_at"].before,
            updated_after=between["updated_at"].after,
            updated_before=between["updated_at"].before,
            order=paging.order or "-created_at",
            page=paging.page,
            limit=paging.limit,
        )
        return StackList(data=await load_stack_views(tx, found.items), total=found.total)


@reads("/{campaign_id:str}/stacks/{stack_id:str}", "Get promotion stack")
async def read_stack(
    campaign_id: FromPath[str], stack_id: FromPath[str], call: CurrentCall
) -> StackView:
    """Get a stack of a promotion."""
    async with call.transaction() as tx:
        campaign = await get_campaign(tx, campaign_id)
        stack = await get_promotion_stack(tx, stack_id, campaign_id=campaign.id)
        return (await load_stack_views(tx, [stack]))[0]


@writes("PUT", "/{campaign_id:str}/stacks/{stack_id:str}", "Update promotion stack")
async def change_stack(
    campaign_id: FromPath[str],
    stack_id: FromPath[str],
    data: JSONBody[StackBody],
    call: CurrentCall,
) -> StackView:
    """Change a stack of a promotion."""
    change = StackChange(
        name=data.name,
        tier_ids=tuple(data.tiers.ids) if isinstance(data.tiers, StackTiers) else data.tiers,
        category_id=data.category_id,
    )
    async with call.transaction() as tx:
        stack = await update_stack(tx, campaign_id, stack_id, change, now=call.now)
        return (await load_stack_views(tx, [stack]))[0]


@removes("/{campaign_id:str}/stacks/{stack_id:str}", "Delete promotion stack")
async def remove_stack(
    campaign_id: FromPath[str], stack_id: FromPath[str], call: CurrentCall
) -> None:
    """Delete a stack of a promotion; its tiers stay."""
    async with call.transaction() as tx:
        await delete_stack(tx, campaign_id, stack_id)


def promotions_router() -> Router:
    """Routes of promotions."""
    return Router(
        path="/promotions",
        route_handlers=[
            make_tier,
            read_tiers_of,
            read_tiers,
            read_tier,
            rewrite_tier,
            remove_tier,
            switch_tier_on,
            switch_tier_off,
            make_stack,
            read_stacks_of,
            read_stacks,
            read_stack,
            change_stack,
            remove_stack,
        ],
        tags=["Promotions"],
    )
