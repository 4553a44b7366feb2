"""How fast a million codes are made and stored, against a bare INSERT … SELECT of as many rows.

The product's own path, as the job runs it: codes from the system's random source, transactions
of 10,000 vouchers with their accounts and transfers, and the progress of the action. The
baseline: one transaction with two statements that generate as many vouchers and transfers on the
server, into the same tables with the same indexes, triggers and policies.

Prints one line of JSON; value and baseline are seconds.
"""

import asyncio
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.sizes import QUICK
from kaquan.campaigns import CampaignDraft, continue_issue, create_campaign, request_vouchers
from kaquan.runtime import (
    ActionStatus,
    Database,
    create_project,
    embedded_postgres,
    migrate,
    open_database,
)

COUNT = 100_000 if QUICK else 1_000_000
ROUNDS = 3 if QUICK else 1
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OFFER = {"effect": {"code": "amount_off", "amount_minor": 500}}


def main() -> None:
    """Run both and print the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder)) as url:
            migrate(url)
            value_s, baseline_s = asyncio.run(measure(url))
    print(
        json.dumps(
            {
                "name": "codes_1m",
                "value": round(value_s, 3),
                "baseline": round(baseline_s, 3),
                "ratio": round(value_s / baseline_s, 2),
                "unit": "s",
            }
        )
    )


async def measure(url: str) -> tuple[float, float]:
    """Run both by turns, on tables that grow alike; returns the best of each in seconds."""
    async with open_database(url) as database:
        own: list[float] = []
        bare: list[float] = []
        for number in range(ROUNDS):
            own.append(await issue_own(database, await open_project(database), number))
            bare.append(await insert_bare(database, await open_project(database), number))
    return min(own), min(bare)


async def open_project(database: Database) -> int:
    """A project without anything in it; returns its number."""
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Shop", currency="EUR", time_zone="UTC", language="en", now=NOW
        )
    return project.project_id


async def issue_own(database: Database, project_id: int, number: int) -> float:
    """Make the vouchers as the product does."""
    async with database.transaction(project_id) as tx:
        draft = CampaignDraft(name=f"own {number}", offer=OFFER)
        campaign = await create_campaign(tx, draft, now=NOW)
    start = time.perf_counter()
    async with database.transaction(project_id) as tx:
        action = await request_vouchers(tx, campaign.id, COUNT, now=NOW)
    while action.status is not ActionStatus.DONE:
        async with database.transaction(project_id) as tx:
            action = await continue_issue(tx, action.id, now=NOW)
    taken = time.perf_counter() - start
    await check_count(database, project_id)
    return taken


async def insert_bare(database: Database, project_id: int, number: int) -> float:
    """Insert as many rows as fast as SQL alone can."""
    async with database.transaction(project_id) as tx:
        draft = CampaignDraft(name=f"bare {number}", offer=OFFER)
        campaign = await create_campaign(tx, draft, now=NOW)
    start = time.perf_counter()
    async with database.transaction(project_id) as tx:
        await tx.execute(
            "insert into voucher (id, code, campaign_id, quantity, created_at)"
            " select 'v_bare' || lpad(number::text, 16, '0'),"
            " upper(substr(md5(random()::text), 1, 13)), %s, 1, %s"
            " from generate_series(1, %s) as number",
            (campaign.id, NOW, COUNT),
        )
        await tx.execute(
            "insert into transfer (from_owner, to_owner, kind, amount, cause, cause_id, at)"
            " select '@issued', id, 'uses', 1, 'issue', %s, %s from voucher",
            (campaign.id, NOW),
        )
    taken = time.perf_counter() - start
    await check_count(database, project_id)
    return taken


async def check_count(database: Database, project_id: int) -> None:
    """Make sure that what was measured was done."""
    async with database.transaction(project_id) as tx:
        cursor = await tx.execute(
            "select (select count(*) from voucher), (select sum(balance)::bigint from account)"
        )
        found = await cursor.fetchone()
    if found != (COUNT, COUNT):
        message = f"expected {COUNT} vouchers and uses, found {found}"
        raise RuntimeError(message)


if __name__ == "__main__":
    main()
