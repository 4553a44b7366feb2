"""The nouns of returns: what comes back, by which policy, and what was given back for it."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec


class UseBack(StrEnum):
    """When the use of a coupon is given back: with the last of the goods, the first, or never."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NEVER = "never"


class ReturnPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a campaign says about goods that come back.

    The discount of what came back is always given back. ``kept_goods`` says what becomes of the
    discount of the goods that stay: it is kept, or the threshold is looked at again, and what the
    remaining goods no longer earn is clawed back from the refund. With ``no_use_after_expiry`` a
    use is not given back once the coupon has expired.
    """

    kept_goods: Literal["keep", "recheck_threshold"] = "keep"
    use_back: UseBack = UseBack.COMPLETE
    no_use_after_expiry: bool = False


class GoodsBack(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one line: by its position, counted from 0, or by its product or source id."""

    line: int | None = None
    product_id: str | None = None
    source_id: str | None = None
    quantity: int


class ReturnRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back: some goods, goods worth an amount before discounts, or else all the rest."""

    goods: tuple[GoodsBack, ...] | None = None
    amount_minor: int | None = None
    reason: str | None = None
    metadata: dict[str, Any] = {}


class OfOrder(msgspec.Struct, frozen=True):
    """All redemptions of an order, by our id or the merchant's, give back their part."""

    reference: str


class OfRedemption(msgspec.Struct, frozen=True):
    """One redemption, or those of one parent, give back their part."""

    redemption_id: str


class ReturnPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one redemption gave back, in minor units: an entry a line, one more for the rest."""

    redemption_id: str
    given_back: tuple[int, ...]
    clawed_back: tuple[int, ...]
    use_returned: bool

    @property
    def returned_minor(self) -> int:
        """What left the discount: given back with goods, and clawed back."""
        return sum(self.given_back) + sum(self.clawed_back)


class OrderReturn(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that came back, in minor units; the id of a preview is empty.

    ``line_quantities`` has an entry a line of the order. ``line_gross``, what the goods cost
    before discounts, has one more, for what no line accounts for. ``refund_minor`` =
    ``gross_minor`` less what was given back, clawed back, and taken off by the merchant; None
    where other redemptions of the order were left alone. ``completes`` says that nothing is left
    to return.
    """

    id: str
    order_id: str | None
    redemption_id: str | None
    line_quantities: tuple[int, ...]
    line_gross: tuple[int, ...]
    gross_minor: int
    given_back_minor: int
    clawed_back_minor: int
    refund_minor: int | None
    completes: bool
    reason: str | None = None
    metadata: dict[str, Any] = {}
    by_user_id: str | None = None
    created_at: datetime
    parts: tuple[ReturnPart, ...] = ()


class ReturnRefusal(StrEnum):
    """Why nothing was returned, by the key that the wire shows."""

    NOT_A_REDEMPTION = "invalid_redemption"
    CHILD = "invalid_redemption_parent"
    ROLLED_BACK = "already_rolled_back"
    ORDER_STATUS = "invalid_order_status"
    ALL_RETURNED = "already_returned"
    TOO_MUCH = "return_exceeds_purchase"


class ReturnRefused(msgspec.Struct, frozen=True):
    """A return that did not take place; ``field`` leads to what was too much."""

    refusal: ReturnRefusal
    field: str | None = None
