"""Points follow orders and events: once, and back with the goods."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kaquan.campaigns import VoucherDraft, add_voucher, adjust_balance, disable_campaign
from kaquan.checkout import (
    CheckoutRequest,
    OfOrder,
    Redeemable,
    Redeemed,
    ReturnRequest,
    redeem,
    return_goods,
    store_order,
)
from kaquan.customers import (
    CollectionKind,
    Order,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    ProductDraft,
    create_collection,
    create_order,
    record_event,
    update_order,
    upsert_product,
)
from kaquan.ledger import AccountKind
from kaquan.loyalty import (
    Basis,
    EarningRuleChange,
    Goods,
    LoyaltyTierDraft,
    PointsMapping,
    create_tiers,
    delete_earning_rule,
    list_card_transactions,
    settle_due_points,
    settle_points,
    update_earning_rule,
)
from kaquan.loyalty.store.points import list_due_subjects
from kaquan.runtime import (
    Database,
    InvalidInput,
    JobServices,
    NotFound,
    Project,
    Settings,
    Tx,
)
from loyalty.world import NOW, add_rule, buy, join, open_programme, points_on


async def test_an_order_earns_once_however_often_it_is_settled(tx: Tx) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.ORDER_AMOUNT, 2, every=100)
    order = await buy(tx, customer, 10_000, 550)
    assert await points_on(tx, card) == 210
    assert await settle_points(tx, order.id, now=NOW) == 0
    fulfilled = OrderDraft(status=OrderStatus.FULFILLED)
    await update_order(tx, order.id, fulfilled, now=NOW)
    await settle_points(tx, order.id, now=NOW)
    assert await points_on(tx, card) == 210
    assert await list_due_subjects(tx, limit=9) == []


async def test_paying_later_earns_then(tx: Tx) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.FIXED, 50)
    order = await buy(tx, customer, 1_000, status=OrderStatus.CREATED)
    assert await points_on(tx, card) == 0
    paid = await store_order(tx, OrderDraft(id=order.id, status=OrderStatus.PAID), now=NOW)
    assert isinstance(paid, Order)
    assert await list_due_subjects(tx, limit=9) == [order.id]
    await settle_points(tx, order.id, now=NOW)
    assert await points_on(tx, card) == 50


@pytest.mark.parametrize(
    ("rule", "earned"),
    [
        ({}, 10),
        ({"active": False}, 0),
        ({"starts_at": NOW + timedelta(seconds=1)}, 0),
        ({"starts_at": NOW}, 10),
        ({"expires_at": NOW}, 0),
        ({"expires_at": NOW + timedelta(seconds=1)}, 10),
    ],
)
async def test_when_a_rule_holds(tx: Tx, rule: dict[str, Any], earned: int) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.FIXED, 10, **rule)
    await buy(tx, customer, 1_000)
    assert await points_on(tx, card) == earned


async def test_who_earns_nothing(tx: Tx) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    before = await buy(tx, customer, 1_000)
    rule = await add_rule(tx, programme, Basis.FIXED, 10)
    await buy(tx, customer, 1_000, placed_at=NOW - timedelta(days=1))
    await update_order(tx, before.id, OrderDraft(metadata={"a": 1}), now=NOW)
    await settle_points(tx, before.id, now=NOW)
    assert await points_on(tx, card) == 0, "history earns nothing"
    guest = OrderDraft(amount_minor=1_000, status=OrderStatus.PAID)
    await create_order(tx, guest, now=NOW)
    assert await list_due_subjects(tx, limit=9) == []
    await disable_campaign(tx, programme.id, now=NOW)
    await buy(tx, customer, 1_000)
    assert await points_on(tx, card) == 0, "a programme that is off gives nothing"
    await delete_earning_rule(tx, programme.id, rule.id)
    with pytest.raises(NotFound):
        await update_earning_rule(tx, programme.id, rule.id, EarningRuleChange(), now=NOW)


async def test_points_go_back_with_the_goods(tx: Tx) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.ORDER_AMOUNT, 1, every=100)
    await add_rule(tx, programme, Basis.FIXED, 7)
    order = await buy(tx, customer, 8_000, 2_000)
    assert await points_on(tx, card) == 107
    for amount, left in ((2_500, 107 - 25 - 1), (2_500, 107 - 50 - 3)):
        request = ReturnRequest(amount_minor=amount)
        await return_goods(tx, OfOrder(order.id), request, now=NOW)
        await settle_points(tx, order.id, now=NOW)
        assert await points_on(tx, card) == left
    await return_goods(tx, OfOrder(order.id), ReturnRequest(), now=NOW)
    await settle_points(tx, order.id, now=NOW)
    assert await points_on(tx, card) == 0


async def test_a_canceled_order_takes_back_what_is_left(tx: Tx) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.FIXED, 100)
    order = await buy(tx, customer, 1_000)
    await adjust_balance(tx, card.id, -80, now=NOW)
    await store_order(tx, OrderDraft(id=order.id, status=OrderStatus.CANCELED), now=NOW)
    await settle_points(tx, order.id, now=NOW)
    assert await points_on(tx, card) == 0, "what was spent stays spent"
    await adjust_balance(tx, card.id, 30, now=NOW)
    await settle_points(tx, order.id, now=NOW)
    assert await points_on(tx, card) == 30, "and is not asked back later"


async def test_an_order_that_a_redemption_paid_earns_too(tx: Tx) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.ORDER_TOTAL_AMOUNT, 1, every=100)
    off = {"effect": {"code": "amount_off", "amount_minor": 1_000}}
    await add_voucher(tx, VoucherDraft(code="TEA", offer=off), now=NOW)
    request = CheckoutRequest(
        redeemables=(Redeemable(id="TEA"),),
        order=OrderDraft(amount_minor=5_000, customer_id=customer.id),
        customer=customer.id,
    )
    done = await redeem(tx, request, now=NOW)
    assert isinstance(done, Redeemed)
    assert done.order is not None
    assert await list_due_subjects(tx, limit=9) == [done.order.id]
    await settle_points(tx, done.order.id, now=NOW)
    assert await points_on(tx, card) == 40


async def test_the_upkeep_settles_what_nobody_settled(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        programme = await open_programme(tx)
        customer, card = await join(tx, programme, "li")
        await add_rule(tx, programme, Basis.FIXED, 10)
        for _ in range(3):
            draft = OrderDraft(customer_id=customer.id, amount_minor=1_000, status=OrderStatus.PAID)
            await create_order(tx, draft, now=NOW)
    await settle_due_points(JobServices(database, Settings()), project)
    async with database.transaction(project.project_id) as tx:
        assert await points_on(tx, card) == 30
        assert await list_due_subjects(tx, limit=9) == []


async def test_goods_that_count(tx: Tx) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    tea = await upsert_product(tx, ProductDraft(source_id="tea", price_minor=500), now=NOW)
    pot = await upsert_product(tx, ProductDraft(source_id="pot", price_minor=900), now=NOW)
    await add_rule(
        tx,
        programme,
        Basis.ORDER_ITEMS_QUANTITY,
        1,
        goods=(Goods("product", tea.id),),
    )
    collection = await create_collection(
        tx,
        "Pots",
        kind=CollectionKind.STATIC,
        members=[(pot.id, None)],
        now=NOW,
    )
    await add_rule(
        tx,
        programme,
        Basis.ORDER_ITEMS_AMOUNT,
        1,
        every=100,
        goods=(Goods("products_collection", collection.id),),
    )
    lines = (
        OrderLineDraft(product_id=tea.id, quantity=3),
        OrderLineDraft(product_id=pot.id, quantity=1),
        OrderLineDraft(source_id="cup", unit_price_minor=100, quantity=9),
    )
    draft = OrderDraft(customer_id=customer.id, status=OrderStatus.PAID, lines=lines)
    order = await create_order(tx, draft, now=NOW)
    await settle_points(tx, order.id, now=NOW)
    assert await points_on(tx, card) == 3 + 9


async def test_a_custom_event_earns_once(tx: Tx) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(
        tx,
        programme,
        Basis.CUSTOM_EVENT_METADATA,
        5,
        property="photos",
        event="review",
    )
    said: dict[str, Any] = {"metadata": {"photos": 3}, "source_id": "r1"}
    event = await record_event(tx, customer.id, "review", **said, now=NOW)
    await record_event(tx, customer.id, "visit", now=NOW)
    assert await list_due_subjects(tx, limit=9) == [event.id]
    await settle_points(tx, event.id, now=NOW)
    assert await record_event(tx, customer.id, "review", **said, now=NOW) == event
    assert await list_due_subjects(tx, limit=9) == []
    await settle_points(tx, event.id, now=NOW)
    assert await points_on(tx, card) == 15
    page = await list_card_transactions(tx, AccountKind.POINTS, voucher_id=card.id, limit=9)
    assert [(one.amount, one.event_id) for one in page.items] == [(15, event.id)]


async def test_a_tier_multiplies_what_its_members_earn(tx: Tx) -> None:
    programme = await open_programme(tx, points=500)
    customer, card = await join(tx, programme, "li")
    rule = await add_rule(tx, programme, Basis.FIXED, 10)
    twice = PointsMapping(type="MULTIPLY", multiplier=Decimal(2))
    gold = LoyaltyTierDraft(name="Gold", from_points=500, earning_rules={rule.id: twice})
    await create_tiers(tx, programme.id, [gold], now=NOW)
    await buy(tx, customer, 1_000)
    assert await points_on(tx, card) == 520


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ((0, 99), (99, 200), "[0].points"),
        ((100, None), (500, 600), "[0].points"),
        ((0, 99), (300, 200), "[0].points.to"),
    ],
)
async def test_tiers_may_not_overlap(
    tx: Tx, first: tuple[int, int | None], second: tuple[int, int | None], field: str
) -> None:
    programme = await open_programme(tx)
    for number, (start, end) in enumerate((first, second)):
        draft = LoyaltyTierDraft(name=f"T{number}", from_points=start, to_points=end)
        if number == 0:
            await create_tiers(tx, programme.id, [draft], now=NOW)
            continue
        with pytest.raises(InvalidInput) as refused:
            await create_tiers(tx, programme.id, [draft], now=NOW)
        assert refused.value.details["field"] == field


@pytest.mark.parametrize(
    ("basis", "more", "field"),
    [
        (Basis.ORDER_METADATA, {}, "[0].loyalty.property"),
        (Basis.ORDER_AMOUNT, {"event": "review"}, "[0].loyalty.calculation_type"),
        (
            Basis.CUSTOM_EVENT_METADATA,
            {"property": "photos"},
            "[0].loyalty.calculation_type",
        ),
        (Basis.FIXED, {"starts_at": NOW, "expires_at": NOW}, "[0].expiration_date"),
    ],
)
async def test_rules_that_make_no_sense(
    tx: Tx, basis: Basis, more: dict[str, Any], field: str
) -> None:
    programme = await open_programme(tx)
    with pytest.raises(InvalidInput) as refused:
        await add_rule(tx, programme, basis, 1, **more)
    assert refused.value.details["field"] == field
