"""Days and moments in formulas, on the clocks of the project's zone."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}([T ].{1,40})?", re.ASCII)


def read_moment(text: str, zone: str) -> datetime | None:
    """The local time that an ISO-8601 text names, None for another text.

    A text with an offset is told on the clocks of ``zone``; a date is its first moment.
    """
    if _WRITTEN.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return to_local(moment, zone) if moment.tzinfo is not None else moment
    except (ValueError, OverflowError):
        return None


def to_local(moment: datetime, zone: str) -> datetime:
    """An aware time on the clocks of a zone, without its offset."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def count_days(start: datetime, end: datetime) -> int:
    """Days from the date of one to the date of the other; below zero when it lies before."""
    return (end.date() - start.date()).days


def count_months(start: datetime, end: datetime) -> int:
    """Whole months from the date of one to the date of the other, towards zero."""
    if end < start:
        return -count_months(end, start)
    months = (end.year - start.year) * 12 + end.month - start.month
    return months - (end.day < start.day)
