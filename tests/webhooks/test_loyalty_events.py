"""What is told of points, tiers and rewards."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import msgspec
import pytest

from checkout.shop import amount_off
from kaquan.campaigns import CampaignDraft, adjust_balance, create_campaign
from kaquan.checkout import GoodsBack, OfOrder, ReturnRequest, return_goods
from kaquan.loyalty import (
    Basis,
    LoyaltyTierDraft,
    PointsExpiry,
    RewardDraft,
    RewardRequest,
    activate_pending,
    adjust_pending,
    assign_reward,
    cancel_pending,
    create_reward,
    create_tiers,
    redeem_reward,
    set_points_expiry,
    settle_points,
)
from kaquan.loyalty.expiry import expire_points
from kaquan.runtime import Tx
from kaquan.webhooks import TYPES_BY_NAME
from loyalty.world import NOW, add_rule, buy, join, open_programme
from webhooks.samples import number, subscribe

CARD = "voucher.loyalty_card."
MOVED = CARD + "transaction.created"
PENDING = CARD + "pending_points."
ADJUSTED = CARD + "points_added"
TIER = "customer.loyalty.tier."


class Stage(msgspec.Struct, frozen=True):
    """A member with 100 points, 40 that wait, and two rules."""

    programme: str
    card: str
    customer: Any
    order: str
    pending: str
    reward: str


async def set_stage(tx: Tx) -> Stage:
    """A programme with tiers from 100 and from 200 points, rewards for 100."""
    programme = await open_programme(tx)
    await set_points_expiry(tx, programme.id, PointsExpiry(period_type="MONTH", period_value=1))
    customer, card = await join(tx, programme, "li")
    await adjust_balance(tx, card.id, 100, now=NOW)
    await add_rule(tx, programme, Basis.FIXED, 40, pending_days=3)
    order = await buy(tx, customer, 1_000)
    tiers = [
        LoyaltyTierDraft(name="Silver", from_points=100, to_points=199),
        LoyaltyTierDraft(name="Gold", from_points=200),
    ]
    await create_tiers(tx, programme.id, tiers, now=NOW)
    gifts = await create_campaign(tx, CampaignDraft(name="Gifts", offer=amount_off(100)), now=NOW)
    reward = await create_reward(tx, RewardDraft(name="Coupon", campaign_id=gifts.id), now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=100, now=NOW)
    cursor = await tx.execute("select id from pending_points where state = 'pending'")
    (pending,) = await cursor.fetchone() or ("",)
    return Stage(programme.id, card.id, customer, order.id, pending, reward.id)


Deed: TypeAlias = Callable[[Tx, Stage], Awaitable[object]]


async def _bring_back(tx: Tx, stage: Stage, pieces: int) -> None:
    request = ReturnRequest(goods=(GoodsBack(line=0, quantity=pieces),))
    await return_goods(tx, OfOrder(stage.order), request, now=NOW)
    await settle_points(tx, stage.order, now=NOW)


CASES: list[tuple[str, Deed, list[tuple[str, int | None]]]] = [
    ("nothing", lambda tx, s: settle_points(tx, s.order, now=NOW), []),
    (
        "add points",
        lambda tx, s: adjust_balance(tx, s.card, 100, now=NOW),
        [(MOVED, 100), (TIER + "upgraded", None), (ADJUSTED, 100)],
    ),
    (
        "take some",
        lambda tx, s: adjust_balance(tx, s.card, -1, now=NOW),
        [(MOVED, -1), (TIER + "left", None), (ADJUSTED, -1)],
    ),
    (
        "expire",
        lambda tx, s: expire_points(tx, s.card, now=NOW + timedelta(days=40)),
        [(MOVED, -100), (CARD + "points_expired", 100), (TIER + "left", None)],
    ),
    (
        "activate",
        lambda tx, s: activate_pending(tx, s.card, s.pending, now=NOW),
        [
            (MOVED, 40),
            ("customer.rewarded.loyalty_points", 40),
            (PENDING + "activated", 40),
        ],
    ),
    (
        "cancel",
        lambda tx, s: cancel_pending(tx, s.card, s.pending, now=NOW),
        [(PENDING + "canceled", 40)],
    ),
    (
        "change what waits",
        lambda tx, s: adjust_pending(tx, s.card, s.pending, -10, now=NOW),
        [(PENDING + "updated", -10)],
    ),
    ("bring half back", lambda tx, s: _bring_back(tx, s, 1), [(PENDING + "updated", -20)]),
    ("bring all back", lambda tx, s: _bring_back(tx, s, 2), [(PENDING + "canceled", 40)]),
    (
        "take a reward",
        lambda tx, s: redeem_reward(tx, s.card, RewardRequest(reward_id=s.reward), now=NOW),
        [
            (MOVED, -100),
            (TIER + "left", None),
            ("customer.reward_redemptions.completed", None),
        ],
    ),
    (
        "buy again",
        lambda tx, s: buy(tx, s.customer, 500),
        [(PENDING + "added", 40)],
    ),
]


@pytest.mark.parametrize(("deed", "told"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
async def test_what_happens_is_told(tx: Tx, deed: Deed, told: list[tuple[str, int | None]]) -> None:
    stage = await set_stage(tx)
    names = {name for name in TYPES_BY_NAME if "loyalty" in name or "reward" in name}
    await subscribe(tx, *sorted(names))
    await deed(tx, stage)
    events = await number(tx)
    assert [(event.type, event.data.get("amount")) for event in events] == told
    for event in events:
        kind = TYPES_BY_NAME[event.type]
        assert set(event.data) == set(kind.members)
        assert event.data[kind.subject]["id"] == event.entity_id
        assert event.data["customer"]["source_id"] == "li"
        assert event.data["campaign"]["name"] == "Tea club"


async def test_tiers_are_told_by_the_steps_taken(tx: Tx) -> None:
    stage = await set_stage(tx)
    await subscribe(tx, *(TIER + name for name in ("joined", "left", "upgraded", "downgraded")))
    for amount in (100, 50, -100, -100, 60):
        await adjust_balance(tx, stage.card, amount, now=NOW)
    events = await number(tx)
    assert [(one.type.removeprefix(TIER), one.data["loyalty_tier"]["name"]) for one in events] == [
        ("upgraded", "Gold"),
        ("downgraded", "Silver"),
        ("left", "Silver"),
        ("joined", "Silver"),
    ]
