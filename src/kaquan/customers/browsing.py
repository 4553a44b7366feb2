"""Sessions of browsing: a customer's browsing events with less than half an hour between two.

What browsing is says ``is_browsing`` in the database. Late events, merges and deletions are put
right by building the sessions in reach of them anew from the events that are there.
"""

from datetime import datetime, timedelta

from kaquan.customers.model import BrowsingSession, Event
from kaquan.customers.store.browsing import (
    get_session,
    insert_sessions,
    list_session_events,
    lock_browsing,
    take_stretches,
)
from kaquan.customers.store.listing import LARGEST_PAGE, check_range, read_cursor, write_cursor
from kaquan.runtime import Page, Tx

SILENCE = timedelta(minutes=30)
"""A longer silence ends a session."""

CHANGES_AT_ONCE = 2_000
_ORDER = "session"


async def join_sessions(tx: Tx) -> bool:
    """Bring sessions up to date with the events told; returns whether more is waiting."""
    await lock_browsing(tx)
    stretches, more = await take_stretches(tx, silence=SILENCE, limit=CHANGES_AT_ONCE)
    if stretches:
        await insert_sessions(tx, stretches, silence=SILENCE)
    return more


async def list_events_of_session(
    tx: Tx, session_id: str, *, limit: int = 100, after: str | None = None
) -> tuple[BrowsingSession, Page[Event]]:
    """Return a session and its events, in the order in which they happened.

    ``after`` is the ``next_cursor`` of the page before. Raises NotFound, and InvalidInput for
    another list's cursor or a limit out of range.
    """
    check_range(limit, "limit", LARGEST_PAGE)
    session = await get_session(tx, session_id)
    place = None if after is None else read_cursor(after, _ORDER, datetime)
    events = await list_session_events(tx, session, after=place, limit=limit + 1)
    if len(events) <= limit:
        return session, Page(events, total=session.event_count)
    last = events[limit - 1]
    cursor = write_cursor(_ORDER, (last.at, last.id))
    return session, Page(events[:limit], total=session.event_count, next_cursor=cursor)
