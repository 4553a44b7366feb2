"""Referral codes: for others than their holder, rewarded once, taken back with the order."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    enter_customer,
    open_campaign,
    redeem_now,
    refuse_now,
)
from kaquan.campaigns import (
    Activation,
    Campaign,
    CampaignChange,
    CampaignKind,
    InUse,
    ReferralReward,
    ReferralTerms,
    Voucher,
    get_voucher,
    list_vouchers,
    publish_voucher,
    update_campaign,
    voucher_balances,
)
from kaquan.checkout import (
    CheckoutRequest,
    CodeHolder,
    HolderRole,
    OfOrder,
    Redeemable,
    Redeemed,
    Referral,
    ReturnRequest,
    RollBack,
    add_referees,
    list_due_referrals,
    list_holders,
    redeem,
    remove_holder,
    return_goods,
    roll_back,
    settle_referral,
    store_order,
)
from kaquan.customers import CustomerDraft, OrderDraft, OrderStatus
from kaquan.engine import RollbackOrder
from kaquan.ledger import check_ledger
from kaquan.runtime import Database, Duplicate, InvalidInput, NotFound, Project, Tx

LATER = NOW + timedelta(days=1)
CREATED, PAID = OrderStatus.CREATED, OrderStatus.PAID


async def open_programme(tx: Tx, **terms: Any) -> tuple[Campaign, Voucher]:
    """A programme and the code that anna hands on, for friends to take 10.00 off."""
    campaign = await open_campaign(
        tx,
        amount_off(1000),
        name="Friends",
        kind=CampaignKind.REFERRAL_PROGRAM,
        referral=ReferralTerms(**terms),
        join_once=True,
    )
    assert campaign.kind is CampaignKind.REFERRAL_PROGRAM
    anna = await enter_customer(tx, "anna")
    await add_code(tx, "ANNA", campaign_id=campaign.id, quantity=None)
    await publish_voucher(
        tx, voucher_code="ANNA", customer_id=anna.id, channel="test", paid=True, now=NOW
    )
    return campaign, await get_voucher(tx, "ANNA")


async def thanks(tx: Tx, **fields: Any) -> Campaign:
    """The campaign whose coupons are the reward."""
    return await open_campaign(tx, amount_off(500), name="Thanks", join_once=False, **fields)


def by(source_id: str, order: OrderDraft | str | None = None, **fields: Any) -> Any:
    """A redemption of anna's code by somebody."""
    customer = CustomerDraft(source_id=source_id)
    return asking("ANNA", customer=customer, order=order, **fields)


async def settle(tx: Tx) -> list[Referral]:
    """Settle what is due, as the worker does; a second time there must be nothing to do."""
    due = await list_due_referrals(tx, now=LATER, limit=100)
    settled = [await settle_referral(tx, one, now=LATER) for one in due]
    again = [await settle_referral(tx, one, now=LATER) for one in due]
    assert [one and one.state for one in settled] == [one and one.state for one in again]
    assert await check_ledger(tx) == []
    return [one for one in settled if one is not None]


async def rewards(tx: Tx, campaign: Campaign) -> list[Voucher]:
    """The coupons of a campaign."""
    return (await list_vouchers(tx, campaign_id=campaign.id)).items


async def test_a_code_is_for_others_than_its_holder(tx: Tx) -> None:
    await open_programme(tx)
    refused = await refuse_now(tx, by("anna"))
    assert (refused.reason.code, refused.failures[0].failure_code) == (
        "self_referral",
        "self_referral",
    )
    unknown = await refuse_now(tx, asking("ANNA"))
    assert unknown.reason.code == "customer_required"
    await redeem_now(tx, by("bo"))


async def test_new_customers_only(tx: Tx) -> None:
    await open_programme(tx, new_customers_only=True)
    bo = await enter_customer(tx, "bo")
    draft = OrderDraft(customer_id=bo.id, status=PAID, amount_minor=100)
    await store_order(tx, draft, now=NOW - timedelta(days=3))
    assert (await refuse_now(tx, by("bo"))).reason.code == "not_first_order"
    await redeem_now(tx, by("cy"))


@pytest.mark.parametrize("how", ["returned", "canceled", "rolled back", "without the order"])
async def test_a_coupon_once_for_each_friend_and_taken_back(tx: Tx, how: str) -> None:
    gift = await thanks(tx)
    campaign, code = await open_programme(tx, reward=ReferralReward(campaign_id=gift.id))
    bo = await enter_customer(tx, "bo")
    # The shop has taken the discount off already, and waits for the money.
    order = cart(5000, source_id="o-1", status=CREATED, customer_id=bo.id)
    await store_order(tx, order, now=NOW)
    done = await redeem_now(tx, by("bo", "o-1", order_already_discounted=True))
    assert [one.state for one in await settle(tx)] == ["waiting"]
    assert await rewards(tx, gift) == []
    assert done.order is not None
    await store_order(tx, OrderDraft(id=done.order.id, status=PAID), now=NOW)
    (settled,) = await settle(tx)
    assert (settled.state, settled.campaign_id) == ("rewarded", campaign.id)
    (coupon,) = await rewards(tx, gift)
    assert (coupon.holder_id, coupon.active) == (code.holder_id, True)
    # Neither a second order nor somebody else's code brings the same friend again.
    await redeem_now(tx, by("bo", cart(5000, status=PAID)))
    assert (await settle(tx), len(await rewards(tx, gift))) == ([], 1)
    match how:
        case "returned":
            await return_goods(tx, OfOrder("o-1"), ReturnRequest(), now=NOW)
        case "canceled":
            draft = OrderDraft(id=done.order.id, status=OrderStatus.CANCELED)
            await store_order(tx, draft, now=NOW)
        case _:
            mode = RollbackOrder.WITHOUT_ORDER if "without" in how else RollbackOrder.WITH_ORDER
            undone = await roll_back(tx, done.redemptions[0].id, now=NOW, mode=mode)
            assert isinstance(undone, RollBack)
    assert [one.state for one in await settle(tx)] == ["taken_back"]
    assert [one.active for one in await rewards(tx, gift)] == [False]
    # Once for each friend, for good.
    await redeem_now(tx, by("bo", cart(5000, status=PAID)))
    assert (await settle(tx), len(await rewards(tx, gift))) == ([], 1)


async def test_a_use_that_was_undone_before_the_payment_does_not_count(tx: Tx) -> None:
    gift = await thanks(tx)
    await open_programme(tx, reward=ReferralReward(campaign_id=gift.id))
    done = await redeem_now(tx, by("bo"))
    await roll_back(tx, done.redemptions[0].id, now=NOW)
    assert [one.state for one in await settle(tx)] == ["void"]
    await redeem_now(tx, by("bo", cart(5000, status=PAID)))
    assert [one.state for one in await settle(tx)] == ["rewarded"]
    assert len(await rewards(tx, gift)) == 1


async def test_the_first_paid_order_counts(tx: Tx) -> None:
    gift = await thanks(tx)
    campaign, code = await open_programme(tx, reward=ReferralReward(campaign_id=gift.id))
    dora = await enter_customer(tx, "dora")
    await add_code(tx, "DORA", campaign_id=campaign.id, quantity=None)
    await publish_voucher(
        tx, voucher_code="DORA", customer_id=dora.id, channel="test", paid=True, now=NOW
    )
    without = CheckoutRequest(
        redeemables=(Redeemable(id="DORA"),), customer=CustomerDraft(source_id="bo")
    )
    await redeem_now(tx, without)
    assert [one.state for one in await settle(tx)] == ["waiting"]
    await redeem_now(tx, by("bo"))
    # Paid, and only not settled yet: who comes later does not get it.
    await redeem_now(tx, asking("DORA", customer=CustomerDraft(source_id="bo")))
    (settled,) = await settle(tx)
    assert (settled.state, settled.referrer_id) == ("rewarded", code.holder_id)


async def test_credits_on_both_cards(tx: Tx) -> None:
    cards = await open_campaign(tx, {"effect": {"code": "stored_value"}}, name="Cards")
    code = (
        await open_programme(
            tx,
            reward=ReferralReward(campaign_id=cards.id, amount=700),
            referee_reward=ReferralReward(campaign_id="Cards", amount=200),
        )
    )[1]
    balances: dict[str | None, int] = {}
    for friend in ("bo", "cy"):
        done = await redeem_now(tx, by(friend, cart(5000, source_id=friend, status=PAID)))
        await settle(tx)
    held = await rewards(tx, cards)
    found = await voucher_balances(tx, held, {cards.id: cards})
    balances = {one.holder_id: found[one.id].left for one in held}
    assert done.customer is not None
    assert (len(held), balances[code.holder_id], balances[done.customer.id]) == (3, 1400, 200)
    await return_goods(tx, OfOrder("cy"), ReturnRequest(), now=NOW)
    await settle(tx)
    found = await voucher_balances(tx, held, {cards.id: cards})
    balances = {one.holder_id: found[one.id].left for one in held}
    assert (balances[code.holder_id], balances[done.customer.id]) == (700, 0)


async def test_a_reward_that_cannot_be_given_waits(tx: Tx) -> None:
    gift = await thanks(tx, activation=Activation.STATIC)
    await open_programme(tx, reward=ReferralReward(campaign_id=gift.id))
    await redeem_now(tx, by("bo", cart(5000, status=PAID)))
    (waiting,) = await settle(tx)
    assert (waiting.state, waiting.fault) == ("waiting", "no_voucher_suitable_for_publication")
    assert waiting.due_at == LATER + timedelta(hours=1)
    await update_campaign(tx, gift.id, CampaignChange(activation=Activation.AUTO_UPDATE), now=LATER)
    done = await settle_referral(tx, waiting.id, now=LATER)
    assert done is not None
    assert (done.state, done.fault, len(await rewards(tx, gift))) == ("rewarded", None, 1)


async def test_two_codes_used_by_one_friend_at_once_bring_one_reward(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        gift = await thanks(tx)
        campaign, _ = await open_programme(tx, reward=ReferralReward(campaign_id=gift.id))
        dora = await enter_customer(tx, "dora")
        await enter_customer(tx, "bo")
        await add_code(tx, "DORA", campaign_id=campaign.id, quantity=None)
        await publish_voucher(
            tx, voucher_code="DORA", customer_id=dora.id, channel="test", paid=True, now=NOW
        )

    async def use(code: str) -> bool:
        async with database.transaction(project.project_id) as tx:
            asked = asking(
                code,
                order=cart(5000, status=PAID),
                customer=CustomerDraft(source_id="bo"),
            )
            return isinstance(await redeem(tx, asked, now=NOW), Redeemed)

    async def reward(referral_id: str) -> None:
        async with database.transaction(project.project_id) as tx:
            await settle_referral(tx, referral_id, now=LATER)

    assert all(await asyncio.gather(*(use(code) for code in ["ANNA", "DORA"] * 4)))
    async with database.transaction(project.project_id) as tx:
        (due,) = await list_due_referrals(tx, now=LATER, limit=100)
    await asyncio.gather(*(reward(due) for _ in range(4)))
    async with database.transaction(project.project_id) as tx:
        assert len(await rewards(tx, gift)) == 1
        assert await check_ledger(tx) == []


async def test_friends_are_named_listed_and_removed(tx: Tx) -> None:
    campaign, code = await open_programme(tx)
    bo, cy = [await enter_customer(tx, name) for name in ("bo", "cy")]
    named = await add_referees(tx, code, [bo.id, cy.id], metadata={"by": "hand"}, now=LATER)
    assert [(one.customer_id, one.role, one.metadata) for one in named] == [
        (bo.id, HolderRole.REFEREE, {"by": "hand"}),
        (cy.id, HolderRole.REFEREE, {"by": "hand"}),
    ]
    again = await add_referees(tx, code, [bo.id], now=LATER)
    assert again[0].id == named[0].id
    shown: list[CodeHolder] = []
    after = None
    while True:
        page = await list_holders(tx, code, order="created_at", after=after, limit=2)
        shown += page.items
        assert page.total == 3
        after = page.next_cursor
        if after is None:
            break
    assert [one.role for one in shown] == [HolderRole.REFERRER, *[HolderRole.REFEREE] * 2]
    assert shown[0].customer_id == code.holder_id
    await remove_holder(tx, code, named[1].id)
    assert (await list_holders(tx, code)).total == 2
    with pytest.raises(NotFound):
        await remove_holder(tx, code, named[1].id)
    with pytest.raises(InUse):
        await remove_holder(tx, code, code.id)
    # Whoever uses a code is brought along by that one.
    assert code.holder_id is not None
    with pytest.raises(InvalidInput) as own:
        await add_referees(tx, code, [code.holder_id], now=NOW)
    assert own.value.key == "self_referral"
    await add_code(tx, "DORA", campaign_id=campaign.id, quantity=None)
    with pytest.raises(InvalidInput):
        await add_referees(tx, await get_voucher(tx, "DORA"), [bo.id], now=NOW)
    await publish_voucher(
        tx, voucher_code="DORA", customer_id=cy.id, channel="test", paid=True, now=NOW
    )
    await redeem_now(tx, by("bo", cart(5000, status=PAID)))
    with pytest.raises(Duplicate):
        await add_referees(tx, await get_voucher(tx, "DORA"), [bo.id], now=NOW)
    await settle(tx)
    with pytest.raises(InUse):
        await remove_holder(tx, code, named[0].id)


@pytest.mark.parametrize(
    ("reward", "field"),
    [
        (ReferralReward(campaign_id="nowhere"), "referral.reward.campaign"),
        (ReferralReward(campaign_id="Thanks", amount=5), "referral.reward.amount"),
        (ReferralReward(campaign_id="Cards", amount=0), "referral.reward.amount"),
    ],
)
async def test_rewards_that_cannot_be_promised(tx: Tx, reward: ReferralReward, field: str) -> None:
    await thanks(tx)
    await open_campaign(tx, {"effect": {"code": "stored_value"}}, name="Cards")
    with pytest.raises(InvalidInput) as refused:
        await open_programme(tx, reward=reward)
    assert refused.value.field == field
    with pytest.raises(InvalidInput) as refused:
        await open_campaign(tx, amount_off(1), referral=ReferralTerms(reward=reward))
    assert refused.value.field == "referral"
