"""The nouns of referrals: who brought whom, and what came of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class ReferralState(StrEnum):
    """What has become of a person who was brought along.

    INVITED: named by hand. WAITING: the code was used, its order is not paid yet. REWARDED.
    TAKEN_BACK: undone after the reward. VOID: undone before it; another code may bring them.
    """

    INVITED = "invited"
    WAITING = "waiting"
    REWARDED = "rewarded"
    TAKEN_BACK = "taken_back"
    VOID = "void"


class HolderRole(StrEnum):
    """Whose a referral code is: who hands it on, or who was brought along by it."""

    REFERRER = "REFERRER"
    REFEREE = "REFEREE"


class RewardGiven(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person got: a voucher, or with ``amount`` so much on their card."""

    role: HolderRole
    voucher_id: str
    amount: int | None = None


class Referral(msgspec.Struct, frozen=True, kw_only=True):
    """That a code brought somebody along: one for each person and programme."""

    id: str
    campaign_id: str
    voucher_id: str
    referrer_id: str
    referee_id: str
    redemption_id: str | None
    order_id: str | None
    state: ReferralState
    given: tuple[RewardGiven, ...] = ()
    metadata: dict[str, Any] = {}
    due_at: datetime | None
    fault: str | None = None
    created_at: datetime
    settled_at: datetime | None = None


class CodeHolder(msgspec.Struct, frozen=True, kw_only=True):
    """A person whom a referral code concerns; ``id`` is the referral's, or the code's own."""

    id: str
    created_at: datetime
    voucher_id: str
    customer_id: str
    role: HolderRole
    metadata: dict[str, Any]


class ReferralSource(msgspec.Struct, frozen=True, kw_only=True):
    """By whom, in which programme and with which redemption somebody was brought along."""

    campaign_id: str
    referrer_id: str
    redemption_id: str
    at: datetime


class ReferralTies(msgspec.Struct, frozen=True, kw_only=True):
    """How many people somebody brought along, and by what they were brought themselves."""

    customer_id: str
    brought: int
    sources: tuple[ReferralSource, ...]
