"""An order's life with its coupons: paying, cancelling and returning do their part once."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    on_condition,
    open_campaign,
    percent_off,
    read_balance,
    redeem_now,
)
from kaquan.checkout import (
    CouponsWanted,
    Redeemable,
    Refused,
    Session,
    find_order_coupons,
    get_lock,
    list_redemptions,
    list_returns,
    list_voucher_locks,
    store_order,
    validate,
)
from kaquan.customers import Order, OrderDraft, OrderStatus, get_order, list_orders
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import InvalidInput, NotFound, Tx

LATER = NOW + timedelta(minutes=5)


def naming(*codes: str, session: str | None = None, **more: Any) -> CouponsWanted:
    """These coupons, reserved by a session if one is named."""
    return CouponsWanted(
        redeemables=tuple(Redeemable(id=code) for code in codes),
        session=None if session is None else Session(key=session, **more),
    )


async def store(
    tx: Tx, draft: OrderDraft, coupons: CouponsWanted | None = None, **more: Any
) -> Order:
    """Store and insist on success; the ledger must be whole afterwards."""
    outcome = await store_order(tx, draft, coupons=coupons, now=more.pop("now", NOW))
    assert isinstance(outcome, Order), outcome.validation.attempts
    assert await check_ledger(tx) == []
    return outcome


async def become(tx: Tx, order: Order, status: OrderStatus, **more: Any) -> Order:
    """Move the order on."""
    return await store(tx, OrderDraft(id=order.id, status=status), **more)


async def held(tx: Tx, voucher_id: str) -> int:
    """Uses that are reserved."""
    key = AccountKey(voucher_id, AccountKind.USES)
    return (await list_accounts(tx, [key]))[key].held


async def count_redeemed(tx: Tx) -> int:
    """Rows of the register that say that something was redeemed."""
    return (await list_redemptions(tx)).total


@pytest.mark.parametrize("session", [None, "checkout-1"])
@pytest.mark.parametrize("status", [OrderStatus.PAID, OrderStatus.FULFILLED])
async def test_paying_redeems_once(tx: Tx, session: str | None, status: OrderStatus) -> None:
    voucher = await add_code(tx, "A", offer=amount_off(1000), quantity=1)
    order = await store(tx, cart(5000), naming("A", session=session))
    assert (order.status, order.total_minor) == (OrderStatus.CREATED, 5000)
    assert await held(tx, voucher.id) == (session is not None)
    planned = await find_order_coupons(tx, order.id)
    assert planned is not None
    assert (planned.redeemables[0].id, planned.session_key) == ("A", session)
    paid = await become(tx, order, status)
    assert (paid.status, paid.total_minor) == (status, 4000)
    assert await get_order(tx, order.id) == paid
    assert (await held(tx, voucher.id), await count_redeemed(tx)) == (0, 1)
    assert await find_order_coupons(tx, order.id) is None
    again = await become(tx, order, status)
    assert (again.total_minor, await count_redeemed(tx)) == (4000, 1)
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 0


async def test_an_order_that_comes_in_paid_redeems_at_once(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(1000))
    await add_code(tx, "B", offer=amount_off(500))
    draft = cart(5000, source_id="o-1", status=OrderStatus.PAID)
    order = await store(tx, draft, naming("A", "B"))
    assert (order.status, order.total_minor) == (OrderStatus.PAID, 3500)
    assert (await list_redemptions(tx, order_id=order.id)).total == 3
    # The same message again, as shops send it, changes nothing.
    for coupons in (naming("A", "B"), naming("B"), None):
        assert (await store(tx, draft, coupons)).total_minor == 3500
    assert (await list_redemptions(tx, order_id=order.id)).total == 3
    with pytest.raises(InvalidInput) as refused:
        await store(tx, draft, naming("A", "C"))
    assert refused.value.key == "invalid_order_status"


async def test_a_session_alone_means_what_it_has_reserved(tx: Tx) -> None:
    voucher = await add_code(tx, "A", offer=amount_off(1000))
    await validate(tx, asking("A", session=Session(key="ours")), now=NOW)
    wanted = CouponsWanted(session=Session(key="ours"))
    order = await store(tx, cart(10_000), wanted)
    assert (await become(tx, order, OrderStatus.PAID)).total_minor == 9000
    assert await held(tx, voucher.id) == 0
    for missing in (wanted, CouponsWanted(session=Session(key="unknown"))):
        with pytest.raises(NotFound):
            await store_order(tx, cart(10_000), coupons=missing, now=NOW)
    with pytest.raises(InvalidInput):
        await store_order(tx, cart(10_000), coupons=CouponsWanted(), now=NOW)
    assert (await list_orders(tx)).total == 1


async def test_coupons_that_do_not_apply_store_nothing(tx: Tx) -> None:
    await add_code(tx, "A", offer=on_condition(amount_off(1), code="minimum_spend", amount_minor=9))
    for session in (None, "ours"):
        refused = await store_order(tx, cart(5), coupons=naming("A", session=session), now=NOW)
        assert isinstance(refused, Refused)
        assert refused.reason.code == "minimum_spend_not_met"
    assert (await list_orders(tx)).total == 0
    assert (await list_voucher_locks(tx, "A", now=NOW)).total == 0


async def test_a_payment_whose_coupon_is_gone_leaves_the_order_unpaid(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(1000), quantity=1)
    order = await store(tx, cart(5000), naming("A"))
    await redeem_now(tx, asking("A"))
    refused = await store_order(
        tx, OrderDraft(id=order.id, status=OrderStatus.PAID, metadata={"x": 1}), now=NOW
    )
    assert isinstance(refused, Refused)
    assert refused.reason.code == "uses_exhausted"
    assert await get_order(tx, order.id) == order
    (failed,) = (await list_redemptions(tx, order_id=order.id)).items
    assert failed.failure_code == "uses_exhausted"
    # Without the coupon it can be paid.
    await store(tx, OrderDraft(id=order.id), CouponsWanted(redeemables=()))
    assert (await become(tx, order, OrderStatus.PAID)).total_minor == 5000


async def test_a_held_coupon_is_there_when_the_payment_comes(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(1000), quantity=1)
    order = await store(tx, cart(5000), naming("A", session="ours"))
    refused = await store_order(tx, cart(7000), coupons=naming("A", session="theirs"), now=LATER)
    assert isinstance(refused, Refused)
    assert (await become(tx, order, OrderStatus.PAID, now=LATER)).total_minor == 4000


async def test_cancelling_before_payment_lets_the_coupon_go(tx: Tx) -> None:
    voucher = await add_code(tx, "A", offer=amount_off(1000), quantity=1)
    order = await store(tx, cart(5000), naming("A", session="ours"))
    gone = await become(tx, order, OrderStatus.CANCELED)
    assert (gone.status, await held(tx, voucher.id)) == (OrderStatus.CANCELED, 0)
    assert await find_order_coupons(tx, order.id) is None
    with pytest.raises(InvalidInput):
        await become(tx, order, OrderStatus.PAID)
    assert await count_redeemed(tx) == 0


async def test_cancelling_after_payment_rolls_everything_back_once(tx: Tx) -> None:
    vouchers = [await add_code(tx, code, offer=amount_off(500)) for code in "ABC"]
    order = await store(tx, cart(5000, status=OrderStatus.PAID), naming("A", "B"))
    await redeem_now(tx, asking("C", order=order.id))
    gone = await become(tx, order, OrderStatus.CANCELED)
    assert (gone.status, gone.total_minor) == (OrderStatus.CANCELED, 5000)
    for voucher in vouchers:
        assert await read_balance(tx, voucher.id, AccountKind.USES) == 1
    rows = await count_redeemed(tx)
    await become(tx, order, OrderStatus.CANCELED)
    assert await count_redeemed(tx) == rows


async def test_returning_returns_what_is_left_once(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(1000), budget_minor=1000)
    voucher = await add_code(tx, "A", campaign_id=campaign.id)
    order = await store(tx, cart(5000, 5000, status=OrderStatus.PAID), naming("A"))
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 0
    back = await become(tx, order, OrderStatus.RETURNED)
    assert (back.status, back.total_minor) == (OrderStatus.RETURNED, 9000)
    (done,) = (await list_returns(tx, order=order.id)).items
    assert (done.given_back_minor, done.refund_minor) == (1000, 9000)
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 1000
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 1
    await become(tx, order, OrderStatus.RETURNED)
    assert (await list_returns(tx, order=order.id)).total == 1


async def test_goods_of_an_order_stay_once_some_came_back(tx: Tx) -> None:
    order = await store(tx, cart(5000, 5000, status=OrderStatus.PAID))
    await become(tx, order, OrderStatus.PARTIALLY_RETURNED)
    with pytest.raises(InvalidInput) as refused:
        await store_order(tx, cart(1, id=order.id), now=NOW)
    assert refused.value.key == "order_returned"
    same = await store(tx, cart(5000, 5000, id=order.id, metadata={"note": "x"}))
    assert same.metadata == {"note": "x"}


async def test_new_goods_are_reserved_anew(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(5000), budget_minor=10_000)
    await add_code(tx, "A", campaign_id=campaign.id)
    session = {"ttl": Decimal(2)}
    order = await store(tx, cart(4000), naming("A", session="ours", **session))
    assert (await get_lock(tx, "A", "ours", now=NOW)).discount_minor == 2000
    await store(tx, cart(6000, id=order.id), now=NOW + timedelta(minutes=1))
    lock = await get_lock(tx, "A", "ours", now=NOW)
    assert lock.discount_minor == 3000
    assert lock.expires_at == NOW + timedelta(minutes=3)
    too_much = await store_order(tx, cart(30_000, id=order.id), now=NOW)
    assert isinstance(too_much, Refused)
    assert (await get_order(tx, order.id)).amount_minor == 6000
    assert (await get_lock(tx, "A", "ours", now=NOW)).discount_minor == 3000
    assert (await become(tx, order, OrderStatus.PAID)).total_minor == 3000


async def test_other_coupons_take_the_place_of_the_first(tx: Tx) -> None:
    first = await add_code(tx, "A", offer=amount_off(1000))
    second = await add_code(tx, "B", offer=amount_off(500))
    order = await store(tx, cart(5000), naming("A", session="one"))
    await store(tx, OrderDraft(id=order.id), naming("B", session="two"))
    assert (await held(tx, first.id), await held(tx, second.id)) == (0, 1)
    await store(tx, OrderDraft(id=order.id), CouponsWanted(redeemables=()))
    assert await held(tx, second.id) == 0
    assert (await become(tx, order, OrderStatus.PAID)).total_minor == 5000
    assert await count_redeemed(tx) == 0


async def test_an_order_that_was_paid_takes_no_coupons_this_way(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(1000))
    order = await store(tx, cart(5000, status=OrderStatus.PAID))
    with pytest.raises(InvalidInput) as refused:
        await store_order(tx, OrderDraft(id=order.id), coupons=naming("A"), now=NOW)
    assert refused.value.key == "invalid_order_status"
    with pytest.raises(NotFound):
        await store_order(tx, OrderDraft(id="ord_x"), now=NOW)
