"""What callers say about campaigns, and its mapping to the campaigns room."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.categories import read_category_id
from kaquan.api.codes import CodeConfigBody, read_code_config
from kaquan.api.discounts import DiscountBody, find_goods, read_offer
from kaquan.api.gifts import GIFT_VOUCHER, GiftBody, VoucherType, read_gift
from kaquan.api.periods import PeriodBody, read_period, refuse_later
from kaquan.api.points_terms import ExpiryBody
from kaquan.api.promotion_views import TierBody
from kaquan.api.referral_bodies import ReferralExtension, ReferralProgramBody, read_referral
from kaquan.api.values import Identifier, LongText, Metadata, Minor, merge_metadata
from kaquan.api.voucher_views import RedemptionLimitBody
from kaquan.campaigns import (
    Activation,
    Campaign,
    CampaignChange,
    CampaignDraft,
    CampaignKind,
    CodeConfig,
    VoucherTemplate,
    balance_kind_of,
)
from kaquan.engine import Lane, parse_offer
from kaquan.runtime import InvalidInput, Tx, check_by_schema

STANDALONE = "STANDALONE"
REFERRAL_PROGRAM = "REFERRAL_PROGRAM"
Value = TypeVar("Value")
VouchersCount = Annotated[int, Meta(ge=0, le=10_000_000)]


class CampaignExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: an offer in full and the campaign's limits.

    ``budget_minor`` limits the discount in all, ``per_customer_cap`` the redemptions a person,
    ``redemption_cap`` those of everybody; ``holdout_bps`` of 10,000 customers of a distribution
    get nothing, to measure the effect; with ``open_to_holdout`` (of vouchers true unless a
    holdout is stated) publications and promotions give it to them all the same. ``category_ids``,
    ``priority`` (the lower goes first) and ``lane`` are for the stacking rules; ``balance`` is what
    each card of points starts with; ``referral`` is for campaigns of type REFERRAL_PROGRAM.
    """

    offer: dict[str, Any] | UnsetType = UNSET
    budget_minor: Minor | UnsetType | None = UNSET
    per_customer_cap: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType | None = UNSET
    redemption_cap: Annotated[int, Meta(ge=1, le=10**9)] | UnsetType | None = UNSET
    category_ids: Annotated[tuple[Identifier, ...], Meta(max_length=20)] | UnsetType = UNSET
    priority: Annotated[int, Meta(ge=-(10**6), le=10**6)] | UnsetType | None = UNSET
    lane: Lane | UnsetType | None = UNSET
    balance: Minor | UnsetType = UNSET
    holdout_bps: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET
    open_to_holdout: bool | UnsetType = UNSET
    referral: ReferralExtension | UnsetType | None = UNSET


class CardBody(msgspec.Struct, frozen=True, kw_only=True):
    """What each card of a programme starts with, and when points on it expire."""

    points: Minor = 0
    expiration_rules: ExpiryBody | UnsetType | None = UNSET


class CampaignVoucherBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the vouchers of a campaign are like."""

    type: VoucherType | None = None
    discount: DiscountBody | None = None
    redemption: RedemptionLimitBody | None = None
    code_config: CodeConfigBody | None = None
    gift: GiftBody | None = None
    loyalty_card: CardBody | None = None


class PromotionBody(msgspec.Struct, frozen=True, kw_only=True):
    """The tiers of a promotion that is to be created."""

    tiers: Annotated[list[TierBody], Meta(max_length=100)] = []


class CampaignBody(PeriodBody, frozen=True, kw_only=True):
    """What a caller says about a campaign: a member left out stays, null empties it."""

    name: Identifier | None = None
    description: LongText | UnsetType | None = UNSET
    campaign_type: (
        Literal[
            "DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM", "PROMOTION", "REFERRAL_PROGRAM"
        ]
        | None
    ) = None
    type: Literal["AUTO_UPDATE", "STATIC", "STANDALONE"] | None = None
    join_once: bool | UnsetType | None = UNSET
    vouchers_count: VouchersCount | None = None
    category: Identifier | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    unset_metadata_fields: list[Identifier] = []
    voucher: CampaignVoucherBody | None = None
    discount: DiscountBody | None = None
    kaquan: CampaignExtension | UnsetType | None = UNSET
    activity_duration_after_publishing: Identifier | UnsetType | None = UNSET
    auto_join: bool | UnsetType | None = UNSET
    use_voucher_metadata_schema: bool | UnsetType | None = UNSET
    access_settings: dict[str, Any] | None = None
    gift: GiftBody | None = None
    promotion: PromotionBody | None = None
    referral_program: ReferralProgramBody | None = None
    loyalty_tiers_expiration: dict[str, Any] | None = None

    @property
    def count(self) -> int:
        """How many vouchers are to be made at once."""
        config = None if self.voucher is None else self.voucher.code_config
        initial = None if config is None else config.initial_count
        if self.vouchers_count is None and self.type == STANDALONE:
            return 1
        return self.vouchers_count or initial or 0


_LATER = ("access_settings", "loyalty_tiers_expiration")
FLAGS = ("auto_join", "use_voucher_metadata_schema")
"""What is said of a campaign and kept beside the words about time."""


def read_flags(body: CampaignBody, known: dict[str, Any]) -> dict[str, Any]:
    """Return the words about a campaign that concern no time, after ``body``."""
    flags = {name: known[name] for name in (*FLAGS, "type") if name in known}
    for name in FLAGS:
        value = getattr(body, name)
        if value is not UNSET:
            flags.pop(name, None)
            if value:
                flags[name] = True
    if body.type is not None:
        flags.pop("type", None)
        if body.type == STANDALONE:
            flags["type"] = STANDALONE
    return flags


def metadata_subject(flags: dict[str, Any]) -> str:
    """Which of the project's metadata schemas a campaign's metadata has to fit."""
    return "voucher" if flags.get("use_voucher_metadata_schema") else "campaign"


async def draft_campaign(tx: Tx, body: CampaignBody) -> CampaignDraft:
    """Map what a caller says of a new campaign. Raises InvalidInput, NotSupported."""
    refuse_later(body, _LATER)
    if body.name is None:
        message = "A campaign needs a name."
        raise InvalidInput(message, field="name", key="invalid_campaign_params")
    await check_by_schema(tx, metadata_subject(read_flags(body, {})), body.metadata or {}, new=True)
    extension = body.kaquan or CampaignExtension()
    starts_at, expires_at = await read_period(tx, body)
    draft = CampaignDraft(
        name=body.name,
        offer={},
        description=body.description or None,
        budget_minor=_stated(extension.budget_minor),
        per_customer_cap=_stated(extension.per_customer_cap),
        redemption_cap=_stated(extension.redemption_cap),
        category_ids=await _read_categories(tx, body, extension) or (),
        priority=_stated(extension.priority),
        lane=_stated(extension.lane),
        starts_at=starts_at or None,
        expires_at=expires_at or None,
        metadata=merge_metadata({}, body.metadata),
    )
    if body.campaign_type == "PROMOTION":
        return _promotion(draft, body, extension)
    return await _with_vouchers(tx, draft, body, extension=extension)


async def _with_vouchers(
    tx: Tx, draft: CampaignDraft, body: CampaignBody, *, extension: CampaignExtension
) -> CampaignDraft:
    """Add to what is said of any campaign what its vouchers are, and who gets them."""
    voucher = body.voucher or CampaignVoucherBody()
    offer = read_offer(voucher.discount, extension.offer, field="voucher.discount")
    offer, balance = read_gift(
        voucher.gift,
        _read_type(body, voucher),
        await find_goods(tx, offer),
        field="voucher.",
        offer_field="voucher.discount",
    )
    if offer is None:
        message = "A campaign needs 'voucher.discount' or 'kaquan.offer'."
        raise InvalidInput(message, field="voucher.discount", key="invalid_campaign_params")
    holdout_bps = _stated(extension.holdout_bps)
    # Who says nothing of a holdout expects that whoever asks is given a voucher.
    is_open = (
        holdout_bps is None if extension.open_to_holdout is UNSET else extension.open_to_holdout
    )
    return msgspec.structs.replace(
        draft,
        offer=offer,
        kind=_read_kind(body),
        referral=read_referral(body.referral_program, extension.referral) or None,
        activation=_read_activation(body) or Activation.AUTO_UPDATE,
        voucher_template=_read_template(
            voucher,
            category=body.category or None,
            balance=extension.balance or balance or 0,
            reusable=body.campaign_type == REFERRAL_PROGRAM
            or balance_kind_of(parse_offer({"id": "offer", **offer})) is not None,
        ),
        holdout_bps=draft.holdout_bps if holdout_bps is None else holdout_bps,
        open_to_holdout=is_open,
        # Without the parameter, the dialect gives a customer another code with each call.
        join_once=body.join_once is True,
    )


def _promotion(
    draft: CampaignDraft, body: CampaignBody, extension: CampaignExtension
) -> CampaignDraft:
    """Add what is said of a promotion, whose offers are its tiers."""
    if body.voucher is not None:
        message = "A promotion has tiers, and no vouchers."
        raise InvalidInput(message, field="voucher", key="invalid_campaign_params")
    return msgspec.structs.replace(
        draft,
        kind=CampaignKind.PROMOTION,
        activation=Activation.STATIC,
        voucher_template=VoucherTemplate(category=body.category or None),
        holdout_bps=extension.holdout_bps or 0,
        open_to_holdout=extension.open_to_holdout or False,
        join_once=False,
    )


def _stated(value: Value | UnsetType | None) -> Value | None:
    return None if isinstance(value, UnsetType) else value


def _read_kind(body: CampaignBody) -> CampaignKind | None:
    """What cannot be told by the offer."""
    refers = body.campaign_type == REFERRAL_PROGRAM
    return CampaignKind.REFERRAL_PROGRAM if refers else None


def _read_activation(body: CampaignBody) -> Activation | None:
    if body.type is None:
        return None
    return Activation.STATIC if body.type == STANDALONE else Activation(body.type)


async def _read_categories(
    tx: Tx, body: CampaignBody, extension: CampaignExtension
) -> tuple[str, ...] | UnsetType:
    if not isinstance(extension.category_ids, UnsetType):
        return extension.category_ids
    return await read_category_id(tx, body.category_id)


def _read_type(body: CampaignBody, voucher: CampaignVoucherBody) -> VoucherType | None:
    """What the vouchers are to be; None when only the offer says so."""
    stated = voucher.type
    if body.campaign_type == "GIFT_VOUCHERS":
        if stated not in (None, GIFT_VOUCHER):
            message = "A campaign of gift vouchers has vouchers of that type."
            raise InvalidInput(message, field="voucher.type", key="invalid_campaign_params")
        return GIFT_VOUCHER
    if body.campaign_type == "DISCOUNT_COUPONS" and (voucher.gift or stated == GIFT_VOUCHER):
        message = "A campaign of gift cards has the type GIFT_VOUCHERS."
        raise InvalidInput(message, field="campaign_type", key="invalid_campaign_params")
    return stated


def _read_template(
    voucher: CampaignVoucherBody, *, category: str | None, balance: int, reusable: bool
) -> VoucherTemplate:
    """What vouchers are made from; a card may be used until it is empty, unless limited.

    A referral code is for everybody whom it reaches, unless limited.
    """
    limit = (voucher.redemption or RedemptionLimitBody()).quantity
    usual = None if reusable else 1
    return VoucherTemplate(
        code=read_code_config(voucher.code_config) if voucher.code_config else CodeConfig(),
        quantity=usual if isinstance(limit, UnsetType) else limit,
        balance=balance,
        category=category,
    )


async def draft_change(tx: Tx, body: CampaignBody, known: Campaign) -> CampaignChange:
    """Map what a caller says of a campaign that is there."""
    refuse_later(body, _LATER)
    extension = body.kaquan or CampaignExtension()
    offer = await find_goods(tx, read_offer(body.discount, extension.offer, field="discount"))
    starts_at, expires_at = await read_period(tx, body)
    metadata = merge_metadata(known.metadata, body.metadata)
    await check_by_schema(tx, "campaign", body.metadata or {}, new=False)
    for name in body.unset_metadata_fields:
        metadata.pop(name, None)
    template = known.voucher_template
    if not isinstance(body.category, UnsetType):
        template = msgspec.structs.replace(template, category=body.category)
    if body.gift is not None:
        template = msgspec.structs.replace(template, balance=body.gift.amount)
    if isinstance(extension.balance, int):
        template = msgspec.structs.replace(template, balance=extension.balance)
    return CampaignChange(
        name=body.name or UNSET,
        offer=UNSET if offer is None else offer,
        description=body.description,
        activation=_read_activation(body) or UNSET,
        voucher_template=template,
        budget_minor=extension.budget_minor,
        per_customer_cap=extension.per_customer_cap,
        redemption_cap=extension.redemption_cap,
        category_ids=await _read_categories(tx, body, extension),
        priority=extension.priority,
        lane=extension.lane,
        holdout_bps=extension.holdout_bps,
        open_to_holdout=extension.open_to_holdout,
        join_once=UNSET if body.join_once is None else body.join_once,
        starts_at=starts_at,
        expires_at=expires_at,
        metadata=metadata,
        referral=read_referral(body.referral_program, extension.referral),
    )
