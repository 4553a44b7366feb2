"""What a coupon's page says: what it is worth, whether it can be used now, and its rules."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from kaquan.campaigns import (
    Campaign,
    Voucher,
    VoucherUsage,
    Window,
    effective_offer,
    effective_window,
    get_campaign,
    get_voucher,
    voucher_usage,
)
from kaquan.console import Language
from kaquan.engine import Offer
from kaquan.outreach import offer_sentence
from kaquan.runtime import Project, Tx, format_price
from kaquan.storefront.terms import list_terms

_A_MOMENT = timedelta(microseconds=1)


class CouponState(StrEnum):
    """Whether a coupon can be used, and if not, why."""

    USABLE = "usable"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    USED_UP = "used_up"
    WITHDRAWN = "withdrawn"


class CouponView(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon as its holder sees it.

    `last_day` is set instead of `ends_at` when the coupon expires with a day of the project;
    `left` of `granted` uses are None when it may be used without limit.
    """

    code: str
    worth: str
    campaign: str | None
    description: str | None
    state: CouponState
    starts_at: datetime | None
    ends_at: datetime | None
    last_day: datetime | None
    granted: int | None
    left: int | None
    terms: tuple[str, ...]


async def view_coupon(
    tx: Tx, voucher_id: str, *, project: Project, language: Language, now: datetime
) -> CouponView:
    """Everything about one coupon; raises NotFound when it has been deleted."""
    voucher = await get_voucher(tx, voucher_id)
    campaign = None if voucher.campaign_id is None else await get_campaign(tx, voucher.campaign_id)
    usage = (await voucher_usage(tx, [voucher]))[voucher.id]
    offer = effective_offer(voucher, campaign)
    window = usable_window(voucher, campaign, offer)

    def price(amount_minor: int) -> str:
        return format_price(amount_minor, currency=project.currency, language=language.value)

    by_day = window.expires_at is not None and _is_midnight(window.expires_at, project.zone)
    return CouponView(
        code=voucher.code,
        worth=offer_sentence(offer, language=language.value, currency=project.currency),
        campaign=voucher.campaign_name,
        description=None if campaign is None else campaign.description,
        state=coupon_state(voucher, campaign, window=window, usage=usage, now=now),
        starts_at=window.starts_at,
        ends_at=None if by_day else window.expires_at,
        last_day=window.expires_at - _A_MOMENT if by_day and window.expires_at else None,
        granted=usage.granted,
        left=usage.left,
        terms=list_terms(
            offer,
            per_customer_cap=None if campaign is None else campaign.per_customer_cap,
            language=language,
            money=price,
        ),
    )


def usable_window(voucher: Voucher, campaign: Campaign | None, offer: Offer) -> Window:
    """When voucher, campaign and offer all allow it; may be empty."""
    window = effective_window(voucher, campaign)
    starts = [moment for moment in (window.starts_at, offer.window.starts_at) if moment]
    ends = [moment for moment in (window.expires_at, offer.window.expires_at) if moment]
    return Window(max(starts, default=None), min(ends, default=None))


def coupon_state(
    voucher: Voucher,
    campaign: Campaign | None,
    *,
    window: Window,
    usage: VoucherUsage,
    now: datetime,
) -> CouponState:
    """Whether the coupon can be used now; of several reasons, the one its holder knows best."""
    if usage.granted is not None and usage.used >= usage.granted:
        return CouponState.USED_UP
    if not voucher.active or (campaign is not None and not campaign.active):
        return CouponState.WITHDRAWN
    if window.has_ended(now):
        return CouponState.EXPIRED
    return CouponState.USABLE if window.has_started(now) else CouponState.NOT_YET


def _is_midnight(moment: datetime, zone: ZoneInfo) -> bool:
    local = moment.astimezone(zone)
    return (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
