"""Creating and changing campaigns."""

from datetime import datetime

import msgspec
import psycopg
from msgspec import UNSET

from kaquan.campaigns.checks import (
    LARGEST_CAP,
    LARGEST_QUANTITY,
    check_offer,
    check_template,
    check_title,
    check_window,
)
from kaquan.campaigns.grants import change_customer_caps, change_grant
from kaquan.campaigns.kinds import balance_kind_of, kind_of
from kaquan.campaigns.model import Campaign, CampaignChange, CampaignDraft, CampaignKind
from kaquan.campaigns.referral_terms import settle_referral_terms
from kaquan.campaigns.stacking import check_categories
from kaquan.campaigns.store.campaigns import (
    get_campaign,
    insert_campaign,
    update_campaign_row,
)
from kaquan.engine import parse_offer
from kaquan.experiments import WHOLE_BPS
from kaquan.ledger import AccountKey, AccountKind
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    Tx,
    check_by_schema,
    check_metadata,
    check_text,
    check_whole_number,
    new_id,
)

LARGEST_PRIORITY = 10**6


async def create_campaign(tx: Tx, draft: CampaignDraft, *, now: datetime) -> Campaign:
    """Create a campaign and open the accounts of its budget and of its redemptions.

    Raises InvalidInput naming the field, and Duplicate when the name is taken.
    """
    fields = {field: getattr(draft, field) for field in draft.__struct_fields__}
    # Until its offer is read nobody knows what the campaign hands out.
    fields["kind"] = draft.kind or CampaignKind.DISCOUNT_COUPONS
    campaign = _checked(
        Campaign(**fields, id=new_id("camp"), version=1, created_at=now, updated_at=None),
        kind=draft.kind,
    )
    await check_categories(tx, campaign.category_ids)
    await check_by_schema(tx, "campaign", campaign.metadata, new=True)
    campaign = await settle_referral_terms(tx, campaign)
    if not await insert_campaign(tx, campaign):
        raise _name_taken(campaign.name)
    await change_grant(tx, _budget(campaign), campaign.budget_minor, now=now)
    await change_grant(tx, _redemptions(campaign), campaign.redemption_cap, now=now)
    return campaign


async def update_campaign(
    tx: Tx, id_or_name: str, change: CampaignChange, *, now: datetime
) -> Campaign:
    """Change a campaign; its version grows by one.

    A budget or a cap of all redemptions is raised or lowered by issuing or taking back the
    difference; a per-customer cap changes what every customer has left. Raises NotFound,
    InvalidInput, Duplicate, and GrantBelowUse when a limit would fall below what is used or
    reserved.
    """
    before = await get_campaign(tx, id_or_name, lock=True)
    given = {
        field: value
        for field in change.__struct_fields__
        if (value := getattr(change, field)) is not UNSET
    }
    after = _checked(msgspec.structs.replace(before, **given), kind=before.kind)
    if after.category_ids != before.category_ids:
        await check_categories(tx, after.category_ids)
    if "referral" in given:
        after = await settle_referral_terms(tx, after)
    if "metadata" in given:
        await check_by_schema(tx, "campaign", after.metadata, new=True)
    try:
        async with tx.transaction():
            await update_campaign_row(tx, after, now=now)
    except psycopg.errors.UniqueViolation as error:
        raise _name_taken(after.name) from error
    if after.budget_minor != before.budget_minor:
        await change_grant(tx, _budget(after), after.budget_minor, now=now)
    if after.redemption_cap != before.redemption_cap:
        await change_grant(tx, _redemptions(after), after.redemption_cap, now=now)
    if after.per_customer_cap not in (None, before.per_customer_cap):
        await change_customer_caps(tx, after.id, after.per_customer_cap, now=now)
    return msgspec.structs.replace(after, version=before.version + 1, updated_at=now)


async def enable_campaign(tx: Tx, id_or_name: str, *, now: datetime) -> Campaign:
    """Let a campaign's vouchers be given away and used (again). Raises NotFound."""
    return await update_campaign(tx, id_or_name, CampaignChange(active=True), now=now)


async def disable_campaign(tx: Tx, id_or_name: str, *, now: datetime) -> Campaign:
    """Keep a campaign's vouchers from being given away and used. Raises NotFound."""
    return await update_campaign(tx, id_or_name, CampaignChange(active=False), now=now)


def _checked(campaign: Campaign, *, kind: CampaignKind | None) -> Campaign:
    """Return the campaign with every field checked. Raises InvalidInput.

    Its offer has to be one of ``kind``; None accepts any.
    """
    check_window(campaign.window)
    check_whole_number(campaign.holdout_bps, "holdout_bps", least=0, most=WHOLE_BPS)
    if campaign.budget_minor is not None:
        check_whole_number(campaign.budget_minor, "budget_minor", least=0)
    if campaign.per_customer_cap is not None:
        check_whole_number(campaign.per_customer_cap, "per_customer_cap", least=1, most=LARGEST_CAP)
    if campaign.redemption_cap is not None:
        cap = campaign.redemption_cap
        check_whole_number(cap, "redemption_cap", least=1, most=LARGEST_QUANTITY)
    if campaign.priority is not None:
        most = LARGEST_PRIORITY
        check_whole_number(campaign.priority, "priority", least=-most, most=most)
    promotes = CampaignKind.PROMOTION in (kind, campaign.kind)
    checked = msgspec.structs.replace(
        campaign,
        name=check_title(campaign.name),
        description=check_text(campaign.description, "description"),
        offer={} if promotes else check_offer(campaign.offer, campaign.id),
        voucher_template=check_template(campaign.voucher_template),
        metadata=check_metadata(campaign.metadata, "metadata"),
    )
    return _with_kind(checked, kind)


def _with_kind(campaign: Campaign, kind: CampaignKind | None) -> Campaign:
    if not campaign.offer:
        return msgspec.structs.replace(campaign, kind=CampaignKind.PROMOTION)
    offer = parse_offer(campaign.offer)
    found = kind_of(offer)
    refers = kind is CampaignKind.REFERRAL_PROGRAM and found is not CampaignKind.LOYALTY_PROGRAM
    if refers:
        found = CampaignKind.REFERRAL_PROGRAM
    if kind not in (None, found):
        message = f"This offer is one of {found}; the campaign is one of {kind}."
        raise InvalidInput(message, field="offer", key="invalid_offer")
    if campaign.voucher_template.balance and balance_kind_of(offer) is None:
        message = "Only vouchers that pay from a balance can start with one."
        raise InvalidInput(message, field="voucher_template.balance")
    return msgspec.structs.replace(campaign, kind=found)


def _budget(campaign: Campaign) -> AccountKey:
    return AccountKey(campaign.id, AccountKind.BUDGET)


def _redemptions(campaign: Campaign) -> AccountKey:
    return AccountKey(campaign.id, AccountKind.USES)


def _name_taken(name: str) -> Duplicate:
    return Duplicate(f"There is a campaign named '{name}' already.", field="name")
