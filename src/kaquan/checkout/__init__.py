"""The checkout: trying out, redeeming and rolling back, all or nothing."""

from kaquan.checkout.model import (
    Attempt,
    CheckoutRequest,
    Coupon,
    OrderFigures,
    Redeemable,
    Redeemed,
    Redemption,
    RedemptionKind,
    RedemptionResult,
    Refused,
    RollBack,
    RollBackRefusal,
    RollBackRefused,
    Validation,
)
from kaquan.checkout.redeem import redeem
from kaquan.checkout.rollback import roll_back
from kaquan.checkout.store import get_redemption, list_children, list_redemptions
from kaquan.checkout.validate import validate

__all__ = [
    "Attempt",
    "CheckoutRequest",
    "Coupon",
    "OrderFigures",
    "Redeemable",
    "Redeemed",
    "Redemption",
    "RedemptionKind",
    "RedemptionResult",
    "Refused",
    "RollBack",
    "RollBackRefusal",
    "RollBackRefused",
    "Validation",
    "get_redemption",
    "list_children",
    "list_redemptions",
    "redeem",
    "roll_back",
    "validate",
]
