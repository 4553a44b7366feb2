"""Returns: what comes back in the ledger and the register, once, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    open_campaign,
    percent_off,
    read_balance,
    redeem_now,
    refuse_now,
)
from kaquan.checkout import (
    CheckoutRequest,
    GoodsBack,
    OfOrder,
    OfRedemption,
    OrderReturn,
    Redeemable,
    ReturnPolicy,
    ReturnRefusal,
    ReturnRefused,
    ReturnRequest,
    RollBack,
    UseBack,
    get_redemption,
    get_return,
    get_return_policy,
    list_returns,
    preview_return,
    return_goods,
    roll_back,
    set_return_policy,
)
from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    create_order,
    get_customer_summary,
    get_order,
)
from kaquan.ledger import (
    AccountKind,
    check_ledger,
    count_ledger,
    list_transfers,
    post_transfers,
    take,
)
from kaquan.runtime import InvalidInput, NotFound, Tx

LATER = NOW + timedelta(hours=1)
ORDER = OfOrder("o-1")
ANNA = CustomerDraft(source_id="anna")


def units(*quantities: int) -> ReturnRequest:
    """So many units of each line; none of those with 0."""
    goods = tuple(GoodsBack(line=at, quantity=n) for at, n in enumerate(quantities) if n)
    return ReturnRequest(goods=goods)


def order_of(*lines: tuple[int, int], **fields: Any) -> OrderDraft:
    """The order o-1 with lines of (quantity, unit price)."""
    drafts = tuple(
        OrderLineDraft(source_id=f"sku_{at}", quantity=quantity, unit_price_minor=price)
        for at, (quantity, price) in enumerate(lines)
    )
    return OrderDraft(source_id="o-1", lines=drafts, **fields)


async def take_back(
    tx: Tx, request: ReturnRequest, target: OfOrder | OfRedemption = ORDER
) -> OrderReturn:
    """Return and insist on success; the ledger must be whole afterwards."""
    done = await return_goods(tx, target, request, now=LATER)
    assert isinstance(done, OrderReturn), done
    assert await check_ledger(tx) == []
    return done


async def test_everything_that_was_taken_comes_back(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(1000), budget_minor=5000, per_customer_cap=1)
    voucher = await add_code(tx, "CODE", campaign_id=campaign.id)
    await add_code(tx, "MORE", campaign_id=campaign.id)
    request = asking("CODE", order=order_of((3, 1000), (1, 2000)), customer=ANNA)
    done = await redeem_now(tx, request)
    assert done.customer is not None
    assert done.order is not None
    half = await take_back(tx, units(2))
    assert (half.given_back_minor, half.refund_minor, half.completes) == (200, 1800, False)
    assert half.order_id == done.order.id
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 4700
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 0
    kept = await get_redemption(tx, done.redemptions[0].id)
    assert (kept.returned_minor, kept.use_returned, kept.rolled_back) == (200, False, False)
    assert (await get_order(tx, "o-1")).status is OrderStatus.PARTIALLY_RETURNED
    await refuse_now(tx, asking("MORE", customer=ANNA))
    rest = await take_back(tx, ReturnRequest(reason="broken", metadata={"till": 3}))
    assert (rest.given_back_minor, rest.refund_minor, rest.completes) == (300, 2700, True)
    assert (rest.reason, rest.metadata, rest.created_at) == ("broken", {"till": 3}, LATER)
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 5000
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 1
    order = await get_order(tx, "o-1")
    assert (order.status, order.total_minor) == (OrderStatus.RETURNED, 4500)
    assert (await get_customer_summary(tx, done.customer.id)).order_count == 0
    reversals = [t for t in await list_transfers(tx, rest.id) if t.reverses is not None]
    assert {t.kind for t in reversals} == {
        AccountKind.BUDGET,
        AccountKind.USES,
        AccountKind.CUSTOMER_USES,
    }
    # The person's cap of one is free again, and the coupon can be used again.
    await redeem_now(tx, asking("CODE", order=cart(1000), customer=ANNA))


async def test_a_use_that_went_back_is_not_counted_by_a_rule(tx: Tx) -> None:
    once = {**amount_off(100), "condition": {"code": "per_customer_count", "at_most": 1}}
    campaign = await open_campaign(tx, once)
    await add_code(tx, "A", campaign_id=campaign.id, quantity=None)
    await redeem_now(tx, asking("A", order=order_of((2, 1000)), customer=ANNA))
    await refuse_now(tx, asking("A", customer=ANNA))
    await take_back(tx, units(1))
    await refuse_now(tx, asking("A", customer=ANNA))
    await take_back(tx, units(1))
    await redeem_now(tx, asking("A", customer=ANNA))


async def test_a_stack_gives_back_each_its_own(tx: Tx) -> None:
    for code, off in (("A", 300), ("B", 500)):
        campaign = await open_campaign(tx, amount_off(off), name=code, budget_minor=1000)
        await add_code(tx, code, campaign_id=campaign.id)
    done = await redeem_now(tx, asking("A", "B", order=order_of((4, 1000))))
    assert done.parent is not None
    back = await take_back(tx, units(1), OfRedemption(done.parent.id))
    assert (back.given_back_minor, back.refund_minor) == (200, 800)
    assert [p.redemption_id for p in back.parts] == [r.id for r in done.redemptions]
    assert [p.returned_minor for p in back.parts] == [75, 125]
    assert (await get_redemption(tx, done.parent.id)).returned_minor == 200
    assert (await list_returns(tx, redemption_id=done.parent.id)).items == [back]
    assert (await list_returns(tx, redemption_id=done.redemptions[0].id)).items == [back]


async def test_a_gift_card_gets_its_part_back(tx: Tx) -> None:
    card = await add_code(tx, "GIFT", offer={"effect": {"code": "stored_value"}}, balance=5000)
    request = CheckoutRequest(
        redeemables=(Redeemable(id="GIFT", credits=1000),), order=order_of((3, 1000))
    )
    await redeem_now(tx, request)
    assert await read_balance(tx, card.id, AccountKind.VALUE) == 4000
    for units_back, balance in ((1, 4333), (1, 4667), (1, 5000)):
        await take_back(tx, units(units_back))
        assert await read_balance(tx, card.id, AccountKind.VALUE) == balance


async def test_points_go_back_in_points(tx: Tx) -> None:
    pays = {"effect": {"code": "points_payment", "points": 100, "worth_minor": 50}}
    card = await add_code(tx, "POINTS", offer=pays, balance=1000)
    request = CheckoutRequest(
        redeemables=(Redeemable(id="POINTS", credits=300),), order=order_of((3, 100))
    )
    done = await redeem_now(tx, request)
    assert done.redemptions[0].total_discount_minor == 150
    assert await read_balance(tx, card.id, AccountKind.POINTS) == 700
    for balance in (800, 900, 1000):
        await take_back(tx, units(1))
        assert await read_balance(tx, card.id, AccountKind.POINTS) == balance


async def test_points_that_were_earned_go_with_the_goods(tx: Tx) -> None:
    earn = {"effect": {"code": "points_multiplier", "multiplier_bps": 20_000, "extra_points": 30}}
    await add_code(tx, "EARN", offer=earn)
    done = await redeem_now(tx, asking("EARN", order=order_of((3, 1000)), customer=ANNA))
    assert done.customer is not None
    anna = done.customer.id
    assert await read_balance(tx, anna, AccountKind.POINTS) == 30
    await take_back(tx, units(1))
    assert await read_balance(tx, anna, AccountKind.POINTS) == 20
    # What was spent since stays spent.
    spent = take(anna, AccountKind.POINTS, 15, cause_id="elsewhere")
    await post_transfers(tx, [spent], now=NOW)
    await take_back(tx, ReturnRequest())
    assert await read_balance(tx, anna, AccountKind.POINTS) == 0


async def test_a_redemption_without_an_order_comes_back_as_a_whole(tx: Tx) -> None:
    voucher = await add_code(tx, "A", offer=amount_off(1000))
    request = CheckoutRequest(redeemables=(Redeemable(id="A"),))
    done = await redeem_now(tx, request)
    target = OfRedemption(done.redemptions[0].id)
    before = await count_ledger(tx)
    with pytest.raises(InvalidInput):
        await return_goods(tx, target, units(1), now=LATER)
    too_much = await return_goods(tx, target, ReturnRequest(amount_minor=1), now=LATER)
    assert isinstance(too_much, ReturnRefused)
    assert await count_ledger(tx) == before
    back = await take_back(tx, ReturnRequest(), target)
    assert (back.order_id, back.gross_minor, back.completes) == (None, 0, True)
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 1
    again = await return_goods(tx, target, ReturnRequest(), now=LATER)
    assert again == ReturnRefused(REFUSALS["again"])


async def test_an_order_without_coupons_can_be_returned(tx: Tx) -> None:
    await create_order(
        tx, order_of((2, 1000), status=OrderStatus.PAID, discount_minor=100), now=NOW
    )
    back = await take_back(tx, units(1))
    assert (back.parts, back.given_back_minor, back.refund_minor) == ((), 0, 950)
    assert (await get_order(tx, "o-1")).status is OrderStatus.PARTIALLY_RETURNED
    assert (await take_back(tx, ReturnRequest())).refund_minor == 950
    assert (await list_returns(tx, order="o-1")).total == 2


async def test_a_rollback_gives_back_what_returns_left(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(1000), budget_minor=3000)
    voucher = await add_code(tx, "A", campaign_id=campaign.id)
    done = await redeem_now(tx, asking("A", order=order_of((4, 1000))))
    await take_back(tx, units(1))
    undone = await roll_back(tx, done.redemptions[0].id, now=LATER)
    assert isinstance(undone, RollBack)
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 3000
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 1
    assert await check_ledger(tx) == []
    assert undone.order is not None
    assert (undone.order.status, undone.order.total_minor) == (OrderStatus.CANCELED, 4000)


async def test_a_preview_writes_nothing(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(1000))
    await redeem_now(tx, asking("A", order=order_of((4, 1000))))
    before = await count_ledger(tx)
    shown = await preview_return(tx, ORDER, units(1), now=LATER)
    assert isinstance(shown, OrderReturn)
    assert (shown.id, shown.given_back_minor) == ("", 250)
    assert await count_ledger(tx) == before
    assert (await list_returns(tx, order="o-1")).total == 0
    assert (await get_order(tx, "o-1")).status is OrderStatus.PAID


async def test_policies_are_kept_by_campaign(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(100), name="Spring")
    assert await get_return_policy(tx, "Spring") == ReturnPolicy()
    policy = ReturnPolicy(kept_goods="recheck_threshold", use_back=UseBack.NEVER)
    await set_return_policy(tx, "Spring", policy, now=NOW)
    assert await get_return_policy(tx, campaign.id) == policy
    with pytest.raises(NotFound):
        await set_return_policy(tx, "Autumn", policy, now=NOW)


async def test_returns_are_listed_by_pages(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(1000))
    await redeem_now(tx, asking("A", order=order_of((4, 1000))))
    made: list[str] = []
    for minute in range(3):
        now = LATER + timedelta(minutes=minute)
        done = await return_goods(tx, ORDER, units(1), now=now)
        assert isinstance(done, OrderReturn)
        made.append(done.id)
        assert await get_return(tx, done.id) == done
    newest = await list_returns(tx, order="o-1", limit=2)
    assert ([one.id for one in newest.items], newest.total) == (made[:0:-1], 3)
    oldest = await list_returns(tx, sort="created_at", limit=2, page=2)
    assert [one.id for one in oldest.items] == made[2:]
    wrongs: list[dict[str, Any]] = [{"sort": "amount"}, {"limit": 0}, {"limit": 101}, {"page": 0}]
    for wrong in wrongs:
        with pytest.raises(InvalidInput):
            await list_returns(tx, **wrong)
    missings: list[dict[str, Any]] = [{"order": "o-2"}, {"redemption_id": "r_x"}]
    for missing in missings:
        with pytest.raises(NotFound):
            await list_returns(tx, **missing)
    with pytest.raises(NotFound):
        await get_return(tx, "ret_x")


REFUSALS: dict[str, Any] = {
    "child": "invalid_redemption_parent",
    "rollback": "invalid_redemption",
    "undone": "already_rolled_back",
    "again": "already_returned",
    "unpaid": "invalid_order_status",
    "canceled": "invalid_order_status",
}


@pytest.mark.parametrize(("what", "key"), REFUSALS.items())
async def test_what_cannot_be_returned(tx: Tx, what: str, key: str) -> None:
    for code in "ABCD":
        await add_code(tx, code, offer=amount_off(1000))
    stack = await redeem_now(tx, asking("A", "B", order=cart(5000)))
    undone = await redeem_now(tx, asking("C", order=cart(5000)))
    rolled = await roll_back(tx, undone.redemptions[0].id, now=NOW)
    assert isinstance(rolled, RollBack)
    await redeem_now(tx, asking("D", order=order_of((1, 5000))))
    await take_back(tx, ReturnRequest())
    await create_order(tx, OrderDraft(source_id="unpaid", amount_minor=5000), now=NOW)
    assert undone.order is not None
    targets = {
        "child": OfRedemption(stack.redemptions[0].id),
        "rollback": OfRedemption(rolled.rollbacks[0].id),
        "undone": OfRedemption(undone.redemptions[0].id),
        "again": ORDER,
        "unpaid": OfOrder("unpaid"),
        "canceled": OfOrder(undone.order.id),
    }
    before = await count_ledger(tx), (await list_returns(tx)).total
    for verb in (preview_return, return_goods):
        refused = await verb(tx, targets[what], ReturnRequest(), now=LATER)
        assert isinstance(refused, ReturnRefused)
        assert refused.refusal == key
    assert (await count_ledger(tx), (await list_returns(tx)).total) == before


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        pytest.param(units(4), "items[0].quantity", id="more than was bought"),
        pytest.param(units(0, 2), "items[0].quantity", id="more of the second line"),
        pytest.param(
            ReturnRequest(goods=(GoodsBack(line=0, quantity=2), GoodsBack(line=0, quantity=2))),
            "items[1].quantity",
            id="more in two parts",
        ),
        pytest.param(ReturnRequest(amount_minor=4001), "amount", id="worth more"),
        pytest.param(units(2**53 - 1), "items[0].quantity", id="much more"),
    ],
)
async def test_more_than_is_left_is_refused(tx: Tx, request_: ReturnRequest, field: str) -> None:
    await add_code(tx, "A", offer=amount_off(500))
    await redeem_now(tx, asking("A", order=order_of((3, 1000), (1, 1000))))
    before = await count_ledger(tx)
    refused = await return_goods(tx, ORDER, request_, now=LATER)
    assert refused == ReturnRefused(ReturnRefusal.TOO_MUCH, field)
    assert await count_ledger(tx) == before


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (units(-1), "items[0].quantity"),
        (ReturnRequest(goods=(GoodsBack(line=0, quantity=0),)), "items[0].quantity"),
        (units(2**53), "items[0].quantity"),
        (ReturnRequest(goods=()), "items"),
        (ReturnRequest(goods=(GoodsBack(line=2, quantity=1),)), "items[0].line"),
        (ReturnRequest(goods=(GoodsBack(line=-1, quantity=1),)), "items[0].line"),
        (ReturnRequest(goods=(GoodsBack(quantity=1),)), "items[0]"),
        (ReturnRequest(goods=(GoodsBack(source_id="sku_9", quantity=1),)), "items[0]"),
        (ReturnRequest(amount_minor=0), "amount"),
        (ReturnRequest(amount_minor=-5), "amount"),
        (ReturnRequest(amount_minor=2**53), "amount"),
        (ReturnRequest(goods=units(1).goods, amount_minor=5), "amount"),
    ],
)
async def test_goods_that_are_none(tx: Tx, request_: ReturnRequest, field: str) -> None:
    await add_code(tx, "A", offer=amount_off(500))
    await redeem_now(tx, asking("A", order=order_of((3, 1000), (1, 1000))))
    before = await count_ledger(tx)
    with pytest.raises(InvalidInput) as wrong:
        await return_goods(tx, ORDER, request_, now=LATER)
    assert wrong.value.field == field
    assert await count_ledger(tx) == before


async def test_two_lines_of_one_product_have_to_be_told_apart(tx: Tx) -> None:
    await create_order(
        tx,
        OrderDraft(
            source_id="o-1",
            status=OrderStatus.PAID,
            lines=tuple(OrderLineDraft(source_id="tea", unit_price_minor=p) for p in (100, 200)),
        ),
        now=NOW,
    )
    named = GoodsBack(source_id="tea", quantity=1)
    with pytest.raises(InvalidInput) as wrong:
        await return_goods(tx, ORDER, ReturnRequest(goods=(named,)), now=LATER)
    assert wrong.value.field == "items[0]"
    assert (await take_back(tx, units(0, 1))).refund_minor == 200


async def test_unknown_orders_and_redemptions(tx: Tx) -> None:
    for target in (OfOrder("nobody"), OfRedemption("r_nobody")):
        with pytest.raises(NotFound):
            await return_goods(tx, target, ReturnRequest(), now=LATER)
        with pytest.raises(NotFound):
            await preview_return(tx, target, ReturnRequest(), now=LATER)
