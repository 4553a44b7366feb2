"""Who buys, when and where: the facts of a request besides its cart."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from kaquan.engine.cart import Attributes


class CustomerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the buyer.

    `order_count` counts orders before the one at hand. `redemptions_in_campaign` counts
    successful, not returned redemptions in the campaign of the candidate, unless the candidate
    brings its own figure. Without an `id` the buyer is a guest, of whom nothing may be assumed.
    """

    id: str | None = None
    segment_ids: frozenset[str] = frozenset()
    order_count: int = 0
    redemptions_in_campaign: int = 0
    attributes: Attributes = {}


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """`now` is an aware time; `time_zone` the IANA name in which the project tells dates."""

    now: datetime
    currency: str
    customer: CustomerFacts = CustomerFacts()
    location_id: str | None = None
    channel: str | None = None
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("now must be an aware time")

    def local_iso(self, moment: datetime) -> str:
        """ISO-8601 text of a time with the project's offset, as reasons carry it."""
        return moment.astimezone(ZoneInfo(self.time_zone)).isoformat()
