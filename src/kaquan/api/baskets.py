"""The order of a checkout as answered: after each step, and as a whole."""

from collections.abc import Iterator
from itertools import accumulate

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.orders import OrderItemView, OrderView, unless_zero, view_item, view_order
from kaquan.checkout import Validation
from kaquan.customers import Order, OrderLine
from kaquan.engine import Applied


class _Money(msgspec.Struct, frozen=True, kw_only=True):
    """What is off an order, in minor units: as a whole, and by line."""

    order_minor: int
    items_minor: tuple[int, ...]

    def __add__(self, other: "_Money") -> "_Money":
        pairs = zip(self.items_minor, other.items_minor, strict=True)
        return _Money(
            order_minor=self.order_minor + other.order_minor,
            items_minor=tuple(mine + theirs for mine, theirs in pairs),
        )

    @property
    def items_total_minor(self) -> int:
        return sum(self.items_minor)

    @property
    def total_minor(self) -> int:
        return self.order_minor + self.items_total_minor


def view_steps(validation: Validation) -> dict[str, OrderView]:
    """Return, by redeemable, the order after it: off it so far, and by this step alone.

    Empty for a request without an order.
    """
    order = validation.order
    if order is None:
        return {}
    applied = [a.result for a in validation.attempts if isinstance(a.result, Applied)]
    steps = [_money_of(result) for result in applied]
    totals = list(accumulate(steps, initial=_earlier(order)))[1:]
    return {
        result.key: _view(order, off=total, step=step)
        for result, total, step in zip(applied, totals, steps, strict=True)
    }


def view_closing(validation: Validation) -> OrderView | UnsetType:
    """Return the order after the whole request, left out of the answer when there is none."""
    order = validation.order
    if order is None:
        return UNSET
    whole = _Money(order_minor=0, items_minor=(0,) * len(order.lines))
    if validation.valid:
        for attempt in validation.attempts:
            if isinstance(attempt.result, Applied):
                whole += _money_of(attempt.result)
    return _view(order, off=_earlier(order) + whole, step=whole)


def _money_of(result: Applied) -> _Money:
    return _Money(order_minor=result.discount_minor, items_minor=result.items_allocation)


def _earlier(order: Order) -> _Money:
    return _Money(
        order_minor=order.discount_minor,
        items_minor=tuple(line.discount_minor for line in order.lines),
    )


def _view(order: Order, *, off: _Money, step: _Money) -> OrderView:
    return msgspec.structs.replace(
        view_order(order),
        id=order.id or None,
        created_at=order.placed_at if order.id else UNSET,
        updated_at=order.updated_at if order.id else UNSET,
        items=list(_view_items(order.lines, off, step)) or UNSET,
        discount_amount=unless_zero(off.order_minor),
        items_discount_amount=unless_zero(off.items_total_minor),
        total_discount_amount=unless_zero(off.total_minor),
        total_amount=order.amount_minor - off.total_minor,
        applied_discount_amount=unless_zero(step.order_minor),
        items_applied_discount_amount=unless_zero(step.items_total_minor),
        total_applied_discount_amount=unless_zero(step.total_minor),
    )


def _view_items(lines: tuple[OrderLine, ...], off: _Money, step: _Money) -> Iterator[OrderItemView]:
    for line, total, own in zip(lines, off.items_minor, step.items_minor, strict=True):
        yield msgspec.structs.replace(
            view_item(line),
            discount_amount=unless_zero(total),
            applied_discount_amount=unless_zero(own),
            subtotal_amount=line.amount_minor - total,
        )
