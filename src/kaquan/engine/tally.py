"""Running account of one decision: what is left of the order and of each line."""

from collections.abc import Sequence
from copy import copy

import msgspec

from kaquan.engine.benefits import AddedUnits, Grant
from kaquan.engine.cart import Cart, add_units
from kaquan.engine.decision import Figures, LineFigures
from kaquan.engine.effects import Outcome, hold_to
from kaquan.engine.facts import Remaining
from kaquan.engine.money import allocate

_BESIDE = 2
"""Behind the lines there are two more places: the delivery, and what nothing accounts for."""


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """Money an effect takes off, in minor units, held to what was left; and what else it gives."""

    order_minor: int
    carriers: tuple[int, ...] | None
    off_shipping: bool
    items_minor: tuple[int, ...]
    items_total_minor: int
    added: tuple[AddedUnits, ...] = ()
    balance_taken: int = 0
    grants: tuple[Grant, ...] = ()

    @property
    def total_minor(self) -> int:
        """Order-level and item-level money together."""
        return self.order_minor + self.items_total_minor


class Tally:
    """Order-level money leaves the subtotals of the lines alone, yet every line bears a share.

    An item discount that comes after an order-level one may need room that the share took, so the
    shares of one request are spread anew after each item discount; they are final, and stored,
    when the decision is. The delivery, and what no line accounts for (an order amount above its
    lines), bear their shares too, as two more places behind the lines.
    """

    def __init__(self, cart: Cart) -> None:
        self.cart = cart
        self._initial = cart
        self._order_left = cart.amount
        self._subtotals = [line.amount for line in cart.lines]
        accounted = sum(self._subtotals) + cart.shipping_minor
        self._beside = [cart.shipping_minor, max(0, cart.amount - accounted)]
        self._bookings: list[Booking] = []
        self._shares: list[list[int]] = []
        self._left = [*self._subtotals, *self._beside]
        self._first = self.remaining()

    def copy(self) -> "Tally":
        """The same account, to go on from separately."""
        twin = copy(self)
        twin._subtotals = self._subtotals.copy()
        twin._bookings = self._bookings.copy()
        twin._shares = self._shares.copy()
        twin._left = self._left.copy()
        return twin

    def remaining(self) -> Remaining:
        """What the next step may work on."""
        return Remaining(
            order_minor=self._order_left,
            subtotals_minor=tuple(self._subtotals),
            lines_minor=tuple(self._left[:-_BESIDE]),
            shipping_minor=self._left[-_BESIDE],
        )

    def initial(self) -> Remaining:
        """What the first step worked on; units that were added since were not there then."""
        since = len(self._subtotals) - len(self._first.lines_minor)
        if not since:
            return self._first
        amounts = self._first.lines_minor + (0,) * since
        return msgspec.structs.replace(self._first, subtotals_minor=amounts, lines_minor=amounts)

    def measure(self, outcome: Outcome) -> Booking:
        """Hold an outcome to what is left of the order. Raises ValueError if a line has less."""
        grown = self._subtotals_with(outcome.added)
        items = outcome.items_minor or (0,) * len(grown)
        for off, subtotal in zip(items, grown, strict=True):
            if not 0 <= off <= subtotal:
                raise ValueError("an effect took more off a line than was left of it")
        left = self._order_left + sum(units.amount_minor for units in outcome.added)
        held = tuple(hold_to(left, items))
        items_total = sum(held)
        room = left - items_total
        if outcome.off_shipping:
            room = min(room, self._left[-_BESIDE])
        return Booking(
            order_minor=min(outcome.order_minor, room),
            carriers=outcome.carriers,
            off_shipping=outcome.off_shipping,
            items_minor=held,
            items_total_minor=items_total,
            added=outcome.added,
            balance_taken=outcome.balance_taken,
            grants=outcome.grants,
        )

    def book(self, booking: Booking) -> None:
        """Take a measured booking off."""
        if booking.added:
            self._subtotals = self._subtotals_with(booking.added)
            self.cart = add_units(
                self.cart, [(one.position, one.units, one.goods) for one in booking.added]
            )
            self._order_left += sum(units.amount_minor for units in booking.added)
        self._order_left -= booking.total_minor
        self._bookings.append(booking)
        if booking.items_total_minor or booking.added:
            for index, off in enumerate(booking.items_minor):
                self._subtotals[index] -= off
            self._left = [*self._subtotals, *self._beside]
            self._shares = []
        for later in self._bookings[len(self._shares) :]:
            self._shares.append(self._spread(later))

    def figures(self) -> Figures:
        """Figures of the order as it stands."""
        discount = sum(booking.order_minor for booking in self._bookings)
        items = sum(booking.items_total_minor for booking in self._bookings)
        return Figures(
            amount_minor=self.cart.amount,
            discount_minor=discount,
            items_discount_minor=items,
            total_discount_minor=discount + items,
            total_minor=self._order_left,
        )

    def line_figures(self) -> tuple[LineFigures, ...]:
        """Figures of each line as it stands, added ones last."""
        initial = [line.quantity for line in self._initial.lines]
        initial += [0] * (len(self._subtotals) - len(initial))
        return tuple(
            LineFigures(
                key=line.key,
                amount_minor=line.amount,
                items_discount_minor=line.amount - subtotal,
                discount_minor=subtotal - left,
                subtotal_minor=subtotal,
                total_minor=left,
                product_id=line.product_id,
                sku_id=line.sku_id,
                unit_price_minor=line.unit_price,
                quantity=line.quantity,
                initial_quantity=first,
            )
            for line, subtotal, left, first in zip(
                self.cart.lines, self._subtotals, self._left[:-_BESIDE], initial, strict=True
            )
        )

    def items(self, position: int) -> tuple[int, ...]:
        """Item-level money of a booking, one entry a line of the cart as it stands."""
        own = self._bookings[position].items_minor
        return own + (0,) * (len(self._subtotals) - len(own))

    def shares(self, position: int) -> tuple[tuple[int, ...], int, int]:
        """Order-level money of a booking: each line's share, the delivery's, and the rest."""
        *lines, shipping, beside = self._shares[position]
        lines += [0] * (len(self._subtotals) - len(lines))
        return tuple(lines), shipping, beside

    def _subtotals_with(self, added: Sequence[AddedUnits]) -> list[int]:
        grown = self._subtotals.copy()
        for units in added:
            if units.position == len(grown):
                grown.append(0)
            grown[units.position] += units.amount_minor
        return grown

    def _spread(self, booking: Booking) -> list[int]:
        weights = [0] * len(self._left)
        for index in self._carriers(booking):
            weights[index] = self._left[index]
        room = sum(weights)
        if booking.order_minor <= room:
            shares = allocate(booking.order_minor, weights)
        else:
            # Later item discounts took the carriers' room: the rest goes to the other places.
            others = [left - weight for left, weight in zip(self._left, weights, strict=True)]
            spilled = allocate(booking.order_minor - room, others)
            shares = [weight + spill for weight, spill in zip(weights, spilled, strict=True)]
        self._left = [left - share for left, share in zip(self._left, shares, strict=True)]
        return shares

    def _carriers(self, booking: Booking) -> Sequence[int]:
        if booking.off_shipping:
            return (len(self._left) - _BESIDE,)
        return range(len(self._left)) if booking.carriers is None else booking.carriers
