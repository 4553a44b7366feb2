"""The order a checkout works on: amounts before this request, and figures after it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar, cast

from msgspec import UnsetType, structs

from kaquan.checkout.model import OrderFigures
from kaquan.customers import (
    Order,
    OrderDraft,
    OrderLine,
    OrderStatus,
    Product,
    check_next_status,
    merge_metadata,
)
from kaquan.engine import (
    Cart,
    Decision,
    InvalidCart,
    LineFigures,
    LineInput,
    build_cart,
)
from kaquan.runtime import InvalidInput, check_whole_number

NO_FIGURES = OrderFigures(
    amount_minor=0,
    discount_minor=0,
    items_discount_minor=0,
    total_discount_minor=0,
    total_minor=0,
    lines=(),
)

AttributeValue: TypeAlias = str | int | bool | tuple[str, ...]

T = TypeVar("T")


def sketch_order(
    draft: OrderDraft,
    lines: Sequence[OrderLine] | None,
    *,
    stored: Order | None,
    customer_id: str | None,
    location_id: str | None,
    now: datetime,
) -> Order:
    """Return the order as it would be stored from ``draft``; its id is empty while it is new.

    ``lines`` are the draft's with their prices, None when it says nothing of them;
    ``location_id`` is where a new order is placed, or a stored one is moved to. Raises
    InvalidInput for amounts that are none, when an order carries a discount and the draft would
    change its amounts, when more is already off than there is, and for a status that cannot
    follow the stored one.
    """
    known = stored or _nothing(customer_id, now)
    if lines is None:
        if isinstance(draft.amount_minor, UnsetType) and stored is None:
            raise InvalidInput("An order needs an amount or lines.", field="order.amount")
        sketch_lines, lines_total = known.lines, known.amount_minor
    else:
        sketch_lines = tuple(lines)
        lines_total = sum(line.amount_minor for line in lines)
    amount = _or(draft.amount_minor, lines_total)
    discount = _or(draft.discount_minor, known.discount_minor)
    sketch = structs.replace(
        known,
        source_id=_or(draft.source_id, known.source_id),
        customer_id=known.customer_id or customer_id,
        location_id=location_id or known.location_id,
        status=_or(draft.status, known.status),
        amount_minor=check_whole_number(amount, "order.amount", least=0),
        discount_minor=check_whole_number(discount, "order.discount_amount", least=0),
        lines=sketch_lines,
        metadata=merge_metadata(known.metadata, draft.metadata),
        placed_at=_or(draft.placed_at, known.placed_at),
    )
    if stored is not None:
        check_next_status(stored.status, sketch.status, field="order.status")
    if known.discount_minor or known.items_discount_minor:
        return _keep_discounts(sketch, known)
    return _totalled(sketch)


def build_goods(
    order: Order | None, products: Mapping[str, Product], *, already_discounted: bool
) -> Cart:
    """Return what the offers are worked out on: the order less what came off it earlier.

    With ``already_discounted`` it is the order before any discount; without an order nothing is
    bought. Raises InvalidInput for amounts that are none.
    """
    if order is None:
        return build_cart(amount=0)
    lines = [
        LineInput(
            product_id=line.product_id or line.source_id,
            sku_id=line.source_id,
            quantity=line.quantity,
            unit_price=line.unit_price_minor,
            amount=line.amount_minor - (0 if already_discounted else line.discount_minor),
            attributes=_attributes(products.get(line.product_id or "")),
        )
        for line in order.lines
    ]
    try:
        amount = order.amount_minor if already_discounted else order.total_minor
        return build_cart(lines, amount=amount)
    except InvalidCart as error:
        field = f"order.{error.reason.params['field']}"
        raise InvalidInput(str(error), field=field) from error


def add_up(order: Order | None, decision: Decision, *, already_discounted: bool) -> OrderFigures:
    """Return the order's figures after the decision, earlier discounts included."""
    if order is None:
        return NO_FIGURES
    earlier_discount = 0 if already_discounted else order.discount_minor
    earlier_items = [0 if already_discounted else line.discount_minor for line in order.lines]
    discount = earlier_discount + decision.discount_minor
    items_discount = sum(earlier_items) + decision.items_discount_minor
    return OrderFigures(
        amount_minor=order.amount_minor,
        discount_minor=discount,
        items_discount_minor=items_discount,
        total_discount_minor=discount + items_discount,
        total_minor=order.amount_minor - discount - items_discount,
        lines=tuple(
            _add_earlier(line, figures, earlier)
            for line, figures, earlier in zip(
                order.lines, decision.lines, earlier_items, strict=True
            )
        ),
    )


def _add_earlier(line: OrderLine, figures: LineFigures, earlier_minor: int) -> LineFigures:
    return structs.replace(
        figures,
        amount_minor=line.amount_minor,
        items_discount_minor=earlier_minor + figures.items_discount_minor,
    )


def _nothing(customer_id: str | None, now: datetime) -> Order:
    return Order(
        id="",
        source_id=None,
        customer_id=customer_id,
        location_id=None,
        status=OrderStatus.CREATED,
        amount_minor=0,
        discount_minor=0,
        items_discount_minor=0,
        total_minor=0,
        lines=(),
        metadata={},
        placed_at=now,
        created_at=now,
        updated_at=None,
    )


def _keep_discounts(sketch: Order, known: Order) -> Order:
    """The earlier discounts were spread over these very goods, so the goods must be the same."""
    if sketch.amount_minor != known.amount_minor or _goods(sketch) != _goods(known):
        message = "The order carries a discount; its amounts stay until that is taken back."
        raise InvalidInput(message, field="order.amount", key="order_discounted")
    return _totalled(
        structs.replace(sketch, discount_minor=known.discount_minor, lines=known.lines)
    )


def _goods(order: Order) -> list[tuple[object, ...]]:
    return [(x.product_id, x.source_id, x.quantity, x.amount_minor) for x in order.lines]


def _totalled(order: Order) -> Order:
    items_discount = sum(line.discount_minor for line in order.lines)
    total = order.amount_minor - order.discount_minor - items_discount
    if total < 0:
        message = "The discounts cannot be more than the order's amount."
        raise InvalidInput(message, field="order.discount_amount")
    return structs.replace(order, items_discount_minor=items_discount, total_minor=total)


def _attributes(product: Product | None) -> dict[str, AttributeValue]:
    if product is None:
        return {}
    return {name: _attribute(value) for name, value in product.attributes.items()}


def _attribute(value: Any) -> AttributeValue:
    return tuple(cast("list[str]", value)) if isinstance(value, list) else value


def _or(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value
