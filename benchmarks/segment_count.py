"""How long the builder waits for the size of an audience at a million customers.

The definition has three conditions, one of which adds up lines. ``value`` is the median of counts
by sample in milliseconds, with its interval; the limit is 500. ``baseline`` is the exact count by a
query written by hand, ``ratio`` the share of its time that the sample takes and ``exact_ratio`` that
of our exact count, which is made on request. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import statistics
import time
from typing import Any

from benchmarks._segment_shop import ALL_BY_HAND, DEFINITION, NOW, open_shop
from kaquan.segments import AudienceCount, count_audience

ROUNDS = 9


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--orders", type=int, default=4_000_000)
    chosen = parser.parse_args()
    report = asyncio.run(run(customers=chosen.customers, orders=chosen.orders))
    print(
        json.dumps(
            {
                "name": "segment_count",
                "customers": chosen.customers,
                "lines": chosen.orders * 5,
                **report,
                "limit": 500,
                "unit": "ms",
            }
        )
    )


async def run(*, customers: int, orders: int) -> dict[str, Any]:
    """Fill a shop and count in both ways; returns the figures."""
    async with open_shop(customers=customers, orders=orders) as (database, project_id):

        async def count(*, exact: bool) -> tuple[float, AudienceCount]:
            started = time.perf_counter()
            async with database.transaction(project_id) as tx:
                found = await count_audience(tx, DEFINITION, exact=exact, now=NOW)
            return (time.perf_counter() - started) * 1000, found

        sampled = [await count(exact=False) for _ in range(ROUNDS)]
        exact_ms, exact = await count(exact=True)
        started = time.perf_counter()
        async with database.transaction(project_id) as tx:
            row = await (await tx.execute(ALL_BY_HAND, {"now": NOW})).fetchone()
        by_hand_ms = (time.perf_counter() - started) * 1000
    if row != (exact.count,):
        message = f"by hand {row} customers match, {exact.count} are counted"
        raise RuntimeError(message)
    found = sampled[-1][1]
    value = statistics.median(taken for taken, _ in sampled)
    return {
        "value": round(value, 1),
        "baseline": round(by_hand_ms, 1),
        "ratio": round(value / by_hand_ms, 3),
        "exact_ratio": round(exact_ms / by_hand_ms, 2),
        "exact_ms": round(exact_ms, 1),
        "count": found.count,
        "sampled": not found.exact,
        "interval": [found.low, found.high],
        "exact_count": exact.count,
    }


if __name__ == "__main__":
    main()
