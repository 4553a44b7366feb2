"""The cart: checked once at the edge, trusted everywhere behind it."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec

from kaquan.engine.money import MAX_MINOR
from kaquan.engine.reasons import Reason, ReasonCode

AttributeValue: TypeAlias = str | int | bool | tuple[str, ...]
"""A tuple is a set of labels, of which each counts (for example the collections of a product)."""

Attributes: TypeAlias = Mapping[str, AttributeValue]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order. Amounts in minor units; `key` is unique within the cart.

    `attributes` are the goods', `metadata` is what the merchant says of the line itself.
    """

    key: str
    product_id: str | None = None
    sku_id: str | None = None
    quantity: int
    unit_price: int
    amount: int
    attributes: Attributes = {}
    metadata: Attributes = {}


class Cart(msgspec.Struct, frozen=True, kw_only=True):
    """An order before discounts. `amount` decides; the lines may sum to more or to less.

    `shipping_minor` is the part of `amount` that is paid for delivery. `metadata` is what the
    merchant says of the order, for rules and formulas.
    """

    amount: int
    lines: tuple[Line, ...] = ()
    shipping_minor: int = 0
    metadata: Attributes = {}


class Goods(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that an offer may add to a cart, with their unit price in minor units."""

    product_id: str | None = None
    sku_id: str | None = None
    unit_price: int
    attributes: Attributes = {}


class LineInput(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it is sent: of `unit_price` and `amount` at least one is given."""

    key: str | None = None
    product_id: str | None = None
    sku_id: str | None = None
    quantity: int = 1
    unit_price: int | None = None
    amount: int | None = None
    attributes: Attributes = {}
    metadata: Attributes = {}


class InvalidCart(ValueError):
    """The cart is not an order; `reason.params["field"]` is the path of the wrong field."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"{reason.code.value} at {reason.params['field']}")
        self.reason = reason


def build_cart(
    lines: Iterable[LineInput] = (),
    *,
    amount: int | None = None,
    shipping_minor: int = 0,
    metadata: Attributes | None = None,
) -> Cart:
    """Check an order and work out the amounts it leaves open.

    A stated amount, delivery included, decides, of the order as of a line. Without it the lines
    and the delivery, or quantity times unit price, do. A line without a key takes its position,
    counted from 0. Raises InvalidCart.
    """
    built = tuple(_build_line(line, index) for index, line in enumerate(lines))
    _check_keys(built)
    _check_amount(shipping_minor, "shipping_minor")
    lines_total = sum(line.amount for line in built) + shipping_minor
    _check_amount(lines_total, "lines")
    if amount is None:
        if not built:
            raise _invalid(ReasonCode.MISSING_PRICE, "amount")
        amount = lines_total
    _check_amount(amount, "amount")
    if shipping_minor > amount:
        raise _invalid(ReasonCode.INVALID_PRICE, "shipping_minor")
    return Cart(amount=amount, lines=built, shipping_minor=shipping_minor, metadata=metadata or {})


def add_units(cart: Cart, added: Iterable[tuple[int, int, Goods]]) -> Cart:
    """The cart with units of goods more: (position of their line, units, goods) each.

    A position behind the last line makes a new line. The stated prices of existing lines stay.
    """
    lines = list(cart.lines)
    amount = cart.amount
    for position, units, goods in added:
        if position == len(lines):
            lines.append(_new_line(lines, goods))
        line = lines[position]
        cost = units * goods.unit_price
        amount += cost
        lines[position] = msgspec.structs.replace(
            line, quantity=line.quantity + units, amount=line.amount + cost
        )
    return msgspec.structs.replace(cart, amount=amount, lines=tuple(lines))


def _new_line(lines: Iterable[Line], goods: Goods) -> Line:
    key = f"added {goods.sku_id or goods.product_id}"
    keys = {line.key for line in lines}
    while key in keys:
        key += "+"
    return Line(
        key=key,
        product_id=goods.product_id,
        sku_id=goods.sku_id,
        quantity=0,
        unit_price=goods.unit_price,
        amount=0,
        attributes=goods.attributes,
    )


def _build_line(line: LineInput, index: int) -> Line:
    path = f"lines[{index}]"
    # bool is an int to Python, and True units of something is a mistake.
    if type(line.quantity) is not int or line.quantity < 1:
        raise _invalid(ReasonCode.INVALID_QUANTITY, f"{path}.quantity")
    if line.quantity > MAX_MINOR:
        raise _invalid(ReasonCode.AMOUNT_OVERFLOW, f"{path}.quantity")
    amount, unit_price = _price_line(line, path)
    return Line(
        key=str(index) if line.key is None else line.key,
        product_id=line.product_id,
        sku_id=line.sku_id,
        quantity=line.quantity,
        unit_price=unit_price,
        amount=amount,
        attributes=line.attributes,
        metadata=line.metadata,
    )


def _price_line(line: LineInput, path: str) -> tuple[int, int]:
    if line.unit_price is not None:
        _check_amount(line.unit_price, f"{path}.unit_price")
    if line.amount is not None:
        _check_amount(line.amount, f"{path}.amount")
    if line.amount is None and line.unit_price is None:
        raise _invalid(ReasonCode.MISSING_PRICE, f"{path}.unit_price")
    if line.unit_price is None:
        amount = line.amount or 0
        return amount, amount // line.quantity
    if line.amount is None:
        amount = line.quantity * line.unit_price
        _check_amount(amount, f"{path}.amount")
        return amount, line.unit_price
    return line.amount, line.unit_price


def _check_amount(amount: int, field: str) -> None:
    if type(amount) is not int or amount < 0:
        raise _invalid(ReasonCode.INVALID_PRICE, field)
    if amount > MAX_MINOR:
        raise _invalid(ReasonCode.AMOUNT_OVERFLOW, field)


def _check_keys(lines: tuple[Line, ...]) -> None:
    seen: set[str] = set()
    for index, line in enumerate(lines):
        if line.key in seen:
            raise _invalid(ReasonCode.DUPLICATE_LINE_KEY, f"lines[{index}].key")
        seen.add(line.key)


def _invalid(code: ReasonCode, field: str) -> InvalidCart:
    return InvalidCart(Reason(code, {"field": field}))
