"""The order of a redemption: inline, stored, updated, discounted before, or long ago."""

from datetime import timedelta

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    enter_customer,
    open_campaign,
    percent_off,
    read_balance,
    redeem_now,
    refuse_now,
)
from kaquan.checkout import CheckoutRequest, Redeemable, Redeemed, Refused, redeem, validate
from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderStatus,
    create_order,
    delete_customer,
    get_order,
)
from kaquan.engine import ReasonCode
from kaquan.ledger import AccountKind
from kaquan.runtime import InvalidInput, Tx


class TestOrders:
    """Inline, stored, updated, discounted before: the order says what is off it in all."""

    async def test_a_stored_order_is_paid_and_discounted(self, tx: Tx) -> None:
        await add_code(tx, "CODE", offer=amount_off(100, target="items"))
        stored = await create_order(tx, cart(5000, 50, source_id="o-1"), now=NOW)
        done = await redeem_now(tx, asking("CODE", order="o-1", customer=CustomerDraft()))
        assert done.order is not None
        assert done.customer is not None
        assert (done.order.id, done.order.customer_id) == (stored.id, done.customer.id)
        assert [line.discount_minor for line in done.order.lines] == [100, 50]
        assert (done.order.status, done.order.total_minor) == ("PAID", 4900)

    async def test_a_known_order_is_updated_by_what_is_sent(self, tx: Tx) -> None:
        await add_code(tx, "CODE", offer=percent_off(1000))
        stored = await create_order(tx, cart(5000, source_id="o-1"), now=NOW)
        done = await redeem_now(tx, asking("CODE", order=cart(7000, 100, source_id="o-1")))
        assert done.order is not None
        assert (done.order.id, done.order.amount_minor) == (stored.id, 7100)
        assert done.order.discount_minor == 710

    async def test_a_second_redemption_works_on_what_is_left(self, tx: Tx) -> None:
        await add_code(tx, "A", offer=amount_off(1000))
        await add_code(tx, "B", offer=percent_off(5000))
        await redeem_now(tx, asking("A", order=cart(6000, 4000, source_id="o-1")))
        for order in ("o-1", cart(6000, 4000, source_id="o-1")):
            preview = await validate(tx, asking("B", order=order), now=NOW)
            assert preview.decision.total_discount_minor == 4500
            assert preview.figures.total_discount_minor == 5500
        done = await redeem_now(tx, asking("B", order="o-1"))
        assert done.order is not None
        assert (done.order.discount_minor, done.order.total_minor) == (5500, 4500)
        assert done.redemptions[0].discount_minor == 4500

    async def test_a_discounted_order_keeps_its_goods(self, tx: Tx) -> None:
        await add_code(tx, "A", offer=amount_off(1000), quantity=None)
        await redeem_now(tx, asking("A", order=cart(6000, source_id="o-1")))
        for verb in (validate, redeem):
            with pytest.raises(InvalidInput) as refused:
                await verb(tx, asking("A", order=cart(9000, source_id="o-1")), now=NOW)
            assert refused.value.key == "order_discounted"

    @pytest.mark.parametrize("status", [OrderStatus.FULFILLED, OrderStatus.PAID])
    async def test_a_status_further_on_stays(self, tx: Tx, status: OrderStatus) -> None:
        await add_code(tx, "A", offer=amount_off(1000), quantity=None)
        stored = await create_order(tx, cart(6000, status=status), now=NOW)
        done = await redeem_now(tx, asking("A", order=stored.id))
        assert done.order is not None
        assert done.order.status is status
        inline = await redeem_now(tx, asking("A", order=cart(6000, status=status)))
        assert inline.order is not None
        assert inline.order.status is status

    async def test_the_orders_customer_is_the_customer(self, tx: Tx) -> None:
        campaign = await open_campaign(tx, amount_off(100), per_customer_cap=1)
        await add_code(tx, "CODE", campaign_id=campaign.id, quantity=None)
        anna = await enter_customer(tx, "anna")
        stored = await create_order(tx, cart(6000, customer_id="anna"), now=NOW)
        done = await redeem_now(tx, asking("CODE", order=stored.id))
        assert done.customer == anna
        await refuse_now(tx, asking("CODE", order=cart(500, customer_id="anna")))

    async def test_the_order_of_a_person_who_was_erased(self, tx: Tx) -> None:
        await add_code(tx, "CODE", offer=amount_off(100))
        anna = await enter_customer(tx, "anna")
        stored = await create_order(tx, cart(6000, customer_id="anna"), now=NOW)
        await delete_customer(tx, anna.id, now=NOW)
        done = await redeem_now(tx, asking("CODE", order=stored.id))
        assert done.customer is None

    async def test_earlier_money_off_by_the_shop_counts(self, tx: Tx) -> None:
        await add_code(tx, "CODE", offer=percent_off(5000))
        order = OrderDraft(amount_minor=1000, discount_minor=400)
        done = await redeem_now(tx, asking("CODE", order=order))
        assert done.order is not None
        assert (done.order.discount_minor, done.order.total_minor) == (700, 300)
        assert done.redemptions[0].discount_minor == 300


class TestHistory:
    """Replaying what happened: the past time, the stored order, the value on the coupon."""

    THEN = NOW - timedelta(days=400)

    def _request(self, order_id: str) -> CheckoutRequest:
        return CheckoutRequest(
            redeemables=(Redeemable(id="HOUSE-1", face_value_minor=100),),
            order=order_id,
            order_already_discounted=True,
        )

    async def test_the_order_stays_and_the_redemption_is_kept(self, tx: Tx) -> None:
        campaign = await open_campaign(
            tx,
            {"effect": {"code": "printed_value", "max_minor": 500}},
            starts_at=self.THEN - timedelta(days=1),
            expires_at=self.THEN + timedelta(days=1),
            budget_minor=1000,
        )
        await add_code(tx, "HOUSE-1", campaign_id=campaign.id, quantity=2)
        await enter_customer(tx, "house-1")
        draft = OrderDraft(
            source_id="basket-1",
            customer_id="house-1",
            status=OrderStatus.FULFILLED,
            amount_minor=1000,
            discount_minor=100,
            lines=cart(700, 300).lines,
            placed_at=self.THEN,
        )
        stored = await create_order(tx, draft, now=NOW)
        for _ in range(2):
            done = await redeem(tx, self._request(stored.id), now=self.THEN)
            assert isinstance(done, Redeemed)
            (kept,) = done.redemptions
            assert (kept.created_at, kept.order_id) == (self.THEN, stored.id)
            assert (kept.items_discount_minor, kept.allocation) == (100, (70, 30))
            assert kept.order_amount_minor == 1000
        assert await get_order(tx, stored.id) == stored
        assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 800
        late = await redeem(tx, self._request(stored.id), now=NOW)
        assert isinstance(late, Refused)
        assert late.reason.code is ReasonCode.EXPIRED
