"""Values that appear in many bodies, with the limits that keep them storable."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Meta, UnsetType

from kaquan.engine import MAX_MINOR
from kaquan.runtime import InvalidInput

Identifier: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255)]
"""An id, source id, name or code: short enough for an index."""

ShortText: TypeAlias = Annotated[str, Meta(max_length=1_000)]
LongText: TypeAlias = Annotated[str, Meta(max_length=10_000)]
Address: TypeAlias = Annotated[str, Meta(max_length=2_000)]

Minor: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_MINOR)]
"""Money in minor units of the project's currency."""

Count: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_MINOR)]

QuantityText: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9]{1,15}$")]
"""The dialect lets quantities come as text."""

MomentText: TypeAlias = Annotated[
    str,
    Meta(max_length=40, description="ISO 8601; without an offset it is in the project's zone"),
]

Metadata: TypeAlias = dict[str, Any]

_DATE_LENGTH = len("2026-05-31")


def read_moment(text: str, zone: ZoneInfo, *, field: str, ends: bool = False) -> datetime:
    """Read a time as UTC; without an offset it is told in ``zone``.

    A bare date is the day's first moment or, when it ``ends`` something, the first moment after
    it: "expires 2026-05-31" is usable until 24:00 there. Raises InvalidInput.
    """
    try:
        if len(text) == _DATE_LENGTH:
            day = date.fromisoformat(text) + timedelta(days=1 if ends else 0)
            return datetime.combine(day, time.min, tzinfo=zone).astimezone(ZoneInfo("UTC"))
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        return aware.astimezone(ZoneInfo("UTC"))
    except (ValueError, OverflowError) as error:
        message = f"'{field}' must be a date or a time in ISO 8601, as 2026-05-31T16:00:00Z."
        raise InvalidInput(message, field=field) from error


def merge_metadata(old: Metadata, given: Metadata | UnsetType | None) -> Metadata:
    """Set the given keys; a key given as null is removed, as is everything by null."""
    if given is None:
        return {}
    merged = old if isinstance(given, UnsetType) else old | given
    return {key: value for key, value in merged.items() if value is not None}
