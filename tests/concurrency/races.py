"""Races over a limit: set up a shop, let many connections try at once, count who won.

``unlock`` takes the checkout's locks away and lets every contender look before anybody acts. On a
database without the constraints that guard the limits, each race then has to be lost: that is how
we know that the races can fail.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import pytest

from checkout.shop import NOW, add_code, amount_off, asking, enter_customer, on_condition
from checkout.shop import open_campaign as open_campaign_of
from kaquan.checkout import Redeemed, RollBack, redeem, roll_back
from kaquan.ledger import AccountKey, list_accounts
from kaquan.runtime import Database, Tx

CONTENDERS = 18


class Race(NamedTuple):
    """A race: prepare it, then let contender after contender try; so many may win."""

    name: str
    prepare: Callable[[Tx], Awaitable[Any]]
    attempt: Callable[[Tx, int, Any], Awaitable[bool]]
    winners: int


async def _redeems(tx: Tx, code: str, **more: Any) -> bool:
    return isinstance(await redeem(tx, asking(code, **more), now=NOW), Redeemed)


async def _one_use(tx: Tx) -> None:
    await add_code(tx, "LAST", offer=amount_off(1000), quantity=1)


async def _try_last(tx: Tx, contender: int, prepared: Any) -> bool:
    return await _redeems(tx, "LAST")


async def _budget_for_three(tx: Tx) -> None:
    campaign = await open_campaign_of(tx, amount_off(1000), budget_minor=3999)
    for contender in range(CONTENDERS):
        await add_code(tx, f"BUDGET-{contender}", campaign_id=campaign.id)


async def _try_budget(tx: Tx, contender: int, prepared: Any) -> bool:
    return await _redeems(tx, f"BUDGET-{contender}")


async def _cap_of_two(tx: Tx) -> None:
    campaign = await open_campaign_of(tx, amount_off(1000), per_customer_cap=2)
    await enter_customer(tx, "anna")
    for contender in range(CONTENDERS):
        await add_code(tx, f"CAP-{contender}", campaign_id=campaign.id)


async def _try_cap(tx: Tx, contender: int, prepared: Any) -> bool:
    return await _redeems(tx, f"CAP-{contender}", customer="anna")


async def _rule_of_one(tx: Tx) -> None:
    rule = on_condition(amount_off(1000), code="per_customer_count", at_most=1)
    campaign = await open_campaign_of(tx, rule)
    await enter_customer(tx, "anna")
    for contender in range(CONTENDERS):
        await add_code(tx, f"RULE-{contender}", campaign_id=campaign.id)


async def _try_rule(tx: Tx, contender: int, prepared: Any) -> bool:
    return await _redeems(tx, f"RULE-{contender}", customer="anna")


async def _redeemed_once(tx: Tx) -> str:
    await add_code(tx, "UNDO", offer=amount_off(1000), quantity=1)
    done = await redeem(tx, asking("UNDO"), now=NOW)
    assert isinstance(done, Redeemed)
    return done.redemptions[0].id


async def _try_undo(tx: Tx, contender: int, prepared: Any) -> bool:
    return isinstance(await roll_back(tx, prepared, now=NOW), RollBack)


RACES = [
    Race("the last use of a voucher", _one_use, _try_last, 1),
    Race("the last cent of a budget", _budget_for_three, _try_budget, 3),
    Race("a person's cap", _cap_of_two, _try_cap, 2),
    Race("a rule about a person's count", _rule_of_one, _try_rule, 1),
    Race("rolling back twice", _redeemed_once, _try_undo, 1),
]


async def prepare_race(database: Database, project_id: int, race: Race) -> Any:
    """Set the shop up; returns what the attempts need to know."""
    async with database.transaction(project_id) as tx:
        return await race.prepare(tx)


async def run_race(database: Database, project_id: int, race: Race, prepared: Any) -> int:
    """Return how many of the contenders, each with a connection of its own, won."""

    async def contend(contender: int) -> bool:
        async with database.transaction(project_id) as tx:
            return await race.attempt(tx, contender, prepared)

    return sum(await asyncio.gather(*map(contend, range(CONTENDERS))))


def unlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the checkout's locks away, and let all contenders look before one of them acts."""
    all_have_looked = asyncio.Barrier(CONTENDERS)

    async def look(tx: Tx, keys: Sequence[AccountKey]) -> Any:
        found = await list_accounts(tx, keys)
        await all_have_looked.wait()
        return found

    async def look_up(tx: Tx, parent_id: str) -> Any:
        await all_have_looked.wait()
        return []

    async def lock_nothing(tx: Tx, reference: str) -> None:
        return

    monkeypatch.setattr("kaquan.checkout.store.situation.lock_accounts", look)
    monkeypatch.setattr("kaquan.checkout.store.situation.lock_customer", lock_nothing)
    monkeypatch.setattr("kaquan.checkout.rollback.lock_redemptions", lock_nothing)
    monkeypatch.setattr("kaquan.checkout.rollback.list_children", look_up)
