"""The nouns of settlement: what each side bears of discounts."""

from datetime import date, datetime
from enum import StrEnum

import msgspec


class SettlementEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one side bears of a redemption's discount, in minor units.

    ``partner_id`` None is the merchant. ``cause_id`` is the redemption itself, or the return or
    rollback that took back a part: then the amount is negative. ``position`` tells the shares of
    one redemption apart.
    """

    redemption_id: str
    cause_id: str
    position: int
    partner_id: str | None
    share_bps: int
    campaign_id: str
    amount_minor: int
    at: datetime


class Period(StrEnum):
    """What a report's lines are about: a day or a month of the project's zone."""

    DAY = "day"
    MONTH = "month"


class SettlementQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is about: days of the project's calendar, the last included.

    ``by`` None does not tell periods apart; ``own`` says whether the merchant's own share is a
    line too.
    """

    since: date | None = None
    until: date | None = None
    by: Period | None = Period.MONTH
    campaign_id: str | None = None
    partner_id: str | None = None
    own: bool = True


class SettlementLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one side bears of one campaign's discounts in a period, in minor units.

    ``discount_minor`` was given, ``returned_minor`` taken back by returns and rollbacks in that
    period; ``net_minor`` is the difference, and below zero where more came back than was given.
    """

    period: date | None
    campaign_id: str
    campaign_name: str
    partner_id: str | None
    partner_name: str | None
    redemptions: int
    discount_minor: int
    returned_minor: int
    net_minor: int


class SettlementReport(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the lines, how many there are, and what all of them come to."""

    lines: tuple[SettlementLine, ...]
    total: int
    discount_minor: int
    returned_minor: int
