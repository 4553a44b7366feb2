"""What a coupon does: one effect a file."""

from kaquan.engine.effects.amount_off import AmountOff, Giving
from kaquan.engine.effects.bundle_price import BundlePart, BundlePrice
from kaquan.engine.effects.buy_x_get_y import BuyXGetY
from kaquan.engine.effects.cheapest_free import CheapestFree
from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome, Target
from kaquan.engine.effects.exchange import Exchange
from kaquan.engine.effects.fixed_price import FixedPrice
from kaquan.engine.effects.free_units import FreeUnit, FreeUnits
from kaquan.engine.effects.nth_item_at_rate import NthItemAtRate
from kaquan.engine.effects.percent_off import PercentOff
from kaquan.engine.effects.points_multiplier import PointsMultiplier
from kaquan.engine.effects.points_payment import PointsPayment
from kaquan.engine.effects.printed_value import PrintedValue
from kaquan.engine.effects.selection import Selection
from kaquan.engine.effects.service_entitlement import ServiceEntitlement
from kaquan.engine.effects.shipping_off import ShippingOff
from kaquan.engine.effects.spread import hold_to
from kaquan.engine.effects.stored_value import StoredValue
from kaquan.engine.effects.threshold_off import ThresholdOff, Tier

__all__ = [
    "EFFECTS",
    "AmountOff",
    "BundlePart",
    "BundlePrice",
    "BuyXGetY",
    "CheapestFree",
    "Effect",
    "Exchange",
    "FixedPrice",
    "FreeUnit",
    "FreeUnits",
    "Giving",
    "NthItemAtRate",
    "Outcome",
    "PercentOff",
    "PointsMultiplier",
    "PointsPayment",
    "PrintedValue",
    "Selection",
    "ServiceEntitlement",
    "ShippingOff",
    "StoredValue",
    "Target",
    "ThresholdOff",
    "Tier",
    "hold_to",
]
