"""What a condition or an effect may look at: the request, and what earlier steps left of it."""

from typing import Literal, TypeAlias

import msgspec

from kaquan.engine.cart import Cart
from kaquan.engine.context import Context
from kaquan.engine.scope import Scope

Basis: TypeAlias = Literal["remaining", "initial"]
"""Amounts after the discounts of earlier candidates, or as the cart came in."""


class Remaining(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, in minor units, before the step at hand.

    `subtotals_minor` are the lines less item-level money only, which is what item-level effects
    work on. `lines_minor` are the lines less their share of order-level money as well.
    """

    order_minor: int
    subtotals_minor: tuple[int, ...]
    lines_minor: tuple[int, ...]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The view of one candidate's step.

    `customer_redemptions` counts earlier redemptions of this customer in the candidate's campaign,
    those earlier in this request included.
    """

    cart: Cart
    context: Context
    left: Remaining
    customer_redemptions: int = 0
    face_value_minor: int | None = None

    def spend(self, scope: Scope, basis: Basis) -> int:
        """Amount of the goods in scope, in minor units, never more than that of the order.

        An unrestricted scope means the order itself, with what no line accounts for.
        """
        if basis == "initial":
            order = self.cart.amount
            if scope.is_everything():
                return order
            lines = self.cart.lines
            return min(order, sum(lines[index].amount for index in scope.indexes(self.cart)))
        order = self.left.order_minor
        if scope.is_everything():
            return order
        left = self.left.lines_minor
        return min(order, sum(left[index] for index in scope.indexes(self.cart)))
