"""The nouns of sessions: what locks vouchers for a checkout, and for how long."""

from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any

import msgspec

from kaquan.runtime import InvalidInput, check_reference


class TtlUnit(StrEnum):
    """Units in which the life of a session is told."""

    DAYS = "DAYS"
    HOURS = "HOURS"
    MINUTES = "MINUTES"
    SECONDS = "SECONDS"
    MILLISECONDS = "MILLISECONDS"
    MICROSECONDS = "MICROSECONDS"
    NANOSECONDS = "NANOSECONDS"


_MICROSECONDS = {
    TtlUnit.DAYS: Decimal(86_400_000_000),
    TtlUnit.HOURS: Decimal(3_600_000_000),
    TtlUnit.MINUTES: Decimal(60_000_000),
    TtlUnit.SECONDS: Decimal(1_000_000),
    TtlUnit.MILLISECONDS: Decimal(1000),
    TtlUnit.MICROSECONDS: Decimal(1),
    TtlUnit.NANOSECONDS: Decimal("0.001"),
}
LONGEST_US = 366 * 86_400_000_000
"""A year: who locks for longer wants a voucher of their own."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A lock that is asked for, or that is redeemed through: ``key`` says whose it is.

    It lasts 15 minutes unless said otherwise.
    """

    key: str
    ttl: Decimal = Decimal(15)
    ttl_unit: TtlUnit = TtlUnit.MINUTES

    @property
    def life(self) -> timedelta:
        """How long it lasts, in whole microseconds, parts rounded up."""
        exact = self.ttl * _MICROSECONDS[self.ttl_unit]
        return timedelta(microseconds=int(exact.to_integral_value(ROUND_CEILING)))


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher locked by a session until ``expires_at``, for a customer or a guest.

    What is reserved are the ledger's holds under ``hold_id``: a use of everything that is
    limited, and ``discount_minor`` of the budget. ``redeemable`` is what was asked for.
    """

    key: str
    voucher_id: str
    voucher_code: str
    hold_id: str
    customer_id: str | None
    redeemable: dict[str, Any]
    ttl: Decimal
    ttl_unit: TtlUnit
    discount_minor: int
    expires_at: datetime
    created_at: datetime


def check_session(session: Session) -> None:
    """Raise InvalidInput for a key or a life that no session can have."""
    check_reference(session.key, "session.key")
    if not session.ttl.is_finite() or session.ttl <= 0:
        raise InvalidInput("A session lasts for some time above zero.", field="session.ttl")
    # Compared by magnitude first: a huge exponent must not be written out in digits.
    too_long = session.ttl.adjusted() > len(str(LONGEST_US)) + 3
    if too_long or session.ttl * _MICROSECONDS[session.ttl_unit] > LONGEST_US:
        raise InvalidInput("A session lasts for a year at most.", field="session.ttl")
