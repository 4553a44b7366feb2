"""One redeemable of a request, and what the ledger says is left of it."""

from enum import StrEnum

import msgspec

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
    context's figure. `face_value_minor` is the value printed on a manufacturer's coupon.
    """

    key: str
    offer: Offer
    kind: CandidateKind = CandidateKind.VOUCHER
    campaign_id: str | None = None
    active: bool = True
    uses_left: int | None = None
    campaign_uses_left: int | None = None
    customer_uses_left: int | None = None
    budget_left_minor: int | None = None
    customer_redemptions: int | None = None
    face_value_minor: int | None = None
