"""An import whose worker is killed goes on behind the last rows that were stored."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from customers.test_file_imports import as_csv, rejects, send
from kaquan.customers import (
    Mapping,
    Subject,
    carry_out,
    list_customer_summaries,
    list_customers,
    list_orders,
    set_mapping,
    start_run,
    stream_rejects,
)
from kaquan.customers.people import refresh_summaries
from kaquan.runtime import ActionStatus, Database, Project, get_action, utc_now

ORDERS, PEOPLE, LINES = 1_500, 40, 4
WORKER = """
import asyncio, sys
from kaquan.customers import carry_out
from kaquan.customers.imports.files import sources
from kaquan.runtime import open_database, utc_now
url, project_id, action_id = sys.argv[1], int(sys.argv[2]), sys.argv[3]
sources.ROWS_A_CHUNK = 60
async def work():
    async with open_database(url) as database:
        await carry_out(database, project_id, action_id, clock=utc_now)
asyncio.run(work())
"""


def order_lines() -> list[list[str]]:
    """Orders of which every fiftieth has a negative price in its last line."""
    return [
        [f"o{order}", "2026-01-01", f"c{order % PEOPLE}", f"p{line}", "1", price]
        for order in range(ORDERS)
        for line in range(LINES)
        for price in ["-2" if order % 50 == 7 and line == LINES - 1 else "2"]
    ]


@pytest.mark.slow
async def test_a_worker_killed_in_the_middle(
    database: Database, project: Project, postgres_url: str
) -> None:
    header = ["order_id", "date", "customer", "product", "quantity", "price"]
    found = await send(database, project, Subject.ORDERS, as_csv([header, *order_lines()]))
    mapping = Mapping(fields=found.mapping.fields, enter_customers=True)
    async with database.transaction(project.project_id) as tx:
        await set_mapping(tx, found.id, mapping, now=utc_now())
        action = await start_run(tx, found.id, now=utc_now())
    seen = 0
    for _ in range(3):
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", WORKER, postgres_url, str(project.project_id), action.id),
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        )
        done = seen
        while done == seen and worker.returncode is None:
            async with database.transaction(project.project_id) as tx:
                done = (await get_action(tx, action.id)).done
        worker.send_signal(signal.SIGKILL)
        assert await worker.wait() == -signal.SIGKILL
        async with database.transaction(project.project_id) as tx:
            # Waits for the killed worker's transaction to end, one way or the other.
            stopped = await get_action(tx, action.id, lock=True)
            seen = stopped.done
            stored = (await list_orders(tx, limit=1)).total
        assert stopped.status is ActionStatus.RUNNING
        assert 0 < seen < ORDERS * LINES
        assert stopped.result is not None
        assert stored == stopped.result["added"]
    done_action = await carry_out(database, project.project_id, action.id, clock=utc_now)
    bad = len(range(7, ORDERS, 50))
    assert done_action.result is not None
    assert done_action.result["added"] == ORDERS - bad
    assert done_action.result["failed_count"] == bad * LINES
    refused = await rejects(database, project, done_action)
    assert [row["order_id"] for row in refused] == [
        f"o{order}" for order in range(7, ORDERS, 50) for _ in range(LINES)
    ]
    _, content = await stream_rejects(
        database, project.project_id, done_action, say=lambda field, reason: reason.key
    )
    told = b"".join([part async for part in content]).decode().splitlines()
    assert sum("below zero" in line for line in told) == bad
    async with database.transaction(project.project_id) as tx:
        assert (await list_orders(tx, limit=1)).total == ORDERS - bad
        ids = [one.id for one in (await list_customers(tx, limit=PEOPLE)).items]
        before = await list_customer_summaries(tx, ids)
        await refresh_summaries(tx, set(ids))
        assert await list_customer_summaries(tx, ids) == before
        assert sum(one.order_count for one in before.values()) == ORDERS - bad
