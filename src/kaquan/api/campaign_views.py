"""Campaigns on the wire: shapes, and their mapping to and from the campaigns room."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.codes import CodeConfigBody, CodeConfigView, read_code_config, view_code_config
from kaquan.api.discounts import DiscountBody, DiscountView, read_offer, view_discount
from kaquan.api.periods import PeriodBody, read_period, refuse_later
from kaquan.api.problems import NotSupported
from kaquan.api.values import (
    Identifier,
    LongText,
    Metadata,
    Minor,
    merge_metadata,
)
from kaquan.api.vouchers import RedemptionLimitBody
from kaquan.campaigns import (
    Activation,
    Campaign,
    CampaignChange,
    CampaignDraft,
    CampaignKind,
    CodeConfig,
    VoucherTemplate,
    count_campaign_contents,
)
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    InvalidInput,
    Tx,
    list_actions,
)

CreationStatus = Literal["DONE", "IN_PROGRESS", "FAILED"]

ISSUE_ACTION = "campaigns.issue_vouchers"

VouchersCount = Annotated[int, Meta(ge=0, le=10_000_000)]


class CampaignExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: an offer in full and the campaign's limits.

    ``budget_minor`` limits the discount in all, ``per_customer_cap`` the redemptions a person;
    ``holdout_bps`` of 10,000 customers of a distribution get nothing, to measure the effect.
    """

    offer: dict[str, Any] | UnsetType = UNSET
    budget_minor: Minor | UnsetType | None = UNSET
    per_customer_cap: Annotated[int, Meta(ge=1, le=1_000_000)] | UnsetType | None = UNSET
    holdout_bps: Annotated[int, Meta(ge=0, le=10_000)] | UnsetType = UNSET


class CampaignVoucherBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the vouchers of a campaign are like."""

    type: Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"] = "DISCOUNT_VOUCHER"
    discount: DiscountBody | None = None
    redemption: RedemptionLimitBody | None = None
    code_config: CodeConfigBody | None = None


class CampaignBody(PeriodBody, frozen=True, kw_only=True):
    """What a caller says about a campaign: a member left out stays, null empties it."""

    name: Identifier | None = None
    description: LongText | UnsetType | None = UNSET
    campaign_type: Literal[
        "DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM", "PROMOTION", "REFERRAL_PROGRAM"
    ] = "DISCOUNT_COUPONS"
    type: Literal["AUTO_UPDATE", "STATIC", "STANDALONE"] | None = None
    join_once: bool | UnsetType | None = UNSET
    vouchers_count: VouchersCount = 0
    category: Identifier | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    unset_metadata_fields: list[Identifier] = []
    voucher: CampaignVoucherBody | None = None
    discount: DiscountBody | None = None
    kaquan: CampaignExtension | UnsetType | None = UNSET
    activity_duration_after_publishing: str | None = None
    auto_join: bool | None = None
    use_voucher_metadata_schema: bool | None = None
    access_settings: dict[str, Any] | None = None
    gift: dict[str, Any] | None = None


class CampaignRedemptionView(msgspec.Struct, frozen=True):
    """How often each voucher may be used; null is without limit."""

    quantity: int | None


class CampaignVoucherView(msgspec.Struct, frozen=True, kw_only=True):
    """What the vouchers of a campaign are like."""

    type: Literal["DISCOUNT_VOUCHER"] = "DISCOUNT_VOUCHER"
    discount: DiscountView
    redemption: CampaignRedemptionView
    code_config: CodeConfigView
    is_referral_code: Literal[False] = False


class CampaignView(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as answered."""

    id: str
    name: str
    description: str | None
    campaign_type: CampaignKind
    type: Activation
    voucher: CampaignVoucherView
    auto_join: Literal[False] = False
    join_once: bool
    use_voucher_metadata_schema: Literal[False] = False
    vouchers_count: int
    start_date: datetime | None
    expiration_date: datetime | None
    active: bool
    metadata: Metadata
    category: str | None
    category_id: None = None
    categories: list[Any] = []
    created_at: datetime
    updated_at: datetime | None
    creation_status: CreationStatus
    vouchers_generation_status: CreationStatus
    protected: Literal[False] = False
    readonly: Literal[False] = False
    kaquan: CampaignExtension
    object: Literal["campaign"] = "campaign"


class CampaignList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the campaigns."""

    campaigns: list[CampaignView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["campaigns"] = "campaigns"


_LATER = (
    "activity_duration_after_publishing",
    "auto_join",
    "use_voucher_metadata_schema",
    "access_settings",
    "gift",
)


def _refuse_other_types(body: CampaignBody) -> None:
    refuse_later(body, _LATER)
    if body.campaign_type != "DISCOUNT_COUPONS":
        message = f"Campaigns of type {body.campaign_type} are not supported yet."
        raise NotSupported(message, field="campaign_type")
    if body.type == "STANDALONE":
        raise NotSupported("Campaigns of one generic code are not supported yet.", field="type")
    if body.voucher is not None and body.voucher.type != "DISCOUNT_VOUCHER":
        message = f"Vouchers of type {body.voucher.type} are not supported yet."
        raise NotSupported(message, field="voucher.type")


async def draft_campaign(tx: Tx, body: CampaignBody) -> CampaignDraft:
    """Map what a caller says of a new campaign. Raises InvalidInput, NotSupported."""
    _refuse_other_types(body)
    if body.name is None:
        message = "A campaign needs a name."
        raise InvalidInput(message, field="name", key="invalid_campaign_params")
    voucher = body.voucher or CampaignVoucherBody()
    extension = body.kaquan or CampaignExtension()
    offer = read_offer(voucher.discount, extension.offer, field="voucher.discount")
    if offer is None:
        message = "A campaign needs 'voucher.discount' or 'kaquan.offer'."
        raise InvalidInput(message, field="voucher.discount", key="invalid_campaign_params")
    starts_at, expires_at = await read_period(tx, body)
    draft = CampaignDraft(
        name=body.name,
        offer=offer,
        description=body.description or None,
        activation=Activation(body.type or "AUTO_UPDATE"),
        voucher_template=_read_template(voucher, category=body.category or None),
        budget_minor=extension.budget_minor or None,
        per_customer_cap=extension.per_customer_cap or None,
        # Without the parameter, the dialect gives a customer another code with each call.
        join_once=body.join_once is True,
        starts_at=starts_at or None,
        expires_at=expires_at or None,
        metadata=merge_metadata({}, body.metadata),
    )
    if extension.budget_minor == 0:
        draft = msgspec.structs.replace(draft, budget_minor=0)
    if isinstance(extension.holdout_bps, int):
        draft = msgspec.structs.replace(draft, holdout_bps=extension.holdout_bps)
    return draft


def _read_template(voucher: CampaignVoucherBody, *, category: str | None) -> VoucherTemplate:
    limit = (voucher.redemption or RedemptionLimitBody()).quantity
    return VoucherTemplate(
        code=read_code_config(voucher.code_config) if voucher.code_config else CodeConfig(),
        quantity=1 if isinstance(limit, UnsetType) else limit,
        category=category,
    )


async def draft_change(tx: Tx, body: CampaignBody, known: Campaign) -> CampaignChange:
    """Map what a caller says of a campaign that is there."""
    _refuse_other_types(body)
    extension = body.kaquan or CampaignExtension()
    offer = read_offer(body.discount, extension.offer, field="discount")
    starts_at, expires_at = await read_period(tx, body)
    metadata = merge_metadata(known.metadata, body.metadata)
    for name in body.unset_metadata_fields:
        metadata.pop(name, None)
    template = known.voucher_template
    if not isinstance(body.category, UnsetType):
        template = msgspec.structs.replace(template, category=body.category)
    return CampaignChange(
        name=body.name or UNSET,
        offer=UNSET if offer is None else offer,
        description=body.description,
        activation=UNSET if body.type is None else Activation(body.type),
        voucher_template=template,
        budget_minor=extension.budget_minor,
        per_customer_cap=extension.per_customer_cap,
        holdout_bps=extension.holdout_bps,
        join_once=UNSET if body.join_once is None else body.join_once,
        starts_at=starts_at,
        expires_at=expires_at,
        metadata=metadata,
    )


def view_campaign(
    campaign: Campaign, *, vouchers: int, status: CreationStatus = "DONE"
) -> CampaignView:
    """Map a campaign with its number of vouchers to the wire."""
    template = campaign.voucher_template
    return CampaignView(
        id=campaign.id,
        name=campaign.name,
        description=campaign.description,
        campaign_type=campaign.kind,
        type=campaign.activation,
        voucher=CampaignVoucherView(
            discount=view_discount(campaign.offer),
            redemption=CampaignRedemptionView(template.quantity),
            code_config=view_code_config(template.code),
        ),
        join_once=campaign.join_once,
        vouchers_count=vouchers,
        start_date=campaign.starts_at,
        expiration_date=campaign.expires_at,
        active=campaign.active,
        metadata=campaign.metadata,
        category=template.category,
        created_at=campaign.created_at,
        updated_at=campaign.updated_at,
        creation_status=status,
        vouchers_generation_status=status,
        kaquan=CampaignExtension(
            offer=campaign.offer,
            budget_minor=campaign.budget_minor,
            per_customer_cap=campaign.per_customer_cap,
            holdout_bps=campaign.holdout_bps,
        ),
    )


_STATUS: dict[ActionStatus, CreationStatus] = {
    ActionStatus.PENDING: "IN_PROGRESS",
    ActionStatus.RUNNING: "IN_PROGRESS",
    ActionStatus.DONE: "DONE",
    ActionStatus.FAILED: "FAILED",
}


async def load_views(tx: Tx, campaigns: list[Campaign]) -> list[CampaignView]:
    """Map campaigns to the wire with what they contain and whether more is being made."""
    ids = [campaign.id for campaign in campaigns]
    counts = await count_campaign_contents(tx, ids)
    requests = await list_actions(tx, limit=100, kind=ISSUE_ACTION, unfinished=True)
    actions = {str(action.request.get("campaign_id")): action for action in reversed(requests)}
    return [
        view_campaign(
            campaign,
            vouchers=counts[campaign.id].vouchers,
            status=_creation_status(actions.get(campaign.id)),
        )
        for campaign in campaigns
    ]


def _creation_status(action: AsyncAction | None) -> CreationStatus:
    return "DONE" if action is None else _STATUS[action.status]


async def load_view(tx: Tx, campaign: Campaign) -> CampaignView:
    """Map one campaign to the wire."""
    return (await load_views(tx, [campaign]))[0]
