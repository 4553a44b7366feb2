"""When points count and until when they can be spent, on the wire."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, UnsetType

from kaquan.loyalty import PointsExpiry

Small = Annotated[int, Meta(ge=0, le=1_200)]


class PendingBody(msgspec.Struct, frozen=True, kw_only=True):
    """For how many days points wait before they count."""

    period_type: Literal["DAY"] = "DAY"
    period_value: Annotated[int, Meta(ge=1, le=90)]


class ExpiryBody(msgspec.Struct, frozen=True, kw_only=True):
    """Until when points can be spent: months after they came, or a day of the year."""

    period_type: Literal["MONTH", "FIXED_DAY_OF_YEAR"]
    period_value: Small | None = None
    rounding_type: (
        Literal[
            "END_OF_MONTH", "END_OF_QUARTER", "END_OF_HALF_YEAR", "END_OF_YEAR", "PARTICULAR_MONTH"
        ]
        | None
    ) = None
    rounding_value: Small | None = None
    fixed_month: Annotated[int, Meta(ge=1, le=12)] | None = None
    fixed_day: Annotated[int, Meta(ge=1, le=31)] | None = None


def read_expiry(body: ExpiryBody | UnsetType | None) -> PointsExpiry | UnsetType | None:
    """Map when points expire; null is never."""
    if not isinstance(body, ExpiryBody):
        return body
    return PointsExpiry(**msgspec.structs.asdict(body))


def read_days(body: PendingBody | UnsetType | None) -> int | UnsetType | None:
    """Map for how many days points wait; null is not at all."""
    return body.period_value if isinstance(body, PendingBody) else body


def view_expiry(expiry: PointsExpiry | None) -> dict[str, Any] | None:
    """Map when points expire to the wire."""
    return None if expiry is None else msgspec.to_builtins(expiry)


def view_days(days: int | None) -> PendingBody | None:
    """Map for how many days points wait to the wire."""
    return None if days is None else PendingBody(period_value=days)
