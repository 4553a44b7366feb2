"""Gift cards and cards of points: paying from them, filling them, and what moved on them."""

from typing import Any, NamedTuple

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    enter_customer,
    open_campaign,
    read_balance,
    redeem_now,
    refuse_now,
)
from kaquan.campaigns import (
    BalanceExceeded,
    CampaignKind,
    VoucherChange,
    VoucherTemplate,
    adjust_balance,
    delete_voucher,
    get_voucher,
    issue_vouchers,
    list_balance_transactions,
    list_vouchers,
    publish_voucher,
    update_voucher,
    voucher_balances,
)
from kaquan.checkout import CheckoutRequest, Redeemable, Redeemed, roll_back, validate
from kaquan.customers import OrderDraft
from kaquan.ledger import AccountKind, check_ledger
from kaquan.runtime import Duplicate, InvalidInput, KaquanError, Tx

GIFT: dict[str, Any] = {"effect": {"code": "stored_value"}}
POINTS: dict[str, Any] = {
    "effect": {"code": "points_payment", "points": 100, "worth_minor": 50, "max_share_bps": 5000}
}
EARN: dict[str, Any] = {
    "effect": {"code": "points_multiplier", "multiplier_bps": 20_000, "extra_points": 30}
}


def paying(code: str, wanted: int | None, *amounts: int, **fields: Any) -> CheckoutRequest:
    """A request to pay so much from a card for a cart of these amounts; none is no order."""
    return CheckoutRequest(
        redeemables=(Redeemable(id=code, credits=wanted),),
        order=cart(*amounts) if amounts else None,
        **fields,
    )


class Payment(NamedTuple):
    name: str
    credits: int | None
    amounts: tuple[int, ...]
    paid: int
    reasons: list[str]


PAYMENTS = [
    Payment("what is asked", 4_000, (6_000, 4_000), 4_000, []),
    Payment("what the order needs", None, (3_000,), 3_000, []),
    Payment("all that is there", None, (50_000,), 10_000, []),
    Payment("more than the order needs", 9_000, (3_000,), 3_000, []),
    Payment("the last cent", 10_000, (10_000,), 10_000, []),
    Payment("a cent too much", 10_001, (20_000,), 0, ["gift_amount_exceeded"]),
    Payment("nothing", 0, (20_000,), 0, ["credits_invalid"]),
    Payment("without an order", 2_500, (), 2_500, []),
    Payment("without an order, too much", 10_001, (), 0, ["gift_amount_exceeded"]),
]


@pytest.mark.parametrize("case", PAYMENTS, ids=lambda case: case.name)
async def test_paying(tx: Tx, case: Payment) -> None:
    card = await add_code(tx, "GIFT", offer=GIFT, balance=10_000)
    request = paying("GIFT", case.credits, *case.amounts)
    tried = await validate(tx, request, now=NOW)
    assert [r.code.value for r in tried.attempts[0].reasons] == case.reasons
    if case.reasons:
        await refuse_now(tx, request)
    else:
        done = await redeem_now(tx, request)
        given = done.redemptions[0].given
        assert given is not None
        assert (given.balance_taken, given.balance_kind) == (case.paid, AccountKind.VALUE)
        if done.order is not None:
            assert done.order.total_minor == sum(case.amounts) - case.paid
    assert await read_balance(tx, card.id, AccountKind.VALUE) == 10_000 - case.paid


async def test_a_card_is_used_until_it_is_empty_and_a_rollback_fills_it(tx: Tx) -> None:
    card = await add_code(tx, "GIFT", offer=GIFT, balance=1_000)
    assert card.quantity is None
    done: list[Redeemed] = [await redeem_now(tx, paying("GIFT", 400, 400)) for _ in range(2)]
    assert await read_balance(tx, card.id, AccountKind.VALUE) == 200
    refused = await refuse_now(tx, paying("GIFT", 400, 400))
    assert refused.reason.params == {
        "wanted_minor": 400,
        "balance_minor": 200,
        "missing_minor": 200,
    }
    await roll_back(tx, done[0].redemptions[0].id, now=NOW)
    assert await check_ledger(tx) == []
    await redeem_now(tx, paying("GIFT", 600, 600))
    empty = await refuse_now(tx, paying("GIFT", None, 600))
    assert empty.reason.code == "balance_empty"


async def test_a_card_pays_what_coupons_leave(tx: Tx) -> None:
    await add_code(tx, "GIFT", offer=GIFT, balance=10_000)
    await add_code(tx, "OFF", offer=amount_off(1_000))
    done = await redeem_now(tx, asking("OFF", "GIFT", order=cart(4_000)))
    assert [row.discount_minor for row in done.redemptions] == [1_000, 3_000]
    assert [row.given is None for row in done.redemptions] == [True, False]
    assert done.parent is not None
    assert done.parent.given is None
    assert done.order is not None
    assert done.order.total_minor == 0


async def test_a_campaign_s_cards_start_with_its_balance(tx: Tx) -> None:
    template = VoucherTemplate(quantity=None, balance=5_000)
    campaign = await open_campaign(tx, GIFT, voucher_template=template)
    assert campaign.kind is CampaignKind.GIFT_VOUCHERS
    await issue_vouchers(tx, campaign.id, 3, now=NOW)
    await add_code(tx, "OWN", campaign_id=campaign.id, balance=70)
    cards = (await list_vouchers(tx, campaign_id=campaign.id)).items
    balances = await voucher_balances(tx, cards, {campaign.id: campaign})
    assert sorted(one.left for one in balances.values()) == [70, 5_000, 5_000, 5_000]


class TestPoints:
    """Cards of points pay by their rate; points that are earned go to the customer's card."""

    async def test_paying(self, tx: Tx) -> None:
        campaign = await open_campaign(
            tx, POINTS, voucher_template=VoucherTemplate(quantity=None, balance=1_000)
        )
        assert campaign.kind is CampaignKind.LOYALTY_PROGRAM
        card = await add_code(tx, "CARD", campaign_id=campaign.id)
        # 1,000 points are worth 5.00; points may pay half of the 8.00.
        done = await redeem_now(tx, paying("CARD", None, 800))
        assert done.redemptions[0].discount_minor == 400
        assert await read_balance(tx, card.id, AccountKind.POINTS) == 200
        refused = await refuse_now(tx, paying("CARD", 201, 800))
        assert refused.reason.code == "points_exceeded"
        await roll_back(tx, done.redemptions[0].id, now=NOW)
        assert await read_balance(tx, card.id, AccountKind.POINTS) == 1_000

    async def test_earning(self, tx: Tx) -> None:
        anna = await enter_customer(tx, "anna")
        await add_code(tx, "EARN", offer=EARN, quantity=None)
        first = await redeem_now(tx, asking("EARN", customer="anna"))
        assert await read_balance(tx, anna.id, AccountKind.POINTS) == 30
        given = first.redemptions[0].given
        assert given is not None
        assert given.points == 30
        program = await open_campaign(tx, POINTS, voucher_template=VoucherTemplate(quantity=None))
        card = await add_code(tx, "CARD", campaign_id=program.id)
        await publish_voucher(tx, voucher_code="CARD", customer_id=anna.id, channel="t", now=NOW)
        second = await redeem_now(tx, asking("EARN", customer="anna"))
        assert await read_balance(tx, card.id, AccountKind.POINTS) == 30
        await roll_back(tx, second.redemptions[0].id, now=NOW)
        assert await read_balance(tx, card.id, AccountKind.POINTS) == 0
        assert await check_ledger(tx) == []

    async def test_a_guest_earns_nothing_that_is_kept(self, tx: Tx) -> None:
        await add_code(tx, "EARN", offer=EARN)
        done = await redeem_now(tx, asking("EARN"))
        given = done.redemptions[0].given
        assert given is not None
        assert (given.points, len(given.grants)) == (0, 1)


class TestAdjusting:
    """By hand, once for a source_id, never below what is free and never beyond the largest."""

    async def test_adding_and_removing(self, tx: Tx) -> None:
        card = await add_code(tx, "GIFT", offer=GIFT, balance=1_000)
        added = await adjust_balance(tx, "GIFT", 500, source_id="t-1", reason="sorry", now=NOW)
        assert (added.amount, added.left, added.added) == (500, 1_500, 1_500)
        again = await adjust_balance(tx, card.id, 500, source_id="t-1", now=NOW)
        assert again == added
        await redeem_now(tx, paying("GIFT", 600, 600))
        removed = await adjust_balance(tx, "GIFT", -200, now=NOW)
        assert (removed.amount, removed.left, removed.added) == (-200, 700, 1_500)
        assert await adjust_balance(tx, "GIFT", 500, source_id="t-1", now=NOW) == added
        (balance,) = (await voucher_balances(tx, [card], {})).values()
        assert (balance.added, balance.removed, balance.redeemed, balance.left) == (
            1_500,
            200,
            600,
            700,
        )

    @pytest.mark.parametrize(
        ("amount", "fields", "error", "field"),
        [
            (0, {}, InvalidInput, "amount"),
            (2**53, {}, InvalidInput, "amount"),
            (2**53 - 1_000, {}, InvalidInput, "amount"),
            (-1_001, {}, BalanceExceeded, "amount"),
            (7, {"source_id": "t-1"}, Duplicate, "source_id"),
            (7, {"reason": "x" * 1_001}, InvalidInput, "reason"),
        ],
    )
    async def test_refusals(
        self, tx: Tx, amount: int, fields: dict[str, Any], error: type[KaquanError], field: str
    ) -> None:
        await add_code(tx, "GIFT", offer=GIFT, balance=990)
        await adjust_balance(tx, "GIFT", 10, source_id="t-1", now=NOW)
        with pytest.raises(error) as refused:
            await adjust_balance(tx, "GIFT", amount, now=NOW, **fields)
        assert refused.value.details["field"] == field

    async def test_only_cards_have_a_balance(self, tx: Tx) -> None:
        await add_code(tx, "OFF", offer=amount_off(100))
        with pytest.raises(InvalidInput) as refused:
            await adjust_balance(tx, "OFF", 100, now=NOW)
        assert (refused.value.key, refused.value.field) == ("invalid_voucher", "code")
        with pytest.raises(InvalidInput):
            await add_code(tx, "NEW", offer=amount_off(100), balance=5)
        with pytest.raises(InvalidInput) as template:
            await open_campaign(tx, amount_off(1), voucher_template=VoucherTemplate(balance=5))
        assert template.value.field == "voucher_template.balance"
        with pytest.raises(InvalidInput) as kind:
            await open_campaign(tx, GIFT, kind=CampaignKind.DISCOUNT_COUPONS)
        assert kind.value.field == "offer"

    async def test_a_card_stays_a_card(self, tx: Tx) -> None:
        await add_code(tx, "GIFT", offer=GIFT, balance=1_000)
        with pytest.raises(InvalidInput) as refused:
            await update_voucher(tx, "GIFT", VoucherChange(offer=amount_off(5)), now=NOW)
        assert refused.value.field == "offer"

    async def test_deleted_for_good_its_balance_is_withdrawn(self, tx: Tx) -> None:
        cards = [
            await add_code(tx, code, offer=GIFT, balance=1_000) for code in ("NEW", "ADJUSTED")
        ]
        await adjust_balance(tx, "ADJUSTED", 1, now=NOW)
        for card in cards:
            await delete_voucher(tx, card.code, force=True, now=NOW)
            assert await read_balance(tx, card.id, AccountKind.VALUE) == 0
        assert await check_ledger(tx) == []


async def test_everything_that_moved_is_listed(tx: Tx) -> None:
    await add_code(tx, "GIFT", offer=GIFT, balance=1_000)
    await add_code(tx, "OTHER", offer=GIFT, balance=9)
    order = OrderDraft(amount_minor=300, source_id="o-1")
    redeemables = (Redeemable(id="GIFT", credits=300),)
    done = await redeem_now(tx, CheckoutRequest(redeemables=redeemables, order=order))
    await adjust_balance(tx, "GIFT", 50, source_id="t-1", reason="sorry", now=NOW)
    await roll_back(tx, done.redemptions[0].id, now=NOW)
    await adjust_balance(tx, "GIFT", -20, now=NOW)
    listed = await list_balance_transactions(tx, "GIFT", order="created_at")
    shown = [(t.cause.value, t.amount, t.left, t.added) for t in listed.items]
    assert shown == [
        ("issue", 1_000, 1_000, 1_000),
        ("redeem", -300, 700, 1_000),
        ("issue", 50, 750, 1_050),
        ("return", 300, 1_050, 1_050),
        ("withdraw", -20, 1_030, 1_050),
    ]
    assert listed.total == 5
    assert [t.order_source_id for t in listed.items] == [None, "o-1", None, "o-1", None]
    assert (listed.items[2].source_id, listed.items[2].reason) == ("t-1", "sorry")
    first = await list_balance_transactions(tx, "GIFT", limit=2)
    rest = await list_balance_transactions(tx, "GIFT", limit=9, cursor=first.next_cursor)
    assert [t.id for t in (*first.items, *rest.items)] == [t.id for t in listed.items[::-1]]
    nowhere = await list_balance_transactions(tx, "GIFT", order="created_at", cursor="vtx_0")
    assert len(nowhere.items) == 5
    voucher = await get_voucher(tx, "GIFT")
    assert {t.voucher_id for t in listed.items} == {voucher.id}
