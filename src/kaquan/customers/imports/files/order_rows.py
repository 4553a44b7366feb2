"""Rows of a file made into orders: a row an order, or a row a line with those of one order together."""

from datetime import datetime
from typing import Any

import msgspec
import numpy as np

from kaquan.customers.imports.files.column_readers import Reader
from kaquan.customers.imports.files.model import Problem
from kaquan.customers.imports.files.prepare import Prepared
from kaquan.customers.model import OrderStatus
from kaquan.runtime import MAX_MINOR, InvalidInput, words

SHARED = (
    "placed_at",
    "customer",
    "location",
    "status",
    "amount_minor",
    "discount_minor",
    "currency",
)
"""What the rows of one order say once, or all alike."""

_NAMES_OF_LINES = {
    "product": ("product_source_id", "product_id", "source_id", "sku", "product", "id"),
    "quantity": ("quantity", "qty", "count"),
    "unit_price_minor": ("unit_price", "price"),
    "amount_minor": ("amount", "line_amount", "total"),
    "discount_minor": ("discount", "discount_amount"),
}


class LineRow(msgspec.Struct, frozen=True, gc=False):
    """A line as read, with its amounts worked out."""

    product: str | None
    quantity: int
    unit_price_minor: int
    amount_minor: int
    discount_minor: int


class OrderRows(msgspec.Struct, frozen=True, kw_only=True):
    """An order as read, from rows start to stop of its chunk. ``lines`` None: nothing said of them.

    ``sum_minor`` is what it costs before discounts: as stated, else what its lines cost.
    """

    start: int
    stop: int
    source_id: str
    placed_at: datetime
    customer: str | None
    location: str | None
    status: OrderStatus | None
    amount_minor: int | None
    discount_minor: int | None
    metadata: dict[str, Any]
    lines: tuple[LineRow, ...] | None
    sum_minor: int


def has_line_rows(names: set[str]) -> bool:
    """Say whether the fields that are mapped make a row a line."""
    return any(name.startswith("line.") for name in names)


def read_order_rows(
    prepared: Prepared, *, read: dict[str, Reader]
) -> tuple[list[OrderRows], dict[int, Problem]]:
    """Return the orders of a chunk and why rows are refused: an order with a bad row is, whole."""
    values = prepared.values
    ids: list[str | None] = values["source_id"]
    lines_in_rows = has_line_rows(set(values))
    problems = dict(prepared.problems)
    lines = _line_rows(prepared, problems) if lines_in_rows else None
    orders: list[OrderRows] = []
    start, count = 0, len(ids)
    while start < count:
        stop = start + 1
        while lines_in_rows and stop < count and ids[stop] == ids[start] is not None:
            stop += 1
        found = _read_order(prepared, start, stop, lines, problems=problems, read=read)
        if found is not None:
            orders.append(found)
        start = stop
    return orders, problems


def _read_order(
    prepared: Prepared,
    start: int,
    stop: int,
    lines: list[LineRow | None] | None,
    *,
    problems: dict[int, Problem],
    read: dict[str, Reader],
) -> OrderRows | None:
    bad = next((place for place in range(start, stop) if place in problems), None)
    if bad is None:
        try:
            order = _build(prepared, start, stop, lines, read=read)
            _check(order)
        except InvalidInput as error:
            bad = start
            problems[bad] = Problem(place=bad, field=error.field, reason=error.sentence)
        else:
            return order
    line = prepared.chunk.lines[bad]
    for place in range(start, stop):
        if place not in problems:
            reason = words("Another row of this order is refused (line %(line)s).", line=line)
            problems[place] = Problem(place=place, field="source_id", reason=reason)
    return None


def _build(
    prepared: Prepared,
    start: int,
    stop: int,
    lines: list[LineRow | None] | None,
    *,
    read: dict[str, Reader],
) -> OrderRows:
    values = prepared.values
    said = {name: _shared(values.get(name), name, start, stop) for name in SHARED}
    metadata: dict[str, Any] = {}
    for one in (prepared.metadata or [])[start:stop]:
        metadata |= one
    own: tuple[LineRow, ...] | None = None
    if lines is not None:
        own = tuple(line for line in lines[start:stop] if line is not None)
    elif "lines" in values and values["lines"][start] is not None:
        own = tuple(
            _line_of(given, f"lines[{place}]", read)
            for place, given in enumerate(values["lines"][start])
        )
    stated: int | None = said["amount_minor"]
    return OrderRows(
        start=start,
        stop=stop,
        source_id=values["source_id"][start],
        placed_at=said["placed_at"],
        customer=said["customer"],
        location=said["location"],
        status=said["status"],
        amount_minor=stated,
        discount_minor=said["discount_minor"],
        metadata=metadata,
        lines=own,
        sum_minor=sum(line.amount_minor for line in own or ()) if stated is None else stated,
    )


def _shared(column: list[Any] | None, name: str, start: int, stop: int) -> Any:
    if column is None:
        return None
    first = column[start]
    if stop - start == 1:
        return first
    for other in column[start + 1 : stop]:
        if other != first and other is not None:
            if first is not None:
                message = "The rows of this order do not agree."
                raise InvalidInput(message, field=name)
            first = other
    return first


def _check(order: OrderRows) -> None:
    lines = order.lines or ()
    if order.amount_minor is None and not lines:
        raise InvalidInput("An order needs an amount or lines.", field="amount_minor")
    if order.sum_minor > MAX_MINOR:
        message = words("The order comes to more than %(most)s minor units.", most=MAX_MINOR)
        raise InvalidInput(message, field="amount_minor")
    off = (order.discount_minor or 0) + sum(line.discount_minor for line in lines)
    if off > order.sum_minor:
        message = "The discounts cannot be more than the order's amount."
        raise InvalidInput(message, field="discount_minor")


def _line_rows(prepared: Prepared, problems: dict[int, Problem]) -> list[LineRow | None]:
    values = prepared.values
    count = len(prepared.chunk.lines)
    nothing: list[Any] = [None] * count
    columns = [values.get(f"line.{name}", nothing) for name in _NAMES_OF_LINES]
    found: list[LineRow | None] = [] if problems else _usual_lines(*columns)
    if found:
        return found
    for place, (product, quantity, price, amount, off) in enumerate(zip(*columns, strict=True)):
        if place in problems:
            found.append(None)
            continue
        try:
            found.append(_line(product, quantity or 1, price, amount, off or 0, prefix="line."))
        except InvalidInput as error:
            problems[place] = Problem(place=place, field=error.field, reason=error.sentence)
            found.append(None)
    return found


def _usual_lines(
    products: list[Any],
    quantities: list[Any],
    prices: list[Any],
    amounts: list[Any],
    discounts: list[Any],
) -> list[LineRow | None]:
    """Return all lines at once, if each has a price and no amount, and nothing is wrong with any."""
    if None in prices or amounts.count(None) < len(amounts):
        return []
    quantity = np.array([one or 1 for one in quantities], np.int64)
    price = np.array(prices, np.int64)
    discount = np.array([one or 0 for one in discounts], np.int64)
    if (price > MAX_MINOR // quantity).any() or (discount > quantity * price).any():
        return []
    amount = quantity * price
    rest = (quantity.tolist(), prices, amount.tolist(), discount.tolist())
    return list(map(LineRow, products, *rest))


def _line(
    product: str | None,
    quantity: int,
    price: int | None,
    amount: int | None,
    off: int,
    *,
    prefix: str,
) -> LineRow:
    if amount is None:
        if price is None:
            message = "A line needs a price or an amount."
            raise InvalidInput(message, field=f"{prefix}unit_price_minor")
        amount = quantity * price
        if amount > MAX_MINOR:
            message = words("Quantity times price exceeds %(most)s.", most=MAX_MINOR)
            raise InvalidInput(message, field=f"{prefix}unit_price_minor")
    elif price is None:
        price = amount // quantity
    if off > amount:
        message = "A line's discount cannot be more than its amount."
        raise InvalidInput(message, field=f"{prefix}discount_minor")
    return LineRow(product, quantity, price, amount, off)


def _line_of(given: dict[str, Any], field: str, read: dict[str, Reader]) -> LineRow:
    """Read a line that stands in a list."""
    shapes = ("reference", "count", "money", "money", "money")
    found: list[Any] = []
    for (name, keys), shape in zip(_NAMES_OF_LINES.items(), shapes, strict=True):
        value = next((given[key] for key in keys if given.get(key) is not None), None)
        try:
            found.append(None if value is None else read[shape](str(value)))
        except InvalidInput as error:
            raise InvalidInput(error.sentence, field=f"{field}.{name}") from error
    product, quantity, price, amount, off = found
    return _line(product, quantity or 1, price, amount, off or 0, prefix=f"{field}.")
