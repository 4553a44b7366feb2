"""What happened to a customer, and what they hold: ``/v1/customers/{customerId}/…``."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import Call, CurrentCall
from kaquan.api.customer_views import SimpleCustomer, view_simple_customer
from kaquan.api.listing import CurrentFilters, CurrentPaging, read_condition, read_cursor_paging
from kaquan.api.orders import OrderView, view_order
from kaquan.api.routes import reads
from kaquan.api.values import MomentText, read_moment
from kaquan.api.voucher_views import VoucherView, load_views
from kaquan.campaigns import list_vouchers_by_id
from kaquan.customers import (
    Activity,
    ActivityQuery,
    get_customer,
    list_activities,
    list_orders_by_id,
)
from kaquan.insight import HOLDING_FILTERS, Holding, list_holdings
from kaquan.runtime import InvalidInput, Tx, get_project

AfterId = Annotated[str | None, QueryParameter(max_length=64)]
Word = Annotated[str | None, QueryParameter(max_length=64)]
Status = Literal["ACTIVE", "USED", "DISABLED", "NOT_ACTIVE_YET", "EXPIRED", "NO_BALANCE"]


class ActivityView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened as answered; ``data`` is what it was about."""

    id: str
    type: str
    data: dict[str, Any]
    created_at: datetime
    group_id: None = None


class ActivityList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what happened to a customer."""

    data: list[ActivityView]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class HeldVoucher(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher that somebody holds, and whether it can be used now."""

    voucher: VoucherView
    status: Status
    type: Literal["voucher"] = "voucher"


class RedeemableView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a customer holds."""

    id: str
    created_at: datetime
    redeemable_id: str
    customer_id: str
    campaign_id: str | None
    campaign_type: str | None
    voucher_type: str
    redeemable: HeldVoucher
    redeemable_object: Literal["voucher"] = "voucher"
    holder_role: Literal["OWNER"] = "OWNER"
    object: Literal["redeemable_holder"] = "redeemable_holder"


class RedeemableList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what a customer holds."""

    data: list[RedeemableView]
    total: int
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


async def _read_activity(
    customer_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    starting_after_id: AfterId = None,
    start_date: FromQuery[MomentText | None] = None,
    end_date: FromQuery[MomentText | None] = None,
    campaign_id: Word = None,
    campaign_type: Word = None,
    category: Word = None,
    type: Word = None,  # noqa: A002 - the dialect's word
) -> ActivityList:
    """List what happened to a customer, newest first unless ``order`` is ``created_at``."""
    if paging.order not in (None, "created_at", "-created_at"):
        message = "Activities can be ordered by created_at or -created_at."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        zone = (await get_project(tx)).zone
        query = ActivityQuery(
            ascending=paging.order == "created_at",
            after=starting_after_id,
            type=type,
            category=category,
            campaign_id=campaign_id,
            campaign_type=campaign_type,
            start=None if start_date is None else read_moment(start_date, zone, field="start_date"),
            end=None
            if end_date is None
            else read_moment(end_date, zone, field="end_date", ends=True),
        )
        found = await list_activities(tx, customer.id, query, limit=paging.limit)
        orders = await _load_orders(tx, found.items)
    simple = view_simple_customer(customer)
    return ActivityList(
        data=[_view_activity(one, simple, orders) for one in found.items],
        has_more=found.next_cursor is not None,
        more_starting_after=found.next_cursor or UNSET,
    )


read_activity = reads(
    "/{customer_id:str}/activity", "List customer activity", paging=read_cursor_paging
)(_read_activity)
read_activities = reads(
    "/{customer_id:str}/activities", "List customer activities", paging=read_cursor_paging
)(_read_activity)


@reads("/{customer_id:str}/redeemables", "List customer's redeemables", paging=read_cursor_paging)
async def read_redeemables(
    customer_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    starting_after_id: AfterId = None,
) -> RedeemableList:
    """List what a customer holds, the newest first unless ``order`` is ``id``."""
    if paging.order not in (None, "id", "-id"):
        message = "Redeemables can be ordered by id or -id."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        found = await list_holdings(
            tx,
            customer.id,
            condition=await read_condition(tx, filters, HOLDING_FILTERS, now=call.now),
            after=starting_after_id,
            descending=paging.order != "id",
            limit=paging.limit,
        )
        vouchers = await _load_vouchers(tx, found.items)
    return RedeemableList(
        data=[
            _view_holding(one, customer.id, vouchers[one.voucher_id], call=call)
            for one in found.items
        ],
        total=found.total,
        has_more=found.next_cursor is not None,
        more_starting_after=found.next_cursor or UNSET,
    )


def _view_activity(
    activity: Activity, customer: SimpleCustomer, orders: Mapping[str, OrderView]
) -> ActivityView:
    data: dict[str, Any] = {"customer": customer}
    related = activity.related
    if activity.type == "customer.custom_event":
        data["custom_event"] = {"type": related["name"], "metadata": related["metadata"]}
    elif activity.type.startswith("customer.redemption"):
        data["redemption"] = {
            "id": related["redemption_id"],
            "result": related["result"],
            "failure_code": related["failure_code"],
            "voucher": {"id": related["voucher_id"], "object": "voucher"},
            "object": "redemption",
        }
    elif activity.type.startswith("customer.publication"):
        data["publication"] = {"id": related["publication_id"], "channel": related["channel"]}
        data["voucher"] = {"id": related["voucher_id"], "object": "voucher"}
    if activity.campaign_id is not None:
        data["campaign"] = {"id": activity.campaign_id, "object": "campaign"}
    order = orders.get(related.get("order_id") or "")
    if order is not None:
        data["order"] = order
    return ActivityView(id=activity.id, type=activity.type, data=data, created_at=activity.at)


async def _load_orders(tx: Tx, activities: list[Activity]) -> dict[str, OrderView]:
    wanted = {one.related.get("order_id") for one in activities}
    ids = sorted(one for one in wanted if isinstance(one, str))
    found = await list_orders_by_id(tx, ids) if ids else []
    return {order.id: view_order(order) for order in found}


async def _load_vouchers(tx: Tx, holdings: list[Holding]) -> dict[str, VoucherView]:
    found = await list_vouchers_by_id(tx, [one.voucher_id for one in holdings])
    return {view.id: view for view in await load_views(tx, found)}


def _view_holding(
    holding: Holding, customer_id: str, voucher: VoucherView, *, call: Call
) -> RedeemableView:
    return RedeemableView(
        id=holding.id,
        created_at=holding.since,
        redeemable_id=holding.voucher_id,
        customer_id=customer_id,
        campaign_id=holding.campaign_id,
        campaign_type=holding.campaign_type,
        voucher_type=holding.voucher_type,
        redeemable=HeldVoucher(voucher=voucher, status=_status(voucher, call.now)),
    )


def _status(voucher: VoucherView, now: datetime) -> Status:
    limit = voucher.redemption
    if not voucher.active:
        return "DISABLED"
    if voucher.expiration_date is not None and voucher.expiration_date <= now:
        return "EXPIRED"
    if voucher.start_date is not None and voucher.start_date > now:
        return "NOT_ACTIVE_YET"
    if limit.quantity is not None and limit.redeemed_quantity >= limit.quantity:
        return "USED"
    if voucher.gift is not None and voucher.gift.balance <= 0:
        return "NO_BALANCE"
    return "ACTIVE"


def customer_activity_router() -> Router:
    """Routes of what happened to customers and of what they hold."""
    return Router(
        path="/customers",
        route_handlers=[read_activity, read_activities, read_redeemables],
        tags=["Customers"],
    )
