"""Campaigns on the wire, as answered."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.campaign_bodies import CampaignExtension
from kaquan.api.categories import CategoryView
from kaquan.api.codes import CodeConfigView, view_code_config
from kaquan.api.discounts import DiscountView, view_discount
from kaquan.api.gifts import GiftView, VoucherType, type_of
from kaquan.api.points_terms import view_expiry
from kaquan.api.promotion_views import TierList, load_tier_list
from kaquan.api.referral_bodies import ReferralProgramView, view_program, view_terms
from kaquan.api.said import NO_ASSIGNMENTS, NOTHING_SAID, Said, load_said
from kaquan.api.validation_rules import AssignmentList
from kaquan.api.values import Metadata
from kaquan.campaigns import (
    Campaign,
    CampaignKind,
    balance_kind_of,
    count_campaign_contents,
)
from kaquan.engine import parse_offer
from kaquan.ledger import AccountKind
from kaquan.loyalty import PointsExpiry, list_expiries
from kaquan.runtime import ActionStatus, AsyncAction, Tx, list_actions

CreationStatus = Literal["DONE", "IN_PROGRESS", "FAILED"]

ISSUE_ACTION = "campaigns.issue_vouchers"


class NoAreas(msgspec.Struct, frozen=True):
    """The areas and stores that a campaign is limited to: none are known here."""

    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"
    data: list[Any] = []
    total: int = 0


class CampaignRedemptionView(msgspec.Struct, frozen=True):
    """How often each voucher may be used; null is without limit."""

    quantity: int | None


class CampaignCardView(msgspec.Struct, frozen=True, kw_only=True):
    """What each card of a programme starts with, and when points on it expire."""

    points: int
    expiration_rules: dict[str, Any] | UnsetType = UNSET


class CampaignVoucherView(msgspec.Struct, frozen=True, kw_only=True):
    """What the vouchers of a campaign are like."""

    type: VoucherType
    discount: DiscountView | None
    gift: GiftView | UnsetType = UNSET
    loyalty_card: CampaignCardView | UnsetType = UNSET
    redemption: CampaignRedemptionView
    code_config: CodeConfigView
    is_referral_code: bool = False


class CampaignView(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as answered."""

    id: str
    name: str
    description: str | None
    campaign_type: CampaignKind
    type: Literal["AUTO_UPDATE", "STATIC", "STANDALONE"]
    voucher: CampaignVoucherView | UnsetType = UNSET
    promotion: TierList | UnsetType = UNSET
    referral_program: ReferralProgramView | UnsetType = UNSET
    auto_join: bool
    join_once: bool
    use_voucher_metadata_schema: bool
    vouchers_count: int
    start_date: datetime | None
    expiration_date: datetime | None
    validity_timeframe: dict[str, Any] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Any] | None = None
    activity_duration_after_publishing: str | None = None
    active: bool
    metadata: Metadata
    category: str | None
    category_id: str | None = None
    categories: list[CategoryView] = []
    created_at: datetime
    updated_at: datetime | None
    creation_status: CreationStatus
    vouchers_generation_status: CreationStatus
    protected: Literal[False] = False
    readonly: Literal[False] = False
    access_settings_assignments: NoAreas = msgspec.field(default_factory=NoAreas)
    validation_rules_assignments: AssignmentList = msgspec.field(
        default_factory=lambda: NO_ASSIGNMENTS
    )
    kaquan: CampaignExtension
    object: Literal["campaign"] = "campaign"


class CampaignList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the campaigns."""

    campaigns: list[CampaignView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["campaigns"] = "campaigns"


def view_campaign(
    campaign: Campaign,
    *,
    vouchers: int,
    status: CreationStatus = "DONE",
    said: Said = NOTHING_SAID,
    tiers: TierList | None = None,
    expiry: PointsExpiry | None = None,
) -> CampaignView:
    """Map a campaign with its number of vouchers to the wire, as it was said."""
    template = campaign.voucher_template
    offer = said.offer or campaign.offer
    kind = balance_kind_of(parse_offer(offer)) if offer else None
    return CampaignView(
        id=campaign.id,
        name=campaign.name,
        description=campaign.description,
        campaign_type=campaign.kind,
        type="STANDALONE" if "type" in said.flags else campaign.activation.value,
        voucher=_view_vouchers(campaign, offer, kind, expiry),
        promotion=UNSET if tiers is None else tiers,
        referral_program=view_program(campaign.referral),
        auto_join="auto_join" in said.flags,
        join_once=campaign.join_once,
        use_voucher_metadata_schema="use_voucher_metadata_schema" in said.flags,
        vouchers_count=vouchers,
        start_date=campaign.starts_at,
        expiration_date=campaign.expires_at,
        validity_timeframe=said.words.validity_timeframe,
        validity_day_of_week=said.words.validity_day_of_week,
        validity_hours=said.words.validity_hours,
        activity_duration_after_publishing=said.words.activity_duration_after_publishing,
        active=campaign.active,
        metadata=campaign.metadata,
        category=template.category,
        category_id=campaign.category_ids[0] if campaign.category_ids else None,
        categories=said.categories,
        created_at=campaign.created_at,
        updated_at=campaign.updated_at,
        creation_status=status,
        vouchers_generation_status=status,
        validation_rules_assignments=said.assignments,
        kaquan=CampaignExtension(
            offer=offer or UNSET,
            budget_minor=campaign.budget_minor,
            per_customer_cap=campaign.per_customer_cap,
            redemption_cap=campaign.redemption_cap,
            category_ids=campaign.category_ids,
            priority=campaign.priority,
            lane=campaign.lane,
            balance=template.balance if kind is AccountKind.POINTS else UNSET,
            holdout_bps=campaign.holdout_bps,
            open_to_holdout=campaign.open_to_holdout,
            referral=view_terms(campaign.referral),
        ),
    )


def _view_vouchers(
    campaign: Campaign,
    offer: dict[str, Any],
    kind: AccountKind | None,
    expiry: PointsExpiry | None,
) -> CampaignVoucherView | UnsetType:
    if not offer:
        return UNSET
    template = campaign.voucher_template
    return CampaignVoucherView(
        type=type_of(kind),
        gift=GiftView(amount=template.balance, subtracted_amount=0, balance=template.balance)
        if kind is AccountKind.VALUE
        else UNSET,
        loyalty_card=CampaignCardView(
            points=template.balance, expiration_rules=view_expiry(expiry) or UNSET
        )
        if kind is AccountKind.POINTS
        else UNSET,
        discount=view_discount(offer),
        redemption=CampaignRedemptionView(template.quantity),
        code_config=view_code_config(template.code),
        is_referral_code=campaign.kind is CampaignKind.REFERRAL_PROGRAM,
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
    said = await load_said(tx, {one.id: one.category_ids for one in campaigns})
    programmes = [one.id for one in campaigns if one.kind is CampaignKind.LOYALTY_PROGRAM]
    expiries = await list_expiries(tx, programmes) if programmes else {}
    return [
        view_campaign(
            campaign,
            vouchers=counts[campaign.id].vouchers,
            status=_creation_status(actions.get(campaign.id)),
            said=said[campaign.id],
            tiers=await _load_tiers(tx, campaign),
            expiry=expiries.get(campaign.id),
        )
        for campaign in campaigns
    ]


async def _load_tiers(tx: Tx, campaign: Campaign) -> TierList | None:
    if campaign.kind is not CampaignKind.PROMOTION:
        return None
    return await load_tier_list(tx, campaign_id=campaign.id)


def _creation_status(action: AsyncAction | None) -> CreationStatus:
    return "DONE" if action is None else _STATUS[action.status]


async def load_view(tx: Tx, campaign: Campaign) -> CampaignView:
    """Map one campaign to the wire."""
    return (await load_views(tx, [campaign]))[0]
