"""Races over a limit: set up a shop, let many connections try at once, count who won.

``unlock`` takes the checkout's locks away and lets every contender look before anybody acts. On a
database without the constraints that guard the limits, each race then has to be lost: that is how
we know that the races can fail.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import pytest

from checkout.shop import NOW, add_code, amount_off, asking, cart, enter_customer, on_condition
from checkout.shop import open_campaign as open_campaign_of
from kaquan.checkout import (
    CheckoutRequest,
    GoodsBack,
    OfOrder,
    OrderReturn,
    Redeemable,
    Redeemed,
    ReturnRequest,
    RollBack,
    Session,
    redeem,
    return_goods,
    roll_back,
    validate,
)
from kaquan.checkout.store.found import Situation, Wanted
from kaquan.checkout.store.situation import read_situations
from kaquan.customers import Order, OrderDraft, OrderLineDraft, get_order
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


async def _two_of_a_campaign(tx: Tx) -> None:
    rule = on_condition(amount_off(1000), code="redemption_count", of="campaign", at_most=2)
    campaign = await open_campaign_of(tx, rule)
    for contender in range(CONTENDERS):
        await add_code(tx, f"COUNT-{contender}", campaign_id=campaign.id)


async def _try_count(tx: Tx, contender: int, prepared: Any) -> bool:
    return await _redeems(tx, f"COUNT-{contender}")


async def _card_for_three(tx: Tx) -> None:
    await add_code(tx, "CARD", offer={"effect": {"code": "stored_value"}}, balance=3999)


async def _try_card(tx: Tx, contender: int, prepared: Any) -> bool:
    request = CheckoutRequest(
        redeemables=(Redeemable(id="CARD", credits=1000),), order=cart(10_000)
    )
    return isinstance(await redeem(tx, request, now=NOW), Redeemed)


async def _redeemed_once(tx: Tx) -> str:
    await add_code(tx, "UNDO", offer=amount_off(1000), quantity=1)
    done = await redeem(tx, asking("UNDO"), now=NOW)
    assert isinstance(done, Redeemed)
    return done.redemptions[0].id


async def _try_undo(tx: Tx, contender: int, prepared: Any) -> bool:
    return isinstance(await roll_back(tx, prepared, now=NOW), RollBack)


async def _try_hold_or_use(tx: Tx, contender: int, prepared: Any) -> bool:
    """Half of them lock it for a checkout, the others redeem it at once."""
    if contender % 2:
        return await _redeems(tx, "LAST")
    request = asking("LAST", session=Session(key=f"session-{contender}"))
    return (await validate(tx, request, now=NOW)).valid


async def _three_bought(tx: Tx) -> str:
    await add_code(tx, "BACK", offer=amount_off(1000), quantity=1)
    line = OrderLineDraft(source_id="tea", quantity=3, unit_price_minor=1000)
    done = await redeem(tx, asking("BACK", order=OrderDraft(lines=(line,))), now=NOW)
    assert isinstance(done, Redeemed)
    assert done.order is not None
    return done.order.id


async def _try_return(tx: Tx, contender: int, prepared: Any) -> bool:
    request = ReturnRequest(goods=(GoodsBack(line=0, quantity=1),))
    done = await return_goods(tx, OfOrder(prepared), request, now=NOW)
    return isinstance(done, OrderReturn)


RACES = [
    Race("the last use of a voucher", _one_use, _try_last, 1),
    Race("the last cent of a budget", _budget_for_three, _try_budget, 3),
    Race("a person's cap", _cap_of_two, _try_cap, 2),
    Race("a rule about a person's count", _rule_of_one, _try_rule, 1),
    Race("a rule about a campaign's count", _two_of_a_campaign, _try_count, 2),
    Race("the last cent of a gift card", _card_for_three, _try_card, 3),
    Race("rolling back twice", _redeemed_once, _try_undo, 1),
    Race("a hold against a redemption", _one_use, _try_hold_or_use, 1),
    Race("returning what was returned", _three_bought, _try_return, 3),
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

    async def look_at_order(tx: Tx, reference: str) -> Order:
        order = await get_order(tx, reference)
        await all_have_looked.wait()
        return order

    async def leave_order(tx: Tx, reference: str, *_: Any, **__: Any) -> Order:
        return await get_order(tx, reference)

    async def look_around(
        tx: Tx, wanted: Sequence[Wanted], *, locking: bool = False
    ) -> list[Situation]:
        return await read_situations(tx, wanted)

    async def count_unlocked(tx: Tx, counts: Any) -> None:
        return

    monkeypatch.setattr("kaquan.checkout.store.situation.lock_accounts", look)
    monkeypatch.setattr("kaquan.checkout.store.facts.lock_counted", count_unlocked)
    monkeypatch.setattr("kaquan.checkout.snapshot.read_situations", look_around)
    monkeypatch.setattr("kaquan.checkout.rollback.lock_order", get_order)
    monkeypatch.setattr("kaquan.checkout.returns.lock_order", look_at_order)
    monkeypatch.setattr("kaquan.checkout.returns.lock_redemptions_of", lock_nothing)
    # Their late locks on the order would let all of them wait in a circle.
    monkeypatch.setattr("kaquan.checkout.returns.update_order", leave_order)
    monkeypatch.setattr("kaquan.checkout.rollback.apply_discounts", leave_order)
    monkeypatch.setattr("kaquan.checkout.rollback.lock_redemptions", lock_nothing)
    monkeypatch.setattr("kaquan.checkout.rollback.list_children", look_up)
