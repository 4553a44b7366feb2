"""What the public may say, and what it is told: less than a server, on both sides."""

from typing import Any, TypeVar, cast

import msgspec
from litestar import Response
from msgspec import UNSET

from kaquan.api.customers import CustomerBody
from kaquan.api.orders import ItemBody, OrderBody
from kaquan.api.qualifications import QualificationBody
from kaquan.api.validations import CheckoutBody

_CUSTOMER = ("id", "source_id", "object")

Body = TypeVar("Body", CheckoutBody, QualificationBody)


def name_customer(body: Body, *, writes: bool, trusted: bool) -> Body:
    """Return a request as the public may make it: a tracking id stands for the customer.

    An order is taken as it is told: it cannot be one that exists, be paid, or write to the
    catalogue. When the request ``writes`` and is not ``trusted`` to describe customers, they are
    only named.
    """
    order = body.order
    customer = body.customer or (None if order is None else order.customer)
    if customer is None and order is not None and order.customer_id is not None:
        customer = CustomerBody(source_id=order.customer_id)
    if customer is None and body.tracking_id is not None:
        customer = CustomerBody(source_id=body.tracking_id)
    if customer is not None and writes and not trusted:
        customer = CustomerBody(id=customer.id, source_id=customer.source_id)
    return msgspec.structs.replace(
        body, customer=customer, order=None if order is None else plain_order(order)
    )


def plain_order(order: OrderBody) -> OrderBody:
    """Return what is told of the order's contents, and nothing that belongs to the merchant."""
    items = order.items
    return OrderBody(
        source_id=order.source_id,
        amount=order.amount,
        items=[_plain_item(item) for item in items] if isinstance(items, list) else items,
        metadata=order.metadata,
    )


def _plain_item(item: ItemBody) -> ItemBody:
    if item.product is None:
        return item
    product = msgspec.structs.replace(item.product, override=False)
    return msgspec.structs.replace(item, product=product)


def show_public(view: msgspec.Struct | bytes, *, status: int = 200) -> Response[dict[str, Any]]:
    """Answer with what the public may see: of customers no more than how they are named."""
    whole = msgspec.json.decode(view if isinstance(view, bytes) else msgspec.json.encode(view))
    return Response(cast("dict[str, Any]", _without_people(whole)), status_code=status)


def _without_people(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_people(member) for member in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    return {
        name: _only_names(member) if name == "customer" else _without_people(member)
        for name, member in members.items()
    }


def _only_names(customer: Any) -> Any:
    if not isinstance(customer, dict):
        return customer
    members = cast("dict[str, Any]", customer)
    return {name: members[name] for name in _CUSTOMER if members.get(name, UNSET) is not UNSET}
