"""Batches of two server processes share a hot coupon, a budget and a flash claim's stock."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Any

import pytest

from campaigns.samples import make_campaign, make_customers
from checkout.shop import NOW, add_code, amount_off, open_campaign
from kaquan.campaigns import ClaimRule, set_claim_rule
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import Database, Project, Tx, create_project, open_database

pytestmark = pytest.mark.slow

STOCK, ATTEMPTS, PROCESSES = 30, 40, 2

CONTENDER = """
import asyncio, json, sys
from checkout.shop import NOW, asking
from kaquan.campaigns import Claim, Publication, claim_vouchers
from kaquan.checkout import Asked, Batcher, Redeemed, redeem_together
from kaquan.ledger import list_accounts
from kaquan.runtime import KaquanError, open_database

async def look_and_wait(tx, keys):
    found = await list_accounts(tx, keys)
    print("looked", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    return found

def take_the_locks_away():
    import kaquan.campaigns.store.claims, kaquan.checkout.store.situation
    kaquan.checkout.store.situation.lock_accounts = look_and_wait
    kaquan.campaigns.store.claims.lock_accounts = look_and_wait

async def redeem(batcher, project_id, job, number):
    item = Asked(request=asking(job["code"].format(number)), now=NOW)
    return isinstance(await batcher.submit(project_id, item), Redeemed)

async def claim(batcher, project_id, job, number):
    customer = job["customers"][number]
    item = Claim(campaign=job["campaign"], customer_id=customer, channel="test", at=NOW)
    try:
        return isinstance(await batcher.submit(project_id, item, names=[customer]), Publication)
    except KaquanError as error:
        assert error.key == "claim_stock_exhausted", error
        return False

VERBS = {"redeem": (redeem, redeem_together), "claim": (claim, claim_vouchers)}

async def main(url, project_id, jobs, locks):
    if not locks:
        take_the_locks_away()
    async with open_database(url, pool_size=8, min_size=8) as database:
        for job in jobs:
            verb, carry_out = VERBS[job["verb"]]
            batcher = Batcher(database, carry_out)
            print("ready", flush=True)
            sys.stdin.readline()
            numbers = range(job["attempts"])
            work = (verb(batcher, project_id, job, number) for number in numbers)
            print("won", sum(await asyncio.gather(*work)), flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2]), *json.loads(sys.argv[3])))
"""


async def compete(
    url: str, project_id: int, jobs: Sequence[Sequence[dict[str, Any]]], *, locks: bool = True
) -> list[int]:
    """Let two processes do their jobs at the same time, job after job; returns how many won each.

    Without locks each has one batch a job, and both have looked before one of them goes on.
    """
    program = f"import sys; sys.path[:0] = {sys.path!r}\n{CONTENDER}"
    contenders = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, url, str(project_id), json.dumps([own, locks])),
            stdin=PIPE,
            stdout=PIPE,
        )
        for own in jobs
    ]
    won: list[int] = []
    for _ in jobs[0]:
        for word in ("ready",) if locks else ("ready", "looked"):
            assert {await _hear(one) for one in contenders} == {word}
            for one in contenders:
                assert one.stdin is not None
                one.stdin.write(b"go\n")
        said = [await _hear(one) for one in contenders]
        won.append(sum(int(one.removeprefix("won ")) for one in said))
    await asyncio.gather(*(one.communicate() for one in contenders))
    return won


async def _hear(contender: Process) -> str:
    assert contender.stdout is not None
    return (await contender.stdout.readline()).decode().strip()


async def open_shop(tx: Tx) -> tuple[list[list[dict[str, Any]]], list[AccountKey]]:
    """A hot coupon, a budget and a flash claim: both processes' jobs, and what they share."""
    hot = await open_campaign(tx, amount_off(100), budget_minor=10**6)
    voucher = await add_code(tx, "HOT", campaign_id=hot.id, quantity=STOCK)
    cheap = await open_campaign(tx, amount_off(200), budget_minor=STOCK * 200)
    for process in range(PROCESSES):
        for number in range(ATTEMPTS):
            await add_code(tx, f"BUDGET-{process}-{number}", campaign_id=cheap.id)
    flash = await make_campaign(tx)
    await set_claim_rule(tx, flash.id, ClaimRule(stock=STOCK, per_customer=1), now=NOW)
    customers = await make_customers(tx, ATTEMPTS * PROCESSES)
    jobs: list[list[dict[str, Any]]] = [
        [
            {"verb": "redeem", "attempts": ATTEMPTS, "code": "HOT"},
            {"verb": "redeem", "attempts": ATTEMPTS, "code": f"BUDGET-{start}-{{}}"},
            {
                "verb": "claim",
                "attempts": ATTEMPTS,
                "campaign": flash.id,
                "customers": customers[start::PROCESSES],
            },
        ]
        for start in range(PROCESSES)
    ]
    shared = [
        AccountKey(voucher.id, AccountKind.USES),
        AccountKey(cheap.id, AccountKind.BUDGET),
        AccountKey(flash.id, AccountKind.CLAIMS),
    ]
    return jobs, shared


async def test_two_processes_share_a_coupon_a_budget_and_a_stock(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        jobs, shared = await open_shop(tx)
    assert await compete(postgres_url, project.project_id, jobs) == [STOCK, STOCK, STOCK]
    async with database.transaction(project.project_id) as tx:
        accounts = await list_accounts(tx, shared)
        assert [accounts[key].balance for key in shared] == [0, 0, 0]
        assert await check_ledger(tx) == []


async def test_without_locks_and_constraints_more_would_win(unprotected_url: str) -> None:
    """The twin of the test above: it can fail."""
    async with open_database(unprotected_url) as database:
        async with database.transaction() as tx:
            project = await create_project(
                tx, "Unprotected", currency="CNY", time_zone="UTC", language="en", now=NOW
            )
        async with database.transaction(project.project_id) as tx:
            jobs, _ = await open_shop(tx)
        won = await compete(unprotected_url, project.project_id, jobs, locks=False)
    assert won == [STOCK * PROCESSES] * 3
