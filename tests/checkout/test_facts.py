"""What offers ask for is looked up, and only then; every fact decides as it should."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    enter_customer,
    on_condition,
    open_campaign,
    redeem_now,
    refuse_now,
)
from kaquan.campaigns import publish_voucher
from kaquan.checkout import CheckoutRequest, roll_back, validate
from kaquan.customers import (
    CustomerDraft,
    LocationDraft,
    OrderDraft,
    OrderStatus,
    create_order,
    upsert_customer,
    upsert_location,
)
from kaquan.runtime import Tx

HUNDRED = amount_off(100)
DAY = timedelta(days=1)
ANNA = CustomerDraft(
    source_id="anna",
    birth_date=date(1990, 3, 4),
    metadata={"tier": "gold", "city": "上海", "size": 38.5, "likes": ["tea", "rice"]},
)


async def reasons_for(tx: Tx, request: CheckoutRequest, *, now: datetime = NOW) -> list[str]:
    """The reason codes against the only redeemable."""
    result = await validate(tx, request, now=now)
    return [reason.code.value for reason in result.attempts[0].reasons]


class Fact(NamedTuple):
    name: str
    condition: dict[str, Any]
    request: dict[str, Any]
    reasons: list[str]


PAID_BY_CARD = {"code": "paid_by", "payment_methods": ["card"]}
BY_THE_CLERK = {"code": "redeemed_by", "redeemer_ids": ["clerk"]}
GOLD = {"code": "in_tier", "tier_ids": ["gold"]}
SHANGHAI = {
    "code": "customer_attribute",
    "name": "city",
    "operator": "one_of",
    "values": ["上海"],
}
LARGE = {"code": "customer_attribute", "name": "size", "operator": "at_least", "values": [38]}
TEA = {"code": "customer_attribute", "name": "likes", "operator": "one_of", "values": ["tea"]}
WRAPPED = {"code": "order_attribute", "name": "wrapped", "operator": "present"}
SOON = {"code": "birthday_window", "days_before": 3}
TODAY = {"code": "birthday_window"}
FACTS = [
    Fact("paid by card", PAID_BY_CARD, {"payment_method": "card"}, []),
    Fact("paid otherwise", PAID_BY_CARD, {"payment_method": "cash"}, ["wrong_payment_method"]),
    Fact("payment not chosen", PAID_BY_CARD, {}, ["payment_method_required"]),
    Fact("by the clerk", BY_THE_CLERK, {"redeemer_id": "clerk"}, []),
    Fact("by somebody else", BY_THE_CLERK, {"redeemer_id": "other"}, ["wrong_redeemer"]),
    Fact("gold", GOLD, {"customer": "anna"}, []),
    Fact("no tier", GOLD, {"customer": "bo"}, ["not_in_tier"]),
    Fact("a guest's tier", GOLD, {}, ["customer_required"]),
    Fact("gold from now on", GOLD, {"customer": CustomerDraft(source_id="bo", metadata={"tier": "gold"})}, []),
    Fact("gold and new", GOLD, {"customer": CustomerDraft(source_id="c", metadata={"tier": "gold"})}, []),
    Fact("from Shanghai", SHANGHAI, {"customer": "anna"}, []),
    Fact("from nowhere", SHANGHAI, {"customer": "bo"}, ["customer_attribute_differs"]),
    Fact("a number with a fraction", LARGE, {"customer": "anna"}, []),
    Fact("one of several", TEA, {"customer": "anna"}, []),
    Fact("said of the order", WRAPPED, {"order": cart(10_000, metadata={"wrapped": True})}, []),
    Fact("not said of the order", WRAPPED, {}, ["order_attribute_differs"]),
    Fact("soon", SOON, {"customer": "anna"}, []),
    Fact("not today", TODAY, {"customer": "anna"}, ["not_birthday"]),
    Fact("birthday unknown", SOON, {"customer": "bo"}, ["birthday_unknown"]),
    Fact("a new one's birthday", TODAY, {"customer": CustomerDraft(source_id="d", birth_date=date(2000, 3, 1))}, []),
]  # fmt: skip


@pytest.mark.parametrize("case", FACTS, ids=lambda case: case.name)
async def test_facts(tx: Tx, case: Fact) -> None:
    await upsert_customer(tx, ANNA, now=NOW)
    await enter_customer(tx, "bo")
    await add_code(tx, "CODE", offer={**HUNDRED, "condition": case.condition})
    request = asking("CODE", **case.request)
    assert await reasons_for(tx, request) == case.reasons
    if case.reasons:
        await refuse_now(tx, request)
    else:
        await redeem_now(tx, request)


async def test_what_was_spent_before(tx: Tx) -> None:
    """Purchases that count, up to the order's own time, itself aside."""
    await enter_customer(tx, "anna")
    rule = on_condition(HUNDRED, code="customer_spend", at_least_minor=7_000)
    await add_code(tx, "CODE", offer=rule)
    earlier = cart(5_000, customer_id="anna", status=OrderStatus.PAID)
    for name, draft in (
        ("paid", earlier),
        ("not paid", cart(90_000, customer_id="anna", source_id="open")),
    ):
        await create_order(tx, draft, now=NOW - DAY)
        reasons = await reasons_for(tx, asking("CODE", customer="anna"))
        assert reasons == ["customer_spend_too_low"], name
    own = await create_order(tx, cart(5_000, customer_id="anna", status=OrderStatus.PAID), now=NOW)
    assert await reasons_for(tx, asking("CODE", order=own.id)) == ["customer_spend_too_low"]
    assert await reasons_for(tx, asking("CODE", customer="anna")) == []


class TestCounts:
    """Redemptions by whom, of what, where and in which period; what was rolled back is not one."""

    @pytest.mark.parametrize(
        ("of", "period", "second", "reasons"),
        [
            ("code", "ever", {}, ["redemption_count_reached"]),
            ("campaign", "ever", {"code": "OTHER"}, ["redemption_count_reached"]),
            ("campaign", "day", {"now": NOW + DAY}, []),
            ("campaign", "month", {"now": NOW + DAY}, ["redemption_count_reached"]),
            ("customer", "ever", {"code": "OTHER"}, ["redemption_count_reached"]),
            ("customer", "ever", {"customer": "bo"}, []),
            ("customer_code", "ever", {"code": "OTHER"}, []),
            ("customer_code", "ever", {}, ["redemption_count_reached"]),
            ("location", "ever", {"customer": "bo"}, ["redemption_count_reached"]),
            ("location", "ever", {"location_id": "pudong"}, []),
            ("location", "ever", {"location_id": None}, ["location_required"]),
            ("customer_location", "ever", {"customer": "bo"}, []),
            ("customer_location", "ever", {}, ["redemption_count_reached"]),
        ],
    )
    async def test_once(
        self, tx: Tx, of: str, period: str, second: dict[str, Any], reasons: list[str]
    ) -> None:
        rule = on_condition(HUNDRED, code="redemption_count", of=of, period=period, at_most=1)
        campaign = await open_campaign(tx, rule)
        for code in ("CODE", "OTHER"):
            await add_code(tx, code, campaign_id=campaign.id, quantity=None)
        for name in ("anna", "bo"):
            await enter_customer(tx, name)
        for name in ("bund", "pudong"):
            await upsert_location(tx, LocationDraft(source_id=name, name=name), now=NOW)
        usual = {"customer": "anna", "location_id": "bund"}
        done = await redeem_now(tx, asking("CODE", **usual))
        fields: dict[str, Any] = {**usual, **second}
        code, now = fields.pop("code", "CODE"), fields.pop("now", NOW)
        assert await reasons_for(tx, asking(code, **fields), now=now) == reasons
        await roll_back(tx, done.redemptions[0].id, now=NOW)
        expected = [one for one in reasons if one == "location_required"]
        assert await reasons_for(tx, asking(code, **fields), now=now) == expected

    async def test_a_day_of_the_project_s_zone(self, tx: Tx) -> None:
        rule = on_condition(HUNDRED, code="redemption_count", of="code", period="day", at_most=1)
        await add_code(tx, "CODE", offer=rule, quantity=None)
        await redeem_now(tx, asking("CODE"))
        midnight = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
        still = await reasons_for(tx, asking("CODE"), now=midnight - timedelta(seconds=1))
        assert still == ["redemption_count_reached"]
        assert await reasons_for(tx, asking("CODE"), now=midnight) == []

    async def test_a_voucher_that_stands_alone_is_its_own_campaign(self, tx: Tx) -> None:
        rule = on_condition(HUNDRED, code="per_customer_count", at_most=1)
        await add_code(tx, "CODE", offer=rule, quantity=None)
        await enter_customer(tx, "anna")
        await redeem_now(tx, asking("CODE", customer="anna"))
        assert await reasons_for(tx, asking("CODE", customer="anna")) == ["customer_count_reached"]
        new = CustomerDraft(source_id="somebody new")
        assert await reasons_for(tx, asking("CODE", customer=new)) == []

    async def test_all_of_a_campaign(self, tx: Tx) -> None:
        campaign = await open_campaign(tx, HUNDRED, redemption_cap=2)
        for code in "ABC":
            await add_code(tx, code, campaign_id=campaign.id)
        assert await reasons_for(tx, asking("A", "B", "C")) == []
        result = await validate(tx, asking("A", "B", "C"), now=NOW)
        assert [r.code for r in result.attempts[2].reasons] == ["campaign_uses_exhausted"]
        done = await redeem_now(tx, asking("A", "B"))
        assert await reasons_for(tx, asking("C")) == ["campaign_uses_exhausted"]
        assert done.parent is not None
        await roll_back(tx, done.parent.id, now=NOW)
        await redeem_now(tx, asking("C"))


class TestClaims:
    """Days after the claim count from when the code was given; who holds it may be asked."""

    async def test_days_after_the_claim(self, tx: Tx) -> None:
        offer = {**HUNDRED, "window": {"after_claim": {"days": 2}}}
        campaign = await open_campaign(tx, offer)
        await add_code(tx, "CODE", campaign_id=campaign.id)
        anna = await enter_customer(tx, "anna")
        assert await reasons_for(tx, asking("CODE")) == ["not_claimed"]
        await publish_voucher(tx, voucher_code="CODE", customer_id=anna.id, channel="test", now=NOW)
        assert await reasons_for(tx, asking("CODE")) == []
        end = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
        assert await reasons_for(tx, asking("CODE"), now=end) == ["expired"]

    async def test_only_the_holder(self, tx: Tx) -> None:
        await add_code(tx, "CODE", offer=on_condition(HUNDRED, code="code_holder"))
        anna = await enter_customer(tx, "anna")
        await enter_customer(tx, "bo")
        await publish_voucher(tx, voucher_code="CODE", customer_id=anna.id, channel="test", now=NOW)
        assert await reasons_for(tx, asking("CODE", customer="bo")) == ["not_holder"]
        assert await reasons_for(tx, asking("CODE", customer="anna")) == []


async def test_a_formula_knows_the_customer_and_the_order(tx: Tx) -> None:
    offer = amount_off(100, amount_formula='customer_metadata("bonus") + order_metadata("extra")')
    await add_code(tx, "CODE", offer=offer)
    await upsert_customer(tx, CustomerDraft(source_id="anna", metadata={"bonus": 500}), now=NOW)
    order = cart(10_000, metadata={"extra": 30})
    result = await validate(tx, asking("CODE", customer="anna", order=order), now=NOW)
    assert result.figures.discount_minor == 530
    guest = await validate(tx, asking("CODE", order=OrderDraft(amount_minor=10_000)), now=NOW)
    assert guest.figures.discount_minor == 100


async def test_formulas_read_what_is_known_of_the_code_and_of_its_publication(tx: Tx) -> None:
    words = (
        'PUBLICATION_METADATA("gift") * 1000 + (VOUCHER_REDEMPTION_QUANTITY'
        " - VOUCHER_REDEEMED_QUANTITY) * 100 + YEARS_SINCE(CUSTOMER_BIRTHDATE)"
    )
    await add_code(tx, "TOLD", offer=amount_off(1, amount_formula=words), quantity=3)
    anna = CustomerDraft(source_id="anna", birth_date=date(1990, 3, 1))
    anna_id = (await upsert_customer(tx, anna, now=NOW)).id
    await publish_voucher(
        tx,
        voucher_code="TOLD",
        customer_id=anna_id,
        channel="test",
        metadata={"gift": 2},
        now=NOW,
    )
    for left in (3, 2):
        done = await redeem_now(tx, asking("TOLD", customer="anna"))
        assert done.redemptions[0].discount_minor == 2_000 + left * 100 + 36
