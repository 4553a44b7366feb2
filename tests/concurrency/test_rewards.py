"""Points of one card for rewards, many at once: no more than it has, nor than there are."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from psycopg.errors import DeadlockDetected

from checkout.shop import NOW
from concurrency.races import CONTENDERS
from kaquan.campaigns import CampaignDraft, create_campaign
from kaquan.ledger import AccountKey, check_ledger, list_accounts
from kaquan.loyalty import (
    PointsExceeded,
    RewardDraft,
    RewardRefused,
    RewardRequest,
    assign_reward,
    create_reward,
    get_reward,
    redeem_reward,
)
from kaquan.loyalty.programmes import get_member
from kaquan.runtime import Database, Project, Tx, create_project
from loyalty.world import join, open_programme

WINNERS = 3
"""The card has 100 points, and the reward costs 30."""


async def prepare(tx: Tx, *, points: int, stock: int | None) -> tuple[str, str]:
    """A card with so many points and a coupon for 30 of them; their code and id."""
    programme = await open_programme(tx, points=points)
    _, card = await join(tx, programme, "li")
    gifts = CampaignDraft(
        name="Gifts", offer={"effect": {"code": "amount_off", "amount_minor": 100}}
    )
    campaign = await create_campaign(tx, gifts, now=NOW)
    draft = RewardDraft(name="Coupon", campaign_id=campaign.id, stock=stock)
    reward = await create_reward(tx, draft, now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=30, now=NOW)
    return card.code, reward.id


async def race(database: Database, project: Project, code: str, reward: str) -> int:
    """How many of the contenders got the reward."""

    async def contend(_: int) -> bool:
        try:
            async with database.transaction(project.project_id) as tx:
                await redeem_reward(tx, code, RewardRequest(reward_id=reward), now=NOW)
        except (PointsExceeded, RewardRefused, DeadlockDetected):
            # Without the card's lock some wait in a circle; each circle has its survivors.
            return False
        return True

    return sum(await asyncio.gather(*map(contend, range(CONTENDERS))))


@pytest.mark.parametrize(("points", "stock"), [(100, None), (10_000, WINNERS)])
async def test_as_many_as_points_and_stock_allow(
    database: Database, project: Project, points: int, stock: int | None
) -> None:
    async with database.transaction(project.project_id) as tx:
        code, reward = await prepare(tx, points=points, stock=stock)
    assert await race(database, project, code, reward) == WINNERS
    async with database.transaction(project.project_id) as tx:
        assert await check_ledger(tx) == []


async def test_without_protection_more_would_win(
    unprotected: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with unprotected.transaction() as tx:
        project = await create_project(
            tx, "Rewards", currency="CNY", time_zone="UTC", language="en", now=NOW
        )
    async with unprotected.transaction(project.project_id) as tx:
        code, reward = await prepare(tx, points=100, stock=None)
    all_have_looked = asyncio.Barrier(CONTENDERS)
    unlocked = _without_locks()

    async def look(tx: Tx, keys: Sequence[AccountKey]) -> Any:
        found = await list_accounts(tx, keys)
        if id(tx) not in unlocked["seen"]:
            unlocked["seen"].add(id(tx))
            await all_have_looked.wait()
        return found

    monkeypatch.setattr("kaquan.loyalty.spend.get_member", unlocked["member"])
    monkeypatch.setattr("kaquan.loyalty.spend.get_reward", unlocked["reward"])
    monkeypatch.setattr("kaquan.loyalty.spend.lock_accounts", look)
    assert await race(unprotected, project, code, reward) > WINNERS


def _without_locks() -> dict[str, Any]:
    """Looking up cards and rewards without keeping others from them."""

    async def member(tx: Tx, *named: Any, lock: bool = False, **more: Any) -> Any:
        return await get_member(tx, *named, **more)

    async def reward(tx: Tx, *named: Any, lock: bool = False, **more: Any) -> Any:
        return await get_reward(tx, *named, **more)

    return {"member": member, "reward": reward, "seen": set[int]()}
