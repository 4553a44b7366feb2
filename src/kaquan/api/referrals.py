"""``/v1/referrals/…/holders``: who hands a referral code on, and whom it brings along."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta

from kaquan.api.call import Call, CurrentCall
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.gifts import VoucherType, type_of
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    Paging,
    read_condition,
    read_cursor_paging,
)
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier, Metadata
from kaquan.campaigns import Voucher, balance_kind_of, get_campaign
from kaquan.checkout import (
    HOLDER_FILTERS,
    CodeHolder,
    HolderRole,
    add_referees,
    get_referral_code,
    list_holders,
    remove_holder,
)
from kaquan.customers import enter_customers
from kaquan.engine import parse_offer
from kaquan.runtime import KaquanError, Tx

_ONE = "/members/{referral_id:str}/holders"
_OF_CAMPAIGN = "/{programme_id:str}/members/{referral_id:str}/holders"


class HoldersBody(msgspec.Struct, frozen=True, kw_only=True):
    """People whom a code brings along; they are entered or changed first."""

    holders: Annotated[list[CustomerBody], Meta(min_length=1, max_length=100)]
    metadata: Metadata | None = None


class HolderView(msgspec.Struct, frozen=True, kw_only=True):
    """A person whom a referral code concerns."""

    id: str
    created_at: datetime
    redeemable_id: str
    customer_id: str
    holder_role: HolderRole
    campaign_id: str
    voucher_type: VoucherType
    metadata: Metadata
    redeemable_object: Literal["voucher"] = "voucher"
    campaign_type: Literal["REFERRAL_PROGRAM"] = "REFERRAL_PROGRAM"
    object: Literal["redeemable_holder"] = "redeemable_holder"


class HoldersAdded(msgspec.Struct, frozen=True, kw_only=True):
    """Those who were named, in their order."""

    holders: list[HolderView]


class HolderList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the people whom a code concerns."""

    data: list[HolderView]
    total: int
    has_more: bool
    more_starting_after: str | None
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


async def _view(tx: Tx, voucher: Voucher, holders: list[CodeHolder]) -> list[HolderView]:
    assert voucher.campaign_id is not None
    offer = voucher.offer or (await get_campaign(tx, voucher.campaign_id)).offer
    kind = type_of(balance_kind_of(parse_offer({"id": voucher.id, **offer})))
    return [
        HolderView(
            id=one.id,
            created_at=one.created_at,
            redeemable_id=one.voucher_id,
            customer_id=one.customer_id,
            holder_role=one.role,
            campaign_id=voucher.campaign_id,
            voucher_type=kind,
            metadata=one.metadata,
        )
        for one in holders
    ]


async def _add(call: Call, data: HoldersBody, code: str, campaign: str | None) -> HoldersAdded:
    async with call.transaction() as tx:
        voucher = await get_referral_code(tx, code, campaign=campaign)
        drafts = [draft_customer(one) for one in data.holders]
        ids: list[str] = []
        for customer in await enter_customers(tx, drafts, now=call.now):
            if isinstance(customer, KaquanError):
                raise customer
            ids.append(customer.id)
        named = await add_referees(tx, voucher, ids, metadata=data.metadata, now=call.now)
        return HoldersAdded(holders=await _view(tx, voucher, named))


async def _list(
    call: Call,
    code: str,
    campaign: str | None,
    *,
    paging: Paging,
    filters: dict[str, Any],
    after: str | None,
) -> HolderList:
    async with call.transaction() as tx:
        voucher = await get_referral_code(tx, code, campaign=campaign)
        found = await list_holders(
            tx,
            voucher,
            condition=await read_condition(tx, filters, HOLDER_FILTERS, now=call.now),
            order=paging.order or "-created_at",
            after=after,
            limit=paging.limit,
        )
        return HolderList(
            data=await _view(tx, voucher, found.items),
            total=found.total,
            has_more=found.next_cursor is not None,
            more_starting_after=found.next_cursor,
        )


async def _remove(call: Call, code: str, campaign: str | None, holder_id: str) -> None:
    async with call.transaction() as tx:
        voucher = await get_referral_code(tx, code, campaign=campaign)
        await remove_holder(tx, voucher, holder_id)


@reads(_ONE, "List code holders", paging=read_cursor_paging)
async def read_holders(
    referral_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    starting_after_id: FromQuery[Identifier | None] = None,
) -> HolderList:
    """List who hands a referral code on and whom it brought along, the newest first."""
    return await _list(
        call, referral_id, None, paging=paging, filters=filters, after=starting_after_id
    )


@reads(_OF_CAMPAIGN, "List code holders of a programme", paging=read_cursor_paging)
async def read_holders_of_programme(
    programme_id: FromPath[str],
    referral_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    starting_after_id: FromQuery[Identifier | None] = None,
) -> HolderList:
    """List who hands a code of this programme on and whom it brought along."""
    return await _list(
        call, referral_id, programme_id, paging=paging, filters=filters, after=starting_after_id
    )


@writes("POST", _ONE, "Add code holders")
async def add_holders(
    referral_id: FromPath[str], data: JSONBody[HoldersBody], call: CurrentCall
) -> HoldersAdded:
    """Name people whom a referral code brings along: all of them, or nobody."""
    return await _add(call, data, referral_id, None)


@writes("POST", _OF_CAMPAIGN, "Add code holders of a programme")
async def add_holders_of_programme(
    programme_id: FromPath[str],
    referral_id: FromPath[str],
    data: JSONBody[HoldersBody],
    call: CurrentCall,
) -> HoldersAdded:
    """Name people whom a code of this programme brings along: all of them, or nobody."""
    return await _add(call, data, referral_id, programme_id)


@removes(f"{_ONE}/{{holder_id:str}}", "Remove code holder")
async def drop_holder(
    referral_id: FromPath[str], holder_id: FromPath[str], call: CurrentCall
) -> None:
    """Let a referral code no longer bring somebody along, who was not rewarded for yet."""
    await _remove(call, referral_id, None, holder_id)


@removes(f"{_OF_CAMPAIGN}/{{holder_id:str}}", "Remove code holder of a programme")
async def drop_holder_of_programme(
    programme_id: FromPath[str],
    referral_id: FromPath[str],
    holder_id: FromPath[str],
    call: CurrentCall,
) -> None:
    """Let a code of this programme no longer bring somebody along."""
    await _remove(call, referral_id, programme_id, holder_id)


def referrals_router() -> Router:
    """Routes of referral codes' holders."""
    return Router(
        path="/referrals",
        route_handlers=[
            read_holders,
            read_holders_of_programme,
            add_holders,
            add_holders_of_programme,
            drop_holder,
            drop_holder_of_programme,
        ],
        tags=["Referrals"],
    )
