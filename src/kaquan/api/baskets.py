"""The order of a checkout as answered: after each step, and as a whole."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.orders import OrderItemView, OrderView, unless_zero, view_item, view_order
from kaquan.checkout import Validation, add_goods, list_added
from kaquan.customers import Order, OrderLine
from kaquan.engine import AddedUnits, Applied


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
    applied = {a.result.key: a.result for a in validation.attempts if isinstance(a.result, Applied)}
    worked = [applied[key] for key in validation.decision.sequence if key in applied]
    steps = [_money_of(result) for result in worked]
    most = max((len(step.items_minor) for step in steps), default=0)
    totals = list(accumulate(steps, initial=_earlier(order, lines=most)))[1:]
    grown = accumulate(worked, lambda so_far, one: _grow(so_far, one.added), initial=order)
    pairs = zip(worked, list(grown)[1:], totals, steps, strict=True)
    return {one.key: _view(then, off=total, step=step) for one, then, total, step in pairs}


def view_closing(validation: Validation) -> OrderView | UnsetType:
    """Return the order after the whole request, left out of the answer when there is none."""
    order = validation.order
    if order is None:
        return UNSET
    order = _grow(order, list_added(validation.decision))
    whole = _Money(order_minor=0, items_minor=(0,) * len(order.lines))
    if validation.valid:
        for attempt in validation.attempts:
            if isinstance(attempt.result, Applied):
                whole += _money_of(attempt.result)
    return _view(order, off=_earlier(order, lines=len(order.lines)) + whole, step=whole)


def _money_of(result: Applied) -> _Money:
    return _Money(order_minor=result.discount_minor, items_minor=result.items_allocation)


def _earlier(order: Order, *, lines: int) -> _Money:
    items = [line.discount_minor for line in order.lines]
    return _Money(
        order_minor=order.discount_minor,
        items_minor=(*items, *[0] * (lines - len(items))),
    )


def _grow(order: Order, added: Sequence[AddedUnits]) -> Order:
    """The order with the units that offers put there."""
    return msgspec.structs.replace(
        order,
        amount_minor=order.amount_minor + sum(units.amount_minor for units in added),
        lines=add_goods(order.lines, added),
    )


def _view(order: Order, *, off: _Money, step: _Money) -> OrderView:
    return msgspec.structs.replace(
        view_order(order, items=list(_view_items(order.lines, off, step))),
        id=order.id or None,
        created_at=order.placed_at if order.id else UNSET,
        updated_at=order.updated_at if order.id else UNSET,
        discount_amount=unless_zero(off.order_minor),
        items_discount_amount=unless_zero(off.items_total_minor),
        total_discount_amount=unless_zero(off.total_minor),
        total_amount=order.amount_minor - off.total_minor,
        applied_discount_amount=unless_zero(step.order_minor),
        items_applied_discount_amount=unless_zero(step.items_total_minor),
        total_applied_discount_amount=unless_zero(step.total_minor),
    )


def _view_items(lines: tuple[OrderLine, ...], off: _Money, step: _Money) -> Iterator[OrderItemView]:
    # Money of a step speaks of all lines that the request ends with; those added later have none.
    for line, total, own in zip(lines, off.items_minor, step.items_minor, strict=False):
        yield view_item(line, off_minor=total, step_minor=own)
