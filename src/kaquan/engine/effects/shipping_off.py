"""Free or reduced delivery (包邮, 运费减免)."""

from typing import Annotated, ClassVar

import msgspec

from kaquan.engine.effects.effect import EFFECTS, Effect, Outcome
from kaquan.engine.facts import Facts
from kaquan.engine.lanes import Lane
from kaquan.engine.money import FULL_RATE_BPS, MAX_MINOR, PositiveMinor, RateBps, take_rate
from kaquan.engine.reasons import Reason, ReasonCode


@EFFECTS.register
class ShippingOff(Effect, frozen=True, kw_only=True):
    """`rate_bps` off the delivery, at most `cap_minor`; the buyer pays at least `price_minor`."""

    code: ClassVar[str] = "shipping_off"

    rate_bps: RateBps = FULL_RATE_BPS
    cap_minor: PositiveMinor | None = None
    price_minor: Annotated[int, msgspec.Meta(ge=0, le=MAX_MINOR)] = 0

    @property
    def lane(self) -> Lane:
        """Delivery."""
        return Lane.SHIPPING

    def apply(self, facts: Facts) -> Outcome | Reason:
        if facts.cart.shipping_minor == 0:
            return Reason(ReasonCode.NO_SHIPPING)
        left = facts.left.shipping_minor
        off = min(take_rate(left, self.rate_bps, facts.rounding), max(0, left - self.price_minor))
        if self.cap_minor is not None:
            off = min(off, self.cap_minor)
        return Outcome(order_minor=off, off_shipping=True, inputs={"shipping_minor": left})
