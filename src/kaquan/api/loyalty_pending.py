"""``…/pending-points``: points that wait before they count."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.balances import BalanceView, OrderReference, RelatedVoucher
from kaquan.api.call import Call, CurrentCall
from kaquan.api.listing import CurrentPaging, Paging, read_cursor_paging
from kaquan.api.loyalty_movements import NamedReference
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, writes
from kaquan.api.voucher_views import load_view
from kaquan.campaigns import get_voucher
from kaquan.engine import MAX_MINOR
from kaquan.loyalty import (
    PendingPoints,
    activate_pending,
    adjust_pending,
    cancel_pending,
    list_pending_points,
)
from kaquan.runtime import Answer, InvalidInput, Tx

AfterId = Annotated[str | None, QueryParameter(max_length=64)]
_ONE = "/members/{member_id:str}/pending-points/{pending_points_id:str}"


class RuleSource(msgspec.Struct, frozen=True):
    """What is said about an earning rule."""

    banner: str | None


class RuleReference(msgspec.Struct, frozen=True):
    """The earning rule that gave the points."""

    id: str
    source: RuleSource


class PendingDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What the points are for."""

    earning_rule: RuleReference
    order: OrderReference | UnsetType = UNSET
    holder_loyalty_tier: NamedReference | UnsetType = UNSET


class PendingView(msgspec.Struct, frozen=True, kw_only=True):
    """Points that wait; they come to the card on ``activates_at``, a day in the project's zone."""

    id: str
    voucher_id: str
    campaign_id: str
    customer_id: str | None
    order_id: str | None
    points: int
    activates_at: date
    details: PendingDetails
    created_at: datetime
    updated_at: datetime | None


class PendingList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the points that wait; the next part starts after ``more_starting_after``."""

    data: list[PendingView]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class PendingPointsBody(msgspec.Struct, frozen=True, kw_only=True):
    """How many points more are to wait, or fewer when negative."""

    points: Annotated[int, Meta(ge=-MAX_MINOR, le=MAX_MINOR)]


class PendingBalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed, and how many points wait for the card in all."""

    points: int
    total: int
    related_object: RelatedVoucher
    operation_type: Literal["MANUAL"] = "MANUAL"
    object: Literal["balance"] = "balance"


def view_pending(waiting: PendingPoints) -> PendingView:
    """Map points that wait to the wire."""
    tier_id, order_id = waiting.loyalty_tier_id, waiting.order_id
    return PendingView(
        id=waiting.id,
        voucher_id=waiting.voucher_id,
        campaign_id=waiting.campaign_id,
        customer_id=waiting.customer_id,
        order_id=order_id,
        points=waiting.points,
        activates_at=waiting.activates_on,
        details=PendingDetails(
            earning_rule=RuleReference(waiting.rule_id, RuleSource(waiting.rule_banner)),
            order=UNSET if order_id is None else OrderReference(order_id, waiting.order_source_id),
            holder_loyalty_tier=UNSET
            if tier_id is None
            else NamedReference(tier_id, waiting.loyalty_tier_name or UNSET),
        ),
        created_at=waiting.created_at,
        updated_at=waiting.updated_at,
    )


async def _list(
    call: Call,
    paging: Paging,
    after: str | None,
    *,
    programme: str | None = None,
    member_id: str | None = None,
) -> PendingList:
    order = paging.order or "-id"
    if order not in ("id", "-id"):
        message = "Pending points can be ordered by id or -id."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        found = await list_pending_points(
            tx,
            programme=programme,
            member_id=member_id,
            after=after,
            descending=order == "-id",
            limit=paging.limit,
        )
    return PendingList(
        data=list(map(view_pending, found.items)),
        has_more=found.next_cursor is not None,
        more_starting_after=found.next_cursor or UNSET,
    )


@reads(
    "/{campaign_id:str}/pending-points", "List campaign pending points", paging=read_cursor_paging
)
async def read_campaign_pending(
    campaign_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    starting_after_id: AfterId = None,
) -> PendingList:
    """List the points that wait in a programme, what came last first unless ``order`` is ``id``."""
    return await _list(call, paging, starting_after_id, programme=campaign_id)


@reads(
    "/members/{member_id:str}/pending-points",
    "List member pending points",
    paging=read_cursor_paging,
)
async def read_member_pending(
    member_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    starting_after_id: AfterId = None,
) -> PendingList:
    """List the points that wait for a card, what came last first unless ``order`` is ``id``."""
    return await _list(call, paging, starting_after_id, member_id=member_id)


@reads(
    "/{campaign_id:str}/members/{member_id:str}/pending-points",
    "List member pending points in a campaign",
    paging=read_cursor_paging,
)
async def read_programme_member_pending(
    campaign_id: FromPath[str],
    member_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    starting_after_id: AfterId = None,
) -> PendingList:
    """List the points that wait for a card of this programme."""
    return await _list(call, paging, starting_after_id, programme=campaign_id, member_id=member_id)


@writes("POST", f"{_ONE}/activate", "Activate pending points")
async def activate_points(
    request: AnyRequest,
    member_id: FromPath[str],
    pending_points_id: FromPath[str],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[BalanceView]:
    """Let points that wait come to the card now."""

    async def produce(tx: Tx) -> Answer:
        change = await activate_pending(tx, member_id, pending_points_id, now=call.now)
        card = (await load_view(tx, await get_voucher(tx, change.voucher_id))).loyalty_card
        assert card is not None, "points come to cards of points"
        return succeed(
            BalanceView(
                points=change.points,
                total=card.points,
                balance=card.balance,
                type="loyalty_card",
                operation_type="MANUAL",
                related_object=RelatedVoucher(change.voucher_id),
            )
        )

    return await move_value(request, call, key, produce=produce)


@writes("POST", f"{_ONE}/balance", "Adjust pending points")
async def adjust_points(
    request: AnyRequest,
    member_id: FromPath[str],
    pending_points_id: FromPath[str],
    data: JSONBody[PendingPointsBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[PendingBalanceView]:
    """Let more or fewer points wait; to let none, cancel them."""

    async def produce(tx: Tx) -> Answer:
        change = await adjust_pending(tx, member_id, pending_points_id, data.points, now=call.now)
        return succeed(
            PendingBalanceView(
                points=change.points,
                total=change.left,
                related_object=RelatedVoucher(change.voucher_id),
            )
        )

    return await move_value(request, call, key, produce=produce)


@writes("POST", f"{_ONE}/cancel", "Cancel pending points", status=204)
async def cancel_points(
    request: AnyRequest,
    member_id: FromPath[str],
    pending_points_id: FromPath[str],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[None]:
    """Let points that wait never come to the card."""

    async def produce(tx: Tx) -> Answer:
        await cancel_pending(tx, member_id, pending_points_id, now=call.now)
        return Answer(204, b"", lasting=True)

    return await move_value(request, call, key, produce=produce)


def loyalty_pending_router() -> Router:
    """Routes of points that wait."""
    return Router(
        path="/loyalties",
        route_handlers=[
            read_campaign_pending,
            read_member_pending,
            read_programme_member_pending,
            activate_points,
            adjust_points,
            cancel_points,
        ],
        tags=["Loyalties"],
    )
