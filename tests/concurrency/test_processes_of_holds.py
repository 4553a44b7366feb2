"""Holds, returns and pools hold between operating-system processes, as redemptions do."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from typing import Any

import pytest

from campaigns.samples import make_campaign, make_customers
from checkout.shop import NOW, add_code, amount_off, asking
from kaquan.campaigns import Activation, issue_vouchers
from kaquan.checkout import Redeemed, list_returns, redeem
from kaquan.customers import OrderDraft, OrderLineDraft
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import Database, Project

pytestmark = pytest.mark.slow

ATTEMPTS, PROCESSES = 24, 2

CONTENDER = """
import asyncio, json, sys
from checkout.shop import NOW, asking
from kaquan.campaigns import publish_voucher
from kaquan.checkout import (
    GoodsBack, OfOrder, OrderReturn, Redeemed, ReturnRequest, Session,
    redeem, return_goods, try_again, validate,
)
from kaquan.runtime import KaquanError, open_database

async def hold(tx, number, arguments):
    key = f"{arguments['process']}-{number}"
    if number % 2:
        return isinstance(await redeem(tx, asking("LAST"), now=NOW), Redeemed)
    return (await validate(tx, asking("LAST", session=Session(key=key)), now=NOW)).valid

async def give_back(tx, number, arguments):
    request = ReturnRequest(goods=(GoodsBack(line=0, quantity=1),))
    done = await return_goods(tx, OfOrder(arguments["order"]), request, now=NOW)
    return isinstance(done, OrderReturn)

async def draw(tx, number, arguments):
    customer = arguments["customers"][number]
    given = await publish_voucher(
        tx, campaign_id=arguments["campaign"], customer_id=customer, channel="test", now=NOW
    )
    return given.code

async def main(url, project_id, arguments):
    async with open_database(url, pool_size=8, min_size=8) as database:
        async def attempt(verb, number):
            async def once():
                async with database.transaction(project_id) as tx:
                    return await verb(tx, number, arguments)
            try:
                return await try_again(once)
            except KaquanError:
                return None
        print("ready", flush=True)
        sys.stdin.readline()
        numbers = range(len(arguments["customers"]))
        for verb in (hold, give_back, draw):
            print(json.dumps(await asyncio.gather(*(attempt(verb, n) for n in numbers))))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])))
"""


async def compete(url: str, project: Project, arguments: list[dict[str, Any]]) -> list[list[Any]]:
    """Let a process for each of the arguments make its attempts; returns what came of each verb."""
    program = f"import sys; sys.path[:0] = {sys.path!r}\n{CONTENDER}"
    contenders = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            url,
            str(project.project_id),
            json.dumps(one),
            stdin=PIPE,
            stdout=PIPE,
        )
        for one in arguments
    ]
    for contender in contenders:
        assert contender.stdout is not None
        assert await contender.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(contender.communicate(b"go\n") for contender in contenders))
    said = [[json.loads(line) for line in answer.splitlines()] for answer, _ in answers]
    return [[one for part in parts for one in part] for parts in zip(*said, strict=True)]


async def test_two_processes_share_holds_returns_and_pools(
    database: Database, project: Project, postgres_url: str
) -> None:
    async with database.transaction(project.project_id) as tx:
        last = await add_code(tx, "LAST", offer=amount_off(100), quantity=10)
        back = await add_code(tx, "A", offer=amount_off(1000), quantity=1)
        line = OrderLineDraft(source_id="tea", quantity=7, unit_price_minor=1000)
        sold = await redeem(tx, asking("A", order=OrderDraft(lines=(line,))), now=NOW)
        assert isinstance(sold, Redeemed)
        assert sold.order is not None
        campaign = await make_campaign(tx, activation=Activation.STATIC)
        people = await make_customers(tx, PROCESSES * ATTEMPTS)
        await issue_vouchers(tx, campaign.id, 30, now=NOW)
    held, returned, drawn = await compete(
        postgres_url,
        project,
        [
            {
                "process": process,
                "order": sold.order.id,
                "campaign": campaign.id,
                "customers": people[process::PROCESSES],
            }
            for process in range(PROCESSES)
        ],
    )
    # Ten uses were held or redeemed, seven units came back, thirty codes have one owner each.
    assert (sum(map(bool, held)), sum(map(bool, returned))) == (10, 7)
    codes = Counter(code for code in drawn if code is not None)
    assert (len(codes), max(codes.values())) == (30, 1)
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []
        keys = [AccountKey(voucher.id, AccountKind.USES) for voucher in (last, back)]
        left = await list_accounts(tx, keys)
        assert [left[key].available for key in keys] == [0, 1]
        returns = (await list_returns(tx, order=sold.order.id)).items
        assert sum(one.given_back_minor for one in returns) == 1000
