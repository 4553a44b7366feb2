"""Webhooks to a local receiver by one worker, against the same messages posted by bare httpx.

Ours: customers enter, and from their events in the outbox everything is timed: numbering, messages,
signatures, sending over 32 connections, noting what came of it, on a durable server. The baseline,
by turns: as many bodies of the same size over as many connections, nothing read or written.

Prints one line of JSON; value and baseline are deliveries per second.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import httpx
import msgspec

from benchmarks.sizes import QUICK
from benchmarks.stage import Shop, as_owner, open_shop
from kaquan.runtime import Database, open_database, utc_now
from kaquan.webhooks import Dispatcher, Endpoint, EndpointDraft, create_endpoint, list_log
from kaquan.webhooks.sender import CONNECTIONS

MESSAGES = 500 if QUICK else 2_000
TURNS = 2


class Turn(msgspec.Struct, frozen=True):
    """Deliveries per second of both."""

    ours: float
    theirs: float


def main() -> None:
    """Run both by turns and print the ratio."""
    with open_shop() as shop, _receive() as url:
        turns = asyncio.run(_run(shop, url))
    ours = sum(turn.ours for turn in turns) / len(turns)
    theirs = sum(turn.theirs for turn in turns) / len(turns)
    result = {
        "name": "webhooks",
        "value": round(ours),
        "baseline": round(theirs),
        "ratio": round(ours / theirs, 3),
        "unit": "deliveries/s",
        "messages": MESSAGES * TURNS,
        "connections": CONNECTIONS,
    }
    sys.stdout.write(json.dumps(result) + "\n")


@contextmanager
def _receive() -> Generator[str]:
    receiver = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._receiver"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert receiver.stdout is not None
        yield f"http://127.0.0.1:{int(receiver.stdout.readline())}/hook"
    finally:
        receiver.kill()
        receiver.communicate()


async def _run(shop: Shop, url: str) -> list[Turn]:
    async with open_database(shop.url) as database:
        endpoint = await _subscribe(database, shop, url)
        turns: list[Turn] = []
        for turn in range(TURNS):
            ours = await _deliver(database, shop, turn)
            turns.append(Turn(ours, await _post(url)))
        await _check(database, shop, endpoint)
    return turns


async def _subscribe(database: Database, shop: Shop, url: str) -> Endpoint:
    draft = EndpointDraft(url=url, events=("customer.created",))
    async with database.transaction(shop.project_id) as tx:
        return await create_endpoint(tx, draft, private_allowed=True, now=utc_now())


async def _deliver(database: Database, shop: Shop, turn: int) -> float:
    with as_owner(shop) as connection:
        connection.execute(
            "insert into customer (id, source_id, name, created_at)"
            " select 'new_' || %s || '_' || n, %s || '-' || n, 'Somebody', now()"
            " from generate_series(1, %s) as n",
            (turn, str(turn), MESSAGES),
        )
    dispatcher = Dispatcher(database, private_allowed=True)
    started = time.perf_counter()
    await dispatcher.drain(shop.project_id)
    return MESSAGES / (time.perf_counter() - started)


async def _post(url: str) -> float:
    body = b"x" * 600
    waiting = iter(range(MESSAGES))
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(limits=limits) as client:

        async def post() -> None:
            for _ in waiting:
                (await client.post(url, content=body)).raise_for_status()

        started = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(CONNECTIONS)))
    return MESSAGES / (time.perf_counter() - started)


async def _check(database: Database, shop: Shop, endpoint: Endpoint) -> None:
    """Refuse a figure of messages that were not all taken at the first attempt."""
    async with database.transaction(shop.project_id) as tx:
        cursor = await tx.execute(
            "select count(*) from webhook_delivery where status = 'succeeded' and attempts = 1"
        )
        row = await cursor.fetchone()
        total = (await list_log(tx, endpoint.id, limit=1)).total
    if row is None or not row[0] == total == MESSAGES * TURNS:
        message = f"{total} messages were made, and {row} taken at once"
        raise RuntimeError(message)


if __name__ == "__main__":
    main()
