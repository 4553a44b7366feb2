"""A window that opens again and again, counted from one moment."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

Seconds = Annotated[int, msgspec.Meta(ge=1, le=10**10)]


class Recurrence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Open for `open_s` seconds at `since` and then every `every_s` seconds, elapsed time.

    Raises ValueError for a `since` without a zone and for a window that would never close.
    """

    since: datetime
    every_s: Seconds
    open_s: Seconds

    def __post_init__(self) -> None:
        if self.since.tzinfo is None:
            raise ValueError("since needs a zone")
        if self.open_s > self.every_s:
            raise ValueError("open_s cannot exceed every_s")

    def is_open(self, moment: datetime) -> bool:
        """Whether a window is open at that moment; before `since` none is."""
        elapsed = (moment - self.since) // timedelta(seconds=1)
        return elapsed >= 0 and elapsed % self.every_s < self.open_s

    def find_opening(self, after: datetime) -> datetime:
        """The first moment after `after` at which a window opens."""
        if after < self.since:
            return self.since
        past = (after - self.since) // timedelta(seconds=self.every_s)
        return self.since + (past + 1) * timedelta(seconds=self.every_s)
