"""The nouns of points that wait, and of points that expire."""

from datetime import date, datetime
from typing import Literal

import msgspec


class PendingPoints(msgspec.Struct, frozen=True, kw_only=True):
    """Points that a rule gave for an order and that wait; ``id`` is the earning's.

    They come to the card on ``activates_on``, a day in the project's zone, unless ended before.
    """

    id: str
    voucher_id: str
    campaign_id: str
    customer_id: str | None
    points: int
    activates_on: date
    state: Literal["pending", "activated", "canceled"]
    rule_id: str
    rule_banner: str | None
    order_id: str | None
    order_source_id: str | None
    loyalty_tier_id: str | None
    loyalty_tier_name: str | None
    created_at: datetime
    updated_at: datetime | None


class PendingPage(msgspec.Struct, frozen=True):
    """A part of the pending points, and after which the next part starts."""

    items: list[PendingPoints]
    next_cursor: str | None


class PendingChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of pending points: ``points`` moved; ``left`` are pending on the card."""

    voucher_id: str
    points: int
    left: int


class PointsLot(msgspec.Struct, frozen=True, kw_only=True):
    """Points that came at once and can be spent until the end of ``expires_on``.

    Of its ``points``, ``remaining`` are on the card and ``expired`` went unspent.
    """

    id: str
    voucher_id: str
    campaign_id: str | None
    points: int
    remaining: int
    expired: int
    expires_on: date
    created_at: datetime
    updated_at: datetime | None


class CardOutlook(msgspec.Struct, frozen=True, kw_only=True):
    """What is going to happen on a card: points that wait, and the next that expire."""

    pending: int = 0
    next_expiry: date | None = None
    next_expiring: int | None = None
