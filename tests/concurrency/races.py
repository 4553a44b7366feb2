"""Races over a limit: set up a shop, let many connections try at once, count who won.

``unlock`` takes the checkout's locks away and lets every contender look before anybody acts. On a
database without the constraints that guard the limits, each race then has to be lost: that is how
we know that the races can fail.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from psycopg.errors import DeadlockDetected

from campaigns.samples import make_campaign, make_customers
from checkout.shop import NOW, add_code, amount_off, asking, cart, enter_customer, on_condition
from checkout.shop import open_campaign as open_campaign_of
from kaquan.campaigns import Activation, NothingToPublish, issue_vouchers, publish_voucher
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
from kaquan.customers import OrderDraft, OrderLineDraft
from kaquan.loyalty import (
    Basis,
    PointsExceeded,
    RewardDraft,
    RewardRefused,
    RewardRequest,
    activate_pending,
    assign_reward,
    create_reward,
    list_pending_points,
    redeem_reward,
)
from kaquan.runtime import Database, NotFound, Tx
from loyalty.world import add_rule, buy, join, open_programme

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


async def _guests_cap(tx: Tx) -> None:
    campaign = await open_campaign_of(tx, amount_off(1000), per_customer_cap=2)
    await _let_guests_in(tx, campaign.id)


async def _guests_rule(tx: Tx) -> None:
    rule = on_condition(amount_off(1000), code="redemption_count", of="customer", at_most=2)
    await _let_guests_in(tx, (await open_campaign_of(tx, rule)).id)


async def _let_guests_in(tx: Tx, campaign_id: str) -> None:
    for contender in range(CONTENDERS):
        await add_code(tx, f"GUEST-{contender}", campaign_id=campaign_id)
    await add_code(tx, "FIRST", offer=amount_off(100))
    # The first guest of a project makes its key.
    assert await _redeems(tx, "FIRST", metadata={"guest_email": "bo@example.com"})


async def _try_guest(tx: Tx, contender: int, prepared: Any) -> bool:
    told = {"guest_email": f"{contender}@example.com", "card_fingerprint": "stolen"}
    return await _redeems(tx, f"GUEST-{contender}", metadata=told)


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


async def _pool_of_five(tx: Tx) -> dict[str, Any]:
    campaign = await make_campaign(tx, activation=Activation.STATIC)
    await issue_vouchers(tx, campaign.id, 5, now=NOW)
    return {"campaign": campaign.id, "customers": await make_customers(tx, CONTENDERS)}


async def _try_pool(tx: Tx, contender: int, prepared: Any) -> bool:
    try:
        await publish_voucher(
            tx,
            campaign_id=prepared["campaign"],
            customer_id=prepared["customers"][contender],
            channel="test",
            now=NOW,
        )
    except NothingToPublish:
        return False
    return True


async def _offer_reward(tx: Tx, *, points: int, stock: int | None = None) -> dict[str, Any]:
    """A card with so many points and a coupon for 30 of them."""
    programme = await open_programme(tx, points=points)
    _, card = await join(tx, programme, "li")
    campaign = await open_campaign_of(tx, amount_off(100), name="Gifts")
    reward = await create_reward(
        tx, RewardDraft(name="Coupon", campaign_id=campaign.id, stock=stock), now=NOW
    )
    await assign_reward(tx, reward.id, programme.id, points=30, now=NOW)
    return {"card": card.code, "reward": reward.id}


async def _points_for_three(tx: Tx) -> dict[str, Any]:
    return await _offer_reward(tx, points=100)


async def _three_in_stock(tx: Tx) -> dict[str, Any]:
    return await _offer_reward(tx, points=10_000, stock=3)


async def _try_reward(tx: Tx, contender: int, prepared: Any) -> bool:
    wanted = RewardRequest(reward_id=prepared["reward"])
    try:
        await redeem_reward(tx, prepared["card"], wanted, now=NOW)
    except (PointsExceeded, RewardRefused):
        return False
    return True


async def _points_waiting(tx: Tx) -> dict[str, Any]:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.FIXED, 40, pending_days=3)
    await buy(tx, customer, 1_000)
    (waiting,) = (await list_pending_points(tx, member_id=card.id, limit=1)).items
    return {"card": card.code, "pending": waiting.id}


async def _try_waiting(tx: Tx, contender: int, prepared: Any) -> bool:
    try:
        await activate_pending(tx, prepared["card"], prepared["pending"], now=NOW)
    except NotFound:
        return False
    return True


RACES = [
    Race("the last use of a voucher", _one_use, _try_last, 1),
    Race("the last cent of a budget", _budget_for_three, _try_budget, 3),
    Race("a person's cap", _cap_of_two, _try_cap, 2),
    Race("a rule about a person's count", _rule_of_one, _try_rule, 1),
    Race("a guest's cap", _guests_cap, _try_guest, 2),
    Race("a rule about a guest's count", _guests_rule, _try_guest, 2),
    Race("a rule about a campaign's count", _two_of_a_campaign, _try_count, 2),
    Race("the last cent of a gift card", _card_for_three, _try_card, 3),
    Race("rolling back twice", _redeemed_once, _try_undo, 1),
    Race("a hold against a redemption", _one_use, _try_hold_or_use, 1),
    Race("returning what was returned", _three_bought, _try_return, 3),
    Race("the last codes of a pool", _pool_of_five, _try_pool, 5),
    Race("the last points of a card", _points_for_three, _try_reward, 3),
    Race("the last of a reward", _three_in_stock, _try_reward, 3),
    Race("activating what waits", _points_waiting, _try_waiting, 1),
]


async def prepare_race(database: Database, project_id: int, race: Race) -> Any:
    """Set the shop up; returns what the attempts need to know."""
    async with database.transaction(project_id) as tx:
        return await race.prepare(tx)


async def run_race(
    database: Database,
    project_id: int,
    race: Race,
    prepared: Any,
    contenders: Sequence[int] = range(CONTENDERS),
) -> int:
    """Return how many of the contenders, each with a connection of its own, won."""

    async def contend(contender: int) -> bool:
        try:
            async with database.transaction(project_id) as tx:
                return await race.attempt(tx, contender, prepared)
        except DeadlockDetected:
            # Without the locks that come first some wait in a circle; it has its survivors.
            return False

    return sum(await asyncio.gather(*map(contend, contenders)))
