"""Points that wait before they count, and points that are gone when their day is over."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from kaquan.campaigns import adjust_balance
from kaquan.checkout import (
    CheckoutRequest,
    GoodsBack,
    OfOrder,
    Redeemable,
    Redeemed,
    ReturnRequest,
    Session,
    redeem,
    return_goods,
    roll_back,
    validate,
)
from kaquan.customers import OrderDraft, OrderStatus, update_order
from kaquan.ledger import AccountKind, check_ledger
from kaquan.loyalty import (
    Basis,
    PointsExceeded,
    PointsExpiry,
    activate_pending,
    adjust_pending,
    cancel_pending,
    list_card_transactions,
    list_outlooks,
    list_pending_points,
    list_points_lots,
    set_expiry_of,
    set_points_expiry,
    settle_points,
    turn_day,
)
from kaquan.runtime import Database, InvalidInput, NotFound, Project, Tx
from loyalty.world import NOW, add_rule, buy, join, open_programme, points_on

DAY = timedelta(days=1)
MONTHLY = PointsExpiry(period_type="MONTH", period_value=1)


@pytest.mark.parametrize(
    ("rule", "came", "last_day"),
    [
        ({"period_value": 1}, "2026-01-25", "2026-02-25"),
        ({"period_value": 1}, "2026-01-31", "2026-02-28"),
        ({"period_value": 1}, "2028-01-31", "2028-02-29"),
        ({"period_value": 0}, "2026-01-01", "2026-01-01"),
        ({"period_value": 12}, "2024-02-29", "2025-02-28"),
        ({"period_value": 1, "rounding_type": "END_OF_MONTH"}, "2026-01-05", "2026-02-28"),
        ({"period_value": 1, "rounding_type": "END_OF_QUARTER"}, "2026-03-05", "2026-06-30"),
        ({"period_value": 1, "rounding_type": "END_OF_HALF_YEAR"}, "2026-06-01", "2026-12-31"),
        ({"period_value": 1, "rounding_type": "END_OF_HALF_YEAR"}, "2026-05-30", "2026-06-30"),
        ({"period_value": 6, "rounding_type": "END_OF_YEAR"}, "2026-07-05", "2027-12-31"),
        (
            {"period_value": 1, "rounding_type": "PARTICULAR_MONTH", "rounding_value": 2},
            "2026-01-05",
            "2026-02-28",
        ),
        (
            {"period_value": 2, "rounding_type": "PARTICULAR_MONTH", "rounding_value": 2},
            "2026-01-05",
            "2027-02-28",
        ),
        ({"fixed_month": 3, "fixed_day": 31}, "2026-03-31", "2026-03-31"),
        ({"fixed_month": 3, "fixed_day": 31}, "2026-04-01", "2027-03-31"),
        ({"fixed_month": 2, "fixed_day": 30}, "2027-03-01", "2028-02-29"),
    ],
)
async def test_the_last_day(tx: Tx, rule: dict[str, Any], came: str, last_day: str) -> None:
    kind = "MONTH" if "period_value" in rule else "FIXED_DAY_OF_YEAR"
    programme = await open_programme(tx, points=9)
    await set_points_expiry(tx, programme.id, PointsExpiry(period_type=kind, **rule))
    _, card = await join(tx, programme, "li")
    await adjust_balance(
        tx, card.id, 10, now=datetime.combine(date.fromisoformat(came), NOW.timetz())
    )
    lots = (await list_points_lots(tx, programme.id, card.id, limit=9, page=1)).items
    # What the card started with came when it was made.
    assert last_day in [lot.expires_on.isoformat() for lot in lots if lot.points == 10]
    assert sorted(lot.points for lot in lots) == [9, 10]


async def test_the_project_has_the_day(tx: Tx) -> None:
    """At 17:30 UTC it is tomorrow in Shanghai."""
    programme = await open_programme(tx)
    await set_points_expiry(tx, programme.id, PointsExpiry(period_type="MONTH", period_value=0))
    _, card = await join(tx, programme, "li")
    await adjust_balance(tx, card.id, 10, now=datetime(2026, 3, 1, 17, 30, tzinfo=UTC))
    (lot,) = (await list_points_lots(tx, programme.id, card.id, limit=9, page=1)).items
    zone = (await (await tx.execute("select time_zone from project")).fetchone() or ("",))[0]
    assert lot.expires_on == date(2026, 3, 2 if zone == "Asia/Shanghai" else 1)


async def left_of(tx: Tx, programme: str, card: str) -> list[tuple[int, int]]:
    """Of each lot, by its day, what is left and what expired; the ledger must be whole."""
    assert await check_ledger(tx) == []
    cursor = await tx.execute(
        "select remaining, expired from points_lot where voucher_id = %s order by expires_on, id",
        (card,),
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def test_what_expires_first_is_spent_first_and_comes_back_last(tx: Tx) -> None:
    programme = await open_programme(tx, points=100)
    _, card = await join(tx, programme, "li")
    for months, points in ((2, 200), (1, 50)):
        rule = PointsExpiry(period_type="MONTH", period_value=months)
        await set_points_expiry(tx, programme.id, rule)
        await adjust_balance(tx, card.id, points, now=NOW)
    pay = Redeemable(id=card.code, credits=300)
    order = OrderDraft(amount_minor=100_000)
    done = await redeem(tx, CheckoutRequest(redeemables=(pay,), order=order), now=NOW)
    assert isinstance(done, Redeemed)
    assert await left_of(tx, programme.id, card.id) == [(0, 0), (0, 0)]
    assert await points_on(tx, card) == 50
    await roll_back(tx, done.redemptions[0].id, now=NOW)
    assert await left_of(tx, programme.id, card.id) == [(50, 0), (200, 0)]
    # By hand goes what expires first as well.
    await adjust_balance(tx, card.id, -60, now=NOW)
    assert await left_of(tx, programme.id, card.id) == [(0, 0), (190, 0)]


async def test_points_go_when_their_day_is_over(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        programme = await open_programme(tx, points=100)
        _, card = await join(tx, programme, "li")
        await set_points_expiry(tx, programme.id, MONTHLY)
        await adjust_balance(tx, card.id, 50, now=NOW)
        never = await adjust_balance(tx, card.id, 7, now=NOW + DAY)
        await set_expiry_of(tx, never, None, now=NOW + DAY)
        held = Redeemable(id=card.code, credits=130)
        request = CheckoutRequest(
            redeemables=(held,), order=OrderDraft(amount_minor=90_000), session=Session(key="s")
        )
        assert (await validate(tx, request, now=NOW)).valid
    last_day = datetime(2026, 4, 1, 12, tzinfo=UTC)
    expected = [
        (last_day, 157, [(50, 0)]),
        # What a checkout holds is left: 27 points are free.
        (last_day + DAY, 130, [(23, 27)]),
        (last_day + DAY, 130, [(23, 27)]),
    ]
    for moment, points, lots in expected:
        await turn_day(database, project, now=moment)
        async with database.transaction(project.project_id) as tx:
            assert await points_on(tx, card) == points
            assert await left_of(tx, programme.id, card.id) == lots
    async with database.transaction(project.project_id) as tx:
        moved = await list_card_transactions(tx, AccountKind.POINTS, voucher_id=card.id, limit=1)
        assert [(one.cause.value, one.amount) for one in moved.items] == [("expire", -27)]


async def test_points_wait_for_their_day(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        programme = await open_programme(tx)
        customer, card = await join(tx, programme, "li")
        await add_rule(tx, programme, Basis.FIXED, 40, pending_days=14, expiry=MONTHLY)
        await buy(tx, customer, 1_000)
        assert await points_on(tx, card) == 0
        assert (await list_outlooks(tx, [card.id]))[card.id].pending == 40
        (waiting,) = (await list_pending_points(tx, member_id=card.id, limit=9)).items
        assert waiting.activates_on == date(2026, 3, 15)
    for moment, points in ((NOW + 13 * DAY, 0), (NOW + 14 * DAY, 40), (NOW + 15 * DAY, 40)):
        await turn_day(database, project, now=moment)
        async with database.transaction(project.project_id) as tx:
            assert await points_on(tx, card) == points
    async with database.transaction(project.project_id) as tx:
        outlook = (await list_outlooks(tx, [card.id]))[card.id]
        # Their month begins when they count.
        assert (outlook.pending, outlook.next_expiry) == (0, date(2026, 4, 15))


@pytest.mark.parametrize(
    ("activated", "spent", "back", "pending", "on_card"),
    [
        (False, 0, 1, 50, 0),
        (False, 0, 2, 0, 0),
        (True, 0, 1, 0, 50),
        (True, 30, 1, 0, 20),
        (True, 70, 1, 0, 0),
        (True, 0, 2, 0, 0),
    ],
)
async def test_returned_goods_take_what_waits_before_what_counts(
    tx: Tx, *, activated: bool, spent: int, back: int, pending: int, on_card: int
) -> None:
    programme = await open_programme(tx)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.FIXED, 100, pending_days=3)
    order = await buy(tx, customer, 1_000)
    if activated:
        (waiting,) = (await list_pending_points(tx, member_id=card.id, limit=9)).items
        await activate_pending(tx, card.id, waiting.id, now=NOW)
    if spent:
        await adjust_balance(tx, card.id, -spent, now=NOW)
    request = ReturnRequest(goods=(GoodsBack(line=0, quantity=back),))
    await return_goods(tx, OfOrder(order.id), request, now=NOW)
    await settle_points(tx, order.id, now=NOW)
    assert (await list_outlooks(tx, [card.id]))[card.id].pending == pending
    assert await points_on(tx, card) == on_card


@pytest.mark.parametrize("ended", ["cancelled", "adjusted"])
async def test_what_was_never_given_is_not_taken_back(tx: Tx, ended: str) -> None:
    programme = await open_programme(tx, points=500)
    customer, card = await join(tx, programme, "li")
    await add_rule(tx, programme, Basis.FIXED, 100, pending_days=3)
    order = await buy(tx, customer, 1_000)
    (waiting,) = (await list_pending_points(tx, member_id=card.id, limit=9)).items
    if ended == "cancelled":
        await cancel_pending(tx, card.id, waiting.id, now=NOW)
    else:
        with pytest.raises(PointsExceeded):
            await adjust_pending(tx, card.id, waiting.id, -101, now=NOW)
        with pytest.raises(InvalidInput):
            await adjust_pending(tx, card.id, waiting.id, -100, now=NOW)
        await adjust_pending(tx, card.id, waiting.id, -60, now=NOW)
        await activate_pending(tx, card.id, waiting.id, now=NOW)
        assert await points_on(tx, card) == 540
    with pytest.raises(NotFound):
        await activate_pending(tx, card.id, waiting.id, now=NOW)
    await update_order(tx, order.id, OrderDraft(status=OrderStatus.CANCELED), now=NOW)
    await settle_points(tx, order.id, now=NOW)
    assert await points_on(tx, card) == 500
