"""``/v1/rewards``, and which programmes offer them."""

from typing import Annotated

from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging, read_unordered_paging
from kaquan.api.loyalty_members import MemberRewardBody, give_reward
from kaquan.api.once import IdempotencyKey
from kaquan.api.problems import AnyRequest
from kaquan.api.redemption_views import RedemptionView
from kaquan.api.reward_views import (
    AssignmentBody,
    AssignmentList,
    AssignmentView,
    OfferedList,
    RewardBody,
    RewardList,
    RewardView,
    draft_reward,
    draft_reward_change,
    read_price,
    view_assignment,
    view_offered,
    view_reward,
)
from kaquan.api.routes import reads, removes, writes
from kaquan.loyalty import (
    assign_reward,
    create_reward,
    delete_assignment,
    delete_reward,
    get_assignment,
    get_member,
    get_programme,
    get_reward,
    get_tier,
    list_assignments,
    list_member_rewards,
    list_offered,
    list_rewards,
    update_assignment,
    update_reward,
)
from kaquan.runtime import InvalidInput

MOST_AT_ONCE = 100
AssignmentId = Annotated[str | None, QueryParameter(max_length=64)]


@writes("POST", "/rewards", "Create reward")
async def make_reward(data: JSONBody[RewardBody], call: CurrentCall) -> RewardView:
    """Create a reward: a campaign's voucher, goods, or money off an order."""
    async with call.transaction() as tx:
        return view_reward(await create_reward(tx, draft_reward(data), now=call.now))


@reads("/rewards", "List rewards", paging=read_unordered_paging)
async def read_rewards(
    call: CurrentCall, paging: CurrentPaging, assignment_id: AssignmentId = None
) -> RewardList:
    """List rewards, newest first."""
    async with call.transaction() as tx:
        found = await list_rewards(
            tx, assignment_id=assignment_id, page=paging.page, limit=paging.limit
        )
    return RewardList(data=list(map(view_reward, found.items)), total=found.total)


@reads("/rewards/{reward_id:str}", "Get reward")
async def read_reward(reward_id: FromPath[str], call: CurrentCall) -> RewardView:
    """Get a reward."""
    async with call.transaction() as tx:
        return view_reward(await get_reward(tx, reward_id))


@writes("PUT", "/rewards/{reward_id:str}", "Update reward")
async def change_reward(
    reward_id: FromPath[str], data: JSONBody[RewardBody], call: CurrentCall
) -> RewardView:
    """Change a reward, which stays of its kind."""
    async with call.transaction() as tx:
        known = await get_reward(tx, reward_id, lock=True)
        change = draft_reward_change(data, known)
        return view_reward(await update_reward(tx, known.id, change, now=call.now))


@removes("/rewards/{reward_id:str}", "Delete reward")
async def remove_reward(reward_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a reward; what was given stays."""
    async with call.transaction() as tx:
        await delete_reward(tx, reward_id, now=call.now)


@writes("POST", "/rewards/{reward_id:str}/assignments", "Create reward assignment")
async def make_assignment(
    reward_id: FromPath[str], data: JSONBody[AssignmentBody], call: CurrentCall
) -> AssignmentView:
    """Let a loyalty programme offer a reward."""
    if data.campaign is None:
        raise InvalidInput("Name the programme that offers it.", field="campaign")
    points = read_price(data)
    async with call.transaction() as tx:
        made = await assign_reward(tx, reward_id, data.campaign, points=points, now=call.now)
    return view_assignment(made)


@reads(
    "/rewards/{reward_id:str}/assignments", "List reward assignments", paging=read_unordered_paging
)
async def read_assignments(
    reward_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    assignment_id: AssignmentId = None,
) -> AssignmentList:
    """List the programmes that offer a reward, newest first."""
    async with call.transaction() as tx:
        reward = await get_reward(tx, reward_id)
        found = await list_assignments(
            tx,
            reward_id=reward.id,
            assignment_id=assignment_id,
            page=paging.page,
            limit=paging.limit,
        )
    return AssignmentList(data=list(map(view_assignment, found.items)), total=found.total)


@reads("/rewards/{reward_id:str}/assignments/{assignment_id:str}", "Get reward assignment")
async def read_assignment(
    reward_id: FromPath[str], assignment_id: FromPath[str], call: CurrentCall
) -> AssignmentView:
    """Get an assignment of a reward."""
    async with call.transaction() as tx:
        return view_assignment(await get_assignment(tx, assignment_id, reward_id=reward_id))


@writes(
    "PUT", "/rewards/{reward_id:str}/assignments/{assignment_id:str}", "Update reward assignment"
)
async def change_assignment(
    reward_id: FromPath[str],
    assignment_id: FromPath[str],
    data: JSONBody[AssignmentBody],
    call: CurrentCall,
) -> AssignmentView:
    """Change what a reward costs in a programme."""
    points = read_price(data)
    async with call.transaction() as tx:
        known = await get_assignment(tx, assignment_id, reward_id=reward_id)
        changed = await update_assignment(tx, known, points=points, now=call.now)
    return view_assignment(changed)


@removes("/rewards/{reward_id:str}/assignments/{assignment_id:str}", "Delete reward assignment")
async def remove_assignment(
    reward_id: FromPath[str], assignment_id: FromPath[str], call: CurrentCall
) -> None:
    """Let a programme offer a reward no longer."""
    async with call.transaction() as tx:
        await delete_assignment(tx, await get_assignment(tx, assignment_id, reward_id=reward_id))


@writes("POST", "/loyalties/{campaign_id:str}/rewards", "Create loyalty program reward assignments")
async def offer_rewards(
    campaign_id: FromPath[str], data: JSONBody[list[AssignmentBody]], call: CurrentCall
) -> AssignmentView | list[AssignmentView]:
    """Let a programme offer rewards; all of them, or none.

    As the dialect's models have it, one that is sent alone is answered alone.
    """
    if not 1 <= len(data) <= MOST_AT_ONCE:
        message = f"Name 1 to {MOST_AT_ONCE} rewards."
        raise InvalidInput(message, field="")
    made: list[AssignmentView] = []
    async with call.transaction() as tx:
        for index, body in enumerate(data):
            if body.reward is None:
                raise InvalidInput("Name the reward.", field=f"[{index}].reward")
            points = read_price(body, field=f"[{index}].")
            assignment = await assign_reward(
                tx, body.reward, campaign_id, points=points, now=call.now
            )
            made.append(view_assignment(assignment))
    return made[0] if len(made) == 1 else made


async def _read_offered(
    campaign_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    assignment_id: AssignmentId = None,
) -> AssignmentList:
    """List the rewards that a programme offers, newest first."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        found = await list_assignments(
            tx,
            campaign_id=campaign.id,
            assignment_id=assignment_id,
            page=paging.page,
            limit=paging.limit,
        )
    return AssignmentList(data=list(map(view_assignment, found.items)), total=found.total)


read_offers = reads(
    "/loyalties/{campaign_id:str}/rewards", "List campaign rewards", paging=read_unordered_paging
)(_read_offered)
read_offer_assignments = reads(
    "/loyalties/{campaign_id:str}/reward-assignments",
    "List reward assignments of a campaign",
    paging=read_unordered_paging,
)(_read_offered)


async def _read_offer(
    campaign_id: FromPath[str], assignment_id: FromPath[str], call: CurrentCall
) -> AssignmentView:
    """Get an assignment of a programme."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        found = await get_assignment(tx, assignment_id, campaign_id=campaign.id)
    return view_assignment(found)


read_offer = reads(
    "/loyalties/{campaign_id:str}/rewards/{assignment_id:str}", "Get campaign reward"
)(_read_offer)
read_offer_assignment = reads(
    "/loyalties/{campaign_id:str}/reward-assignments/{assignment_id:str}",
    "Get reward assignment of a campaign",
)(_read_offer)


@reads(
    "/loyalties/{campaign_id:str}/reward-assignments/{assignment_id:str}/reward",
    "Get reward details",
)
async def read_offered_reward(
    campaign_id: FromPath[str], assignment_id: FromPath[str], call: CurrentCall
) -> RewardView:
    """Get the reward of an assignment."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        found = await get_assignment(tx, assignment_id, campaign_id=campaign.id)
        return view_reward(await get_reward(tx, found.reward_id))


@writes("PUT", "/loyalties/{campaign_id:str}/rewards/{assignment_id:str}", "Update campaign reward")
async def change_offer(
    campaign_id: FromPath[str],
    assignment_id: FromPath[str],
    data: JSONBody[AssignmentBody],
    call: CurrentCall,
) -> AssignmentView:
    """Change what a reward costs in a programme."""
    points = read_price(data)
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        known = await get_assignment(tx, assignment_id, campaign_id=campaign.id)
        changed = await update_assignment(tx, known, points=points, now=call.now)
    return view_assignment(changed)


@removes("/loyalties/{campaign_id:str}/rewards/{assignment_id:str}", "Delete campaign reward")
async def remove_offer(
    campaign_id: FromPath[str], assignment_id: FromPath[str], call: CurrentCall
) -> None:
    """Let a programme offer a reward no longer."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        known = await get_assignment(tx, assignment_id, campaign_id=campaign.id)
        await delete_assignment(tx, known)


@reads("/loyalties/{campaign_id:str}/tiers/{tier_id:str}/rewards", "List loyalty tier rewards")
async def read_tier_rewards(
    campaign_id: FromPath[str], tier_id: FromPath[str], call: CurrentCall
) -> OfferedList:
    """List what a programme offers to a tier, at the tier's prices, the cheapest first."""
    async with call.transaction() as tx:
        tier = await get_tier(tx, campaign_id, tier_id)
        offered = await list_offered(tx, tier.campaign_id, tier=tier)
    return view_offered(offered, "loyalty_tier_reward")


@reads("/loyalties/members/{member_id:str}/rewards", "List member's rewards")
async def read_member_rewards(
    member_id: FromPath[str],
    call: CurrentCall,
    affordable_only: Annotated[bool, QueryParameter()] = False,
) -> OfferedList:
    """List what the member may have for points, or with ``affordable_only`` can pay for now."""
    async with call.transaction() as tx:
        voucher, campaign = await get_member(tx, member_id)
        offered = await list_member_rewards(tx, voucher, campaign, affordable=affordable_only)
    return view_offered(offered, "loyalty_reward")


@writes("POST", "/loyalties/members/{member_id:str}/redemption", "Redeem reward")
async def redeem_for_member(
    request: AnyRequest,
    member_id: FromPath[str],
    data: JSONBody[MemberRewardBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[RedemptionView]:
    """Give a member a reward for points of the card."""
    return await give_reward(request, call, key, member_id=member_id, body=data)


@writes(
    "POST",
    "/loyalties/{campaign_id:str}/members/{member_id:str}/redemption",
    "Redeem reward of a campaign",
)
async def redeem_in_programme(
    request: AnyRequest,
    campaign_id: FromPath[str],
    member_id: FromPath[str],
    data: JSONBody[MemberRewardBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[RedemptionView]:
    """Give a member of this programme a reward for points of the card."""
    return await give_reward(
        request, call, key, member_id=member_id, body=data, programme=campaign_id
    )


def rewards_router() -> Router:
    """Routes of rewards."""
    return Router(
        path="/",
        route_handlers=[
            make_reward,
            read_rewards,
            read_reward,
            change_reward,
            remove_reward,
            make_assignment,
            read_assignments,
            read_assignment,
            change_assignment,
            remove_assignment,
            offer_rewards,
            read_offers,
            read_offer_assignments,
            read_offer,
            read_offer_assignment,
            read_offered_reward,
            change_offer,
            remove_offer,
            read_tier_rewards,
            read_member_rewards,
            redeem_for_member,
            redeem_in_programme,
        ],
        tags=["Rewards"],
    )
