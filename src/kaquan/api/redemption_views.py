"""Redemptions and rollbacks as answered."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.customer_views import SimpleCustomer, view_simple_customer
from kaquan.api.gifts import PointsView
from kaquan.api.orders import OrderView, unless_zero, view_order
from kaquan.api.promotion_views import TierView, load_tier_views
from kaquan.api.refusals import key_of
from kaquan.api.reward_views import GivenReward
from kaquan.api.values import Metadata
from kaquan.api.voucher_views import VoucherView, load_views
from kaquan.campaigns import Voucher, list_tiers_by_id, list_vouchers_by_id
from kaquan.checkout import (
    Redemption,
    RedemptionKind,
    list_children_of,
)
from kaquan.customers import Customer, list_customers, list_orders_by_id
from kaquan.engine import PointsEarned, ReasonCode, ServiceGranted
from kaquan.ledger import AccountKind
from kaquan.runtime import Tx

Status = Literal["SUCCEEDED", "FAILED", "ROLLED_BACK"]


class ChannelView(msgspec.Struct, frozen=True):
    """Through what a redemption came: a key's request, or a person at a page."""

    channel_id: str
    channel_type: Literal["API", "USER"]


class RelatedView(msgspec.Struct, frozen=True):
    """Another redemption or rollback."""

    id: str
    date: datetime


class RelatedRedemptions(msgspec.Struct, frozen=True):
    """The redemptions under a parent."""

    redemptions: list[RelatedView]


class AmountView(msgspec.Struct, frozen=True):
    """Credits paid from a gift card; negative when a rollback gave them back."""

    amount: int


class AddedView(msgspec.Struct, frozen=True, kw_only=True):
    """Units that an offer put into the order, on the line at a position counted from 0."""

    position: int
    quantity: int
    product_id: str | UnsetType = UNSET
    sku_id: str | UnsetType = UNSET


class RedemptionExtension(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Our own member ``kaquan``: what a redemption gave besides money off.

    ``points`` were put on the customer's account; ``multiplier_bps`` is what the loyalty
    programme multiplies their points by (10,000 is once); ``services`` are rights to visits.
    ``returned_amount`` of its discount was taken back by returns: all of it has the same status as
    a rollback.
    """

    points: int = 0
    multiplier_bps: int | UnsetType = UNSET
    services: list[ServiceGranted] = []
    added: list[AddedView] = []
    returned_amount: int = 0


class RedemptionView(msgspec.Struct, frozen=True, kw_only=True):
    """A redemption or a rollback, successful or not.

    ``redemption`` is the parent of a child, and of a rollback what it undid; ``reward`` is what
    points of a card were given for.
    """

    id: str
    object: Literal["redemption", "redemption_rollback"]
    date: datetime
    customer_id: str | None
    tracking_id: str | None
    metadata: Metadata
    amount: int | UnsetType = UNSET
    redemption: str | None
    result: Literal["SUCCESS", "FAILURE"]
    status: Status
    failure_code: str | UnsetType = UNSET
    failure_message: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    related_redemptions: RelatedRedemptions | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET
    channel: ChannelView
    customer: SimpleCustomer | UnsetType = UNSET
    related_object_type: Literal["voucher", "promotion_tier", "redemption"]
    related_object_id: str
    voucher: VoucherView | UnsetType = UNSET
    promotion_tier: TierView | UnsetType = UNSET
    gift: AmountView | UnsetType = UNSET
    loyalty_card: PointsView | UnsetType = UNSET
    reward: GivenReward | UnsetType = UNSET
    kaquan: RedemptionExtension | UnsetType = UNSET


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What redemptions refer to, by id."""

    orders: dict[str, OrderView]
    customers: dict[str, SimpleCustomer]
    vouchers: dict[str, VoucherView]
    tiers: dict[str, TierView] = {}


async def gather(tx: Tx, rows: list[Redemption]) -> Surroundings:
    """Look up the orders, customers and vouchers of redemptions."""
    order_ids = {row.order_id for row in rows if row.order_id}
    orders = await list_orders_by_id(tx, sorted(order_ids)) if order_ids else []
    customers: list[Customer] = []
    customer_ids = {row.customer_id for row in rows if row.customer_id}
    if customer_ids:
        found = await list_customers(tx, ids=sorted(customer_ids), limit=len(customer_ids))
        customers = found.items
    voucher_ids = {row.voucher_id for row in rows if row.voucher_id}
    vouchers = await list_vouchers_by_id(tx, sorted(voucher_ids)) if voucher_ids else []
    return Surroundings(
        orders={one.id: view_order(one) for one in orders},
        customers={one.id: view_simple_customer(one) for one in customers},
        vouchers={one.id: one for one in await load_views(tx, [v for v in vouchers if not v.tier])},
        tiers=await gather_tiers(tx, vouchers),
    )


async def gather_tiers(tx: Tx, vouchers: Iterable[Voucher]) -> dict[str, TierView]:
    """Look up the promotion tiers that stand among vouchers; nothing is asked without any."""
    ids = sorted({one.id for one in vouchers if one.tier})
    if not ids:
        return {}
    return {
        one.id: one for one in await load_tier_views(tx, await list_tiers_by_id(tx, ids, ever=True))
    }


def view_redemption(
    row: Redemption,
    around: Surroundings,
    *,
    order: OrderView | UnsetType = UNSET,
    children: list[Redemption] | None = None,
) -> RedemptionView:
    """Map a row to the wire; ``order`` is the order after it, if another than as stored."""
    is_rollback = row.kind is RedemptionKind.ROLLBACK
    voucher = around.vouchers.get(row.voucher_id or "")
    reason = row.metadata.get("reason") if is_rollback else None
    return RedemptionView(
        id=row.id,
        object="redemption_rollback" if is_rollback else "redemption",
        date=row.created_at,
        customer_id=row.customer_id,
        tracking_id=row.tracking_id,
        metadata=row.metadata,
        redemption=row.reverses_id or row.parent_id,
        result=row.result.value,
        status=row.status.value,
        failure_code=_failure_key(row.failure_code),
        failure_message=row.failure_message or UNSET,
        reason=reason or UNSET,
        related_redemptions=RelatedRedemptions(
            [RelatedView(child.id, child.created_at) for child in children]
        )
        if children
        else UNSET,
        order=_applied_order(row, around) if order is UNSET else order,
        channel=ChannelView(
            channel_id=row.by_user_id or row.channel,
            channel_type="USER" if row.by_user_id else "API",
        ),
        customer=around.customers.get(row.customer_id or "", UNSET),
        related_object_type=_related_type(row, around),
        related_object_id=row.voucher_id or row.id,
        voucher=UNSET if voucher is None else voucher,
        promotion_tier=around.tiers.get(row.voucher_id or "", UNSET),
        **_view_given(row),
    )


def _related_type(
    row: Redemption, around: Surroundings
) -> Literal["voucher", "promotion_tier", "redemption"]:
    if row.voucher_id is None:
        return "redemption"
    return "promotion_tier" if row.voucher_id in around.tiers else "voucher"


def _view_given(row: Redemption) -> dict[str, Any]:
    """What moved besides money off the order; a rollback moved it the other way."""
    given = row.given
    if given is None:
        own = RedemptionExtension(returned_amount=row.returned_minor)
        return {"kaquan": own} if row.returned_minor else {}
    sign = -1 if row.kind is RedemptionKind.ROLLBACK else 1
    shown: dict[str, Any] = {}
    if given.balance_kind is not None:
        shown["amount"] = sign * given.balance_taken
    if given.balance_kind is AccountKind.VALUE:
        shown["gift"] = AmountView(sign * given.balance_taken)
    if given.balance_kind is AccountKind.POINTS:
        shown["loyalty_card"] = PointsView(points=sign * given.balance_taken)
    multipliers = [one.multiplier_bps for one in given.grants if isinstance(one, PointsEarned)]
    extension = RedemptionExtension(
        points=sign * given.points,
        multiplier_bps=multipliers[0] if multipliers else UNSET,
        services=[one for one in given.grants if isinstance(one, ServiceGranted)],
        added=[
            AddedView(
                position=one.position,
                quantity=sign * one.units,
                product_id=one.goods.product_id or UNSET,
                sku_id=one.goods.sku_id or UNSET,
            )
            for one in given.added
        ],
        returned_amount=row.returned_minor,
    )
    if extension != RedemptionExtension():
        shown["kaquan"] = extension
    return shown


def _failure_key(code: str | None) -> str | UnsetType:
    return UNSET if code is None else key_of(ReasonCode(code))


def _applied_order(row: Redemption, around: Surroundings) -> OrderView | UnsetType:
    """The order as it is stored now, with what this redemption took off."""
    order = around.orders.get(row.order_id or "")
    if order is None:
        return UNSET
    if row.kind is RedemptionKind.ROLLBACK:
        return order
    return msgspec.structs.replace(
        order,
        applied_discount_amount=unless_zero(row.discount_minor),
        items_applied_discount_amount=unless_zero(row.items_discount_minor),
        total_applied_discount_amount=unless_zero(row.total_discount_minor),
    )


async def load_redemptions(tx: Tx, rows: list[Redemption]) -> list[RedemptionView]:
    """Map rows to the wire with what they refer to."""
    around = await gather(tx, rows)
    parents = [row.id for row in rows if row.voucher_id is None]
    children = await list_children_of(tx, parents) if parents else {}
    return [view_redemption(row, around, children=children.get(row.id)) for row in rows]
