"""Running account of one decision: what is left of the order and of each line."""

import msgspec

from kaquan.engine.cart import Cart
from kaquan.engine.decision import Figures, LineFigures
from kaquan.engine.effects import Outcome, hold_to
from kaquan.engine.facts import Remaining
from kaquan.engine.money import allocate


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """Money an effect takes off, in minor units, held to what was left."""

    order_minor: int
    carriers: tuple[int, ...] | None
    items_minor: tuple[int, ...]
    items_total_minor: int

    @property
    def total_minor(self) -> int:
        """Order-level and item-level money together."""
        return self.order_minor + self.items_total_minor


class Tally:
    """Order-level money leaves the subtotals of the lines alone, yet every line bears a share.

    An item discount that comes after an order-level one may need room that the share took, so the
    shares of one request are spread anew after each item discount; they are final, and stored,
    when the decision is. What no line accounts for (an order amount above its lines) bears its
    share too, as one more place behind the lines.
    """

    def __init__(self, cart: Cart) -> None:
        self._cart = cart
        self._order_left = cart.amount
        self._subtotals = [line.amount for line in cart.lines]
        self._beside_lines = max(0, cart.amount - sum(self._subtotals))
        self._bookings: list[Booking] = []
        self._shares: list[list[int]] = []
        self._left = [*self._subtotals, self._beside_lines]

    def remaining(self) -> Remaining:
        """What the next step may work on."""
        return Remaining(
            order_minor=self._order_left,
            subtotals_minor=tuple(self._subtotals),
            lines_minor=tuple(self._left[:-1]),
        )

    def measure(self, outcome: Outcome) -> Booking:
        """Hold an outcome to what is left of the order. Raises ValueError if a line has less."""
        items = outcome.items_minor or (0,) * len(self._subtotals)
        for off, subtotal in zip(items, self._subtotals, strict=True):
            if not 0 <= off <= subtotal:
                raise ValueError("an effect took more off a line than was left of it")
        held = tuple(hold_to(self._order_left, items))
        items_total = sum(held)
        return Booking(
            order_minor=min(outcome.order_minor, self._order_left - items_total),
            carriers=outcome.carriers,
            items_minor=held,
            items_total_minor=items_total,
        )

    def book(self, booking: Booking) -> None:
        """Take a measured booking off."""
        self._order_left -= booking.total_minor
        self._bookings.append(booking)
        if booking.items_total_minor:
            for index, off in enumerate(booking.items_minor):
                self._subtotals[index] -= off
            self._left = [*self._subtotals, self._beside_lines]
            self._shares = []
        for later in self._bookings[len(self._shares) :]:
            self._shares.append(self._spread(later))

    def figures(self) -> Figures:
        """Figures of the order as it stands."""
        discount = sum(booking.order_minor for booking in self._bookings)
        items = sum(booking.items_total_minor for booking in self._bookings)
        return Figures(
            amount_minor=self._cart.amount,
            discount_minor=discount,
            items_discount_minor=items,
            total_discount_minor=discount + items,
            total_minor=self._order_left,
        )

    def line_figures(self) -> tuple[LineFigures, ...]:
        """Figures of each line as it stands."""
        return tuple(
            LineFigures(
                key=line.key,
                amount_minor=line.amount,
                items_discount_minor=line.amount - subtotal,
                discount_minor=subtotal - left,
                subtotal_minor=subtotal,
                total_minor=left,
            )
            for line, subtotal, left in zip(
                self._cart.lines, self._subtotals, self._left, strict=False
            )
        )

    def shares(self, position: int) -> tuple[tuple[int, ...], int]:
        """Order-level money of a booking: each line's share, and what no line carries."""
        *lines, beside = self._shares[position]
        return tuple(lines), beside

    def _spread(self, booking: Booking) -> list[int]:
        places = range(len(self._left))
        carriers = places if booking.carriers is None else booking.carriers
        weights = [0] * len(places)
        for index in carriers:
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
