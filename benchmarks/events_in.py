"""Events into the tracking API with 50 live segments, against bare INSERTs of the same rows.

Ours: one web process takes batches of 100 messages (in 100: 60 product views, 20 pages, 9 custom
events, 8 products put into carts, 2 identify calls, one order) of known customers over 8
connections; after each turn the segments' upkeep takes in what changed, and its time counts in
``with_upkeep``. The baseline, by turns: as many connections insert as many such rows a statement
into the table of events itself, its triggers off, as the database's owner. The server is durable.

Prints one line of JSON; value, with_upkeep and baseline are events per second.
"""

import asyncio
import base64
import itertools
import json
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
from psycopg.types.json import Json

from benchmarks.load import LoadReport, drive, raw_post
from benchmarks.sizes import QUICK
from benchmarks.stage import CUSTOMERS, Shop, as_owner, open_shop, serve, settle
from kaquan.runtime import open_database, utc_now
from kaquan.segments import create_segment, keep_members

SEGMENTS = 50
CONNECTIONS = 8
BATCH = 100
IDENTIFY = 2
TURNS = 2
SECONDS = 3.0 if QUICK else 8.0
AIM = 1_000


def main() -> None:
    """Run both by turns and print the ratio."""
    with open_shop() as shop:
        asyncio.run(_open_segments(shop))
        settle(shop)
        bodies = _draw_batches()
        reports: list[LoadReport] = []
        upkeep: list[float] = []
        bare: list[float] = []
        with serve(shop) as port:
            for turn in range(TURNS):
                reports.append(asyncio.run(_send(shop, port, bodies)))
                upkeep.append(asyncio.run(_keep(shop)))
                bare.append(_insert_bare(shop, turn))
        batches = sum(report.statuses.get(200, 0) for report in reports)
        _check(shop, reports, batches)
    sent = batches * BATCH
    seconds = sum(report.seconds for report in reports)
    theirs = sum(bare) / len(bare)
    result = {
        "name": "events_in",
        "value": round(sent / seconds),
        "baseline": round(theirs),
        "ratio": round(sent / seconds / theirs, 3),
        "unit": "events/s",
        "with_upkeep": round(sent / (seconds + sum(upkeep))),
        "aim": AIM,
        "segments": SEGMENTS,
        "p50_ms": round(max(report.p50_ms for report in reports), 1),
        "p99_ms": round(max(report.p99_ms for report in reports), 1),
        "batches": batches,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def _check(shop: Shop, reports: list[LoadReport], batches: int) -> None:
    """Refuse a figure of messages that were not all stored."""
    with as_owner(shop) as connection:
        row = connection.execute(
            "select (select count(*) from event where source_id like 'm-%'),"
            " (select count(*) from orders)"
        ).fetchone()
    answers = sum(sum(report.statuses.values()) for report in reports)
    if row != (batches * (BATCH - IDENTIFY), batches) or answers != batches:
        message = f"of {answers} batches {batches} went well, and {row} events and orders are there"
        raise RuntimeError(message)


async def _open_segments(shop: Shop) -> None:
    """Live segments that each ask for another count of views of another product."""
    async with open_database(shop.url) as database, database.transaction(shop.project_id) as tx:
        for number in range(SEGMENTS):
            rule = {
                "aggregate": "count",
                "over": "event",
                "name": "Product Viewed",
                "where": [
                    {"property": "metadata.product_id", "operator": "is", "value": f"p-{number}"}
                ],
                "within": {"last_days": 30},
                "operator": "at_least",
                "value": 2 + number % 3,
            }
            await create_segment(tx, f"Looked at p-{number}", rule, now=utc_now())
        while (await keep_members(tx, now=utc_now())).more:
            pass


def _draw_batches() -> Iterator[bytes]:
    """Bodies of batches without end; each message has an id of its own."""
    counter = itertools.count()
    encode = msgspec.json.Encoder().encode
    while True:
        yield encode({"batch": [_draw(next(counter)) for _ in range(BATCH)]})


def _draw(number: int) -> dict[str, Any]:
    place = number % BATCH
    at = (utc_now() - timedelta(seconds=number % 600)).isoformat()
    message: dict[str, Any] = {
        "type": "track",
        "userId": f"c-{number * 7919 % CUSTOMERS}",
        "messageId": f"m-{number}",
        "timestamp": at,
        "event": "Searched",
        "properties": {"product_id": f"p-{number % 200}", "price": 19.5, "category": "tea"},
    }
    if place < 60:
        return message | {"event": "Product Viewed"}
    if place < 80:
        return message | {"type": "page", "name": "Tea"}
    if place < 88:
        return message | {"event": "Product Added"}
    if place < 88 + IDENTIFY:
        return message | {"type": "identify", "traits": {"plan": f"plan-{number % 5}"}}
    if place == 90:
        product = {"product_id": f"p-{number % 200}", "price": 19.5, "quantity": 2}
        bought = {"order_id": f"o-{number}", "total": 39, "products": [product]}
        return message | {"event": "Order Completed", "properties": bought}
    return message


async def _send(shop: Shop, port: int, bodies: Iterator[bytes]) -> LoadReport:
    token = shop.headers["X-App-Token"]
    basic = base64.b64encode(f"{token}:".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    return await drive(
        "127.0.0.1",
        port,
        connections=CONNECTIONS,
        seconds=SECONDS,
        next_request=lambda: raw_post("/v1/batch", headers=headers, body=next(bodies)),
    )


async def _keep(shop: Shop) -> float:
    """The seconds that upkeep takes to be through with what changed."""
    started = time.perf_counter()
    async with open_database(shop.url) as database:
        more = True
        while more:
            async with database.transaction(shop.project_id) as tx:
                more = (await keep_members(tx, now=utc_now())).more
    return time.perf_counter() - started


def _insert_bare(shop: Shop, turn: int) -> float:
    """Rows a second of bare INSERTs, each statement a transaction."""
    counts = [0] * CONNECTIONS
    threads = [
        threading.Thread(target=_insert, args=(shop, counts, turn, number))
        for number in range(CONNECTIONS)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def _insert(shop: Shop, counts: list[int], turn: int, number: int) -> None:
    # Longer ago than any segment looks back: the upkeep of ours has nothing to do with these rows.
    now = utc_now() - timedelta(days=60)
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("set search_path = kaquan")
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "select set_config('kaquan.project_id', %s, false)", (str(shop.project_id),)
        )
        deadline = time.perf_counter() + SECONDS
        while time.perf_counter() < deadline:
            rows = [
                {
                    "id": f"bare_{turn}_{number}_{counts[number] + place}",
                    "customer_id": f"cust_{place * 7919 % CUSTOMERS:020}",
                    "name": "Product Viewed",
                    "source_id": f"bare-{turn}-{number}-{counts[number] + place}",
                    "metadata": {"product_id": f"p-{place}", "price": 19.5, "category": "tea"},
                    "at": now,
                    "created_at": now,
                }
                for place in range(BATCH)
            ]
            connection.execute(
                "insert into event (id, customer_id, name, source_id, metadata, at, created_at)"
                " select id, customer_id, name, source_id, metadata, at, created_at"
                " from json_populate_recordset(null::event, %s)",
                (Json(rows),),
            )
            counts[number] += BATCH


if __name__ == "__main__":
    main()
