"""What moved on cards: lists of a card, a programme or any campaign, and members' activity."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import Call, CurrentCall
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    Paging,
    read_condition,
    read_cursor_paging,
)
from kaquan.api.loyalty_movements import MovementList, view_movement
from kaquan.api.routes import reads
from kaquan.campaigns import balance_kind_of, get_campaign, list_publications
from kaquan.engine import parse_offer
from kaquan.ledger import AccountKind, Cause
from kaquan.loyalty import (
    TRANSACTION_FILTERS,
    CardTransaction,
    TransactionPage,
    get_member,
    get_programme,
    list_card_transactions,
)
from kaquan.runtime import InvalidInput, Tx

AfterId = Annotated[str | None, QueryParameter(max_length=64)]


class MemberActivityView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened on a card."""

    id: str
    type: str
    created_at: datetime
    data: dict[str, Any]
    group_id: None = None


class MemberActivityList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what happened on a card."""

    data: list[MemberActivityView]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


async def _list(
    tx: Tx,
    call: Call,
    paging: Paging,
    filters: dict[str, Any],
    *,
    kind: AccountKind,
    after: str | None,
    campaign_id: str | None = None,
    voucher_id: str | None = None,
) -> TransactionPage:
    order = paging.order or "-created_at"
    if order.removeprefix("-") not in ("created_at", "id"):
        message = "Transactions can be ordered by created_at or id; a minus in front reverses it."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    return await list_card_transactions(
        tx,
        kind,
        campaign_id=campaign_id,
        voucher_id=voucher_id,
        condition=await read_condition(tx, filters, TRANSACTION_FILTERS, now=call.now),
        after=after,
        descending=order.startswith("-"),
        limit=paging.limit,
    )


def _view_list(found: TransactionPage) -> MovementList:
    return MovementList(
        data=list(map(view_movement, found.items)),
        has_more=found.next_cursor is not None,
        more_starting_after=found.next_cursor or UNSET,
    )


async def _of_campaign(
    call: Call,
    paging: Paging,
    filters: dict[str, Any],
    *,
    campaign: str,
    after: str | None,
    only_points: bool = False,
) -> MovementList:
    async with call.transaction() as tx:
        found = await (get_programme if only_points else get_campaign)(tx, campaign)
        kind = balance_kind_of(parse_offer(found.offer)) if found.offer else None
        if kind is None:
            message = "Only gift cards and cards of points have transactions."
            raise InvalidInput(message, field="campaign_id", key="invalid_campaign")
        page = await _list(tx, call, paging, filters, kind=kind, after=after, campaign_id=found.id)
    return _view_list(page)


async def _of_member(
    call: Call,
    paging: Paging,
    filters: dict[str, Any],
    *,
    member_id: str,
    after: str | None,
    programme: str | None = None,
) -> MovementList:
    async with call.transaction() as tx:
        voucher, _ = await get_member(tx, member_id, programme=programme)
        page = await _list(
            tx,
            call,
            paging,
            filters,
            kind=AccountKind.POINTS,
            after=after,
            voucher_id=voucher.id,
        )
    return _view_list(page)


@reads(
    "/campaigns/{campaign_id:str}/transactions",
    "List campaign transactions",
    paging=read_cursor_paging,
)
async def read_campaign_transactions(
    campaign_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    starting_after_id: AfterId = None,
) -> MovementList:
    """List what moved on a campaign's cards, newest first unless ``order`` says otherwise."""
    return await _of_campaign(call, paging, filters, campaign=campaign_id, after=starting_after_id)


@reads(
    "/loyalties/{campaign_id:str}/transactions",
    "List loyalty campaign transactions",
    paging=read_cursor_paging,
)
async def read_programme_transactions(
    campaign_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    starting_after_id: AfterId = None,
) -> MovementList:
    """List what moved on a programme's cards, newest first unless ``order`` says otherwise."""
    return await _of_campaign(
        call, paging, filters, campaign=campaign_id, after=starting_after_id, only_points=True
    )


@reads(
    "/loyalties/members/{member_id:str}/transactions",
    "List loyalty card transactions",
    paging=read_cursor_paging,
)
async def read_member_transactions(
    member_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    starting_after_id: AfterId = None,
) -> MovementList:
    """List what moved on a card, newest first unless ``order`` says otherwise."""
    return await _of_member(call, paging, filters, member_id=member_id, after=starting_after_id)


@reads(
    "/loyalties/{campaign_id:str}/members/{member_id:str}/transactions",
    "List loyalty card transactions of a campaign",
    paging=read_cursor_paging,
)
async def read_programme_member_transactions(
    campaign_id: FromPath[str],
    member_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    starting_after_id: AfterId = None,
) -> MovementList:
    """List what moved on a card of this programme."""
    return await _of_member(
        call,
        paging,
        filters,
        member_id=member_id,
        after=starting_after_id,
        programme=campaign_id,
    )


_ACTIVITIES = {
    "POINTS_ACCRUAL": "customer.rewarded.loyalty_points",
    "PENDING_POINTS_ACTIVATION": "customer.voucher.loyalty_card.pending_points.activated",
    "POINTS_EXPIRATION": "customer.voucher.loyalty_card.points_expired",
    "POINTS_TRANSFER_IN": "customer.voucher.loyalty_card.points_transferred",
    "POINTS_TRANSFER_OUT": "customer.voucher.loyalty_card.points_transferred",
    "POINTS_REDEMPTION": "customer.redemption.succceeded",
    "POINTS_REFUND": "customer.redemption.rollback.succceeded",
}
"""The dialect's words, two of which are spelled like this in its models."""

_ADDED = "customer.voucher.loyalty_card.points_added"
_REWARDED = "customer.reward_redemptions.completed"


def _view_activity(moved: CardTransaction) -> MemberActivityView:
    view = view_movement(moved)
    kind = _ACTIVITIES.get(view.type, _ADDED)
    if moved.reward_id is not None:
        kind = _REWARDED
    data: dict[str, Any] = {
        "voucher": {"id": moved.voucher_id, "object": "voucher"},
        "balance": view.details.balance,
        "transaction": {
            "id": view.id,
            "type": view.type,
            "source_id": view.source_id,
            "voucher_id": view.voucher_id,
            "campaign_id": view.campaign_id,
            "reason": view.reason,
            "created_at": view.created_at,
        },
    }
    if moved.cause is Cause.REDEEM and moved.reward_id is None:
        data["redemption"] = {"id": moved.cause_id, "object": "redemption"}
    return MemberActivityView(
        id=view.id, type=kind, created_at=view.created_at, data={"data": data}
    )


async def _activity(
    call: Call,
    paging: Paging,
    *,
    member_id: str,
    after: str | None,
    programme: str | None = None,
) -> MemberActivityList:
    """What moved on the card and, when all of that was told, that it was given to its holder."""
    async with call.transaction() as tx:
        voucher, _ = await get_member(tx, member_id, programme=programme)
        descending = (paging.order or "-created_at").startswith("-")
        page = await _list(
            tx,
            call,
            paging,
            {},
            kind=AccountKind.POINTS,
            after=after,
            voucher_id=voucher.id,
        )
        found = list(map(_view_activity, page.items))
        joined = await list_publications(tx, voucher_id=voucher.id, order="created_at", limit=1)
    for publication in joined.items:
        given = MemberActivityView(
            id=publication.id,
            type="customer.publication.succeeded",
            created_at=publication.created_at,
            data={"data": {"voucher": {"id": voucher.id, "code": voucher.code}}},
        )
        if not descending and after is None:
            found.insert(0, given)
        elif descending and page.next_cursor is None:
            found.append(given)
    return MemberActivityList(
        data=found,
        has_more=page.next_cursor is not None,
        more_starting_after=page.next_cursor or UNSET,
    )


@reads(
    "/loyalties/members/{member_id:str}/activity", "List member activity", paging=read_cursor_paging
)
async def read_member_activity(
    member_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    starting_after_id: AfterId = None,
) -> MemberActivityList:
    """List what happened on a card, newest first unless ``order`` is ``created_at``."""
    return await _activity(call, paging, member_id=member_id, after=starting_after_id)


@reads(
    "/loyalties/{campaign_id:str}/members/{member_id:str}/activity",
    "List member activity in a campaign",
    paging=read_cursor_paging,
)
async def read_programme_member_activity(
    campaign_id: FromPath[str],
    member_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    starting_after_id: AfterId = None,
) -> MemberActivityList:
    """List what happened on a card of this programme."""
    return await _activity(
        call, paging, member_id=member_id, after=starting_after_id, programme=campaign_id
    )


def loyalty_transactions_router() -> Router:
    """Routes of movements on cards."""
    return Router(
        path="/",
        route_handlers=[
            read_campaign_transactions,
            read_programme_transactions,
            read_member_transactions,
            read_programme_member_transactions,
            read_member_activity,
            read_programme_member_activity,
        ],
        tags=["Loyalties"],
    )
