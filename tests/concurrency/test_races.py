"""Limits hold under any number of simultaneous attempts; without protection they would not."""

import asyncio
import random

import pytest

from checkout.shop import NOW, add_code, amount_off, asking, cart, open_campaign
from concurrency.races import (
    CONTENDERS,
    RACES,
    Race,
    prepare_race,
    run_race,
)
from concurrency.unlocking import Meeting, unlock
from kaquan.checkout import Redeemed, redeem, roll_back
from kaquan.customers import CustomerDraft, create_order, get_order
from kaquan.ledger import check_ledger
from kaquan.runtime import Database, Project, create_project


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.name)
async def test_as_many_win_as_the_limit_allows(
    database: Database, project: Project, race: Race
) -> None:
    prepared = await prepare_race(database, project.project_id, race)
    assert await run_race(database, project.project_id, race, prepared) == race.winners
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []


async def test_without_protection_more_would_win(
    unprotected: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for race in RACES:
        won = 0
        while won <= race.winners:  # Whom deadlocks leave may be few by chance: again, then.
            async with unprotected.transaction() as tx:
                project = await create_project(
                    tx, race.name, currency="CNY", time_zone="UTC", language="en", now=NOW
                )
            prepared = await prepare_race(unprotected, project.project_id, race)
            with monkeypatch.context() as patch:
                unlock(patch, Meeting(CONTENDERS))
                won = await run_race(unprotected, project.project_id, race, prepared)


async def test_two_discounts_on_one_order_both_count(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        order = await create_order(tx, cart(10_000), now=NOW)
        for contender in range(CONTENDERS):
            await add_code(tx, f"OFF-{contender}", offer=amount_off(100))

    async def contend(contender: int) -> None:
        async with database.transaction(project.project_id) as tx:
            done = await redeem(tx, asking(f"OFF-{contender}", order=order.id), now=NOW)
            assert isinstance(done, Redeemed)

    await asyncio.gather(*map(contend, range(CONTENDERS)))
    async with database.transaction(project.project_id) as tx:
        assert (await get_order(tx, order.id)).discount_minor == 100 * CONTENDERS


@pytest.mark.parametrize("seed", range(3))
async def test_a_busy_shop_never_waits_in_a_circle(
    database: Database, project: Project, seed: int
) -> None:
    """Stacks in any order, shared budgets and caps, returns in between: no deadlock, no loss."""
    chance = random.Random(seed)
    async with database.transaction(project.project_id) as tx:
        for name in "ABCD":
            campaign = await open_campaign(
                tx, amount_off(100), name=name, budget_minor=4000, per_customer_cap=9
            )
            await add_code(tx, name, campaign_id=campaign.id, quantity=30)

    async def shop(codes: list[str], person: str, returns: bool) -> None:
        async with database.transaction(project.project_id) as tx:
            request = asking(*codes, customer=CustomerDraft(source_id=person))
            done = await redeem(tx, request, now=NOW)
        if isinstance(done, Redeemed) and returns:
            redemption = done.parent or done.redemptions[0]
            async with database.transaction(project.project_id) as tx:
                await roll_back(tx, redemption.id, now=NOW)

    visits = [
        (chance.sample("ABCD", chance.randint(1, 4)), chance.choice("xyz"), chance.random() < 0.4)
        for _ in range(80)
    ]
    await asyncio.gather(*(shop(*visit) for visit in visits))
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []
