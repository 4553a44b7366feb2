"""``/v1/loyalties/…/members``: cards, their holders and their points."""

from datetime import date
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta

from kaquan.api.balances import BalanceView, RelatedVoucher
from kaquan.api.between import read_between
from kaquan.api.call import Call, CurrentCall
from kaquan.api.customers import CustomerBody
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.orders import OrderBody, draft_order
from kaquan.api.problems import AnyRequest
from kaquan.api.publishing import CampaignChoice, PublicationBody, publish
from kaquan.api.redemption_views import RedemptionView
from kaquan.api.reward_redemptions import load_reward_redemption
from kaquan.api.routes import reads, writes
from kaquan.api.values import Count, Identifier, Metadata, MomentText, ShortText, read_moment
from kaquan.api.voucher_views import VoucherView, load_view, load_views
from kaquan.campaigns import VoucherFilter, adjust_balance, get_voucher, list_vouchers
from kaquan.customers import get_customer
from kaquan.engine import MAX_MINOR
from kaquan.loyalty import (
    PointSource,
    RewardRequest,
    get_member,
    get_programme,
    redeem_reward,
    set_expiry_of,
    transfer_points,
)
from kaquan.runtime import Answer, InvalidInput, Tx, get_project

ALL_DAYS = list(range(7))


class MemberBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who joins a programme, perhaps with a card that is named."""

    customer: CustomerBody | None = None
    voucher: Identifier | None = None
    source_id: Identifier | None = None
    channel: Annotated[str, Meta(max_length=64)] | None = None
    metadata: Metadata | None = None


class MemberList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a programme's cards."""

    vouchers: list[VoucherView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["vouchers"] = "vouchers"


class PointsBody(msgspec.Struct, frozen=True, kw_only=True):
    """How many points to add to a card, or to take off it when negative."""

    points: Annotated[int, Meta(ge=-MAX_MINOR, le=MAX_MINOR)]
    expiration_type: Literal["PROGRAM_RULES", "CUSTOM_DATE", "NON_EXPIRING"] | None = None
    expiration_date: MomentText | None = None
    reason: ShortText | None = None
    source_id: Identifier | None = None


class TransferBody(msgspec.Struct, frozen=True, kw_only=True):
    """A card to take points from."""

    code: Identifier
    points: Count
    reason: ShortText | None = None
    source_id: Identifier | None = None


class WantedReward(msgspec.Struct, frozen=True, kw_only=True):
    """The reward and, to pay an order with points, how many."""

    id: Identifier
    points: Count | None = None


class MemberRewardBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a member wants for points."""

    reward: WantedReward
    order: OrderBody | None = None
    metadata: Metadata | None = None


async def _find(tx: Tx, member_id: str, programme: str | None) -> VoucherView:
    voucher, _ = await get_member(tx, member_id, programme=programme)
    return await load_view(tx, voucher)


@writes("POST", "/{campaign_id:str}/members", "Add member")
async def add_member(
    request: AnyRequest,
    campaign_id: FromPath[str],
    data: JSONBody[MemberBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[VoucherView]:
    """Give a customer, who is entered or changed first, a card of the programme."""

    async def produce(tx: Tx) -> Answer:
        campaign = await get_programme(tx, campaign_id)
        if data.voucher is not None:
            await get_member(tx, data.voucher, programme=campaign.id)
        body = PublicationBody(
            customer=data.customer,
            campaign=CampaignChoice(id=campaign.id) if data.voucher is None else None,
            voucher=data.voucher,
            source_id=data.source_id,
            channel=data.channel,
            metadata=data.metadata,
        )
        join_once = campaign.join_once or None
        published = await publish(tx, body, call=call, join_once=join_once)
        return succeed(await load_view(tx, await get_voucher(tx, published.voucher.id)))

    return await move_value(request, call, key, produce=produce)


@reads("/{campaign_id:str}/members", "List members")
async def read_members(
    request: AnyRequest,
    campaign_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    customer: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> MemberList:
    """List a programme's cards, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        campaign = await get_programme(tx, campaign_id)
        between = await read_between(tx, request, "created_at", "updated_at")
        wanted = VoucherFilter(
            campaign_id=campaign.id,
            holder_id=None if customer is None else (await get_customer(tx, customer)).id,
            created_after=between["created_at"].after,
            created_before=between["created_at"].before,
            updated_after=between["updated_at"].after,
            updated_before=between["updated_at"].before,
        )
        order = paging.order or "-created_at"
        found = await list_vouchers(tx, wanted, limit=paging.limit, page=paging.page, order=order)
        views = await load_views(tx, found.items)
    return MemberList(vouchers=views, total=found.total)


@reads("/members/{member_id:str}", "Get member")
async def read_member(member_id: FromPath[str], call: CurrentCall) -> VoucherView:
    """Get a card by its code or id."""
    async with call.transaction() as tx:
        return await _find(tx, member_id, None)


@reads("/{campaign_id:str}/members/{member_id:str}", "Get member of a campaign")
async def read_programme_member(
    campaign_id: FromPath[str], member_id: FromPath[str], call: CurrentCall
) -> VoucherView:
    """Get a card of this programme by its code or id."""
    async with call.transaction() as tx:
        return await _find(tx, member_id, campaign_id)


@writes("POST", "/members/{member_id:str}/balance", "Adjust loyalty card balance")
async def change_points(
    request: AnyRequest,
    member_id: FromPath[str],
    data: JSONBody[PointsBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[BalanceView]:
    """Add points to a card, or take them off; one ``source_id`` does so once."""
    return await _adjust(request, call, key, member_id=member_id, body=data)


@writes(
    "POST", "/{campaign_id:str}/members/{member_id:str}/balance", "Adjust balance in a campaign"
)
async def change_programme_points(
    request: AnyRequest,
    campaign_id: FromPath[str],
    member_id: FromPath[str],
    data: JSONBody[PointsBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[BalanceView]:
    """Add points to a card of this programme, or take them off."""
    return await _adjust(request, call, key, member_id=member_id, body=data, programme=campaign_id)


async def _adjust(
    request: AnyRequest,
    call: Call,
    key: str | None,
    *,
    member_id: str,
    body: PointsBody,
    programme: str | None = None,
) -> Response[BalanceView]:
    _check_expiry(body)
    if body.points == 0:
        raise InvalidInput("Add or take off at least one point.", field="points")

    async def produce(tx: Tx) -> Answer:
        voucher, _ = await get_member(tx, member_id, programme=programme)
        change = await adjust_balance(
            tx,
            voucher.id,
            body.points,
            source_id=body.source_id,
            reason=body.reason,
            now=call.now,
        )
        if body.expiration_type in ("CUSTOM_DATE", "NON_EXPIRING"):
            await set_expiry_of(tx, change, await _last_day(tx, body), now=call.now)
        return succeed(
            BalanceView(
                points=change.amount,
                total=change.added,
                balance=change.left,
                type="loyalty_card",
                operation_type="MANUAL",
                related_object=RelatedVoucher(change.voucher_id),
            )
        )

    return await move_value(request, call, key, produce=produce)


def _check_expiry(body: PointsBody) -> None:
    custom = body.expiration_type == "CUSTOM_DATE"
    if custom != (body.expiration_date is not None):
        message = "'expiration_date' goes with the type CUSTOM_DATE."
        raise InvalidInput(message, field="expiration_date")
    if body.points < 0 and body.expiration_type not in (None, "PROGRAM_RULES"):
        message = "Only points that are added can expire."
        raise InvalidInput(message, field="expiration_type")


async def _last_day(tx: Tx, body: PointsBody) -> date | None:
    """The last day, in the project's zone, on which added points can be spent."""
    if body.expiration_date is None:
        return None
    zone = (await get_project(tx)).zone
    moment = read_moment(body.expiration_date, zone, field="expiration_date")
    return moment.astimezone(zone).date()


@writes("POST", "/{campaign_id:str}/members/{member_id:str}/transfers", "Transfer points")
async def move_points(
    request: AnyRequest,
    campaign_id: FromPath[str],
    member_id: FromPath[str],
    data: JSONBody[list[TransferBody]],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[dict[str, Any]]:
    """Move points from the cards in the body to this card; all of them, or none."""
    sources = [
        PointSource(code=one.code, points=one.points, reason=one.reason, source_id=one.source_id)
        for one in data
    ]

    async def produce(tx: Tx) -> Answer:
        voucher = await transfer_points(tx, campaign_id, member_id, sources, now=call.now)
        view = await load_view(tx, voucher)
        # Here alone the dialect's model has the switch as a text, and no member about time empty.
        shown: dict[str, Any] = msgspec.to_builtins(view) | {
            "active": "true" if view.active else "false",
            "validity_timeframe": view.validity_timeframe or {},
            "validity_day_of_week": view.validity_day_of_week or ALL_DAYS,
        }
        return Answer(200, msgspec.json.encode(shown), lasting=True)

    response = await move_value(request, call, key, produce=produce)
    return cast("Response[dict[str, Any]]", response)


async def give_reward(
    request: AnyRequest,
    call: Call,
    key: str | None,
    *,
    member_id: str,
    body: MemberRewardBody,
    programme: str | None = None,
) -> Response[RedemptionView]:
    """Answer a request for a reward: points, stock and what is given move together."""

    async def produce(tx: Tx) -> Answer:
        order = None
        if body.order is not None:
            order = await draft_order(tx, body.order, order_id=body.order.id, field="order.")
        wanted = RewardRequest(
            reward_id=body.reward.id,
            points=body.reward.points,
            order=order,
            metadata=body.metadata or {},
        )
        done = await redeem_reward(tx, member_id, wanted, programme=programme, now=call.now)
        return succeed(await load_reward_redemption(tx, done))

    return await move_value(request, call, key, produce=produce)


def loyalty_members_router() -> Router:
    """Routes of members."""
    return Router(
        path="/loyalties",
        route_handlers=[
            add_member,
            read_members,
            read_member,
            read_programme_member,
            change_points,
            change_programme_points,
            move_points,
        ],
        tags=["Loyalties"],
    )
