"""Limits hold between operating-system processes: the database decides, not a process."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from checkout.shop import add_code, amount_off
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import Database, Project

pytestmark = pytest.mark.slow

USES, ATTEMPTS, PROCESSES = 10, 40, 2

CONTENDER = """
import asyncio, sys
from checkout.shop import NOW, asking
from kaquan.checkout import Redeemed, redeem
from kaquan.runtime import open_database

async def main(url, project_id, attempts):
    async with open_database(url, pool_size=8, min_size=8) as database:
        async def attempt():
            async with database.transaction(project_id) as tx:
                return isinstance(await redeem(tx, asking("LAST"), now=NOW), Redeemed)
        print("ready", flush=True)
        sys.stdin.readline()
        print(sum(await asyncio.gather(*(attempt() for _ in range(attempts)))))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


async def test_two_processes_share_the_last_uses(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        voucher = await add_code(tx, "LAST", offer=amount_off(100), quantity=USES)
    arguments = [postgres_url, str(project.project_id), str(ATTEMPTS)]
    program = f"import sys; sys.path[:0] = {sys.path!r}\n{CONTENDER}"
    contenders = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, *arguments, stdin=PIPE, stdout=PIPE
        )
        for _ in range(PROCESSES)
    ]
    for contender in contenders:
        assert contender.stdout is not None
        assert await contender.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(contender.communicate(b"go\n") for contender in contenders))
    won = [int(said) for said, _ in answers]
    assert sum(won) == USES
    key = AccountKey(voucher.id, AccountKind.USES)
    async with database.transaction(project.project_id) as tx:
        assert (await list_accounts(tx, [key]))[key].balance == 0
        assert await check_ledger(tx) == []
