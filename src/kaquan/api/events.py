"""``/v1/events``: what customers do elsewhere."""

from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import JSONBody
from msgspec import Meta

from kaquan.api.call import CurrentCall
from kaquan.api.customer_views import SimpleCustomer, view_simple_customer
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.problems import NotSupported
from kaquan.api.routes import writes
from kaquan.api.values import Identifier, Metadata
from kaquan.customers import get_customer, record_event, upsert_customer
from kaquan.runtime import InvalidInput


class EventCode(msgspec.Struct, frozen=True, kw_only=True):
    """The referral or loyalty card that an event counts for."""

    code: Identifier | None = None
    referrer_id: Identifier | None = None


class EventBody(msgspec.Struct, frozen=True, kw_only=True):
    """An event: its name, who did it, and what else is to be known of it."""

    event: Annotated[str, Meta(min_length=1, max_length=300)]
    customer: CustomerBody
    referral: EventCode | None = None
    loyalty: EventCode | None = None
    metadata: Metadata | None = None


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """That an event was received."""

    type: str
    customer: SimpleCustomer
    metadata: Metadata
    referral: None = None
    loyalty: None = None
    object: Literal["event"] = "event"


@writes("POST", "/", "Track custom event")
async def track_event(data: JSONBody[EventBody], call: CurrentCall) -> EventView:
    """Record an event; its customer is entered, or changed, along with it."""
    for name in ("referral", "loyalty"):
        if getattr(data, name) is not None:
            message = f"'{name}' is not supported yet."
            raise NotSupported(message, field=name)
    body = data.customer
    if body.id is None and not isinstance(body.source_id, str):
        message = "Name the customer by 'id' or 'source_id'."
        raise InvalidInput(message, field="customer", key="missing_customer")
    async with call.transaction() as tx:
        if body == CustomerBody(id=body.id):
            customer = await get_customer(tx, body.id or "")
        else:
            customer = await upsert_customer(tx, draft_customer(body), now=call.now)
        event = await record_event(
            tx, customer.id, data.event, metadata=data.metadata, now=call.now
        )
    return EventView(
        type=event.name, customer=view_simple_customer(customer), metadata=event.metadata
    )


def events_router() -> Router:
    """Routes of custom events."""
    return Router(path="/events", route_handlers=[track_event], tags=["Events"])
