"""From the e-commerce events of Segment's spec to orders, refunds, views and carts."""

from datetime import datetime
from typing import Any, cast

import msgspec
from msgspec import UNSET

from kaquan.connectors.amounts import read_count, read_money
from kaquan.connectors.model import ToldGoods, ToldOrder, ToldRefund
from kaquan.connectors.tracking.message import Message
from kaquan.customers import OrderLineDraft, OrderStatus
from kaquan.runtime import InvalidInput

ORDER_EVENTS: dict[str, OrderStatus | None] = {
    "Order Completed": OrderStatus.PAID,
    "Order Updated": None,
    "Order Cancelled": OrderStatus.CANCELED,
}
REFUND_EVENT = "Order Refunded"
_VIEW = "Product Viewed"
_PAID_FOR = "Order Completed"
_ORDER_TEXTS = ("affiliation", "coupon", "checkout_id")
_LINE_TEXTS = ("name", "category", "brand", "variant", "coupon", "url", "image_url")


class CartChange(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a cart: pieces more or less of a product, or with ``whole`` all it holds."""

    cart: str
    items: dict[str, dict[str, Any]]
    sign: int = 1
    whole: bool = False
    at: datetime


def is_order(message: Message) -> bool:
    """Say whether a message changes an order."""
    return message.event in ORDER_EVENTS or message.event == REFUND_EVENT


def read_order(message: Message, *, customer_id: str, digits: int) -> ToldOrder:
    """Return the order that an event tells of. Raises InvalidInput with the property.

    ``total`` is after discounts with shipping and tax; without it ``revenue``, which is without
    these two, or ``subtotal`` are taken with them on top, and without any of the three the products.
    """
    given = message.values
    status = ORDER_EVENTS[message.event]
    lines = _read_lines(given, digits=digits)
    total = _read_total(given, digits=digits)
    discount = _money(given, "discount", digits=digits) or 0
    shipping = _money(given, "shipping", digits=digits)
    completed = message.event == _PAID_FOR
    return ToldOrder(
        source_id=_order_id(given),
        at=message.at,
        customer_id=customer_id,
        status=UNSET if status is None else status,
        amount_minor=UNSET if total is None else total + discount,
        discount_minor=UNSET if total is None else discount,
        shipping_minor=UNSET if shipping is None or total is None else shipping,
        lines=lines or UNSET,
        currency=_text(given, "currency"),
        placed_at=message.at if completed else UNSET,
        metadata=_texts(given, _ORDER_TEXTS, "properties") or UNSET,
    )


def read_refund(message: Message, *, digits: int) -> ToldRefund:
    """Return the refund that an event tells of: of products, an amount, or the whole order."""
    given = message.values
    goods = tuple(
        ToldGoods(source_id=line.source_id, quantity=line.quantity)
        for line in _read_lines(given, digits=digits)
    )
    total = _money(given, "total", digits=digits)
    if total is None:
        total = _money(given, "revenue", digits=digits)
    return ToldRefund(order_id=_order_id(given), refund=message.id, goods=goods, amount_minor=total)


def find_view(message: Message) -> str | None:
    """Return the product that was looked at, if that is what happened."""
    return _product_id(message.values) if message.event == _VIEW else None


def read_cart_change(message: Message) -> CartChange | None:
    """Return what happened to a cart, if anything. Raises InvalidInput with the property."""
    given = message.values
    cart = _text(given, "cart_id") or ""
    match message.event:
        case "Product Added" | "Product Removed":
            product = _product_id(given)
            if product is None:
                return None
            sign = 1 if message.event == "Product Added" else -1
            items = {product: _cart_item(given, "properties")}
            return CartChange(cart=cart, items=items, sign=sign, at=message.at)
        case "Cart Viewed" if "products" in given:
            items = {
                product: _cart_item(one, f"properties.products[{index}]")
                for index, one in enumerate(_products(given))
                if (product := _product_id(one)) is not None
            }
            return CartChange(cart=cart, items=items, whole=True, at=message.at)
        case "Order Completed":
            return CartChange(cart=cart, items={}, whole=True, at=message.at)
        case _:
            return None


def change_cart(held: dict[str, Any], change: CartChange) -> dict[str, Any]:
    """Return what a cart holds after a change; nothing is ever less than none."""
    items = {} if change.whole else dict(held)
    for product, told in change.items.items():
        before = items.get(product, {"quantity": 0})
        quantity = before["quantity"] + change.sign * told["quantity"]
        items[product] = {**before, **told, "quantity": quantity}
        if quantity <= 0:
            del items[product]
    return items


def _read_total(given: dict[str, Any], *, digits: int) -> int | None:
    total = _money(given, "total", digits=digits)
    if total is not None:
        return total
    for name in ("revenue", "subtotal"):
        net = _money(given, name, digits=digits)
        if net is not None:
            extra = [_money(given, one, digits=digits) or 0 for one in ("shipping", "tax")]
            return net + sum(extra)
    return None


def _read_lines(given: dict[str, Any], *, digits: int) -> tuple[OrderLineDraft, ...]:
    lines: list[OrderLineDraft] = []
    for index, one in enumerate(_products(given)):
        path = f"properties.products[{index}]"
        source_id = _product_id(one)
        if source_id is None:
            raise InvalidInput("A product needs 'product_id' or 'sku'.", field=path)
        price = one.get("price")
        details = _texts(one, _LINE_TEXTS, path)
        sku = _text(one, "sku", path)
        lines.append(
            OrderLineDraft(
                source_id=source_id,
                quantity=_quantity(one, path),
                unit_price_minor=None
                if price is None
                else read_money(price, digits=digits, field=f"{path}.price"),
                details=details if sku is None else {**details, "sku_id": sku},
            )
        )
    return tuple(lines)


def _products(given: dict[str, Any]) -> list[dict[str, Any]]:
    found = given.get("products")
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidInput("'products' must be a list.", field="properties.products")
    for index, one in enumerate(cast("list[object]", found)):
        if not isinstance(one, dict):
            path = f"properties.products[{index}]"
            raise InvalidInput("A product must be an object.", field=path)
    return cast("list[dict[str, Any]]", found)


def _product_id(given: dict[str, Any]) -> str | None:
    for name in ("product_id", "productId", "id", "sku"):
        value = given.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()[:255]
    return None


def _cart_item(given: dict[str, Any], path: str) -> dict[str, Any]:
    told = _texts(given, ("name", "variant", "sku", "image_url"), path)
    price = given.get("price")
    if isinstance(price, str | int | float) and not isinstance(price, bool):
        told["price"] = price
    return {**told, "quantity": _quantity(given, path)}


def _quantity(given: dict[str, Any], path: str) -> int:
    return read_count(given.get("quantity", 1), least=1, field=f"{path}.quantity")


def _order_id(given: dict[str, Any]) -> str:
    value = given.get("order_id", given.get("orderId"))
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InvalidInput("An order event needs 'order_id'.", field="properties.order_id")
    return str(value).strip()


def _money(given: dict[str, Any], name: str, *, digits: int) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    amount = read_money(value, digits=digits, field=f"properties.{name}")
    if amount < 0:
        raise InvalidInput("This cannot be less than nothing.", field=f"properties.{name}")
    return amount


def _text(given: dict[str, Any], name: str, path: str = "properties") -> str | None:
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise InvalidInput("This must be a text.", field=f"{path}.{name}")
    return str(value)[:255]


def _texts(given: dict[str, Any], names: tuple[str, ...], path: str) -> dict[str, Any]:
    found = {name: _text(given, name, path) for name in names}
    return {name: value for name, value in found.items() if value is not None}
