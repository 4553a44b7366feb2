"""``/v1/loyalties/{id}/earning-rules`` and ``…/tiers``."""

from litestar import Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging, read_unordered_paging
from kaquan.api.loyalty_rule_views import (
    RuleBody,
    RuleList,
    RuleView,
    TierBody,
    TierList,
    TierView,
    draft_rule,
    draft_rule_change,
    draft_tier,
    view_rule,
    view_tier,
)
from kaquan.api.routes import reads, removes, writes
from kaquan.loyalty import (
    EarningRuleChange,
    create_earning_rules,
    create_tiers,
    delete_earning_rule,
    find_member_tier,
    get_earning_rule,
    get_member,
    get_programme,
    get_tier,
    list_earning_rules,
    list_tiers,
    update_earning_rule,
)


@writes("POST", "/{campaign_id:str}/earning-rules", "Create earning rules")
async def make_rules(
    campaign_id: FromPath[str], data: JSONBody[list[RuleBody]], call: CurrentCall
) -> list[RuleView]:
    """Say what gives a programme's members points from now on."""
    async with call.transaction() as tx:
        drafts = [
            await draft_rule(tx, body, field=f"[{index}].") for index, body in enumerate(data)
        ]
        made = await create_earning_rules(tx, campaign_id, drafts, now=call.now)
    return list(map(view_rule, made))


@reads("/{campaign_id:str}/earning-rules", "List earning rules")
async def read_rules(
    campaign_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> RuleList:
    """List a programme's earning rules, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        found = await list_earning_rules(
            tx,
            campaign.id,
            order=paging.order or "-created_at",
            page=paging.page,
            limit=paging.limit,
        )
    return RuleList(data=list(map(view_rule, found.items)), total=found.total)


@reads("/{campaign_id:str}/earning-rules/{rule_id:str}", "Get earning rule")
async def read_rule(
    campaign_id: FromPath[str], rule_id: FromPath[str], call: CurrentCall
) -> RuleView:
    """Get an earning rule."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        return view_rule(await get_earning_rule(tx, campaign.id, rule_id))


@writes("PUT", "/{campaign_id:str}/earning-rules/{rule_id:str}", "Update earning rule")
async def change_rule(
    campaign_id: FromPath[str],
    rule_id: FromPath[str],
    data: JSONBody[RuleBody],
    call: CurrentCall,
) -> RuleView:
    """Change an earning rule; what it gave so far stays."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        known = await get_earning_rule(tx, campaign.id, rule_id)
        change = await draft_rule_change(tx, data, known)
        changed = await update_earning_rule(tx, campaign.id, known.id, change, now=call.now)
    return view_rule(changed)


@removes("/{campaign_id:str}/earning-rules/{rule_id:str}", "Delete earning rule")
async def remove_rule(
    campaign_id: FromPath[str], rule_id: FromPath[str], call: CurrentCall
) -> None:
    """Delete an earning rule; what it gave so far stays."""
    async with call.transaction() as tx:
        await delete_earning_rule(tx, campaign_id, rule_id)


@writes("POST", "/{campaign_id:str}/earning-rules/{rule_id:str}/enable", "Enable earning rule")
async def switch_rule_on(
    campaign_id: FromPath[str], rule_id: FromPath[str], call: CurrentCall
) -> RuleView:
    """Let an earning rule give points (again)."""
    change = EarningRuleChange(active=True)
    async with call.transaction() as tx:
        return view_rule(await update_earning_rule(tx, campaign_id, rule_id, change, now=call.now))


@writes("POST", "/{campaign_id:str}/earning-rules/{rule_id:str}/disable", "Disable earning rule")
async def switch_rule_off(
    campaign_id: FromPath[str], rule_id: FromPath[str], call: CurrentCall
) -> RuleView:
    """Keep an earning rule from giving points."""
    change = EarningRuleChange(active=False)
    async with call.transaction() as tx:
        return view_rule(await update_earning_rule(tx, campaign_id, rule_id, change, now=call.now))


@writes("POST", "/{campaign_id:str}/tiers", "Create loyalty tiers")
async def make_tiers(
    campaign_id: FromPath[str], data: JSONBody[list[TierBody]], call: CurrentCall
) -> list[TierView]:
    """Add tiers to a programme; their points may not overlap."""
    async with call.transaction() as tx:
        made = await create_tiers(tx, campaign_id, list(map(draft_tier, data)), now=call.now)
    return list(map(view_tier, made))


@reads("/{campaign_id:str}/tiers", "List loyalty tiers")
async def read_tiers(
    campaign_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> TierList:
    """List a programme's tiers, from the fewest points up unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        tiers = await list_tiers(tx, campaign.id, order=paging.order or "points")
    start = (paging.page - 1) * paging.limit
    shown = tiers[start : start + paging.limit]
    return TierList(data=list(map(view_tier, shown)), total=len(tiers))


@reads("/{campaign_id:str}/tiers/{tier_id:str}", "Get loyalty tier")
async def read_tier(
    campaign_id: FromPath[str], tier_id: FromPath[str], call: CurrentCall
) -> TierView:
    """Get a tier."""
    async with call.transaction() as tx:
        return view_tier(await get_tier(tx, campaign_id, tier_id))


@reads(
    "/{campaign_id:str}/tiers/{tier_id:str}/earning-rules",
    "List loyalty tier earning rules",
    paging=read_unordered_paging,
)
async def read_tier_rules(
    campaign_id: FromPath[str], tier_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> RuleList:
    """List the earning rules whose points the tier changes."""
    async with call.transaction() as tx:
        tier = await get_tier(tx, campaign_id, tier_id)
        found = await list_earning_rules(
            tx,
            tier.campaign_id,
            ids=sorted(tier.earning_rules),
            page=paging.page,
            limit=paging.limit,
        )
    return RuleList(data=list(map(view_rule, found.items)), total=found.total)


@reads("/members/{member_id:str}/tiers", "List member's loyalty tiers")
async def read_member_tiers(member_id: FromPath[str], call: CurrentCall) -> TierList:
    """List the tier that the card's points bring the member into, if any."""
    async with call.transaction() as tx:
        voucher, _ = await get_member(tx, member_id)
        tier = await find_member_tier(tx, voucher)
    views = [] if tier is None else [view_tier(tier)]
    return TierList(data=views, total=len(views))


def loyalty_rules_router() -> Router:
    """Routes of earning rules and tiers."""
    return Router(
        path="/loyalties",
        route_handlers=[
            make_rules,
            read_rules,
            read_rule,
            change_rule,
            remove_rule,
            switch_rule_on,
            switch_rule_off,
            make_tiers,
            read_tiers,
            read_tier,
            read_tier_rules,
            read_member_tiers,
        ],
        tags=["Loyalties"],
    )
