"""How old the funnel can be, counted in periods of the job that copies the lake."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from croniter import croniter

from insight.copying import copy_lake
from insight.metrics.conftest import MARCH, NOW
from insight.rows import Attempt, add_attempt, add_campaign, add_customers, publish
from kaquan.insight.lake import Storage
from kaquan.insight.metrics import Engine, answer_funnel, read_source
from kaquan.runtime import Database, Project, Settings, upkeep_queue

FRESH_WITHIN = timedelta(seconds=60)


def period_of(task: str) -> timedelta:
    """The longest time between two turns of a periodic task."""
    registry: Any = upkeep_queue.periodic_registry
    cron = registry.periodic_tasks[task, ""].cron
    turns = croniter(cron, datetime(2026, 1, 1, tzinfo=UTC))
    times = [turns.get_next(datetime) for _ in range(2_000)]
    return max(later - earlier for earlier, later in pairwise(times))


async def test_what_happens_right_after_a_turn_is_in_the_funnel_after_the_next(
    database: Database, project: Project, tmp_path: Path
) -> None:
    """Waiting a period at worst leaves half of the minute for the copying itself."""
    storage = Storage(str(tmp_path / "lake"))
    steps: list[dict[str, object]] = []

    async def take_turn() -> None:
        await copy_lake(database, project.project_id, storage, now=NOW)
        async with database.snapshot(project.project_id) as tx:
            source = await read_source(tx)
        with Engine(Settings(), storage, source) as engine:
            steps.append({one.metric.id: one.point.value for one in answer_funnel(engine, MARCH)})

    await take_turn()
    async with database.transaction(project.project_id) as tx:
        await add_customers(tx, "ann", at=NOW)
        campaign = await add_campaign(tx)
        voucher = await publish(tx, campaign, "ann", at=NOW)
        used = Attempt(campaign_id=campaign, voucher_id=voucher, at=NOW)
        redemption = await add_attempt(tx, used)
    await take_turn()
    async with database.transaction(project.project_id) as tx:
        back = Attempt(
            campaign_id=campaign,
            voucher_id=voucher,
            at=NOW,
            kind="rollback",
            reverses_id=redemption,
        )
        await add_attempt(tx, back)
    await take_turn()
    watched = [[step[name] for name in ("published", "redeemed", "returned")] for step in steps]
    assert watched == [[0, 0, 0], [1, 1, 0], [1, 0, 1]]
    assert 2 * period_of("insight.sync_lake") <= FRESH_WITHIN
