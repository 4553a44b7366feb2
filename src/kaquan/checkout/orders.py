"""The order of a redemption, as it is stored once its discounts are off."""

from msgspec import structs

from kaquan.checkout.basket import add_goods, list_added
from kaquan.checkout.model import Validation
from kaquan.checkout.snapshot import Snapshot
from kaquan.customers import Order, OrderDraft, OrderStatus, check_order_metadata
from kaquan.runtime import InvalidInput, new_id

CLOSED = frozenset({OrderStatus.CANCELED, OrderStatus.RETURNED})


def check_open(snapshot: Snapshot) -> None:
    """Raise InvalidInput when the order is over and can take no more discounts."""
    if snapshot.order is not None and snapshot.order.status in CLOSED:
        message = f"An order that is {snapshot.order.status} takes no redemption."
        raise InvalidInput(message, field="order", key="invalid_order_status")


def check_schemas(snapshot: Snapshot) -> None:
    """Raise InvalidInput where metadata that is going to be stored breaks the project's schemas."""
    request = snapshot.request
    snapshot.schemas.check("redemption", request.metadata, new=True)
    new = snapshot.stored_order is None
    if isinstance(request.order, OrderDraft) and not request.order_already_discounted:
        check_order_metadata(request.order, snapshot.schemas, new=new, field="order.")


def discount_order(snapshot: Snapshot, validation: Validation) -> Order | None:
    """Return the order with all that was added and is off now; it counts as paid from here on.

    An order that came with its discounts stays as it is. None without an order.
    """
    sketch, figures = snapshot.order, validation.figures
    if sketch is None or snapshot.request.order_already_discounted:
        return snapshot.stored_order
    lines = add_goods(sketch.lines, list_added(validation.decision))
    return structs.replace(
        sketch,
        id=sketch.id or new_id("ord"),
        status=OrderStatus.PAID if sketch.status is OrderStatus.CREATED else sketch.status,
        amount_minor=figures.amount_minor,
        discount_minor=figures.discount_minor,
        items_discount_minor=figures.items_discount_minor,
        total_minor=figures.total_minor,
        lines=tuple(
            structs.replace(line, discount_minor=after.items_discount_minor)
            for line, after in zip(lines, figures.lines, strict=True)
        ),
        updated_at=None if snapshot.stored_order is None else snapshot.now,
    )
