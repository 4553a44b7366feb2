"""``/v1/vouchers``."""

import re
from typing import Annotated

from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET

from kaquan.api.between import read_between
from kaquan.api.call import CurrentCall
from kaquan.api.categories import read_category_id
from kaquan.api.discounts import find_goods, read_offer
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.periods import read_period, refuse_later
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import merge_metadata
from kaquan.api.voucher_imports import voucher_import_handlers
from kaquan.api.voucher_views import (
    LATER,
    VoucherBody,
    VoucherList,
    VoucherView,
    enter_voucher,
    keep_voucher_said,
    load_view,
    load_views,
    own_offer,
)
from kaquan.campaigns import (
    VoucherChange,
    VoucherFilter,
    delete_voucher,
    disable_voucher,
    enable_voucher,
    find_category,
    get_campaign,
    get_voucher,
    list_vouchers,
    update_voucher,
)
from kaquan.customers import get_customer
from kaquan.runtime import Answer, InvalidInput, Tx

_ID = re.compile(r"[\w-]+")
_Word = Annotated[str | None, QueryParameter(max_length=255)]


async def _create(
    tx: Tx, body: VoucherBody, *, call: CurrentCall, code: str | None = None
) -> Answer:
    return succeed(await load_view(tx, await enter_voucher(tx, body, code=code, now=call.now)))


@writes("POST", "/", "Generate random code")
async def generate_voucher(
    request: AnyRequest, data: JSONBody[VoucherBody], call: CurrentCall, key: IdempotencyKey = None
) -> Response[VoucherView]:
    """Create a voucher, with a random code unless the body states one."""
    return await move_value(request, call, key, produce=lambda tx: _create(tx, data, call=call))


@writes("POST", "/{code:str}", "Create voucher")
async def create_voucher(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[VoucherBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[VoucherView]:
    """Create a voucher with this code."""
    return await move_value(
        request, call, key, produce=lambda tx: _create(tx, data, call=call, code=code)
    )


@reads("/{code:str}", "Get voucher")
async def read_voucher(code: FromPath[str], call: CurrentCall) -> VoucherView:
    """Get a voucher by code or id."""
    async with call.transaction() as tx:
        return await load_view(tx, await get_voucher(tx, code))


@writes("PUT", "/{code:str}", "Update voucher")
async def change_voucher(
    code: FromPath[str], data: JSONBody[VoucherBody], call: CurrentCall
) -> VoucherView:
    """Change a voucher by code or id."""
    refuse_later(data, LATER)
    if data.gift is not None:
        message = "A balance is changed by adding to it or taking off it: POST …/balance."
        raise InvalidInput(message, field="gift", key="invalid_voucher")
    async with call.transaction() as tx:
        voucher = await get_voucher(tx, code)
        starts_at, expires_at = await read_period(tx, data)
        offer = await find_goods(tx, read_offer(data.discount, own_offer(data), field="discount"))
        change = VoucherChange(
            offer=UNSET if offer is None else offer,
            quantity=UNSET if data.redemption is None else data.redemption.quantity,
            active=UNSET if data.active is None else data.active,
            starts_at=starts_at,
            expires_at=expires_at,
            category=data.category,
            category_ids=await read_category_id(tx, data.category_id),
            additional_info=data.additional_info,
            metadata=merge_metadata(voucher.metadata, data.metadata),
        )
        changed = await update_voucher(tx, voucher.id, change, now=call.now)
        stated = UNSET if offer is None else offer
        kept = await keep_voucher_said(tx, changed, data, offer=stated, now=call.now)
        return await load_view(tx, kept)


@removes("/{code:str}", "Delete voucher")
async def remove_voucher(
    code: FromPath[str], call: CurrentCall, force: FromQuery[bool] = False
) -> None:
    """Put a voucher into the bin, used or not; with ``force`` it is gone for good."""
    async with call.transaction() as tx:
        await delete_voucher(tx, code, force=force, now=call.now)


@writes("POST", "/{code:str}/enable", "Enable voucher")
async def switch_voucher_on(code: FromPath[str], call: CurrentCall) -> VoucherView:
    """Let a voucher be used again."""
    async with call.transaction() as tx:
        return await load_view(tx, await enable_voucher(tx, code, now=call.now))


@writes("POST", "/{code:str}/disable", "Disable voucher")
async def switch_voucher_off(code: FromPath[str], call: CurrentCall) -> VoucherView:
    """Keep a voucher from being used."""
    async with call.transaction() as tx:
        return await load_view(tx, await disable_voucher(tx, code, now=call.now))


def _read_ids(given: list[str]) -> list[str]:
    """Ids as one parameter each, with commas, or as the official Python client writes a list."""
    return [one for text in given for one in _ID.findall(text)]


@reads("/", "List vouchers")
async def read_vouchers(
    request: AnyRequest,
    call: CurrentCall,
    paging: CurrentPaging,
    campaign: _Word = None,
    campaign_id: _Word = None,
    customer: _Word = None,
    category: _Word = None,
    code: _Word = None,
    ids: Annotated[list[str] | None, QueryParameter(max_items=100)] = None,
) -> VoucherList:
    """List vouchers by campaign, holder, category, code (or how it begins), ids and times."""
    async with call.transaction() as tx:
        named = campaign_id or campaign
        between = await read_between(tx, request, "created_at", "updated_at")
        known = None if category is None else await find_category(tx, category)
        wanted = VoucherFilter(
            campaign_id=None if named is None else (await get_campaign(tx, named)).id,
            holder_id=None if customer is None else (await get_customer(tx, customer)).id,
            search=code,
            ids=None if ids is None else _read_ids(ids),
            category=category if known is None else None,
            category_id=None if known is None else known.id,
            created_after=between["created_at"].after,
            created_before=between["created_at"].before,
            updated_after=between["updated_at"].after,
            updated_before=between["updated_at"].before,
        )
        found = await list_vouchers(
            tx,
            wanted,
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        views = await load_views(tx, found.items)
    return VoucherList(vouchers=views, total=found.total)


def vouchers_router() -> Router:
    """Routes of vouchers."""
    return Router(
        path="/vouchers",
        route_handlers=[
            generate_voucher,
            create_voucher,
            read_voucher,
            change_voucher,
            remove_voucher,
            switch_voucher_on,
            switch_voucher_off,
            read_vouchers,
            *voucher_import_handlers(),
        ],
        tags=["Vouchers"],
    )
