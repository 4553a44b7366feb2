"""Rolling back: everything comes back once, and the order is canceled without its discount."""

from datetime import timedelta

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
)
from kaquan.checkout import (
    RedemptionKind,
    Refused,
    RollBack,
    RollBackRefused,
    get_redemption,
    list_redemptions,
    redeem,
    roll_back,
)
from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderStatus,
    create_order,
    get_customer_summary,
    get_order,
    update_order,
)
from kaquan.ledger import AccountKind, check_ledger, list_transfers
from kaquan.runtime import NotFound, Tx

LATER = NOW + timedelta(hours=1)


async def undo(tx: Tx, redemption_id: str) -> RollBack:
    """Roll back and insist on success; the ledger must be whole afterwards."""
    outcome = await roll_back(tx, redemption_id, now=LATER, reason="changed my mind")
    assert isinstance(outcome, RollBack)
    assert await check_ledger(tx) == []
    return outcome


async def test_everything_comes_back(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(1000), budget_minor=5000, per_customer_cap=1)
    voucher = await add_code(tx, "CODE", campaign_id=campaign.id)
    request = asking(
        "CODE", order=cart(6000, 4000), customer=CustomerDraft(source_id="anna"), channel="till"
    )
    done = await redeem_now(tx, request)
    assert done.order is not None
    assert done.customer is not None
    (redemption,) = done.redemptions
    undone = await undo(tx, redemption.id)
    assert undone.parent is None
    (rollback,) = undone.rollbacks
    assert (rollback.kind, rollback.result) == ("rollback", "SUCCESS")
    assert (rollback.reverses_id, rollback.created_at) == (redemption.id, LATER)
    assert (rollback.voucher_id, rollback.discount_minor) == (voucher.id, 1000)
    assert rollback.metadata == {"reason": "changed my mind"}
    assert await get_redemption(tx, rollback.id) == rollback
    assert (await get_redemption(tx, redemption.id)).rolled_back
    assert undone.order is not None
    assert (undone.order.status, undone.order.total_minor) == ("CANCELED", 10_000)
    assert await get_order(tx, done.order.id) == undone.order
    assert (await get_customer_summary(tx, done.customer.id)).order_count == 0
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 1
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 5000
    again = await redeem_now(tx, request)
    assert await list_transfers(tx, again.redemptions[0].id) != []


async def test_item_discounts_come_off_their_lines_again(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(500, target="items"))
    await add_code(tx, "B", offer=amount_off(300))
    first = await redeem_now(tx, asking("A", order=cart(6000, 400, source_id="o-1")))
    await redeem_now(tx, asking("B", order="o-1"))
    undone = await undo(tx, first.redemptions[0].id)
    assert undone.order is not None
    assert [line.discount_minor for line in undone.order.lines] == [0, 0]
    assert (undone.order.discount_minor, undone.order.items_discount_minor) == (300, 0)


async def test_a_stack_goes_as_a_whole(tx: Tx) -> None:
    vouchers = [await add_code(tx, code, offer=amount_off(1000)) for code in "AB"]
    done = await redeem_now(tx, asking("A", "B"))
    assert done.parent is not None
    undone = await undo(tx, done.parent.id)
    assert undone.parent is not None
    assert undone.parent.reverses_id == done.parent.id
    assert [r.reverses_id for r in undone.rollbacks] == [r.id for r in done.redemptions]
    assert {r.parent_id for r in undone.rollbacks} == {undone.parent.id}
    for voucher in vouchers:
        assert await read_balance(tx, voucher.id, AccountKind.USES) == 1
    assert undone.order is not None
    assert undone.order.discount_minor == 0


@pytest.mark.parametrize(
    ("what", "single", "refusal"),
    [
        pytest.param("child", False, "invalid_redemption_parent", id="a child"),
        pytest.param("child", True, "invalid_redemption_parent", id="a child, singly"),
        pytest.param("parent", True, "invalid_redemption", id="a parent, singly"),
        pytest.param("failure", False, "invalid_redemption", id="what failed"),
        pytest.param("rollback", False, "invalid_redemption", id="a rollback"),
        pytest.param("undone", False, "already_rolled_back", id="twice"),
        pytest.param("undone", True, "already_rolled_back", id="twice, singly"),
    ],
)
async def test_refusals_change_nothing(tx: Tx, what: str, single: bool, refusal: str) -> None:
    for code in "ABC":
        await add_code(tx, code, offer=amount_off(1000))
    stack = await redeem_now(tx, asking("A", "B"))
    assert stack.parent is not None
    lone = await redeem_now(tx, asking("C"))
    undone = await undo(tx, lone.redemptions[0].id)
    failed = await redeem(tx, asking("A"), now=NOW)
    assert isinstance(failed, Refused)
    ids = {
        "child": stack.redemptions[1].id,
        "parent": stack.parent.id,
        "failure": failed.failures[0].id,
        "rollback": undone.rollbacks[0].id,
        "undone": lone.redemptions[0].id,
    }
    before = await list_redemptions(tx)
    outcome = await roll_back(tx, ids[what], now=LATER, single=single)
    assert isinstance(outcome, RollBackRefused)
    assert (outcome.refusal, outcome.redemption.id) == (refusal, ids[what])
    assert await list_redemptions(tx) == before
    assert await check_ledger(tx) == []


async def test_an_unknown_redemption(tx: Tx) -> None:
    with pytest.raises(NotFound):
        await roll_back(tx, "r_unknown", now=NOW)


async def test_an_order_that_was_returned_stays_returned(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(1000))
    done = await redeem_now(tx, asking("A", order=cart(5000, source_id="o-1")))
    await update_order(tx, "o-1", OrderDraft(status=OrderStatus.RETURNED), now=NOW)
    undone = await undo(tx, done.redemptions[0].id)
    assert undone.order is not None
    assert (undone.order.status, undone.order.discount_minor) == ("RETURNED", 0)


async def test_history_can_be_rolled_back(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(100))
    draft = OrderDraft(amount_minor=1000, discount_minor=100, status=OrderStatus.PAID)
    stored = await create_order(tx, draft, now=NOW)
    request = asking("A", order=stored.id, order_already_discounted=True)
    done = await redeem_now(tx, request)
    undone = await undo(tx, done.redemptions[0].id)
    assert undone.order is not None
    assert (undone.order.status, undone.order.total_minor) == ("CANCELED", 1000)


async def test_the_register_is_listed_newest_first_and_by_pages(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(100))
    voucher = await add_code(tx, "A", campaign_id=campaign.id, quantity=None)
    await add_code(tx, "B", offer=amount_off(100))
    made = [(await redeem_now(tx, asking("A"))).redemptions[0].id for _ in range(5)]
    await redeem_now(tx, asking("B", customer=CustomerDraft(source_id="anna")))
    newest_first = made[::-1]
    first = await list_redemptions(tx, campaign_id=campaign.id, limit=2)
    assert ([r.id for r in first.items], first.total) == (newest_first[:2], 5)
    second = await list_redemptions(tx, campaign_id=campaign.id, limit=2, cursor=first.next_cursor)
    assert [r.id for r in second.items] == newest_first[2:4]
    third = await list_redemptions(tx, campaign_id=campaign.id, limit=2, page=3)
    assert ([r.id for r in third.items], third.next_cursor) == (newest_first[4:], None)
    assert (await list_redemptions(tx)).total == 6
    assert (await list_redemptions(tx, voucher_id=voucher.id)).total == 5
    (of_anna,) = (await list_redemptions(tx)).items[:1]
    assert of_anna.customer_id is not None
    assert (await list_redemptions(tx, customer_id=of_anna.customer_id)).items == [of_anna]
    assert (await list_redemptions(tx, order_id=of_anna.order_id)).items == [of_anna]
    assert of_anna.kind is RedemptionKind.REDEMPTION
