"""Custom events: what customers do elsewhere, told to us under names of the merchant's own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kaquan.customers.model import Event
from kaquan.customers.store.events import find_event_by_source, insert_event
from kaquan.runtime import (
    InvalidInput,
    SchemaScope,
    Tx,
    check_metadata,
    check_reference,
    check_text,
    check_time,
    load_checker,
    new_id,
)

LONGEST_EVENT_NAME = 300


async def record_event(
    tx: Tx,
    customer_id: str,
    name: str,
    *,
    metadata: Mapping[str, Any] | None = None,
    source_id: str | None = None,
    at: datetime | None = None,
    now: datetime,
) -> Event:
    """Store that a customer (our id) did something, at ``at`` or now.

    The same ``source_id`` again stores nothing and returns the first event. Raises InvalidInput
    with the field that cannot be accepted, also for metadata that breaks the event's schema.
    """
    checked = check_text(name, "event", longest=LONGEST_EVENT_NAME)
    if not checked:
        raise InvalidInput("An event needs a name.", field="event")
    given = check_metadata(dict(metadata or {}), "metadata")
    (await load_checker(tx)).check(checked, given, new=True, scope=SchemaScope.EVENT)
    event = Event(
        id=new_id("evt"),
        customer_id=customer_id,
        name=checked,
        source_id=check_reference(source_id, "source_id"),
        metadata=given,
        at=now if at is None else check_time(at, "at"),
        created_at=now,
    )
    if await insert_event(tx, event):
        return event
    assert event.source_id is not None
    known = await find_event_by_source(tx, event.source_id)
    assert known is not None
    return known
