"""The checkout: trying out, redeeming and rolling back, all or nothing."""

from kaquan.checkout.model import (
    Attempt,
    CheckoutRequest,
    Contended,
    Coupon,
    CustomerRedemptions,
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
from kaquan.checkout.store.register import (
    count_redemptions_of,
    get_redemption,
    list_children,
    list_children_of,
    list_redemptions,
)
from kaquan.checkout.validate import validate

__all__ = [
    "Attempt",
    "CheckoutRequest",
    "Contended",
    "Coupon",
    "CustomerRedemptions",
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
    "count_redemptions_of",
    "get_redemption",
    "list_children",
    "list_children_of",
    "list_redemptions",
    "redeem",
    "roll_back",
    "validate",
]
