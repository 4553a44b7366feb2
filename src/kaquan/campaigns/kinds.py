"""What kind of voucher an offer makes: a discount, a gift card, or a card of points."""

from typing import Any

from kaquan.campaigns.model import Campaign, CampaignKind
from kaquan.engine import Offer, PointsPayment, StoredValue, parse_offer
from kaquan.ledger import AccountKind

_KINDS = {
    AccountKind.VALUE: CampaignKind.GIFT_VOUCHERS,
    AccountKind.POINTS: CampaignKind.LOYALTY_PROGRAM,
}


def balance_kind_of(offer: Offer) -> AccountKind | None:
    """Return which of a voucher's accounts its offer pays from; None when it pays from none."""
    match offer.effect:
        case StoredValue():
            return AccountKind.VALUE
        case PointsPayment():
            return AccountKind.POINTS
        case _:
            return None


def voucher_balance_kind(
    own_offer: dict[str, Any] | None, campaign: Campaign | None
) -> AccountKind | None:
    """Return the same of a voucher, by its own offer or else its campaign's."""
    if own_offer is not None:
        return balance_kind_of(parse_offer(own_offer))
    assert campaign is not None, "a voucher without an offer has its campaign's"
    return balance_kind_of(parse_offer(campaign.offer))


def kind_of(offer: Offer) -> CampaignKind:
    """Return what a campaign with this offer hands out."""
    balance = balance_kind_of(offer)
    return CampaignKind.DISCOUNT_COUPONS if balance is None else _KINDS[balance]
