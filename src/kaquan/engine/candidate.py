"""One redeemable of a request, and what the ledger says is left of it."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from kaquan.engine.cart import Attributes
from kaquan.engine.category import Category
from kaquan.engine.lanes import Lane
from kaquan.engine.offer import Offer


class CandidateKind(StrEnum):
    """What was sent."""

    VOUCHER = "voucher"
    PROMOTION_TIER = "promotion_tier"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A redeemable with its offer. Limits count what is left; None is unlimited.

    `key` is unique within the request. `uses_left` is the voucher's own; the other limits belong
    to its campaign and are shared by the candidates of one request that name the same
    `campaign_id`. `customer_redemptions` is this customer's count in the campaign, None being the
    context's figure. `held_out` says that its campaign keeps this customer out. A
    `referral` code is for other customers than its holder. `face_value_minor` is the value printed on a manufacturer's coupon.
    `redemption_counts`, `holder_id`, `claimed_at`, `balance`, `credits`, `attributes`,
    `publication`, `starts_at`, `expires_at` and `quantity` are as in Facts.

    `categories` are those of its campaign. The lower `priority` goes first, none last, where the
    project sorts by it. `lane` is what the offer works on; None leaves that to its effect.
    """

    key: str
    offer: Offer
    kind: CandidateKind = CandidateKind.VOUCHER
    campaign_id: str | None = None
    active: bool = True
    held_out: bool = False
    referral: bool = False
    uses_left: int | None = None
    campaign_uses_left: int | None = None
    customer_uses_left: int | None = None
    budget_left_minor: int | None = None
    customer_redemptions: int | None = None
    face_value_minor: int | None = None
    redemption_counts: Mapping[str, int] = {}
    holder_id: str | None = None
    claimed_at: datetime | None = None
    balance: int | None = None
    credits: int | None = None
    categories: tuple[Category, ...] = ()
    priority: int | None = None
    lane: Lane | None = None
    attributes: Attributes = {}
    publication: Attributes = {}
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    quantity: int | None = None

    @property
    def category_ids(self) -> tuple[str, ...]:
        """Ids of its categories."""
        return tuple(category.id for category in self.categories)
