"""The window in which an offer may be used."""

from datetime import datetime

import msgspec

from kaquan.engine.context import Context
from kaquan.engine.reasons import Reason, ReasonCode


class Validity(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Half-open: usable from `starts_at` on and until just before `expires_at`, aware times.

    None leaves that side open. "Until 31 May" is therefore stored as 1 June 00:00 of the zone.
    Raises ValueError for a time without a zone or a window that is empty.
    """

    starts_at: datetime | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.starts_at, self.expires_at):
            if moment is not None and moment.tzinfo is None:
                raise ValueError("a window needs times with a zone")
        if self.starts_at and self.expires_at and self.starts_at >= self.expires_at:
            raise ValueError("starts_at must come before expires_at")

    def check(self, context: Context) -> Reason | None:
        """The reason why the offer cannot be used now, if any."""
        if self.starts_at is not None and context.now < self.starts_at:
            return Reason(ReasonCode.NOT_STARTED, {"starts_at": context.local_iso(self.starts_at)})
        if self.expires_at is not None and context.now >= self.expires_at:
            return Reason(ReasonCode.EXPIRED, {"expires_at": context.local_iso(self.expires_at)})
        return None


ALWAYS = Validity()
