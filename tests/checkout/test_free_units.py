"""Goods that offers add to an order, and free delivery: figures, what is stored, the way back."""

from typing import Any

import msgspec
import pytest
from msgspec import structs

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    enter_customer,
    on_condition,
    open_campaign,
    percent_off,
    redeem_now,
)
from kaquan.checkout import (
    CheckoutRequest,
    GoodsBack,
    OfOrder,
    OrderReturn,
    ReturnPolicy,
    ReturnRequest,
    get_redemption,
    return_goods,
    roll_back,
    set_return_policy,
    validate,
)
from kaquan.customers import (
    OrderDraft,
    OrderLineDraft,
    Product,
    ProductDraft,
    create_order,
    get_order,
    upsert_product,
)
from kaquan.engine import ServiceGranted
from kaquan.runtime import InvalidInput, Tx


def free(product_id: str, quantity: int = 1, **fields: Any) -> dict[str, Any]:
    """The offer of some units for free."""
    unit = {"product_id": product_id, "quantity": quantity, **fields}
    return {"effect": {"code": "free_units", "units": [unit]}}


async def enter_product(tx: Tx, name: str, price_minor: int | None) -> Product:
    """A product in the catalogue."""
    draft = ProductDraft(source_id=name, name=name, price_minor=price_minor)
    return await upsert_product(tx, draft, now=NOW)


def buying(*lines: tuple[str, int], **fields: Any) -> OrderDraft:
    """An order of products by their names and quantities."""
    drafts = (OrderLineDraft(product_id=name, quantity=quantity) for name, quantity in lines)
    return OrderDraft(lines=tuple(drafts), **fields)


class TestFreeUnits:
    """They enter the amount and come off again; the order has them afterwards."""

    @pytest.mark.parametrize(
        ("cart", "adding", "lines", "amount", "total"),
        [
            pytest.param(
                [("rice", 1)], "new", [(1, 1, 2_000, 0), (2, 0, 1_000, 1_000)], 3_000, 2_000,
                id="onto a new line",
            ),
            pytest.param(
                [("tea", 1)], "new", [(3, 1, 1_500, 1_000)], 1_500, 500, id="onto its line"
            ),
            pytest.param(
                [("tea", 1)], "missing", [(2, 1, 1_000, 1_000)], 1_000, 0, id="what is missing"
            ),
            pytest.param(
                [("tea", 5)], "missing", [(5, 5, 2_500, 1_000)], 2_500, 1_500, id="all is there"
            ),
        ],
    )  # fmt: skip
    async def test_figures_and_order(
        self,
        tx: Tx,
        cart: list[tuple[str, int]],
        adding: str,
        lines: list[tuple[int, int, int, int]],
        amount: int,
        total: int,
    ) -> None:
        tea = await enter_product(tx, "tea", 500)
        await enter_product(tx, "rice", 2_000)
        await add_code(tx, "GIFT", offer=free(tea.id, 2, adding=adding))
        request = asking("GIFT", order=buying(*cart))
        tried = await validate(tx, request, now=NOW)
        done = await redeem_now(tx, request)
        for figures in (tried.figures, done.validation.figures):
            assert (figures.amount_minor, figures.total_minor) == (amount, total)
            shown = [
                (x.quantity, x.initial_quantity, x.amount_minor, x.items_discount_minor)
                for x in figures.lines
            ]
            assert shown == lines
        assert done.order is not None
        stored = await get_order(tx, done.order.id)
        assert (stored.amount_minor, stored.total_minor) == (amount, total)
        assert [(x.quantity, x.amount_minor, x.discount_minor) for x in stored.lines] == [
            (quantity, worth, off) for quantity, _, worth, off in lines
        ]
        assert [x.source_id for x in stored.lines] == [*dict(cart), "tea"][: len(lines)]

    async def test_a_second_coupon_on_the_bought_goods(self, tx: Tx) -> None:
        """The shop's cart does not know of the gift, and a later discount may rest on it."""
        tea = await enter_product(tx, "tea", 500)
        await enter_product(tx, "rice", 2_000)
        await add_code(tx, "GIFT", offer=free(tea.id))
        await add_code(tx, "OFF", offer=amount_off(300))
        order = buying(("rice", 1), source_id="o-1")
        first = await redeem_now(tx, asking("GIFT", order=order))
        second = await redeem_now(tx, asking("OFF", order=order))
        assert second.order is not None
        figures = (second.order.amount_minor, second.order.total_minor, len(second.order.lines))
        assert figures == (2_500, 1_700, 2)
        await roll_back(tx, first.redemptions[0].id, now=NOW)
        await roll_back(tx, second.redemptions[0].id, now=NOW)
        undone = await get_order(tx, "o-1")
        assert (undone.discount_minor, undone.items_discount_minor) == (0, 0)

    async def test_an_earlier_coupon_can_be_rolled_back(self, tx: Tx) -> None:
        """Its stored shares speak of fewer lines than the order has by now."""
        tea = await enter_product(tx, "tea", 500)
        await enter_product(tx, "rice", 2_000)
        await add_code(tx, "OFF", offer=percent_off(1_000, target="items"))
        await add_code(tx, "GIFT", offer=free(tea.id))
        first = await redeem_now(tx, asking("OFF", order=buying(("rice", 1), source_id="o-1")))
        await redeem_now(tx, asking("GIFT", order="o-1"))
        await roll_back(tx, first.redemptions[0].id, now=NOW)
        assert [x.discount_minor for x in (await get_order(tx, "o-1")).lines] == [0, 500]

    @pytest.mark.parametrize(
        ("undone", "lines", "amount"),
        [
            pytest.param(["GIFT"], [(1, 2_000), (1, 500), (1, 300)], 2_800, id="one before others"),
            pytest.param(["MORE"], [(1, 2_000), (1, 500)], 2_500, id="the last"),
            pytest.param(["GIFT", "MORE"], [(1, 2_000)], 2_000, id="both"),
            pytest.param(["MORE", "GIFT"], [(1, 2_000)], 2_000, id="both, the other way"),
            pytest.param(["RICE"], [(1, 2_000), (1, 500), (1, 300)], 2_800, id="on a bought line"),
        ],
    )
    async def test_rolled_back_they_go_again(
        self, tx: Tx, undone: list[str], lines: list[tuple[int, int]], amount: int
    ) -> None:
        """A line before one that stays keeps its place, which stored allocations go by."""
        tea, rice, nuts = [
            await enter_product(tx, name, price)
            for name, price in (("tea", 500), ("rice", 2_000), ("nuts", 300))
        ]
        gifts = {"GIFT": tea, "MORE": nuts, "RICE": rice}
        done: dict[str, str] = {}
        for code, product in gifts.items():
            if code == "RICE" and code not in undone:
                continue
            await add_code(tx, code, offer=free(product.id))
            order = buying(("rice", 1), source_id="o-1")
            done[code] = (await redeem_now(tx, asking(code, order=order))).redemptions[0].id
        for code in undone:
            await roll_back(tx, done[code], now=NOW)
        stored = await get_order(tx, "o-1")
        assert [(line.quantity, line.amount_minor) for line in stored.lines] == lines
        off = sum(line.discount_minor for line in stored.lines)
        assert (stored.amount_minor, stored.total_minor) == (amount, amount - off)
        assert stored.lines[0].source_id == "rice"

    @pytest.mark.parametrize(
        ("kept_goods", "clawed", "refund"),
        [("keep", 0, 1_000), ("recheck_threshold", 500, 500)],
    )
    async def test_a_gift_whose_threshold_is_lost(
        self, tx: Tx, kept_goods: str, clawed: int, refund: int
    ) -> None:
        """The policy says whether a gift that the kept goods do not earn is paid for."""
        tea = await enter_product(tx, "tea", 500)
        await enter_product(tx, "rice", 1_000)
        offer = on_condition(free(tea.id), code="minimum_spend", amount_minor=2_000)
        campaign = await open_campaign(tx, offer)
        policy = msgspec.convert({"kept_goods": kept_goods}, ReturnPolicy)
        await set_return_policy(tx, campaign.id, policy, now=NOW)
        await add_code(tx, "GIFT", campaign_id=campaign.id)
        await redeem_now(tx, asking("GIFT", order=buying(("rice", 2), source_id="o-1")))
        back = ReturnRequest(goods=(GoodsBack(line=0, quantity=1),))
        done = await return_goods(tx, OfOrder("o-1"), back, now=NOW)
        assert isinstance(done, OrderReturn)
        assert (done.clawed_back_minor, done.refund_minor) == (clawed, refund)
        rest = await return_goods(tx, OfOrder("o-1"), ReturnRequest(), now=NOW)
        assert isinstance(rest, OrderReturn)
        # Two bags were paid for; with the gift all that was paid comes back.
        assert (rest.line_quantities, rest.refund_minor) == ((1, 1), 2_000 - refund)

    async def test_a_stack_shows_the_order_grow(self, tx: Tx) -> None:
        tea = await enter_product(tx, "tea", 500)
        await enter_product(tx, "rice", 2_000)
        await add_code(tx, "GIFT", offer=free(tea.id))
        await add_code(tx, "OFF", offer=percent_off(1_000))
        done = await redeem_now(tx, asking("OFF", "GIFT", order=buying(("rice", 1))))
        assert [row.allocation for row in done.redemptions] == [(200, 0), (0, 500)]
        assert done.parent is not None
        assert done.parent.allocation == (200, 500)
        given = done.redemptions[1].given
        assert given is not None
        assert [(one.position, one.units) for one in given.added] == [(1, 1)]

    @pytest.mark.parametrize("price", [None, 500])
    async def test_goods_need_a_price(self, tx: Tx, price: int | None) -> None:
        tea = await enter_product(tx, "tea", price)
        await enter_product(tx, "rice", 2_000)
        await add_code(tx, "GIFT", offer=free(tea.id))
        result = await validate(tx, asking("GIFT", order=buying(("rice", 1))), now=NOW)
        codes = [reason.code.value for reason in result.attempts[0].reasons]
        assert codes == ([] if price else ["free_item_without_price"])

    async def test_not_onto_an_order_that_stays_as_it_is(self, tx: Tx) -> None:
        tea = await enter_product(tx, "tea", 500)
        await enter_product(tx, "rice", 2_000)
        await add_code(tx, "GIFT", offer=free(tea.id))
        order = await create_order(tx, buying(("rice", 1)), now=NOW)
        request = asking("GIFT", order=order.id, order_already_discounted=True)
        with pytest.raises(InvalidInput) as refused:
            await validate(tx, request, now=NOW)
        assert (refused.value.key, refused.value.field) == ("order_discounted", "order")


class TestDelivery:
    """What delivery costs is a part of the order, and comes off once."""

    FREE = {"effect": {"code": "shipping_off"}}

    @staticmethod
    def delivered(*codes: str, source_id: str = "o-1", **fields: Any) -> CheckoutRequest:
        """Rice for 20.00, brought for 8.00."""
        line = OrderLineDraft(source_id="rice", unit_price_minor=2_000)
        order = OrderDraft(lines=(line,), shipping_minor=800, source_id=source_id, **fields)
        return asking(*codes, order=order)

    async def test_it_comes_off(self, tx: Tx) -> None:
        await add_code(tx, "FREE", offer=self.FREE)
        done = await redeem_now(tx, self.delivered("FREE"))
        assert done.order is not None
        order = await get_order(tx, done.order.id)
        assert (order.amount_minor, order.shipping_minor, order.total_minor) == (2_800, 800, 2_000)
        given = done.redemptions[0].given
        assert given is not None
        assert given.shipping_minor == 800

    async def test_only_once(self, tx: Tx) -> None:
        await add_code(tx, "FREE", offer=self.FREE)
        await add_code(tx, "AGAIN", offer=self.FREE)
        first = await redeem_now(tx, self.delivered("FREE"))
        result = await validate(tx, asking("AGAIN", order="o-1"), now=NOW)
        assert [reason.code.value for reason in result.attempts[0].reasons] == ["no_shipping"]
        order = OrderDraft(source_id="o-2", amount_minor=2_800, shipping_minor=800)
        other = await validate(tx, asking("AGAIN", order=order), now=NOW)
        assert other.figures.discount_minor == 800
        await roll_back(tx, first.redemptions[0].id, now=NOW)

    async def test_it_cannot_cost_more_than_the_order(self, tx: Tx) -> None:
        await add_code(tx, "FREE", offer=self.FREE)
        order = OrderDraft(amount_minor=700, shipping_minor=800)
        with pytest.raises(InvalidInput) as refused:
            await validate(tx, asking("FREE", order=order), now=NOW)
        assert refused.value.field == "order.shipping_minor"
        with pytest.raises(InvalidInput):
            await create_order(tx, order, now=NOW)


async def test_a_service_is_kept_with_the_redemption(tx: Tx) -> None:
    effect = {"code": "service_entitlement", "service_id": "car wash", "visits": 3}
    await add_code(tx, "WASH", offer={"effect": effect})
    line = OrderLineDraft(source_id="fuel", unit_price_minor=20_000)
    request = asking("WASH", order=OrderDraft(lines=(line,)))
    result = await validate(tx, request, now=NOW)
    assert [reason.code.value for reason in result.attempts[0].reasons] == ["customer_required"]
    await enter_customer(tx, "anna")
    done = await redeem_now(tx, structs.replace(request, customer="anna"))
    given = (await get_redemption(tx, done.redemptions[0].id)).given
    assert given is not None
    assert given.grants == (ServiceGranted(service_id="car wash", visits=3),)
