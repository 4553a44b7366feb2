"""The dialect's period of use, and its members whose meaning is not there yet."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.problems import NotSupported
from kaquan.api.values import MomentText, read_moment
from kaquan.runtime import Tx, get_project

_LATER = (
    "validation_rules",
    "validity_timeframe",
    "validity_day_of_week",
    "validity_hours",
    "category_id",
)


class PeriodBody(msgspec.Struct, frozen=True, kw_only=True):
    """From when until when; null removes a limit."""

    start_date: MomentText | UnsetType | None = UNSET
    expiration_date: MomentText | UnsetType | None = UNSET
    validation_rules: list[Any] | None = None
    validity_timeframe: dict[str, Any] | None = None
    validity_day_of_week: list[Any] | None = None
    validity_hours: dict[str, Any] | None = None
    category_id: str | None = None


def refuse_later(body: PeriodBody, names: tuple[str, ...]) -> None:
    """Refuse members whose meaning is not there yet: ignoring a limit would be worse."""
    for name in (*_LATER, *names):
        if getattr(body, name):
            message = f"'{name}' is not supported yet."
            raise NotSupported(message, field=name)


async def read_period(
    tx: Tx, body: PeriodBody
) -> tuple[datetime | UnsetType | None, datetime | UnsetType | None]:
    """Read start and end, dates in the project's zone; UNSET and None stay as they are."""
    start, end = body.start_date, body.expiration_date
    if not isinstance(start, str) and not isinstance(end, str):
        return start, end
    zone = (await get_project(tx)).zone
    return (
        read_moment(start, zone, field="start_date") if isinstance(start, str) else start,
        read_moment(end, zone, field="expiration_date", ends=True) if isinstance(end, str) else end,
    )
