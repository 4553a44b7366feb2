"""Limits hold between operating-system processes: the database decides, not a process."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable

import pytest

from checkout.shop import add_code, amount_off, enter_customer, open_campaign
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import Database, Project, Tx

pytestmark = pytest.mark.slow

USES, ATTEMPTS, PROCESSES = 10, 40, 2

CONTENDER = """
import asyncio, sys
from checkout.shop import NOW, asking
from kaquan.checkout import Redeemed, redeem
from kaquan.runtime import open_database

async def main(url, project_id, attempts, code, customer):
    async with open_database(url, pool_size=8, min_size=8) as database:
        async def attempt(number):
            request = asking(code.format(number), customer=customer or None)
            async with database.transaction(project_id) as tx:
                return isinstance(await redeem(tx, request, now=NOW), Redeemed)
        print("ready", flush=True)
        sys.stdin.readline()
        print(sum(await asyncio.gather(*map(attempt, range(attempts)))))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]))
"""


async def one_code(tx: Tx) -> tuple[list[str], str, AccountKey]:
    """One code for both processes and any guest, and its uses."""
    voucher = await add_code(tx, "LAST", offer=amount_off(100), quantity=USES)
    return ["LAST"] * PROCESSES, "", AccountKey(voucher.id, AccountKind.USES)


async def one_cap(tx: Tx) -> tuple[list[str], str, AccountKey]:
    """Codes of a campaign for each process, and what a person may redeem of them."""
    campaign = await open_campaign(tx, amount_off(100), per_customer_cap=USES)
    anna = await enter_customer(tx, "anna")
    for process in range(PROCESSES):
        for number in range(ATTEMPTS):
            await add_code(tx, f"CAP-{process}-{number}", campaign_id=campaign.id)
    codes = [f"CAP-{process}-{{}}" for process in range(PROCESSES)]
    return codes, "anna", AccountKey(f"{campaign.id}/{anna.id}", AccountKind.CUSTOMER_USES)


@pytest.mark.parametrize("prepare", [one_code, one_cap])
async def test_two_processes_share_what_is_left(
    database: Database,
    project: Project,
    postgres_url: str,
    prepare: Callable[[Tx], Awaitable[tuple[list[str], str, AccountKey]]],
) -> None:
    async with database.transaction(project.project_id) as tx:
        codes, customer, key = await prepare(tx)
    arguments = [postgres_url, str(project.project_id), str(ATTEMPTS)]
    program = f"import sys; sys.path[:0] = {sys.path!r}\n{CONTENDER}"
    contenders = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, *arguments, code, customer, stdin=PIPE, stdout=PIPE
        )
        for code in codes
    ]
    for contender in contenders:
        assert contender.stdout is not None
        assert await contender.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(contender.communicate(b"go\n") for contender in contenders))
    won = [int(said) for said, _ in answers]
    assert sum(won) == USES
    async with database.transaction(project.project_id) as tx:
        assert (await list_accounts(tx, [key]))[key].balance == 0
        assert await check_ledger(tx) == []
