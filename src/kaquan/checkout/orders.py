"""The order of a redemption: stored with its discounts, or left as it came."""

from msgspec import structs

from kaquan.checkout.model import Validation
from kaquan.checkout.snapshot import Snapshot
from kaquan.customers import (
    Order,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    apply_discounts,
    create_order,
    update_order,
)
from kaquan.runtime import Duplicate, InvalidInput, Tx

CLOSED = frozenset({OrderStatus.CANCELED, OrderStatus.RETURNED})


def check_open(snapshot: Snapshot) -> None:
    """Raise InvalidInput when the stored order is over and can take no more discounts."""
    stored = snapshot.stored_order
    if stored is not None and stored.status in CLOSED:
        message = f"An order that is {stored.status} takes no redemption."
        raise InvalidInput(message, field="order", key="invalid_order_status")


async def store_order(tx: Tx, snapshot: Snapshot, validation: Validation) -> Order:
    """Create or update the order with all that is off it now; it counts as paid from here on.

    An order that came with its discounts stays as it is.
    """
    stored, draft = snapshot.stored_order, snapshot.request.order
    if stored is None:
        return await _create(tx, snapshot, validation)
    if snapshot.request.order_already_discounted:
        return stored
    changes = draft if isinstance(draft, OrderDraft) else OrderDraft()
    if snapshot.customer_id is not None and stored.customer_id is None:
        changes = structs.replace(changes, customer_id=snapshot.customer_id)
    if changes != OrderDraft():
        changes = structs.replace(changes, id=None)
        stored = await update_order(tx, stored.id, changes, now=snapshot.now)
    return await apply_discounts(
        tx,
        stored.id,
        discount_minor=validation.figures.discount_minor,
        line_discounts_minor=[line.items_discount_minor for line in validation.figures.lines],
        status=OrderStatus.PAID if stored.status is OrderStatus.CREATED else None,
        now=snapshot.now,
    )


async def _create(tx: Tx, snapshot: Snapshot, validation: Validation) -> Order:
    draft, sketch, figures = snapshot.request.order, snapshot.order, validation.figures
    assert isinstance(draft, OrderDraft)
    lines = tuple(
        OrderLineDraft(
            product_id=line.product_id,
            source_id=line.source_id,
            quantity=line.quantity,
            unit_price_minor=line.unit_price_minor,
            amount_minor=line.amount_minor,
            discount_minor=after.items_discount_minor,
            details=line.details,
        )
        for line, after in zip(sketch.lines, figures.lines, strict=True)
    )
    is_new_status = sketch.status is OrderStatus.CREATED
    order = await create_order(
        tx,
        structs.replace(
            draft,
            customer_id=snapshot.customer_id,
            location_id=snapshot.location_id,
            status=OrderStatus.PAID if is_new_status else sketch.status,
            amount_minor=sketch.amount_minor,
            discount_minor=figures.discount_minor,
            lines=lines,
        ),
        now=snapshot.now,
    )
    if order.updated_at is not None:
        # Another request has stored the same source_id since this one looked.
        message = f"The order '{order.source_id}' is being stored by another request."
        raise Duplicate(message, source_id=order.source_id)
    return order
