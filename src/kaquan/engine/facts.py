"""What a condition or an effect may look at: the request, and what earlier steps left of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from kaquan.engine.cart import Attributes, Cart
from kaquan.engine.context import Context
from kaquan.engine.money import Rounding
from kaquan.engine.scope import Scope

Basis: TypeAlias = Literal["remaining", "initial"]
"""Amounts after the discounts of earlier candidates, or as the cart came in."""


class Remaining(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, in minor units, before the step at hand.

    `subtotals_minor` are the lines less item-level money only, which is what item-level effects
    work on. `lines_minor` are the lines less their share of order-level money as well, and
    `shipping_minor` is what is left of the delivery.
    """

    order_minor: int
    subtotals_minor: tuple[int, ...]
    lines_minor: tuple[int, ...]
    shipping_minor: int = 0


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The view of one candidate's step.

    `customer_redemptions` counts earlier redemptions of this customer in the candidate's campaign,
    those earlier in this request included. `redemption_counts` has earlier redemptions by
    `count_key`, without this request; `uses_in_request` of them came earlier in this request.
    `holder_id` is the customer that the code was given to, `claimed_at` when. A means of payment
    has a `balance`, of which the request asks for `credits`: minor units, or points. `initial` is
    what was left before the first step; None says that nothing was added to the cart since.
    `attributes` is what the merchant notes of the redeemable, `publication` of its being given
    away, `starts_at` and `expires_at` bound its own validity, `quantity` is how often it may be
    redeemed. While something is worked out for one line, `line` is its index. `rounding` is what
    the project does with a fraction of a minor unit.
    """

    cart: Cart
    context: Context
    left: Remaining
    customer_redemptions: int = 0
    face_value_minor: int | None = None
    redemption_counts: Mapping[str, int] = {}
    uses_in_request: int = 0
    holder_id: str | None = None
    claimed_at: datetime | None = None
    balance: int | None = None
    credits: int | None = None
    initial: Remaining | None = None
    attributes: Attributes = {}
    publication: Attributes = {}
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    quantity: int | None = None
    line: int | None = None
    rounding: Rounding = Rounding.HALF_EVEN

    def spend(self, scope: Scope, basis: Basis) -> int:
        """Amount of the goods in scope, in minor units, never more than that of the order.

        An unrestricted scope means the order itself, with what no line accounts for.
        """
        if basis == "initial":
            order, lines = self._initial_amounts()
        else:
            order, lines = self.left.order_minor, self.left.lines_minor
        if scope.is_everything():
            return order
        return min(order, sum(lines[index] for index in scope.indexes(self.cart)))

    def initial_line(self, index: int) -> int:
        """Amount of a line before the first step, in minor units."""
        return self._initial_amounts()[1][index]

    def _initial_amounts(self) -> tuple[int, tuple[int, ...]]:
        if self.initial is not None:
            return self.initial.order_minor, self.initial.lines_minor
        return self.cart.amount, tuple(line.amount for line in self.cart.lines)
