"""What a coupon does: one effect a file."""

from kaquan.engine.effects.amount_off import AmountOff
from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome, Target
from kaquan.engine.effects.percent_off import PercentOff
from kaquan.engine.effects.printed_value import PrintedValue
from kaquan.engine.effects.spread import hold_to
from kaquan.engine.effects.threshold_off import ThresholdOff, Tier

__all__ = [
    "EFFECTS",
    "AmountOff",
    "Effect",
    "Outcome",
    "PercentOff",
    "PrintedValue",
    "Target",
    "ThresholdOff",
    "Tier",
    "hold_to",
]
