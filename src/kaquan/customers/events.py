"""Custom events: what customers do elsewhere, told to us under names of the merchant's own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kaquan.customers.model import Event, EventDraft
from kaquan.customers.standard_events import check_standard
from kaquan.customers.store.events import find_event_by_source, insert_event, insert_events
from kaquan.runtime import (
    InvalidInput,
    SchemaChecker,
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


async def record_events(
    tx: Tx, drafts: Sequence[EventDraft], *, now: datetime
) -> list[Event | InvalidInput | None]:
    """Store many events in one statement, each as ``record_event`` does.

    None stands for an event whose ``source_id`` is known already, an InvalidInput for one that
    cannot be accepted; neither keeps the others from being stored.
    """
    checker = await load_checker(tx)
    results: list[Event | InvalidInput | None] = []
    for draft in drafts:
        try:
            results.append(_build(draft, checker, now=now))
        except InvalidInput as error:
            results.append(error)
    fresh = [one for one in results if isinstance(one, Event)]
    stored = await insert_events(tx, fresh) if fresh else set[str]()
    return [None if isinstance(one, Event) and one.id not in stored else one for one in results]


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
    draft = EventDraft(
        customer_id=customer_id,
        name=name,
        metadata=dict(metadata or {}),
        source_id=source_id,
        at=now if at is None else at,
    )
    event = _build(draft, await load_checker(tx), now=now)
    if await insert_event(tx, event):
        return event
    assert event.source_id is not None
    known = await find_event_by_source(tx, event.source_id)
    assert known is not None
    return known


def _build(draft: EventDraft, checker: SchemaChecker, *, now: datetime) -> Event:
    checked = check_text(draft.name, "event", longest=LONGEST_EVENT_NAME)
    if not checked:
        raise InvalidInput("An event needs a name.", field="event")
    given = check_metadata(dict(draft.metadata), "metadata")
    check_standard(checked, given)
    checker.check(checked, given, new=True, scope=SchemaScope.EVENT)
    return Event(
        id=new_id("evt"),
        customer_id=draft.customer_id,
        name=checked,
        source_id=check_reference(draft.source_id, "source_id"),
        metadata=given,
        at=check_time(draft.at, "at"),
        created_at=now,
    )
