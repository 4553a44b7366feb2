"""``/v1/vouchers``."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.codes import CodeConfigBody, read_code_config
from kaquan.api.discounts import (
    DiscountBody,
    DiscountView,
    OfferExtension,
    read_offer,
    view_discount,
)
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.periods import PeriodBody, read_period, refuse_later
from kaquan.api.problems import AnyRequest, NotSupported
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import (
    Count,
    Identifier,
    LongText,
    Metadata,
    merge_metadata,
)
from kaquan.campaigns import (
    Campaign,
    Voucher,
    VoucherChange,
    VoucherDraft,
    VoucherUsage,
    add_voucher,
    delete_voucher,
    disable_voucher,
    enable_voucher,
    get_campaign,
    get_voucher,
    list_campaigns,
    list_vouchers,
    update_voucher,
    voucher_usage,
)
from kaquan.customers import get_customer
from kaquan.runtime import Answer, InvalidInput, Tx


class RedemptionLimitBody(msgspec.Struct, frozen=True):
    """How often a voucher may be used; null is without limit."""

    quantity: Count | UnsetType | None = UNSET


class VoucherBody(PeriodBody, frozen=True, kw_only=True):
    """What a caller says about a voucher: a member left out stays, null empties it."""

    code: Identifier | None = None
    campaign: Identifier | None = None
    campaign_id: Identifier | None = None
    category: Identifier | UnsetType | None = UNSET
    type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"] | None = None
    discount: DiscountBody | UnsetType | None = UNSET
    active: bool | UnsetType | None = UNSET
    additional_info: LongText | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    redemption: RedemptionLimitBody | None = None
    code_config: CodeConfigBody | None = None
    kaquan: OfferExtension | UnsetType | None = UNSET
    gift: dict[str, Any] | None = None
    loyalty_card: dict[str, Any] | None = None


class PublishView(msgspec.Struct, frozen=True):
    """Where a voucher's publications are listed, and how many there are."""

    count: int
    url: str
    object: Literal["list"] = "list"


class RedemptionLimitView(msgspec.Struct, frozen=True, kw_only=True):
    """Uses of a voucher, granted (null: without limit) and taken."""

    quantity: int | None
    redeemed_quantity: int
    url: str
    object: Literal["list"] = "list"


class VoucherView(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher as answered."""

    id: str
    code: str
    campaign: str | None
    campaign_id: str | None
    category: str | None
    category_id: None = None
    categories: list[Any] = []
    type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    discount: DiscountView
    gift: None = None
    loyalty_card: None = None
    start_date: datetime | None
    expiration_date: datetime | None
    validity_timeframe: None = None
    validity_day_of_week: None = None
    active: bool
    additional_info: str | None
    metadata: Metadata
    is_referral_code: Literal[False] = False
    created_at: datetime
    updated_at: datetime | None
    holder_id: str | None
    referrer_id: None = None
    publish: PublishView
    redemption: RedemptionLimitView
    kaquan: OfferExtension
    object: Literal["voucher"] = "voucher"


class VoucherList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the vouchers."""

    vouchers: list[VoucherView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["vouchers"] = "vouchers"


_LATER = ("gift", "loyalty_card")


def view_voucher(
    voucher: Voucher, usage: VoucherUsage, campaign: Campaign | None = None
) -> VoucherView:
    """Map a voucher to the wire; its offer is its own or its ``campaign``'s."""
    offer = voucher.offer
    if offer is None:
        assert campaign is not None, "a voucher without an offer has its campaign's"
        offer = campaign.offer
    return VoucherView(
        id=voucher.id,
        code=voucher.code,
        campaign=voucher.campaign_name,
        campaign_id=voucher.campaign_id,
        category=voucher.category,
        discount=view_discount(offer),
        start_date=voucher.starts_at,
        expiration_date=voucher.expires_at,
        active=voucher.active,
        additional_info=voucher.additional_info,
        metadata=voucher.metadata,
        created_at=voucher.created_at,
        updated_at=voucher.updated_at,
        holder_id=voucher.holder_id,
        publish=PublishView(
            count=int(voucher.published_at is not None),
            url=f"/v1/publications?voucher={voucher.id}",
        ),
        redemption=RedemptionLimitView(
            quantity=voucher.quantity,
            redeemed_quantity=usage.used,
            url=f"/v1/vouchers/{voucher.id}/redemption",
        ),
        kaquan=OfferExtension(offer=offer),
    )


async def load_views(tx: Tx, vouchers: list[Voucher]) -> list[VoucherView]:
    """Map vouchers to the wire with their uses and their campaigns' offers."""
    usages = await voucher_usage(tx, vouchers)
    ids = {one.campaign_id for one in vouchers if one.campaign_id and one.offer is None}
    found = (await list_campaigns(tx, ids=sorted(ids), limit=len(ids))).items if ids else []
    campaigns = {campaign.id: campaign for campaign in found}
    return [
        view_voucher(one, usages[one.id], campaigns.get(one.campaign_id or "")) for one in vouchers
    ]


async def load_view(tx: Tx, voucher: Voucher) -> VoucherView:
    """Map one voucher to the wire."""
    return (await load_views(tx, [voucher]))[0]


async def draft_voucher(
    tx: Tx, body: VoucherBody, *, code: str | None = None, campaign_id: str | None = None
) -> VoucherDraft:
    """Map what a caller says of a new voucher."""
    refuse_later(body, _LATER)
    _refuse_other_types(body)
    named = campaign_id or body.campaign_id or body.campaign
    campaign = None if named is None else await get_campaign(tx, named)
    offer = read_offer(body.discount, _own_offer(body), field="discount")
    if offer is None and campaign is None:
        message = "A voucher without a campaign needs a discount."
        raise InvalidInput(message, field="discount", key="invalid_voucher")
    starts_at, expires_at = await read_period(tx, body)
    limit = body.redemption or RedemptionLimitBody()
    return VoucherDraft(
        campaign_id=None if campaign is None else campaign.id,
        offer=offer,
        code=code or body.code,
        code_config=None if body.code_config is None else read_code_config(body.code_config),
        quantity=limit.quantity,
        active=body.active is not False,
        starts_at=starts_at or None,
        expires_at=expires_at or None,
        category=body.category or None,
        additional_info=body.additional_info or None,
        metadata=merge_metadata({}, body.metadata),
    )


def _own_offer(body: VoucherBody) -> dict[str, Any] | UnsetType:
    return body.kaquan.offer if isinstance(body.kaquan, OfferExtension) else UNSET


def _refuse_other_types(body: VoucherBody) -> None:
    if body.type not in {None, "DISCOUNT_VOUCHER"}:
        message = f"Vouchers of type {body.type} are not supported yet."
        raise NotSupported(message, field="type")


async def _create(
    tx: Tx, body: VoucherBody, *, call: CurrentCall, code: str | None = None
) -> Answer:
    draft = await draft_voucher(tx, body, code=code)
    return succeed(await load_view(tx, await add_voucher(tx, draft, now=call.now)))


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
    refuse_later(data, _LATER)
    _refuse_other_types(data)
    async with call.transaction() as tx:
        voucher = await get_voucher(tx, code)
        starts_at, expires_at = await read_period(tx, data)
        offer = read_offer(data.discount, _own_offer(data), field="discount")
        change = VoucherChange(
            offer=UNSET if offer is None else offer,
            quantity=UNSET if data.redemption is None else data.redemption.quantity,
            active=UNSET if data.active is None else data.active,
            starts_at=starts_at,
            expires_at=expires_at,
            category=data.category,
            additional_info=data.additional_info,
            metadata=merge_metadata(voucher.metadata, data.metadata),
        )
        changed = await update_voucher(tx, voucher.id, change, now=call.now)
        return await load_view(tx, changed)


@removes("/{code:str}", "Delete voucher")
async def remove_voucher(
    code: FromPath[str], call: CurrentCall, force: FromQuery[bool] = False
) -> None:
    """Delete a voucher that was never used; there is no bin, so ``force`` changes nothing."""
    async with call.transaction() as tx:
        await delete_voucher(tx, code, now=call.now)


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


@reads("/", "List vouchers")
async def read_vouchers(
    call: CurrentCall,
    paging: CurrentPaging,
    campaign: Annotated[str | None, QueryParameter(max_length=255)] = None,
    campaign_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
    customer: Annotated[str | None, QueryParameter(max_length=255)] = None,
    code: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> VoucherList:
    """List vouchers of a campaign, of a holder, or whose code begins so; newest first."""
    async with call.transaction() as tx:
        named = campaign_id or campaign
        found = await list_vouchers(
            tx,
            campaign_id=None if named is None else (await get_campaign(tx, named)).id,
            holder_id=None if customer is None else (await get_customer(tx, customer)).id,
            search=code,
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
        ],
        tags=["Vouchers"],
    )
