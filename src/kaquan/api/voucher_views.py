"""Vouchers on the wire: shapes, and their mapping to and from the campaigns room."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.categories import CategoryView, read_category_id
from kaquan.api.codes import CodeConfigBody, read_code_config
from kaquan.api.discounts import (
    DiscountBody,
    DiscountView,
    OfferExtension,
    find_goods,
    read_offer,
    view_discount,
)
from kaquan.api.gifts import (
    GiftBody,
    GiftView,
    LoyaltyCardView,
    VoucherType,
    read_gift,
    type_of,
    view_gift,
    view_loyalty_card,
)
from kaquan.api.periods import PeriodBody, read_period, refuse_later
from kaquan.api.said import NO_ASSIGNMENTS, NOTHING_SAID, Said, keep_said, load_said
from kaquan.api.validation_rules import AssignmentList
from kaquan.api.values import (
    Count,
    Identifier,
    LongText,
    Metadata,
    merge_metadata,
)
from kaquan.campaigns import (
    Balance,
    Campaign,
    CampaignKind,
    OwnerKind,
    Voucher,
    VoucherDraft,
    VoucherUsage,
    add_voucher,
    balance_kind_of,
    get_campaign,
    get_voucher,
    list_campaigns,
    voucher_balances,
    voucher_usage,
)
from kaquan.engine import parse_offer
from kaquan.ledger import AccountKind
from kaquan.loyalty import CardOutlook, list_outlooks
from kaquan.runtime import InvalidInput, Tx


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
    gift: GiftBody | None = None
    loyalty_card: dict[str, Any] | None = None


class PublishView(msgspec.Struct, frozen=True):
    """Where a voucher's publications are listed, and how many there are."""

    count: int
    url: str
    object: Literal["list"] = "list"


class RedemptionLimitView(msgspec.Struct, frozen=True, kw_only=True):
    """Uses of a voucher, granted (null: without limit) and taken; what a card paid."""

    quantity: int | None
    redeemed_quantity: int
    redeemed_amount: int | UnsetType = UNSET
    redeemed_points: int | UnsetType = UNSET
    url: str
    object: Literal["list"] = "list"


class VoucherView(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher as answered."""

    id: str
    code: str
    campaign: str | None
    campaign_id: str | None
    category: str | None
    category_id: str | None = None
    categories: list[CategoryView] = []
    type: VoucherType
    discount: DiscountView | None
    gift: GiftView | None
    loyalty_card: LoyaltyCardView | None
    start_date: datetime | None
    expiration_date: datetime | None
    validity_timeframe: dict[str, Any] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Any] | None = None
    active: bool
    additional_info: str | None
    metadata: Metadata
    is_referral_code: bool = False
    created_at: datetime
    updated_at: datetime | None
    holder_id: str | None
    referrer_id: str | None = None
    publish: PublishView
    redemption: RedemptionLimitView
    validation_rules_assignments: AssignmentList = msgspec.field(
        default_factory=lambda: NO_ASSIGNMENTS
    )
    kaquan: OfferExtension
    object: Literal["voucher"] = "voucher"


class VoucherList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the vouchers."""

    vouchers: list[VoucherView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["vouchers"] = "vouchers"


LATER = ("loyalty_card",)
_OF_CARDS = (CampaignKind.GIFT_VOUCHERS, CampaignKind.LOYALTY_PROGRAM, CampaignKind.PROMOTION)
_SAYING = (
    "validation_rules",
    "validity_timeframe",
    "validity_day_of_week",
    "validity_hours",
)


def view_voucher(
    voucher: Voucher,
    usage: VoucherUsage,
    campaign: Campaign | None = None,
    *,
    balance: Balance | None = None,
    outlook: CardOutlook | None = None,
    said: Said | None = None,
) -> VoucherView:
    """Map a voucher to the wire; its offer is its own or its ``campaign``'s.

    With ``said`` it is shown as it was said, before rules were worked in.
    """
    said = said or NOTHING_SAID
    offer = said.offer or voucher.offer
    if offer is None:
        assert campaign is not None, "a voucher without an offer has its campaign's"
        offer = campaign.offer
    refers = campaign is not None and campaign.kind is CampaignKind.REFERRAL_PROGRAM
    return VoucherView(
        id=voucher.id,
        code=voucher.code,
        campaign=voucher.campaign_name,
        campaign_id=voucher.campaign_id,
        category=voucher.category,
        category_id=voucher.category_ids[0] if voucher.category_ids else None,
        categories=said.categories,
        type=type_of(balance_kind_of(parse_offer({"id": "offer", **offer}))),
        discount=view_discount(offer),
        gift=view_gift(balance),
        loyalty_card=view_loyalty_card(balance, outlook),
        start_date=voucher.starts_at,
        expiration_date=voucher.expires_at,
        validity_timeframe=said.words.validity_timeframe,
        validity_day_of_week=said.words.validity_day_of_week,
        validity_hours=said.words.validity_hours,
        active=voucher.active,
        additional_info=voucher.additional_info,
        metadata=voucher.metadata,
        created_at=voucher.created_at,
        updated_at=voucher.updated_at,
        holder_id=voucher.holder_id,
        is_referral_code=refers,
        referrer_id=voucher.holder_id if refers else None,
        publish=PublishView(
            count=int(voucher.published_at is not None),
            url=f"/v1/publications?voucher={voucher.id}",
        ),
        redemption=RedemptionLimitView(
            quantity=voucher.quantity,
            redeemed_quantity=usage.used,
            redeemed_amount=_redeemed(balance, AccountKind.VALUE),
            redeemed_points=_redeemed(balance, AccountKind.POINTS),
            url=f"/v1/vouchers/{voucher.id}/redemption",
        ),
        validation_rules_assignments=said.assignments,
        kaquan=OfferExtension(offer=offer),
    )


def _redeemed(balance: Balance | None, kind: AccountKind) -> int | UnsetType:
    return balance.redeemed if balance is not None and balance.kind is kind else UNSET


async def load_views(tx: Tx, vouchers: list[Voucher]) -> list[VoucherView]:
    """Map vouchers to the wire with their uses and their campaigns' offers."""
    usages = await voucher_usage(tx, vouchers)
    ids = {one.campaign_id for one in vouchers if one.campaign_id and one.offer is None}
    found = (await list_campaigns(tx, ids=sorted(ids), limit=len(ids))).items if ids else []
    campaigns = {campaign.id: campaign for campaign in found}
    balances = await voucher_balances(tx, vouchers, campaigns)
    cards = [one.voucher_id for one in balances.values() if one.kind is AccountKind.POINTS]
    outlooks = await list_outlooks(tx, cards) if cards else {}
    # Rules and words about time are worked into an offer of the voucher's own.
    said = await load_said(
        tx, {one.id: one.category_ids for one in vouchers if one.offer or one.category_ids}
    )
    return [
        view_voucher(
            one,
            usages[one.id],
            campaigns.get(one.campaign_id or ""),
            balance=balances.get(one.id),
            outlook=outlooks.get(one.id),
            said=said.get(one.id),
        )
        for one in vouchers
    ]


async def load_view(tx: Tx, voucher: Voucher) -> VoucherView:
    """Map one voucher to the wire."""
    return (await load_views(tx, [voucher]))[0]


async def draft_voucher(
    tx: Tx, body: VoucherBody, *, code: str | None = None, campaign_id: str | None = None
) -> VoucherDraft:
    """Map what a caller says of a new voucher."""
    refuse_later(body, LATER)
    named = campaign_id or body.campaign_id or body.campaign
    campaign = None if named is None else await get_campaign(tx, named)
    offer = await find_goods(tx, read_offer(body.discount, own_offer(body), field="discount"))
    if campaign is not None and campaign.kind in _OF_CARDS:
        # The card is of the campaign's kind whatever is said of it, with a balance of its own.
        balance = None if body.gift is None else body.gift.amount
    else:
        offer, balance = read_gift(body.gift, body.type, offer, field="", offer_field="discount")
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
        balance=balance,
        active=body.active is not False,
        starts_at=starts_at or None,
        expires_at=expires_at or None,
        category=body.category or None,
        category_ids=await read_category_id(tx, body.category_id) or (),
        additional_info=body.additional_info or None,
        metadata=merge_metadata({}, body.metadata),
    )


def own_offer(body: VoucherBody) -> dict[str, Any] | UnsetType:
    """Return the offer in full that a body states, if it does."""
    return body.kaquan.offer if isinstance(body.kaquan, OfferExtension) else UNSET


async def enter_voucher(
    tx: Tx,
    body: VoucherBody,
    *,
    code: str | None = None,
    campaign_id: str | None = None,
    now: datetime,
) -> Voucher:
    """Add a voucher as a caller says it, with the rules and windows that are said with it."""
    draft = await draft_voucher(tx, body, code=code, campaign_id=campaign_id)
    voucher = await add_voucher(tx, draft, now=now)
    return await keep_voucher_said(tx, voucher, body, offer=voucher.offer, now=now)


async def keep_voucher_said(
    tx: Tx,
    voucher: Voucher,
    body: VoucherBody,
    *,
    offer: dict[str, Any] | UnsetType | None,
    now: datetime,
) -> Voucher:
    """Work what a body says about rules and time into a voucher, and return it as it is then."""
    says = any(getattr(body, name) is not UNSET for name in _SAYING)
    if not says and (voucher.offer is None or offer is UNSET):
        return voucher
    await keep_said(tx, OwnerKind.VOUCHER, voucher.id, body, offer=offer, now=now)
    return await get_voucher(tx, voucher.id)
