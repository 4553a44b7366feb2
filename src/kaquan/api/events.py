"""``/v1/events``: what customers do elsewhere."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, Router
from litestar.params import JSONBody
from msgspec import Meta

from kaquan.api.call import CurrentCall
from kaquan.api.customer_views import SimpleCustomer, view_simple_customer
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest, NotSupported
from kaquan.api.routes import writes
from kaquan.api.values import Identifier, Metadata
from kaquan.customers import get_customer, record_event, upsert_customer
from kaquan.runtime import Answer, InvalidInput, Tx


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


async def enter_event(tx: Tx, body: EventBody, *, now: datetime) -> EventView:
    """Record an event; its customer is entered, or changed, along with it.

    Raises InvalidInput for an event of nobody, NotSupported for what it is to count for.
    """
    for name in ("referral", "loyalty"):
        if getattr(body, name) is not None:
            message = f"'{name}' is not supported yet."
            raise NotSupported(message, field=name)
    who = body.customer
    if who.id is None and not isinstance(who.source_id, str):
        message = "Name the customer by 'id' or 'source_id'."
        raise InvalidInput(message, field="customer", key="missing_customer")
    if who == CustomerBody(id=who.id):
        customer = await get_customer(tx, who.id or "")
    else:
        customer = await upsert_customer(tx, draft_customer(who), now=now)
    event = await record_event(tx, customer.id, body.event, metadata=body.metadata, now=now)
    return EventView(
        type=event.name, customer=view_simple_customer(customer), metadata=event.metadata
    )


@writes("POST", "/", "Track custom event")
async def track_event(
    request: AnyRequest, data: JSONBody[EventBody], call: CurrentCall, key: IdempotencyKey = None
) -> Response[EventView]:
    """Record an event, for which a programme may give points."""

    async def produce(tx: Tx) -> Answer:
        return succeed(await enter_event(tx, data, now=call.now))

    return await move_value(request, call, key, produce=produce)


def events_router() -> Router:
    """Routes of custom events."""
    return Router(path="/events", route_handlers=[track_event], tags=["Events"])
