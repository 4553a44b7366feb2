"""The log of messages: what was sent, and sending it again."""

from datetime import datetime

from kaquan.runtime import Condition, InvalidInput, Page, Tx
from kaquan.webhooks.catalogue import TEST_EVENT
from kaquan.webhooks.model import Delivery, DomainEvent, Endpoint
from kaquan.webhooks.store.deliveries import (
    get_delivery,
    insert_deliveries,
    list_deliveries,
    replay_period,
    reset_deliveries,
)
from kaquan.webhooks.store.endpoints import get_endpoint
from kaquan.webhooks.store.events import get_event, insert_events, wait_for_feed

MOST_REPLAYED = 100_000
_ORDERS = {"created_at": True, "position": True, "-created_at": False, "-position": False}


async def list_log(
    tx: Tx,
    endpoint_id: str,
    *,
    condition: Condition | None = None,
    order: str = "-created_at",
    limit: int = 10,
    page: int = 1,
) -> Page[Delivery]:
    """Return a page of an endpoint's messages with the exact total.

    ``order`` is created_at or position, which are the same order, with ``-`` for the latest first.
    Raises NotFound, InvalidInput.
    """
    if order not in _ORDERS:
        message = "The log can be ordered by created_at or position; a minus reverses it."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    await get_endpoint(tx, endpoint_id)
    return await list_deliveries(
        tx,
        endpoint_id,
        condition=condition,
        limit=limit,
        offset=(page - 1) * limit,
        ascending=_ORDERS[order],
    )


async def get_logged(
    tx: Tx, endpoint_id: str, delivery_id: str
) -> tuple[Endpoint, Delivery, DomainEvent]:
    """Return a message with its endpoint and its event; raises NotFound."""
    endpoint = await get_endpoint(tx, endpoint_id)
    delivery = await get_delivery(tx, endpoint_id, delivery_id)
    return endpoint, delivery, await get_event(tx, delivery.position)


async def replay_delivery(tx: Tx, endpoint_id: str, delivery_id: str, *, now: datetime) -> Delivery:
    """Send a message again, at once and with all its attempts, whatever became of it; NotFound."""
    _check_active(await get_endpoint(tx, endpoint_id))
    delivery = await get_delivery(tx, endpoint_id, delivery_id)
    await reset_deliveries(tx, [delivery.id], now=now)
    return await get_delivery(tx, endpoint_id, delivery_id)


async def replay_events(
    tx: Tx,
    endpoint_id: str,
    *,
    start: datetime,
    end: datetime,
    failed_only: bool = False,
    now: datetime,
) -> int:
    """Send again what happened from ``start`` to ``end``; returns how many messages that makes.

    With ``failed_only`` those that were given up, else all events of the period that the endpoint
    asks for, also those that happened while it was disabled. Raises NotFound, and InvalidInput for
    an empty period, a disabled endpoint, or a period of more than 100,000 events.
    """
    if start >= end:
        raise InvalidInput("'end' must be after 'start'.", field="end")
    endpoint = await get_endpoint(tx, endpoint_id)
    _check_active(endpoint)
    found, sent = await replay_period(
        tx,
        endpoint,
        start=start,
        end=end,
        failed_only=failed_only,
        limit=MOST_REPLAYED,
        now=now,
    )
    if found > MOST_REPLAYED:
        message = f"There are more than {MOST_REPLAYED} events in the period; make it shorter."
        raise InvalidInput(message, field="end", key="period_too_long")
    return sent


async def send_test(tx: Tx, endpoint_id: str, *, now: datetime) -> Delivery:
    """Send an event that means nothing to an endpoint, whatever it asked for; raises NotFound."""
    endpoint = await get_endpoint(tx, endpoint_id)
    _check_active(endpoint)
    event = DomainEvent(
        position=await wait_for_feed(tx) + 1,
        type=TEST_EVENT,
        version=1,
        entity_id=endpoint.id,
        customer_id=None,
        data={"webhook": {"id": endpoint.id, "object": "webhook"}},
        at=now,
    )
    await insert_events(tx, [event])
    await insert_deliveries(tx, [(event, endpoint)], now=now)
    (made,) = (await list_log(tx, endpoint_id, limit=1)).items
    return made


def _check_active(endpoint: Endpoint) -> None:
    if not endpoint.active:
        message = f"The webhook '{endpoint.id}' is disabled; enable it first."
        raise InvalidInput(message, field="active", key="webhook_disabled")
