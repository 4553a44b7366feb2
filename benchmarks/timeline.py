"""How long a page of a customer's timeline takes when ten thousand things happened to them.

Ours: ``customer_timeline`` as the API and the console call it, transaction and count of all entries
included, over orders, events, messages, publications, redemptions, points and notes. Pages of 50
are read from the newest one on, then around the middle and at the end of the life. The baseline, by
turns: the same page by hand out of the events alone. Other customers have as many rows in all as
the busy ones. Prints one line of JSON; ``value`` is the 95th percentile of all pages in
milliseconds, the limit is 50; ``ratio`` is ours by the hand-written page's, at the median.
"""

import argparse
import asyncio
import json
import statistics
import time
from datetime import timedelta
from typing import Any, LiteralString

from benchmarks._segment_shop import NOW, open_shop
from kaquan.customers import add_note, customer_timeline
from kaquan.runtime import Database

BUSY = 20
PAGE = 50
PAGES = 6
NOTES = 50
_BUSY_ID: LiteralString = "'cust_' || lpad((n %% %(busy)s)::text, 9, '0')"
_OTHER_ID: LiteralString = "'cust_' || lpad((n %% %(customers)s)::text, 9, '0')"
_EVENTS: LiteralString = (
    "insert into event (id, customer_id, name, metadata, at, created_at)"
    " select %(prefix)s || lpad(n::text, 9, '0'), {owner},"
    "        (array['Wheel Spun','Searched','Gift Opened'])[1 + n %% 3],"
    "        jsonb_build_object('product_id', 'p' || n %% 5000, 'price', n %% 100),"
    "        %(now)s::timestamptz - n * interval '61 seconds', %(now)s"
    "   from generate_series(0, %(count)s - 1) n"
)
_BY_HAND: LiteralString = (
    "select at, id, name, metadata from event where customer_id = %(customer)s"
    " and (at, id) < (%(at)s, %(id)s) order by at desc, id desc limit 51"
)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=10_000, help="of each busy customer")
    chosen = parser.parse_args()
    report = asyncio.run(run(customers=chosen.customers, events=chosen.events))
    print(json.dumps({"name": "timeline", **report, "limit": 50, "unit": "ms"}))


async def run(*, customers: int, events: int) -> dict[str, Any]:
    """Fill a shop and turn pages; returns the figures."""
    async with open_shop(customers=customers, orders=customers * 2) as (database, project_id):
        await _fill(database, project_id, customers=customers, events=events)
        people = [f"cust_{number:09d}" for number in range(BUSY)]
        ours: list[float] = []
        theirs: list[float] = []
        entries = 0
        for customer_id in people:
            taken, entries = await _turn_pages(database, project_id, customer_id)
            ours += taken
            theirs += await _turn_by_hand(database, project_id, customer_id, events=events)
    ours.sort()
    return {
        "events": events,
        "entries": entries,
        "value": round(ours[int(len(ours) * 0.95)], 2),
        "p50": round(statistics.median(ours), 2),
        "baseline": round(statistics.median(theirs), 2),
        "ratio": round(statistics.median(ours) / statistics.median(theirs), 1),
    }


async def _fill(database: Database, project_id: int, *, customers: int, events: int) -> None:
    count = BUSY * events
    values = {"busy": BUSY, "customers": customers, "now": NOW, "count": count}
    async with database.transaction(project_id) as tx:
        await tx.execute(_EVENTS.format(owner=_BUSY_ID), values | {"prefix": "evt_a"})
        await tx.execute(_EVENTS.format(owner=_OTHER_ID), values | {"prefix": "evt_b"})
        for number in range(BUSY * NOTES):
            at = NOW - timedelta(hours=number)
            await add_note(tx, f"cust_{number % BUSY:09d}", "called", by="Lin", now=at)
    async with database.transaction(project_id) as tx:
        await tx.execute("set local role none")
        await tx.execute("analyze event, customer_note")


async def _turn_pages(
    database: Database, project_id: int, customer_id: str
) -> tuple[list[float], int]:
    """Return the milliseconds of pages all along a life, and how many entries it has."""
    taken: list[float] = []
    cursor: str | None = None
    entries = 0
    for number in range(1_000):
        started = time.perf_counter()
        async with database.transaction(project_id) as tx:
            page = await customer_timeline(tx, customer_id, limit=PAGE, before=cursor)
        elapsed = (time.perf_counter() - started) * 1000
        entries = page.total or 0
        pages = entries // PAGE
        if number < PAGES or abs(number - pages // 2) < PAGES // 2 or number > pages - PAGES:
            taken.append(elapsed)
        cursor = page.next_cursor
        if cursor is None:
            break
    return taken, entries


async def _turn_by_hand(
    database: Database, project_id: int, customer_id: str, *, events: int
) -> list[float]:
    taken: list[float] = []
    at: Any = NOW.replace(year=9999)
    last = ""
    for _ in range(min(PAGES * 3, events // PAGE)):
        started = time.perf_counter()
        async with database.transaction(project_id) as tx:
            values = {"customer": customer_id, "at": at, "id": last}
            rows = await (await tx.execute(_BY_HAND, values)).fetchall()
        taken.append((time.perf_counter() - started) * 1000)
        at, last = rows[-1][0], rows[-1][1]
    return taken


if __name__ == "__main__":
    main()
