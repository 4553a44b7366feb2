"""Orders on the wire: shapes, and their mapping to and from the customers room."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.call import Call
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.session_views import SessionBody
from kaquan.api.values import (
    Count,
    Identifier,
    Metadata,
    Minor,
    MomentText,
    QuantityText,
    ShortText,
    read_moment,
)
from kaquan.checkout import initial_amount, initial_quantity
from kaquan.customers import (
    Order,
    OrderDraft,
    OrderLine,
    OrderLineDraft,
    OrderStatus,
    ProductDraft,
    upsert_customer,
    upsert_product,
)
from kaquan.runtime import Tx, get_project

_DIALECT_STATUS = {
    OrderStatus.PARTIALLY_RETURNED: OrderStatus.FULFILLED,
    OrderStatus.RETURNED: OrderStatus.CANCELED,
}
"""The dialect has no word for returns; ``kaquan.status`` beside it has ours."""


class ItemProductBody(msgspec.Struct, frozen=True, kw_only=True):
    """The product of a line; with ``override`` it is written to the catalogue."""

    id: Identifier | None = None
    source_id: Identifier | None = None
    override: bool = False
    name: ShortText | None = None
    price: Minor | None = None
    metadata: Metadata = {}


class ItemBody(msgspec.Struct, frozen=True, kw_only=True):
    """A line; without a price the catalogue's is taken."""

    product_id: Identifier | None = None
    sku_id: Identifier | None = None
    source_id: Identifier | None = None
    related_object: Literal["product", "sku"] | None = None
    quantity: Count | QuantityText = 1
    price: Minor | None = None
    amount: Minor | None = None
    product: ItemProductBody | None = None
    metadata: Metadata | None = None


class OrderCouponBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A voucher that an order is going to redeem; ``credits`` are what to pay from a balance."""

    id: Identifier
    object: Literal["voucher"] = "voucher"
    credits: Minor | None = None
    face_value_minor: Minor | None = None


class OrderExtension(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Our own member ``kaquan`` of an order: where it was placed, and our word for its state.

    ``shipping_minor`` is what delivery costs, in minor units: a part of a stated amount.
    ``redeemables`` are what the order redeems when it is paid, an empty list being none;
    ``session`` reserves them until then, and its key alone means what it has reserved.
    """

    location_id: Identifier | None = None
    shipping_minor: Minor | None = None
    currency: str | None = None
    status: str | None = None
    redeemables: Annotated[list[OrderCouponBody], Meta(max_length=30)] | None = None
    session: SessionBody | None = None


class OrderBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says about an order: a member left out stays."""

    id: Identifier | None = None
    source_id: Identifier | UnsetType | None = UNSET
    status: OrderStatus | UnsetType | None = UNSET
    amount: Minor | None = None
    items: list[ItemBody] | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    customer: CustomerBody | None = None
    customer_id: Identifier | None = None
    created_at: MomentText | None = None
    kaquan: OrderExtension | None = None


class OrderItemView(msgspec.Struct, frozen=True, kw_only=True):
    """A line as answered, in minor units; ``discount_amount`` is item-level money only."""

    quantity: int
    amount: int
    price: int
    subtotal_amount: int
    product_id: str | UnsetType = UNSET
    sku_id: str | UnsetType = UNSET
    related_object: Literal["product", "sku"] | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    initial_quantity: int
    initial_amount: int
    discount_amount: int | UnsetType = UNSET
    applied_discount_amount: int | UnsetType = UNSET
    product: dict[str, Any] | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    object: Literal["order_item"] = "order_item"


class CustomerReference(msgspec.Struct, frozen=True):
    """The id of a customer."""

    id: str
    object: Literal["customer"] = "customer"


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as answered, in minor units; discounts of zero are left out."""

    id: str | None = None
    source_id: str | None = None
    created_at: datetime | UnsetType = UNSET
    updated_at: datetime | UnsetType | None = UNSET
    status: OrderStatus | UnsetType = UNSET
    amount: int
    initial_amount: int
    discount_amount: int | UnsetType = UNSET
    items_discount_amount: int | UnsetType = UNSET
    total_discount_amount: int | UnsetType = UNSET
    total_amount: int
    applied_discount_amount: int | UnsetType = UNSET
    items_applied_discount_amount: int | UnsetType = UNSET
    total_applied_discount_amount: int | UnsetType = UNSET
    items: list[OrderItemView] | UnsetType = UNSET
    metadata: Metadata = {}
    customer: CustomerReference | UnsetType = UNSET
    customer_id: str | None = None
    referrer_id: None = None
    redemptions: dict[str, dict[str, Any]] | UnsetType = UNSET
    kaquan: OrderExtension | UnsetType = UNSET
    object: Literal["order"] = "order"


def unless_zero(amount: int) -> int | UnsetType:
    """Leave a figure of zero out of an answer, as the dialect does."""
    return amount or UNSET


async def draft_order(
    tx: Tx, body: OrderBody, *, order_id: str | None = None, field: str = ""
) -> OrderDraft:
    """Map what a caller says of an order; ``field`` leads to the order in the body."""
    extension = body.kaquan or OrderExtension()
    placed_at: datetime | UnsetType = UNSET
    if body.created_at is not None:
        zone = (await get_project(tx)).zone
        placed_at = read_moment(body.created_at, zone, field=f"{field}created_at")
    return OrderDraft(
        id=order_id or body.id,
        source_id=body.source_id,
        customer_id=body.customer_id or UNSET,
        location_id=extension.location_id or UNSET,
        status=body.status or UNSET,
        amount_minor=UNSET if body.amount is None else body.amount,
        lines=UNSET if body.items is UNSET else tuple(map(draft_line, body.items or ())),
        metadata={} if body.metadata is None else body.metadata,
        placed_at=placed_at,
        currency=extension.currency,
        shipping_minor=UNSET if extension.shipping_minor is None else extension.shipping_minor,
    )


def draft_line(item: ItemBody) -> OrderLineDraft:
    """Map a line; what the order row has no column for goes into its details."""
    product = item.product or ItemProductBody()
    details: Metadata = {}
    if item.sku_id is not None:
        details["sku_id"] = item.sku_id
    elif item.related_object == "sku" and item.source_id is not None:
        details["sku_id"] = item.source_id
    if item.metadata:
        details["metadata"] = item.metadata
    if item.product is not None:
        details["product"] = msgspec.to_builtins(item.product)
    return OrderLineDraft(
        product_id=item.product_id or product.id,
        source_id=item.source_id or product.source_id,
        quantity=int(item.quantity),
        unit_price_minor=product.price if item.price is None else item.price,
        amount_minor=item.amount,
        details=details,
    )


def draft_overrides(items: list[ItemBody] | UnsetType | None) -> list[ProductDraft]:
    """Map the products that lines bring along to be written to the catalogue."""
    return [
        ProductDraft(
            id=product.id or item.product_id,
            source_id=product.source_id or item.source_id or UNSET,
            name=product.name or UNSET,
            price_minor=UNSET if product.price is None else product.price,
            metadata=product.metadata,
        )
        for item in items or ()
        if (product := item.product) is not None and product.override
    ]


async def store_overrides(tx: Tx, items: list[ItemBody] | UnsetType | None, *, call: Call) -> None:
    """Write to the catalogue the products that lines bring along with ``override``."""
    for draft in draft_overrides(items):
        await upsert_product(tx, draft, now=call.now)


async def store_customer(
    tx: Tx, body: CustomerBody | None, customer_id: str | None, *, call: Call
) -> str | None:
    """Write the customer that comes along with something; return who it is, if anybody."""
    if body is None:
        return customer_id
    draft = draft_customer(body, customer_id=customer_id)
    return (await upsert_customer(tx, draft, now=call.now)).id


def view_item(
    line: OrderLine, *, off_minor: int | None = None, step_minor: int | UnsetType = UNSET
) -> OrderItemView:
    """Map a line to the wire, with what is off it: as stored, or ``off_minor``.

    ``step_minor`` of that came off by the step at hand.
    """
    off = line.discount_minor if off_minor is None else off_minor
    product = line.details.get("product")
    return OrderItemView(
        product_id=line.product_id or UNSET,
        sku_id=line.details.get("sku_id", UNSET),
        source_id=line.source_id or UNSET,
        related_object="sku" if "sku_id" in line.details else "product",
        quantity=line.quantity,
        initial_quantity=initial_quantity(line),
        price=line.unit_price_minor,
        amount=line.amount_minor,
        initial_amount=initial_amount(line),
        discount_amount=off or UNSET,
        applied_discount_amount=step_minor or UNSET,
        subtotal_amount=line.amount_minor - off,
        product=UNSET if product is None else product,
        metadata=line.details.get("metadata", UNSET),
    )


def view_order(order: Order, *, items: Sequence[OrderItemView] | None = None) -> OrderView:
    """Map an order to the wire, with its lines as stored unless ``items`` are given."""
    dialect_status = _DIALECT_STATUS.get(order.status, order.status)
    extension = OrderExtension(
        location_id=order.location_id,
        shipping_minor=order.shipping_minor or None,
        status=None if dialect_status is order.status else order.status,
    )
    return OrderView(
        id=order.id,
        source_id=order.source_id,
        created_at=order.placed_at,
        updated_at=order.updated_at,
        status=dialect_status,
        amount=order.amount_minor,
        initial_amount=order.amount_minor
        - sum(line.amount_minor - initial_amount(line) for line in order.lines),
        discount_amount=unless_zero(order.discount_minor),
        items_discount_amount=unless_zero(order.items_discount_minor),
        total_discount_amount=unless_zero(order.amount_minor - order.total_minor),
        total_amount=order.total_minor,
        items=list(map(view_item, order.lines) if items is None else items) or UNSET,
        metadata=order.metadata,
        customer=UNSET if order.customer_id is None else CustomerReference(order.customer_id),
        customer_id=order.customer_id,
        kaquan=extension if extension != OrderExtension() else UNSET,
    )
