"""The order a checkout works on: amounts before this request, and figures after it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from msgspec import UnsetType, structs

from kaquan.campaigns import COLLECTION
from kaquan.checkout.attributes import AttributeValue, read_attributes
from kaquan.checkout.goods import (
    NO_COLLECTIONS,
    Collections,
    find_sku_id,
    list_line_collections,
)
from kaquan.checkout.model import CheckoutRequest, OrderFigures
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
    AddedUnits,
    Applied,
    Cart,
    Decision,
    InvalidCart,
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

ADDED_QUANTITY, ADDED_AMOUNT = "added_quantity", "added_minor"
"""Details of a line: units that offers put there, and what those cost before they came off."""

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
        sketch_lines, goods_total = known.lines, known.amount_minor - known.shipping_minor
    else:
        sketch_lines = tuple(lines)
        goods_total = sum(line.amount_minor for line in lines)
    shipping = _or(draft.shipping_minor, known.shipping_minor)
    amount = _or(draft.amount_minor, goods_total + shipping)
    discount = _or(draft.discount_minor, known.discount_minor)
    sketch = structs.replace(
        known,
        source_id=_or(draft.source_id, known.source_id),
        customer_id=known.customer_id or customer_id,
        location_id=location_id or known.location_id,
        status=_or(draft.status, known.status),
        amount_minor=check_whole_number(amount, "order.amount", least=0),
        discount_minor=check_whole_number(discount, "order.discount_amount", least=0),
        shipping_minor=shipping,
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
    order: Order | None,
    products: Mapping[str, Product],
    *,
    already_discounted: bool,
    delivery_off_minor: int = 0,
    credits_minor: int = 0,
    collections: Collections = NO_COLLECTIONS,
) -> Cart:
    """Return what the offers are worked out on: the order less what came off it earlier.

    With ``already_discounted`` it is the order before any discount. ``delivery_off_minor`` of it
    came off the delivery. Without an order nothing is bought, and gift cards pay what was asked
    of them, ``credits_minor``. ``collections`` are those of the goods, where an offer asks about
    them. Raises InvalidInput for amounts that are none.
    """
    if order is None:
        return build_cart(amount=credits_minor)
    lines = [
        LineInput(
            product_id=line.product_id or line.source_id,
            sku_id=find_sku_id(line),
            quantity=line.quantity,
            unit_price=line.unit_price_minor,
            amount=line.amount_minor - (0 if already_discounted else line.discount_minor),
            attributes=_attributes(products.get(line.product_id or ""))
            | ({COLLECTION: list_line_collections(line, collections)} if collections else {}),
            metadata=read_attributes(line.details.get("metadata", {})),
        )
        for line in order.lines
    ]
    amount, delivery = order.total_minor, order.shipping_minor - delivery_off_minor
    if already_discounted:
        amount, delivery = order.amount_minor, order.shipping_minor
    try:
        return build_cart(
            lines,
            amount=amount,
            shipping_minor=min(max(delivery, 0), amount),
            metadata=read_attributes(order.metadata),
        )
    except InvalidCart as error:
        field = f"order.{error.reason.params['field']}"
        raise InvalidInput(str(error), field=field) from error


def add_up(order: Order | None, decision: Decision, *, already_discounted: bool) -> OrderFigures:
    """Return the order's figures after the decision, earlier discounts included.

    Units that offers added are in its amount; lines that they added stand last.
    """
    if order is None:
        return NO_FIGURES
    earlier_discount = 0 if already_discounted else order.discount_minor
    earlier_items = [0 if already_discounted else line.discount_minor for line in order.lines]
    added = list_added(decision)
    lines = add_goods(order.lines, added)
    amount = order.amount_minor + sum(units.amount_minor for units in added)
    discount = earlier_discount + decision.discount_minor
    items_discount = sum(earlier_items) + decision.items_discount_minor
    earlier_items += [0] * (len(lines) - len(earlier_items))
    return OrderFigures(
        amount_minor=amount,
        discount_minor=discount,
        items_discount_minor=items_discount,
        total_discount_minor=discount + items_discount,
        total_minor=amount - discount - items_discount,
        lines=tuple(
            structs.replace(
                figures,
                amount_minor=line.amount_minor,
                items_discount_minor=earlier + figures.items_discount_minor,
                initial_quantity=initial_quantity(line),
            )
            for line, figures, earlier in zip(lines, decision.lines, earlier_items, strict=True)
        ),
    )


def check_added(request: CheckoutRequest, decision: Decision) -> None:
    """Raise InvalidInput when goods would be added to an order that stays as it is."""
    if request.order_already_discounted and list_added(decision):
        message = "An order that came with its discounts takes no free goods any more."
        raise InvalidInput(message, field="order", key="order_discounted")


def list_added(decision: Decision) -> list[AddedUnits]:
    """Return the units that an approved decision adds, in the order of its steps."""
    if not decision.approved:
        return []
    steps = {one.key: one for one in decision.results if isinstance(one, Applied)}
    return [units for key in decision.sequence if key in steps for units in steps[key].added]


def add_goods(lines: Sequence[OrderLine], added: Sequence[AddedUnits]) -> tuple[OrderLine, ...]:
    """Return the lines with the units that offers added, each noting how many of it those are."""
    grown = list(lines)
    for units in added:
        goods = units.goods
        if units.position == len(grown):
            line = OrderLine(
                product_id=goods.product_id,
                source_id=goods.sku_id,
                quantity=0,
                unit_price_minor=goods.unit_price,
                amount_minor=0,
                discount_minor=0,
            )
            grown.append(line)
        line = grown[units.position]
        details = line.details
        grown[units.position] = structs.replace(
            line,
            quantity=line.quantity + units.units,
            amount_minor=line.amount_minor + units.amount_minor,
            details={
                **details,
                ADDED_QUANTITY: details.get(ADDED_QUANTITY, 0) + units.units,
                ADDED_AMOUNT: details.get(ADDED_AMOUNT, 0) + units.amount_minor,
            },
        )
    return tuple(grown)


def take_goods(lines: Sequence[OrderLine], staying: Sequence[AddedUnits]) -> tuple[OrderLine, ...]:
    """Return the lines without the units that offers added, but for those of ``staying``.

    A line with nothing left goes. One that stands before a line that stays cannot, for stored
    allocations go by position: it goes with the last of those behind it.
    """
    left: list[OrderLine] = []
    for position in reversed(range(len(lines))):
        line = lines[position]
        own = [units for units in staying if units.position == position]
        quantity = initial_quantity(line) + sum(units.units for units in own)
        if quantity:
            line = structs.replace(
                line,
                quantity=quantity,
                amount_minor=initial_amount(line) + sum(units.amount_minor for units in own),
                details=_note_added(line.details, own),
            )
        if quantity or left:
            left.append(line)
    return tuple(reversed(left))


def _note_added(details: Mapping[str, Any], added: Sequence[AddedUnits]) -> dict[str, Any]:
    kept = {k: v for k, v in details.items() if k not in (ADDED_QUANTITY, ADDED_AMOUNT)}
    if added:
        kept[ADDED_QUANTITY] = sum(units.units for units in added)
        kept[ADDED_AMOUNT] = sum(units.amount_minor for units in added)
    return kept


def initial_quantity(line: OrderLine) -> int:
    """How many units of a line were bought: those that offers did not add."""
    return line.quantity - line.details.get(ADDED_QUANTITY, 0)


def initial_amount(line: OrderLine) -> int:
    """What the units of a line that offers did not add cost, in minor units."""
    return line.amount_minor - line.details.get(ADDED_AMOUNT, 0)


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
    """The earlier discounts were spread over these very goods, so the goods must be the same.

    Goods that an offer added may be left out: the shop's cart need not know of them.
    """
    if sketch.shipping_minor != known.shipping_minor or not (
        (sketch.amount_minor, _goods(sketch)) == (known.amount_minor, _goods(known))
        or (sketch.amount_minor, _goods(sketch)) == (_bought_minor(known), _bought(known))
    ):
        message = "The order carries a discount; its amounts stay until that is taken back."
        raise InvalidInput(message, field="order.amount", key="order_discounted")
    return _totalled(
        structs.replace(
            sketch,
            amount_minor=known.amount_minor,
            discount_minor=known.discount_minor,
            lines=known.lines,
        )
    )


def _goods(order: Order) -> list[tuple[object, ...]]:
    return [(x.product_id, x.source_id, x.quantity, x.amount_minor) for x in order.lines]


def _bought(order: Order) -> list[tuple[object, ...]]:
    return [
        (x.product_id, x.source_id, initial_quantity(x), initial_amount(x))
        for x in order.lines
        if initial_quantity(x)
    ]


def _bought_minor(order: Order) -> int:
    return order.amount_minor - sum(x.amount_minor - initial_amount(x) for x in order.lines)


def _totalled(order: Order) -> Order:
    items_discount = sum(line.discount_minor for line in order.lines)
    total = order.amount_minor - order.discount_minor - items_discount
    if total < 0:
        message = "The discounts cannot be more than the order's amount."
        raise InvalidInput(message, field="order.discount_amount")
    if order.shipping_minor > order.amount_minor:
        message = "Delivery cannot cost more than the order."
        raise InvalidInput(message, field="order.shipping_minor")
    return structs.replace(order, items_discount_minor=items_discount, total_minor=total)


def _attributes(product: Product | None) -> dict[str, AttributeValue]:
    return {} if product is None else read_attributes(product.attributes)


def _or(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value
