"""What a customer could use: scenarios, the rules they leave out, filters and pages."""

from datetime import timedelta
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
    percent_off,
    redeem_now,
)
from kaquan.campaigns import VoucherTemplate, publish_voucher
from kaquan.checkout import (
    CheckoutRequest,
    Option,
    Qualification,
    QualificationRequest,
    QualificationSorting,
    Scenario,
    qualify,
)
from kaquan.customers import Customer, CustomerDraft, OrderDraft
from kaquan.runtime import InvalidInput, Tx

DAY = timedelta(days=1)
ON_SKU = {"scope": {"sku_ids": ["sku_0"]}}
ELSEWHERE = {"scope": {"sku_ids": ["sku_9"]}}


async def ask(
    tx: Tx,
    scenario: Scenario = Scenario.ALL,
    *,
    order: OrderDraft | None = None,
    customer: CustomerDraft | str | None = None,
    **more: Any,
) -> Qualification:
    """Qualify on a cart of 100.00 unless told otherwise."""
    about = CheckoutRequest(
        redeemables=(), order=cart(10_000) if order is None else order, customer=customer
    )
    more.setdefault("limit", 50)
    return await qualify(tx, QualificationRequest(about=about, scenario=scenario, **more), now=NOW)


def keys_of(found: Qualification) -> set[str]:
    """What qualifies: codes, and campaigns by name."""
    return {
        one.option.key
        if one.option.object == "voucher"
        else one.option.coupon.voucher.campaign_name or ""
        for one in found.found
    }


async def give(tx: Tx, customer: Customer, code: str, **fields: Any) -> None:
    """A code that the customer holds."""
    await add_code(tx, code, **fields)
    await publish_voucher(tx, voucher_code=code, customer_id=customer.id, channel="test", now=NOW)


async def stock(tx: Tx) -> Customer:
    """A shop with one of everything."""
    anna = await enter_customer(tx, "anna")
    ben = await enter_customer(tx, "ben")
    await give(tx, anna, "HELD", offer=amount_off(100))
    await give(
        tx,
        anna,
        "HELD-DEAR",
        offer=on_condition(amount_off(100), code="spend_between", at_least_minor=20_000),
    )
    await give(tx, anna, "HELD-ITEM", offer=amount_off(100, target="items", **ON_SKU))
    await give(tx, ben, "OF-BEN", offer=amount_off(100))
    await add_code(tx, "PUBLIC", offer=percent_off(1_000), quantity=None)
    await add_code(tx, "PUBLIC-OFF", offer=percent_off(1_000), active=False)
    await add_code(tx, "PUBLIC-ELSEWHERE", offer=amount_off(100, target="items", **ELSEWHERE))
    await add_code(
        tx,
        "PUBLIC-RULE",
        offer=on_condition(amount_off(100), code="has_items", quantity=2, **ON_SKU),
    )
    await add_code(tx, "FIRST", offer=on_condition(amount_off(100), code="first_order"))
    await open_campaign(tx, amount_off(300), name="Open")
    await open_campaign(tx, amount_off(300), name="Closed", active=False)
    await open_campaign(tx, amount_off(300), name="Later", starts_at=NOW + DAY)
    await open_campaign(tx, amount_off(300), name="Empty", activation="STATIC")
    joined = await open_campaign(tx, amount_off(300), name="Joined")
    voucher = await add_code(tx, "JOINED", campaign_id=joined.id)
    await publish_voucher(tx, campaign_id=joined.id, customer_id=anna.id, channel="test", now=NOW)
    assert voucher.campaign_id == joined.id
    return anna


class Case(NamedTuple):
    name: str
    scenario: Scenario
    customer: str | None
    found: set[str]


CASES = [
    Case(
        "all, known",
        Scenario.ALL,
        "anna",
        {"HELD", "HELD-ITEM", "JOINED", "PUBLIC", "FIRST", "Open"},
    ),
    Case("all, a guest", Scenario.ALL, None, {"PUBLIC", "Open", "Joined"}),
    Case("wallet", Scenario.CUSTOMER_WALLET, "anna", {"HELD", "HELD-ITEM", "JOINED"}),
    Case("wallet of a guest", Scenario.CUSTOMER_WALLET, None, set()),
    Case(
        "audience",
        Scenario.AUDIENCE_ONLY,
        "anna",
        {
            "HELD",
            "HELD-DEAR",
            "HELD-ITEM",
            "JOINED",
            "PUBLIC",
            "PUBLIC-ELSEWHERE",
            "PUBLIC-RULE",
            "FIRST",
            "Open",
        },
    ),
    Case("products", Scenario.PRODUCTS, "anna", {"HELD-ITEM", "PUBLIC-RULE"}),
    Case("discounted products", Scenario.PRODUCTS_DISCOUNT, "anna", {"HELD-ITEM"}),
    Case("products of a guest", Scenario.PRODUCTS_BY_CUSTOMER, None, {"PUBLIC-RULE"}),
    Case("discounted ones", Scenario.PRODUCTS_DISCOUNT_BY_CUSTOMER, "anna", {"HELD-ITEM"}),
    Case("stacks", Scenario.PROMOTION_STACKS, "anna", set()),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_scenarios(tx: Tx, case: Case) -> None:
    await stock(tx)
    found = await ask(tx, case.scenario, customer=case.customer)
    assert keys_of(found) == case.found
    assert (found.more, found.next_place) == (False, None)


class Ignored(NamedTuple):
    name: str
    rule: dict[str, Any]
    qualifies: bool


IGNORED = [
    Ignored("per customer", {"code": "per_customer_count", "at_most": 1}, True),
    Ignored(
        "per customer and day",
        {"code": "redemption_count", "of": "customer", "period": "day", "at_most": 1},
        True,
    ),
    Ignored("per campaign", {"code": "redemption_count", "of": "campaign", "at_most": 1}, True),
    Ignored(
        "amount before discounts",
        {"code": "minimum_spend", "amount_minor": 20_000, "basis": "initial"},
        True,
    ),
    Ignored("amount left", {"code": "minimum_spend", "amount_minor": 20_000}, False),
    Ignored("goods", {"code": "has_items", "quantity": 9}, False),
    Ignored("not an ignored one", {"not": {"code": "per_customer_count", "at_most": 1}}, True),
    Ignored(
        "an ignored one or a met one",
        {"any": [{"code": "per_customer_count", "at_most": 1}, {"code": "has_items"}]},
        True,
    ),
]


@pytest.mark.parametrize("case", IGNORED, ids=lambda case: case.name)
async def test_rules_that_are_not_looked_at(tx: Tx, case: Ignored) -> None:
    anna = await enter_customer(tx, "anna")
    campaign = await open_campaign(
        tx, {**amount_off(100), "condition": case.rule}, per_customer_cap=1, budget_minor=100
    )
    await give(tx, anna, "USED", campaign_id=campaign.id)
    found = await ask(tx, Scenario.CUSTOMER_WALLET, customer="anna")
    assert (keys_of(found) == {"USED"}) is case.qualifies


async def test_caps_and_budgets_do_not_matter_but_a_code_that_is_used_up_does(tx: Tx) -> None:
    anna = await enter_customer(tx, "anna")
    campaign = await open_campaign(tx, amount_off(100), per_customer_cap=1, budget_minor=100)
    for code in ("ONE", "TWO"):
        await give(tx, anna, code, campaign_id=campaign.id)
    await redeem_now(tx, asking("ONE", customer="anna"))
    found = await ask(tx, Scenario.CUSTOMER_WALLET, customer="anna")
    assert keys_of(found) == {"TWO"}


async def test_each_is_worked_out_by_itself_and_sorted_by_deal(tx: Tx) -> None:
    for code, amount in (("SMALL", 100), ("LARGE", 900), ("MIDDLE", 500)):
        await add_code(tx, code, offer=amount_off(amount))
    newest = [one.option.key for one in (await ask(tx)).found]
    orders = {
        QualificationSorting.DEFAULT: newest,
        QualificationSorting.BEST_DEAL: ["LARGE", "MIDDLE", "SMALL"],
        QualificationSorting.LEAST_DEAL: ["SMALL", "MIDDLE", "LARGE"],
    }
    for sorting, codes in orders.items():
        found = await ask(tx, sorting=sorting)
        assert [one.option.key for one in found.found] == codes
        first = await ask(tx, sorting=sorting, limit=1)
        assert ([one.option.key for one in first.found], first.more) == (codes[:1], True)
    found = await ask(tx)
    assert {one.discount_minor for one in found.found} == {100, 500, 900}
    assert {one.validation.figures.total_minor for one in found.found} == {9_900, 9_500, 9_100}


async def test_pages_show_everything_once_though_all_were_made_at_once(tx: Tx) -> None:
    codes = [f"CODE-{number}" for number in range(7)]
    for code in codes:
        await add_code(tx, code, offer=amount_off(100))
    seen: list[str] = []
    after, more = None, True
    while more:
        found = await ask(tx, limit=3, after=after)
        seen += [one.option.key for one in found.found]
        after, more = found.next_place, found.more
    assert sorted(seen) == codes


async def test_what_is_not_wanted_is_not_looked_at(tx: Tx) -> None:
    await stock(tx)

    def is_held(option: Option) -> bool:
        return option.key == "HELD"

    found = await ask(tx, customer="anna", matches=is_held)
    assert keys_of(found) == {"HELD"}
    assert [code.code for tried in found.tried for code in tried.codes] == ["HELD"]


async def test_without_an_order_there_are_no_figures(tx: Tx) -> None:
    await stock(tx)
    request = QualificationRequest(about=CheckoutRequest(redeemables=(), customer="anna"), limit=50)
    found = await qualify(tx, request, now=NOW)
    assert "PUBLIC" in keys_of(found)
    assert (found.order, {one.discount_minor for one in found.found}) == (None, {0})


async def test_the_limit_has_bounds(tx: Tx) -> None:
    for limit in (0, 51):
        with pytest.raises(InvalidInput) as refused:
            await ask(tx, limit=limit)
        assert refused.value.field == "options.limit"


async def test_a_gift_card_pays_what_is_on_it_and_a_campaign_what_it_would_give(tx: Tx) -> None:
    anna = await enter_customer(tx, "anna")
    stored = {"effect": {"code": "stored_value"}}
    await give(tx, anna, "CARD", offer=stored, balance=2_500)
    await give(tx, anna, "LARGE", offer=stored, balance=99_000)
    await open_campaign(tx, stored, name="Cards", voucher_template=VoucherTemplate(balance=700))
    found = await ask(tx, customer="anna")
    paid = {one.option.key: one.balance_taken for one in found.found}
    campaign = next(one.option.key for one in found.found if one.option.object == "campaign")
    assert paid == {"CARD": 2_500, "LARGE": 10_000, campaign: 700}
