"""The dialect's members about time, rules and categories that many objects have."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.problems import NotSupported
from kaquan.api.values import Identifier, MomentText, read_moment
from kaquan.campaigns import SAYINGS
from kaquan.runtime import Tx, get_project


class PeriodBody(msgspec.Struct, frozen=True, kw_only=True):
    """When something may be used and under which rules; null removes a limit."""

    start_date: MomentText | UnsetType | None = UNSET
    expiration_date: MomentText | UnsetType | None = UNSET
    validation_rules: list[Identifier] | UnsetType | None = UNSET
    validity_timeframe: dict[str, Any] | UnsetType | None = UNSET
    validity_day_of_week: list[int] | UnsetType | None = UNSET
    validity_hours: dict[str, Any] | UnsetType | None = UNSET
    category_id: Identifier | UnsetType | None = UNSET


class SaidView(msgspec.Struct, frozen=True, kw_only=True):
    """Recurring time as it was said; null where nothing was."""

    validity_timeframe: dict[str, Any] | None = None
    validity_day_of_week: list[int] | None = None
    validity_hours: dict[str, Any] | None = None
    activity_duration_after_publishing: str | None = None


def refuse_later(body: msgspec.Struct, names: tuple[str, ...]) -> None:
    """Refuse members whose meaning is not there yet: ignoring a limit would be worse."""
    for name in names:
        if getattr(body, name):
            message = f"'{name}' is not supported yet."
            raise NotSupported(message, field=name)


def read_said(body: PeriodBody, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what holds about recurring time after ``body``; null takes a word back."""
    said = dict(known or {})
    for name in SAYINGS:
        value = getattr(body, name, UNSET)
        if value is UNSET:
            continue
        said.pop(name, None)
        if value:
            said[name] = value
    return said


def view_said(said: Mapping[str, Any]) -> SaidView:
    """Map what was said about recurring time to the wire."""
    return SaidView(**{name: said.get(name) for name in SAYINGS})


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
