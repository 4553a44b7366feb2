"""Points for rewards: what is given, what is refused, and what two at once get."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from kaquan.campaigns import (
    Activation,
    Campaign,
    CampaignDraft,
    NothingToPublish,
    Voucher,
    VoucherTemplate,
    create_campaign,
    disable_voucher,
    find_voucher,
    list_vouchers,
    voucher_balances,
)
from kaquan.customers import (
    Customer,
    OrderDraft,
    OrderStatus,
    ProductDraft,
    get_order,
    upsert_product,
)
from kaquan.ledger import AccountKind, check_ledger
from kaquan.loyalty import (
    Basis,
    LoyaltyTierDraft,
    PointsExceeded,
    PointsMapping,
    PointSource,
    Reward,
    RewardChange,
    RewardDraft,
    RewardKind,
    RewardRefused,
    RewardRequest,
    assign_reward,
    create_reward,
    create_tiers,
    delete_reward,
    get_reward,
    list_card_transactions,
    list_member_rewards,
    redeem_reward,
    settle_points,
    transfer_points,
    update_reward,
)
from kaquan.runtime import Database, Duplicate, InvalidInput, NotFound, Project, Tx
from loyalty.world import NOW, add_rule, join, open_programme, points_on

COUPON = {"effect": {"code": "amount_off", "amount_minor": 100}}
GIFT = {"effect": {"code": "stored_value"}}


async def coupons(tx: Tx, offer: dict[str, Any] = COUPON, **more: Any) -> Campaign:
    """A campaign to give vouchers of."""
    return await create_campaign(tx, CampaignDraft(name="Gifts", offer=offer, **more), now=NOW)


async def coupon_reward(tx: Tx, programme: Campaign, points: int = 30, **more: Any) -> Reward:
    """A coupon that the programme offers."""
    draft = RewardDraft(name="Coupon", campaign_id=(await coupons(tx)).id, **more)
    reward = await create_reward(tx, draft, now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=points, now=NOW)
    return reward


async def member(tx: Tx, *, points: int = 100) -> tuple[Campaign, Customer, Voucher]:
    """A programme and somebody who has joined it."""
    programme = await open_programme(tx, points=points)
    return programme, *await join(tx, programme, "li")


async def test_a_voucher_of_a_campaign(tx: Tx) -> None:
    programme, customer, card = await member(tx)
    reward = await coupon_reward(tx, programme, stock=2)
    done = await redeem_reward(tx, card.code, RewardRequest(reward_id=reward.id), now=NOW)
    assert (done.points, done.reward_kind) == (30, RewardKind.CAMPAIGN)
    assert done.given_voucher_id is not None
    given = await find_voucher(tx, done.given_voucher_id)
    assert given is not None
    assert given.holder_id == customer.id
    assert await points_on(tx, card) == 70
    assert (await get_reward(tx, reward.id)).redeemed == 1
    page = await list_card_transactions(tx, AccountKind.POINTS, voucher_id=card.id, limit=9)
    moved = [(one.amount, one.left, one.reward_name) for one in page.items]
    assert moved == [(-30, 70, "Coupon"), (100, 100, None)]


async def test_a_gift_card_starts_with_the_balance_of_the_reward(tx: Tx) -> None:
    programme, _, card = await member(tx)
    campaign = await coupons(tx, GIFT, voucher_template=VoucherTemplate(balance=500))
    draft = RewardDraft(name="Card", campaign_id=campaign.id, balance=250)
    reward = await create_reward(tx, draft, now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=40, now=NOW)
    done = await redeem_reward(tx, card.id, RewardRequest(reward_id=reward.id), now=NOW)
    given = await find_voucher(tx, done.given_voucher_id or "")
    assert given is not None
    balances = await voucher_balances(tx, [given], {campaign.id: campaign})
    assert balances[given.id].left == 750


async def test_goods_become_an_order_that_earns_nothing(tx: Tx) -> None:
    programme, customer, card = await member(tx)
    await add_rule(tx, programme, Basis.FIXED, 5)
    pot = await upsert_product(tx, ProductDraft(source_id="pot", price_minor=900), now=NOW)
    reward = await create_reward(tx, RewardDraft(name="Pot", product_id="pot"), now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=100, now=NOW)
    done = await redeem_reward(tx, card.id, RewardRequest(reward_id=reward.id), now=NOW)
    assert done.order_id is not None
    order = await get_order(tx, done.order_id)
    (line,) = order.lines
    assert (line.product_id, line.quantity) == (pot.id, 1)
    assert (order.customer_id, order.amount_minor, order.total_minor) == (customer.id, 900, 0)
    assert order.status is OrderStatus.PAID
    await settle_points(tx, order.id, now=NOW)
    assert await points_on(tx, card) == 0


@pytest.mark.parametrize(
    ("wanted", "taken", "off"),
    [(None, 100, 1_000), (30, 30, 300), (100, 100, 1_000)],
)
async def test_points_pay_an_order(tx: Tx, wanted: int | None, taken: int, off: int) -> None:
    programme, _, card = await member(tx)
    # 10 points are worth 1.00.
    draft = RewardDraft(name="Pay", exchange_ratio=Decimal(1), points_ratio=10)
    reward = await create_reward(tx, draft, now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=None, now=NOW)
    request = RewardRequest(
        reward_id=reward.id, points=wanted, order=OrderDraft(amount_minor=5_000)
    )
    done = await redeem_reward(tx, card.id, request, now=NOW)
    order = await get_order(tx, done.order_id or "")
    assert (done.points, order.discount_minor, order.total_minor) == (taken, off, 5_000 - off)
    assert order.status is OrderStatus.PAID
    assert await points_on(tx, card) == 100 - taken


async def test_points_that_are_worth_no_whole_minor_unit(tx: Tx) -> None:
    programme, _, card = await member(tx)
    draft = RewardDraft(name="Pay", exchange_ratio=Decimal(1), points_ratio=3)
    reward = await create_reward(tx, draft, now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=None, now=NOW)
    for wanted, taken, off in ((3, 3, 100), (4, 4, 133), (1, 1, 33)):
        request = RewardRequest(
            reward_id=reward.id, points=wanted, order=OrderDraft(amount_minor=5_000)
        )
        done = await redeem_reward(tx, card.id, request, now=NOW)
        order = await get_order(tx, done.order_id or "")
        assert (done.points, order.discount_minor) == (taken, off)


async def test_nobody_pays_more_than_the_order_takes(tx: Tx) -> None:
    programme, _, card = await member(tx)
    draft = RewardDraft(name="Pay", exchange_ratio=Decimal("0.5"), points_ratio=1)
    reward = await create_reward(tx, draft, now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=None, now=NOW)
    small = RewardRequest(reward_id=reward.id, points=90, order=OrderDraft(amount_minor=120))
    done = await redeem_reward(tx, card.id, small, now=NOW)
    assert done.points == 3
    assert (await get_order(tx, done.order_id or "")).total_minor == 0


@pytest.mark.parametrize(
    ("points", "stock", "active", "error", "key"),
    [
        (29, None, True, PointsExceeded, "loyalty_card_points_exceeded"),
        (30, 0, True, RewardRefused, "reward_stock_exceeded"),
        (30, None, False, RewardRefused, "voucher_disabled"),
    ],
)
async def test_what_is_refused_moves_nothing(
    tx: Tx, points: int, stock: int | None, active: bool, error: type[Any], key: str
) -> None:
    programme, _, card = await member(tx, points=points)
    reward = await coupon_reward(tx, programme, stock=stock)
    if not active:
        await disable_voucher(tx, card.id, now=NOW)
    with pytest.raises(error) as refused:
        async with tx.transaction():
            await redeem_reward(tx, card.id, RewardRequest(reward_id=reward.id), now=NOW)
    assert refused.value.key == key
    assert await points_on(tx, card) == points
    assert (await list_vouchers(tx, campaign_id=reward.campaign_id)).total == 0


async def test_a_reward_that_is_not_offered_is_unknown(tx: Tx) -> None:
    programme, _, card = await member(tx)
    reward = await coupon_reward(tx, programme)
    other = await open_programme(tx, "Other club", points=100)
    stranger = (await join(tx, other, "han"))[1]
    with pytest.raises(NotFound):
        await redeem_reward(tx, stranger.id, RewardRequest(reward_id=reward.id), now=NOW)
    with pytest.raises(NotFound):
        await redeem_reward(
            tx, card.id, RewardRequest(reward_id=reward.id), programme=other.id, now=NOW
        )
    with pytest.raises(Duplicate):
        await assign_reward(tx, reward.id, programme.id, points=1, now=NOW)
    await delete_reward(tx, reward.id, now=NOW)
    with pytest.raises(NotFound):
        await redeem_reward(tx, card.id, RewardRequest(reward_id=reward.id), now=NOW)


async def test_a_tier_has_prices_of_its_own(tx: Tx) -> None:
    programme, _, card = await member(tx, points=60)
    reward = await coupon_reward(tx, programme, points=80)
    half = PointsMapping(type="MULTIPLY", multiplier=Decimal("0.5"))
    gold = LoyaltyTierDraft(name="Gold", from_points=50, rewards={reward.id: half})
    await create_tiers(tx, programme.id, [gold], now=NOW)
    (offered,) = await list_member_rewards(tx, card, programme, affordable=True)
    assert offered.points == 40
    done = await redeem_reward(tx, card.id, RewardRequest(reward_id=reward.id), now=NOW)
    assert (done.points, done.loyalty_tier_id is not None) == (40, True)
    (offered,) = await list_member_rewards(tx, card, programme, affordable=False)
    assert offered.points == 80, "with 20 points left nobody is gold"
    assert await list_member_rewards(tx, card, programme, affordable=True) == []


async def test_stock_is_what_is_given_in_all(tx: Tx) -> None:
    programme, _, card = await member(tx)
    reward = await coupon_reward(tx, programme, points=1)
    request = RewardRequest(reward_id=reward.id)
    for stock in (None, 2, 3):
        await update_reward(tx, reward.id, RewardChange(stock=stock), now=NOW)
        await redeem_reward(tx, card.id, request, now=NOW)
    with pytest.raises(RewardRefused):
        await redeem_reward(tx, card.id, request, now=NOW)
    known = await get_reward(tx, reward.id)
    assert (known.stock, known.redeemed, known.in_stock) == (3, 3, False)
    assert await check_ledger(tx) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "parameters"),
        ({"product_id": "p", "points_ratio": 3, "exchange_ratio": Decimal(1)}, "parameters"),
        ({"points_ratio": 3}, "parameters.coin.exchange_ratio"),
        ({"exchange_ratio": Decimal(1)}, "parameters.coin.points_ratio"),
        ({"exchange_ratio": Decimal("NaN"), "points_ratio": 1}, "parameters.coin.exchange_ratio"),
        ({"exchange_ratio": Decimal("1e-7"), "points_ratio": 1}, "parameters.coin.exchange_ratio"),
        ({"exchange_ratio": Decimal("1e99"), "points_ratio": 1}, "parameters.coin.exchange_ratio"),
        (
            {"exchange_ratio": Decimal(1), "points_ratio": 1, "balance": 5},
            "parameters.campaign.balance",
        ),
    ],
)
async def test_rewards_that_make_no_sense(tx: Tx, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create_reward(tx, RewardDraft(name="Odd", **fields), now=NOW)
    assert refused.value.details["field"] == field


async def test_points_move_between_cards(tx: Tx) -> None:
    programme, _, card = await member(tx)
    other = (await join(tx, programme, "han"))[1]
    sources = [PointSource(code=other.code, points=60, source_id="t-1")]
    for _ in range(2):
        await transfer_points(tx, programme.id, card.code, sources, now=NOW)
    assert (await points_on(tx, card), await points_on(tx, other)) == (160, 40)
    page = await list_card_transactions(tx, AccountKind.POINTS, campaign_id=programme.id, limit=9)
    told = [(one.amount, one.left, one.counterpart_code) for one in page.items]
    assert told[:2] == [(60, 160, other.code), (-60, 40, card.code)]
    with pytest.raises(PointsExceeded):
        await transfer_points(
            tx, programme.id, card.code, [PointSource(code=other.code, points=41)], now=NOW
        )


@pytest.mark.parametrize(
    ("stock", "points", "winners", "refusal"),
    [
        (3, 10_000, 3, RewardRefused),
        (None, 80, 2, PointsExceeded),
    ],
)
async def test_many_at_once_get_no_more_than_there_is(
    database: Database,
    project: Project,
    stock: int | None,
    points: int,
    winners: int,
    refusal: type[Exception],
) -> None:
    async with database.transaction(project.project_id) as tx:
        programme, _, card = await member(tx, points=points)
        reward = await coupon_reward(tx, programme, stock=stock)

    async def want() -> bool:
        try:
            async with database.transaction(project.project_id) as tx:
                await redeem_reward(tx, card.id, RewardRequest(reward_id=reward.id), now=NOW)
        except refusal:
            return False
        return True

    outcomes = await asyncio.gather(*(want() for _ in range(8)))
    assert sum(outcomes) == winners
    async with database.transaction(project.project_id) as tx:
        assert await points_on(tx, card) == points - 30 * winners
        assert (await list_vouchers(tx, campaign_id=reward.campaign_id)).total == winners


async def test_an_empty_pool_costs_nobody_points(tx: Tx) -> None:
    programme, _, card = await member(tx)
    campaign = await coupons(tx, activation=Activation.STATIC)
    reward = await create_reward(tx, RewardDraft(name="Gone", campaign_id=campaign.id), now=NOW)
    await assign_reward(tx, reward.id, programme.id, points=10, now=NOW)
    with pytest.raises(NothingToPublish):
        async with tx.transaction():
            await redeem_reward(tx, card.id, RewardRequest(reward_id=reward.id), now=NOW)
    assert await points_on(tx, card) == 100
