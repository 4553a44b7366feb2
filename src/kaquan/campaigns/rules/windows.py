"""The dialect's words about recurring time, as windows of the engine."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kaquan.campaigns.rules.check import as_list, as_object
from kaquan.campaigns.rules.model import RuleNotSupported
from kaquan.runtime import InvalidInput

TIMEFRAME, DAYS, HOURS = "validity_timeframe", "validity_day_of_week", "validity_hours"
AFTER_PUBLISHING = "activity_duration_after_publishing"
SAYINGS = (TIMEFRAME, DAYS, HOURS, AFTER_PUBLISHING)

LONGEST_S = 10**9
_HOUR_S = 3600
_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.ASCII,
)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::00)?|24:00(?::00)?", re.ASCII)
_UNITS = {"weeks": 604_800, "days": 86_400, "hours": _HOUR_S, "minutes": 60, "seconds": 1}
_ISO_SUNDAY = 7


def window_of(said: Mapping[str, Any], *, since: datetime) -> dict[str, Any]:
    """Return the members of an engine's window that these words mean.

    Time frames recur from ``since``. Raises InvalidInput naming the word, and RuleNotSupported.
    """
    window: dict[str, Any] = {}
    hours = _read_hours(said.get(HOURS)) or _read_days(said.get(DAYS))
    if hours:
        window["hours"] = hours
    if said.get(TIMEFRAME):
        window["recurring"] = _read_timeframe(said[TIMEFRAME], since)
    if said.get(AFTER_PUBLISHING):
        window["after_claim"] = _read_after(said[AFTER_PUBLISHING])
    return window


def read_duration(text: object, field: str) -> int:
    """Read an ISO 8601 duration of weeks to seconds, in seconds. Raises InvalidInput."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) and len(text) <= 40 else None
    if match is None:
        message = "This must be a duration in ISO 8601, as P2D or PT1H."
        raise InvalidInput(message, field=field)
    if match["years"] or match["months"]:
        message = "Years and months have no fixed length; say it in weeks or days."
        raise RuleNotSupported(message, field=field)
    seconds = sum(int(match[name] or 0) * size for name, size in _UNITS.items())
    if not 1 <= seconds <= LONGEST_S:
        message = "This must be longer than nothing, and at most some thirty years."
        raise InvalidInput(message, field=field)
    return seconds


def _read_timeframe(given: object, since: datetime) -> dict[str, Any]:
    fields = as_object(given, TIMEFRAME)
    every = read_duration(fields.get("interval"), f"{TIMEFRAME}.interval")
    opened = read_duration(fields.get("duration"), f"{TIMEFRAME}.duration")
    if opened > every:
        message = "The duration cannot exceed the interval."
        raise InvalidInput(message, field=f"{TIMEFRAME}.duration")
    return {"since": since.isoformat(), "every_s": every, "open_s": opened}


def _read_after(given: object) -> dict[str, Any]:
    seconds = read_duration(given, AFTER_PUBLISHING)
    if seconds % _HOUR_S:
        message = "The time after publishing is told in whole hours or days."
        raise RuleNotSupported(message, field=AFTER_PUBLISHING)
    return {"hours": seconds // _HOUR_S}


def _read_days(given: object, field: str = DAYS) -> list[dict[str, Any]]:
    if not given:
        return []
    return [{"weekdays": _weekdays(given, field)}]


def _weekdays(given: object, field: str) -> list[int]:
    days: set[int] = set()
    for day in as_list(given, field):
        if isinstance(day, bool) or not isinstance(day, int) or not 0 <= day <= 6:
            message = "Days of the week are 0 (Sunday) to 6 (Saturday)."
            raise InvalidInput(message, field=field)
        days.add(day or _ISO_SUNDAY)
    return sorted(days)


def _read_hours(given: object) -> list[dict[str, Any]]:
    if not given:
        return []
    hours: list[dict[str, Any]] = []
    for index, entry in enumerate(as_list(as_object(given, HOURS).get("daily") or [], HOURS)):
        place = f"{HOURS}.daily[{index}]"
        fields = as_object(entry, place)
        one: dict[str, Any] = {
            "opens": _clock(fields.get("start_time") or "00:00", f"{place}.start_time"),
            "closes": _clock(fields.get("expiration_time") or "24:00", f"{place}.expiration_time"),
        }
        if fields.get("days_of_week"):
            one["weekdays"] = _weekdays(fields["days_of_week"], f"{place}.days_of_week")
        if one["opens"] == "24:00":
            message = "A day starts at 00:00 and ends at 24:00."
            raise InvalidInput(message, field=f"{place}.start_time")
        hours.append(one)
    return hours


def _clock(given: object, field: str) -> str:
    if not isinstance(given, str) or not _CLOCK.fullmatch(given):
        message = "This must be a time of day, as 09:30."
        raise InvalidInput(message, field=field)
    return given[:5]
