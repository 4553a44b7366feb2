"""How long the live check of one customer takes, as a checkout or a page makes it.

The segment has three conditions, one of which adds up the customer's lines of some categories.
Customers are picked by order, so that busy ones are picked more often. ``value`` is the 95th
percentile of one check in milliseconds, transaction included; the limit is 5. ``baseline`` is that of
the same question as a query written by hand, asked after it; ``ratio`` compares the two. Also
printed: the same with fifty such segments at once. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import time
from typing import Any

from benchmarks._segment_shop import DEFINITION, NOW, ONE_BY_HAND, open_shop
from kaquan.runtime import Database
from kaquan.segments import create_segment, segment_ids_of

CHECKS = 500
MANY = 50


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--orders", type=int, default=400_000)
    chosen = parser.parse_args()
    report = asyncio.run(run(customers=chosen.customers, orders=chosen.orders))
    print(
        json.dumps(
            {
                "name": "segment_live",
                "customers": chosen.customers,
                "lines": chosen.orders * 5,
                **report,
                "limit": 5,
                "unit": "ms",
            }
        )
    )


async def run(*, customers: int, orders: int) -> dict[str, Any]:
    """Fill a shop, check many customers one by one; returns the figures."""
    async with open_shop(customers=customers, orders=orders) as (database, project_id):
        async with database.transaction(project_id) as tx:
            ids = [(await create_segment(tx, "S0", DEFINITION, now=NOW)).id]
            cursor = await tx.execute(
                "select customer_id from orders order by hashtext(id) limit %s", (CHECKS,)
            )
            people = [row[0] for row in await cursor.fetchall()]
        one = await measure(database, project_id, people, ids)
        by_hand = await measure_by_hand(database, project_id, people)
        async with database.transaction(project_id) as tx:
            for number in range(1, MANY):
                changed = DEFINITION["all"][2] | {"value": 1_000 + number}
                rule = {"all": [*DEFINITION["all"][:2], changed]}
                ids.append((await create_segment(tx, f"S{number}", rule, now=NOW)).id)
        many = await measure(database, project_id, people[: CHECKS // 5], ids)
    value, baseline = percentile(one, 0.95), percentile(by_hand, 0.95)
    return {
        "value": value,
        "baseline": baseline,
        "ratio": round(value / baseline, 2),
        "p50": percentile(one, 0.5),
        "p95_of_50_segments": percentile(many, 0.95),
    }


async def measure(
    database: Database, project_id: int, people: list[str], segment_ids: list[str]
) -> list[float]:
    """Return the milliseconds of each check, warmed up."""
    taken: list[float] = []
    for customer_id in [*people[:20], *people]:
        started = time.perf_counter()
        async with database.transaction(project_id) as tx:
            await segment_ids_of(tx, customer_id, now=NOW, among=segment_ids)
        taken.append((time.perf_counter() - started) * 1000)
    return taken[20:]


async def measure_by_hand(database: Database, project_id: int, people: list[str]) -> list[float]:
    """Return the milliseconds of each query by hand, warmed up."""
    taken: list[float] = []
    for customer_id in [*people[:20], *people]:
        started = time.perf_counter()
        async with database.transaction(project_id) as tx:
            cursor = await tx.execute(ONE_BY_HAND, {"now": NOW, "customer": customer_id})
            await cursor.fetchone()
        taken.append((time.perf_counter() - started) * 1000)
    return taken[20:]


def percentile(values: list[float], share: float) -> float:
    """Return a percentile, to a hundredth."""
    return round(sorted(values)[int(len(values) * share)], 2)


if __name__ == "__main__":
    main()
