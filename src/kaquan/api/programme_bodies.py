"""What callers say about loyalty programmes: campaigns whose vouchers are cards of points."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.campaign_bodies import (
    CampaignBody,
    CampaignExtension,
    CampaignVoucherBody,
    CardBody,
)
from kaquan.api.points_terms import read_expiry
from kaquan.engine import MAX_MINOR
from kaquan.loyalty import PointsExpiry
from kaquan.runtime import InvalidInput

WORTHLESS: dict[str, Any] = {
    "effect": {"code": "points_payment", "points": MAX_MINOR, "worth_minor": 1}
}
"""The offer of cards whose points only rewards are given for: at a checkout they pay nothing."""


def is_programme(body: CampaignBody) -> bool:
    """Say whether a caller means a programme."""
    voucher = body.voucher
    return body.campaign_type == "LOYALTY_PROGRAM" or (
        voucher is not None and (voucher.type == "LOYALTY_CARD" or voucher.loyalty_card is not None)
    )


def told_expiry(body: CampaignBody) -> PointsExpiry | UnsetType | None:
    """When a caller wants points of a programme to expire; UNSET says nothing of it."""
    card = None if body.voucher is None else body.voucher.loyalty_card
    return UNSET if card is None else read_expiry(card.expiration_rules)


def read_cards(body: CampaignBody, *, new: bool) -> CampaignBody:
    """Say of a programme what the campaign says that it is. Raises InvalidInput."""
    voucher = body.voucher or CampaignVoucherBody()
    card = voucher.loyalty_card or CardBody()
    if voucher.discount is not None or voucher.gift is not None or body.promotion is not None:
        message = "A programme's vouchers are cards of points."
        raise InvalidInput(message, field="voucher", key="invalid_campaign_params")
    extension = body.kaquan or CampaignExtension()
    if new and not extension.offer:
        extension = msgspec.structs.replace(extension, offer=WORTHLESS)
    if voucher.loyalty_card is not None:
        extension = msgspec.structs.replace(extension, balance=card.points)
    cards = CampaignVoucherBody(redemption=voucher.redemption, code_config=voucher.code_config)
    said: dict[str, Any] = {name: getattr(body, name) for name in CampaignBody.__struct_fields__}
    said |= {"campaign_type": None, "voucher": cards if new else None, "kaquan": extension}
    return CampaignBody(**said)
