"""Who buys and which order it is about, out of what was found under the names of a request."""

from datetime import datetime

from kaquan.checkout.model import CheckoutRequest
from kaquan.checkout.store.found import Situation
from kaquan.checkout.store.situation import lock_customer
from kaquan.customers import Customer, CustomerDraft, Order, OrderDraft, upsert_customer
from kaquan.runtime import InvalidInput, NotFound, Project, Tx


def check_currency(request: CheckoutRequest, project: Project) -> None:
    """Raise InvalidInput (invalid_currency) for an order in another currency than the project's."""
    currency = request.order.currency if isinstance(request.order, OrderDraft) else None
    if currency not in (None, project.currency):
        message = f"This project's currency is {project.currency}, not '{currency[:10]}'."
        raise InvalidInput(message, field="order.currency", key="invalid_currency")


def settle_order(request: CheckoutRequest, found: Situation) -> Order | None:
    """The stored order; None without one, or while it is new. Raises NotFound."""
    reference = request.order.id if isinstance(request.order, OrderDraft) else request.order
    if found.order is None and reference is not None:
        raise NotFound("order", reference)
    return found.order


async def settle_customer(
    tx: Tx, request: CheckoutRequest, found: Situation, *, now: datetime, entering: bool
) -> Customer | None:
    """The request's customer, with ``entering`` stored if need be, else the order's.

    None for a guest. Raises NotFound, and InvalidInput for another customer than the order's.
    """
    customer, asked = found.customer, request.customer
    if asked is None and isinstance(request.order, OrderDraft):
        named = request.order.customer_id
        asked = named if isinstance(named, str) else None
    if isinstance(asked, CustomerDraft) and entering:
        customer = await upsert_customer(tx, asked, known=customer, now=now)
        # Who was not there when the others were locked may be another request's by now.
        if found.customer is None:
            await lock_customer(tx, customer.id)
    reference = asked.id if isinstance(asked, CustomerDraft) else asked
    if customer is None and reference is not None:
        raise NotFound("customer", reference)
    if asked is not None and customer is not None and found.order is not None:
        _check_same_customer(customer, found.order)
    return customer


def _check_same_customer(customer: Customer, stored: Order) -> None:
    if stored.customer_id not in (None, customer.id):
        message = "This order belongs to another customer."
        raise InvalidInput(message, field="customer", key="order_of_another_customer")
