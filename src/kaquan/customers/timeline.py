"""What happened to a customer, newest first."""

from datetime import datetime

from kaquan.customers.model import TimelineEntry
from kaquan.customers.store.listing import LARGEST_PAGE, check_range, read_cursor, write_cursor
from kaquan.customers.store.timeline import count_entries, list_entries
from kaquan.runtime import Page, Tx

_LATEST = (datetime.fromisoformat("9999-12-31T00:00:00+00:00"), "")
_ORDER = "timeline"


async def customer_timeline(
    tx: Tx, customer_id: str, *, limit: int = 50, before: str | None = None
) -> Page[TimelineEntry]:
    """Return a customer's orders, publications, redemptions, messages, events, points and notes.

    Newest first. Points are those of the customer's own account, a card's are the voucher's.

    ``before`` is the ``next_cursor`` of the page before. Raises InvalidInput for another's cursor
    or a limit out of range.
    """
    check_range(limit, "limit", LARGEST_PAGE)
    place = _LATEST if before is None else read_cursor(before, _ORDER, datetime)
    entries = await list_entries(tx, customer_id, before=place, limit=limit + 1)
    total = await count_entries(tx, customer_id)
    if len(entries) <= limit:
        return Page(entries, total=total)
    last = entries[limit - 1]
    cursor = write_cursor(_ORDER, (last.at, last.id))
    return Page(entries[:limit], total=total, next_cursor=cursor)
