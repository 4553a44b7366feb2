"""What a trial says is what a redemption does, and what was taken comes back (found by simulation)."""

import pytest

from checkout.shop import NOW, add_code, amount_off, asking, cart, open_campaign
from kaquan.campaigns import VoucherChange, get_voucher, update_voucher, voucher_usage
from kaquan.checkout import Redeemed, redeem, roll_back, validate
from kaquan.customers import CustomerDraft, OrderDraft, OrderStatus, create_order, update_order
from kaquan.runtime import InvalidInput, Tx


async def test_a_use_taken_without_a_limit_comes_back_to_a_limit_set_later(tx: Tx) -> None:
    await add_code(tx, "X", offer=amount_off(100), quantity=None)
    done = await redeem(tx, asking("X"), now=NOW)
    assert isinstance(done, Redeemed)
    await update_voucher(tx, "X", VoucherChange(quantity=1), now=NOW)
    await roll_back(tx, done.redemptions[0].id, now=NOW)
    voucher = await get_voucher(tx, "X")
    usage = (await voucher_usage(tx, [voucher]))[voucher.id]
    assert (usage.granted, usage.left, usage.used) == (1, 1, 0)


async def test_a_trial_counts_a_stack_against_the_cap_of_somebody_new(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(100), per_customer_cap=1)
    for code in ("A", "B"):
        await add_code(tx, code, campaign_id=campaign.id)
    request = asking("A", "B", customer=CustomerDraft(source_id="new"))
    trial = await validate(tx, request, now=NOW)
    assert not trial.valid
    assert not isinstance(await redeem(tx, request, now=NOW), Redeemed)


async def test_a_trial_on_a_canceled_order_is_refused_as_its_redemption_is(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(100))
    order = await create_order(tx, cart(1000), now=NOW)
    await update_order(tx, order.id, OrderDraft(status=OrderStatus.CANCELED), now=NOW)
    for verb in (validate, redeem):
        with pytest.raises(InvalidInput) as refused:
            await verb(tx, asking("A", order=order.id), now=NOW)
        assert refused.value.key == "invalid_order_status"
