"""Words and colours for the states of things; every word is a catalogue key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from kaquan.campaigns import Campaign, CampaignPhase, Voucher, VoucherUsage
from kaquan.checkout import Redemption, RedemptionKind, RedemptionResult, RedemptionStatus
from kaquan.console.language import N_
from kaquan.customers import OrderStatus
from kaquan.outreach import DistributionStatus, MessageStatus
from kaquan.segments import SegmentKind


class Badge(msgspec.Struct, frozen=True):
    """A word with its tone: good, busy, wait, bad or off (see components/status.html)."""

    word: str
    tone: str


CAMPAIGN_PHASES: Mapping[CampaignPhase, Badge] = {
    CampaignPhase.LIVE: Badge(N_("Live"), "good"),
    CampaignPhase.SCHEDULED: Badge(N_("Scheduled"), "wait"),
    CampaignPhase.ENDED: Badge(N_("Ended"), "off"),
    CampaignPhase.OFF: Badge(N_("Switched off"), "bad"),
}

_USED_UP = Badge(N_("Used"), "off")
_EXPIRED = Badge(N_("Expired"), "off")
_OFF = Badge(N_("Switched off"), "bad")
_NOT_YET = Badge(N_("Not yet valid"), "wait")
_GIVEN = Badge(N_("Given out"), "good")
_IN_STOCK = Badge(N_("Not given out"), "busy")

_REDEEMED = Badge(N_("Redeemed"), "good")
_REFUSED = Badge(N_("Refused"), "bad")
_UNDONE = Badge(N_("Undone later"), "off")
_UNDOING = Badge(N_("Undoing"), "wait")

ORDER_STATES: Mapping[OrderStatus, Badge] = {
    OrderStatus.CREATED: Badge(N_("Not paid"), "wait"),
    OrderStatus.PAID: Badge(N_("Paid"), "good"),
    OrderStatus.FULFILLED: Badge(N_("Completed"), "good"),
    OrderStatus.CANCELED: Badge(N_("Cancelled"), "off"),
    OrderStatus.PARTIALLY_RETURNED: Badge(N_("Partly returned"), "wait"),
    OrderStatus.RETURNED: Badge(N_("Returned"), "off"),
}

MESSAGE_STATES: Mapping[MessageStatus, Badge] = {
    MessageStatus.KEPT: Badge(N_("Kept here"), "off"),
    MessageStatus.QUEUED: Badge(N_("Waiting"), "wait"),
    MessageStatus.SENDING: Badge(N_("Being sent"), "busy"),
    MessageStatus.SENT: Badge(N_("Sent"), "good"),
    MessageStatus.FAILED: Badge(N_("Failed"), "bad"),
}

DISTRIBUTION_STATES: Mapping[DistributionStatus, Badge] = {
    DistributionStatus.PENDING: Badge(N_("Waiting"), "wait"),
    DistributionStatus.RUNNING: Badge(N_("Being sent"), "busy"),
    DistributionStatus.DONE: Badge(N_("Done"), "good"),
    DistributionStatus.FAILED: Badge(N_("Failed"), "bad"),
}

SEGMENT_KINDS: Mapping[SegmentKind, str] = {
    SegmentKind.AUTO_UPDATE: N_("Follows its rule"),
    SegmentKind.PASSIVE: N_("Follows its rule"),
    SegmentKind.STATIC: N_("Frozen"),
}

CHANNELS: Mapping[str, str] = {"email": N_("E-mail"), "sms": N_("SMS")}
PURPOSES: Mapping[str, str] = {"marketing": N_("offers")}


def voucher_badge(
    voucher: Voucher, usage: VoucherUsage, campaign: Campaign | None, *, now: datetime
) -> Badge:
    """What a voucher's holder would find out; the first that applies, in this order."""
    windows = [voucher.window] + ([campaign.window] if campaign else [])
    if usage.left == 0 and usage.used:
        return _USED_UP
    if any(window.has_ended(now) for window in windows):
        return _EXPIRED
    if not voucher.active or (campaign is not None and not campaign.active):
        return _OFF
    if not all(window.has_started(now) for window in windows):
        return _NOT_YET
    return _GIVEN if voucher.holder_id else _IN_STOCK


def redemption_badge(redemption: Redemption) -> Badge:
    """How an attempt to redeem or to undo ended."""
    if redemption.result is RedemptionResult.FAILURE:
        return _REFUSED
    if redemption.kind is RedemptionKind.ROLLBACK:
        return _UNDOING
    undone = redemption.status is RedemptionStatus.ROLLED_BACK
    return _UNDONE if undone else _REDEEMED
