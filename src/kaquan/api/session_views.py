"""Sessions on the wire: what locks vouchers, and for how long."""

import secrets
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.values import Identifier
from kaquan.checkout import Lock, Session, TtlUnit
from kaquan.runtime import InvalidInput

DIALECT_LIFE = (Decimal(7), TtlUnit.DAYS)
"""How long a session lasts where the dialect's callers leave it open."""


class SessionBody(msgspec.Struct, frozen=True, kw_only=True):
    """A lock that is asked for, or redeemed through; without a key one is made up."""

    type: Literal["LOCK"] = "LOCK"
    key: Identifier | None = None
    ttl: Decimal | None = None
    ttl_unit: TtlUnit | None = None


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A session as answered."""

    key: str
    type: Literal["LOCK"] = "LOCK"
    ttl: int | float
    ttl_unit: TtlUnit


class LockExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan`` of a lock: until when, of what, for whom."""

    expires_at: datetime
    created_at: datetime
    discount_amount: int
    voucher_id: str
    customer_id: str | None


class LockView(SessionView, frozen=True, kw_only=True):
    """What a session reserved of a voucher."""

    object: Literal["session"] = "session"
    kaquan: LockExtension


def read_session(
    body: SessionBody | None,
    *,
    life: tuple[Decimal, TtlUnit] = DIALECT_LIFE,
    field: str = "session",
) -> Session | None:
    """Map a session; ``life`` is how long it lasts unless said otherwise.

    ``field`` leads to it in the body. Raises InvalidInput.
    """
    if body is None:
        return None
    if (body.ttl is None) is not (body.ttl_unit is None):
        missing = "ttl" if body.ttl is None else "ttl_unit"
        message = "The life of a session is told by 'ttl' and 'ttl_unit' together."
        raise InvalidInput(message, field=f"{field}.{missing}")
    ttl, unit = body.ttl, body.ttl_unit
    if ttl is None or unit is None:
        ttl, unit = life
    return Session(key=body.key or f"ssn_{secrets.token_hex(16)}", ttl=ttl, ttl_unit=unit)


def view_session(session: Session | None) -> SessionView | UnsetType:
    """Map a session to the wire."""
    if session is None:
        return UNSET
    return SessionView(key=session.key, ttl=_as_number(session.ttl), ttl_unit=session.ttl_unit)


def view_lock(lock: Lock) -> LockView:
    """Map what a session reserved of a voucher to the wire."""
    return LockView(
        key=lock.key,
        ttl=_as_number(lock.ttl),
        ttl_unit=lock.ttl_unit,
        kaquan=LockExtension(
            expires_at=lock.expires_at,
            created_at=lock.created_at,
            discount_amount=lock.discount_minor,
            voucher_id=lock.voucher_id,
            customer_id=lock.customer_id,
        ),
    )


def _as_number(ttl: Decimal) -> int | float:
    """JSON numbers of callers are read exactly; what is told back is their nearest number."""
    return int(ttl) if ttl == ttl.to_integral_value() else float(ttl)
