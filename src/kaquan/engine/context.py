"""Who buys, when and where: the facts of a request besides its cart."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec

from kaquan.engine.cart import Attributes, Goods


class CustomerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the buyer.

    `order_count` counts orders before the one at hand. `redemptions_in_campaign` counts
    successful, not returned redemptions in the campaign of the candidate, unless the candidate
    brings its own figure. `spend_minor` is what those earlier orders came to, in minor units.
    Of a `birthday` only month and day are looked at; None is not known. Without an `id` the buyer
    is a guest, of whom nothing may be assumed; of one with `is_known_guest` redemptions were
    counted all the same, by a phone number or the like.
    """

    id: str | None = None
    segment_ids: frozenset[str] = frozenset()
    order_count: int = 0
    redemptions_in_campaign: int = 0
    attributes: Attributes = {}
    spend_minor: int = 0
    birthday: date | None = None
    tier_id: str | None = None
    is_known_guest: bool = False

    @property
    def can_be_counted(self) -> bool:
        """Whether it is known how often this buyer redeemed."""
        return self.id is not None or self.is_known_guest


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """`now` is an aware time; `time_zone` the IANA name in which the project tells dates.

    `redeemer_id` is who redeems for the customer: a clerk, a partner, an API key.
    `redemption_metadata` is what the merchant notes of the redemption itself. `catalogue` has the
    goods that offers may add to the cart, by product id and by SKU id.
    """

    now: datetime
    currency: str
    customer: CustomerFacts = CustomerFacts()
    location_id: str | None = None
    channel: str | None = None
    time_zone: str = "UTC"
    payment_method: str | None = None
    redeemer_id: str | None = None
    redemption_metadata: Attributes = {}
    catalogue: Mapping[str, Goods] = {}

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("now must be an aware time")

    @property
    def local_now(self) -> datetime:
        """Now on the clocks of the project's zone."""
        return self.now.astimezone(ZoneInfo(self.time_zone))

    def local_iso(self, moment: datetime) -> str:
        """ISO-8601 text of a time with the project's offset, as reasons carry it."""
        return moment.astimezone(ZoneInfo(self.time_zone)).isoformat()
