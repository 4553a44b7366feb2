"""Trying out: what a cart comes to, why not, and that nothing is written."""

from datetime import datetime, timedelta
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
)
from kaquan.campaigns import CampaignChange, update_campaign
from kaquan.checkout import CheckoutRequest, Redeemable, Validation, redeem, validate
from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    ProductDraft,
    create_order,
    upsert_product,
)
from kaquan.engine import Application, StackingRules
from kaquan.runtime import Database, Project, Tx
from kaquan.segments import create_segment


def reasons_of(validation: Validation) -> list[list[str]]:
    """The reason codes of each redeemable; an empty list means that it applies."""
    return [[reason.code.value for reason in a.reasons] for a in validation.attempts]


class Sum(NamedTuple):
    name: str
    offer: dict[str, Any]
    amounts: tuple[int, ...]
    discount: int
    items_discount: int
    allocation: tuple[int, ...]


SUMS = [
    Sum("amount over two lines", amount_off(1000), (6000, 4000), 1000, 0, (600, 400)),
    Sum("the odd cent", amount_off(1000), (1, 1, 1, 9997), 1000, 0, (0, 0, 0, 1000)),
    Sum("amount above the cart", amount_off(50_000), (6000, 4000), 10_000, 0, (6000, 4000)),
    Sum("percent", percent_off(1500), (6000, 4001), 1500, 0, (900, 600)),
    Sum("all of it", percent_off(10_000), (333, 667), 1000, 0, (333, 667)),
    Sum("off each line", amount_off(500, target="items"), (6000, 300), 0, 800, (500, 300)),
    Sum(
        "threshold",
        {"effect": {"code": "threshold_off", "tiers": [{"spend_minor": 10000, "off_minor": 1000}]}},
        (6000, 4000),
        1000,
        0,
        (600, 400),
    ),
]


@pytest.mark.parametrize("case", SUMS, ids=lambda case: case.name)
async def test_figures(tx: Tx, case: Sum) -> None:
    await add_code(tx, "CODE", offer=case.offer)
    result = await validate(tx, asking("CODE", order=cart(*case.amounts)), now=NOW)
    figures, amount = result.figures, sum(case.amounts)
    assert result.valid
    assert (figures.amount_minor, figures.discount_minor) == (amount, case.discount)
    assert figures.items_discount_minor == case.items_discount
    assert figures.total_minor == amount - case.discount - case.items_discount
    off = [line.discount_minor + line.items_discount_minor for line in figures.lines]
    assert tuple(off) == case.allocation


async def test_an_amount_without_lines(tx: Tx) -> None:
    await add_code(tx, "CODE", offer=percent_off(1000))
    result = await validate(tx, asking("CODE", order=OrderDraft(amount_minor=12_345)), now=NOW)
    assert (result.valid, result.figures.total_discount_minor) == (True, 1234)


class Refusal(NamedTuple):
    name: str
    voucher: dict[str, Any]
    request: dict[str, Any]
    reasons: list[str]


DAY = timedelta(days=1)
REFUSALS = [
    Refusal("switched off", {"active": False}, {}, ["inactive"]),
    Refusal("not yet", {"starts_at": NOW + DAY}, {}, ["not_started"]),
    Refusal("from this moment", {"starts_at": NOW}, {}, []),
    Refusal("over this moment", {"expires_at": NOW}, {}, ["expired"]),
    Refusal("all used", {"quantity": 0}, {}, ["uses_exhausted"]),
    Refusal("unlimited", {"quantity": None}, {}, []),
    Refusal(
        "too little in the cart",
        {"offer": on_condition(amount_off(100), code="minimum_spend", amount_minor=10_001)},
        {},
        ["minimum_spend_not_met"],
    ),
    Refusal(
        "who are you",
        {"offer": on_condition(amount_off(100), code="first_order")},
        {},
        ["customer_required"],
    ),
    Refusal(
        "somebody new",
        {"offer": on_condition(amount_off(100), code="first_order")},
        {"customer": CustomerDraft(source_id="nobody yet")},
        [],
    ),
    Refusal(
        "several reasons, all told",
        {"active": False, "expires_at": NOW, "quantity": 0},
        {},
        ["inactive", "expired", "uses_exhausted"],
    ),
    Refusal(
        "no value printed",
        {"offer": {"effect": {"code": "printed_value", "max_minor": 500}}},
        {},
        ["face_value_missing"],
    ),
    Refusal("nothing to pay", {}, {"order": cart(0)}, ["no_effect"]),
]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
async def test_reasons(tx: Tx, case: Refusal) -> None:
    await add_code(tx, "CODE", **{"offer": amount_off(100), **case.voucher})
    result = await validate(tx, asking("CODE", **case.request), now=NOW)
    assert reasons_of(result) == [case.reasons]
    assert result.valid is (case.reasons == [])
    if not result.valid:
        assert result.figures.total_minor == result.figures.amount_minor


async def test_a_campaign_refuses_for_all_its_vouchers(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(100), expires_at=NOW + DAY)
    await add_code(tx, "CODE", campaign_id=campaign.id, starts_at=NOW - DAY)
    for change, moment, reasons in (
        (CampaignChange(), NOW, []),
        (CampaignChange(), NOW + DAY, ["expired"]),
        (CampaignChange(starts_at=NOW + DAY / 2), NOW, ["not_started"]),
        (CampaignChange(active=False), NOW, ["inactive", "not_started"]),
    ):
        await update_campaign(tx, campaign.id, change, now=NOW)
        result = await validate(tx, asking("CODE"), now=moment)
        assert reasons_of(result) == [reasons]


@pytest.mark.parametrize(
    ("moment", "reason"),
    [(NOW, "not_started"), (NOW + 2 * DAY, "expired"), (NOW + 9 * DAY, "expired")],
)
async def test_windows_that_never_meet(tx: Tx, moment: datetime, reason: str) -> None:
    window = {"starts_at": (NOW + 5 * DAY).isoformat(), "expires_at": (NOW + 9 * DAY).isoformat()}
    await add_code(tx, "CODE", offer={**amount_off(100), "window": window}, expires_at=NOW + DAY)
    result = await validate(tx, asking("CODE"), now=moment)
    assert reasons_of(result) == [[reason]]


class TestSeveral:
    """Unknown codes stand in their place, and what comes after them depends on the rules."""

    ALL = StackingRules()
    PARTIAL = StackingRules(application=Application.PARTIAL)

    @pytest.mark.parametrize(
        ("codes", "rules", "valid", "reasons"),
        [
            pytest.param(["A", "B"], ALL, True, list[list[str]]([[], []]), id="both"),
            pytest.param(["?"], ALL, False, [["voucher_not_found"]], id="only an unknown one"),
            pytest.param(
                ["A", "?", "B"],
                ALL,
                False,
                [[], ["voucher_not_found"], ["preceding_failed"]],
                id="unknown in the middle",
            ),
            pytest.param(
                ["OFF", "?", "B"],
                ALL,
                False,
                [["inactive"], ["preceding_failed"], ["preceding_failed"]],
                id="unknown after a refused one",
            ),
            pytest.param(
                ["A", "?", "OFF", "B"],
                PARTIAL,
                True,
                [[], ["voucher_not_found"], ["inactive"], []],
                id="partial",
            ),
            pytest.param(
                ["?", "OFF"],
                PARTIAL,
                False,
                [["voucher_not_found"], ["inactive"]],
                id="partial with nothing left",
            ),
            pytest.param(["a"], ALL, False, [["voucher_not_found"]], id="codes mind their case"),
        ],
    )
    async def test_reasons(
        self, tx: Tx, codes: list[str], rules: StackingRules, valid: bool, reasons: list[list[str]]
    ) -> None:
        await add_code(tx, "A", offer=amount_off(1000))
        await add_code(tx, "B", offer=percent_off(1000))
        await add_code(tx, "OFF", offer=amount_off(1000), active=False)
        result = await validate(tx, asking(*codes), now=NOW, rules=rules)
        assert (result.valid, reasons_of(result)) == (valid, reasons)
        assert [a.redeemable.id for a in result.attempts] == codes
        expected = 1900 if valid else 0
        assert result.figures.total_discount_minor == result.decision.total_discount_minor
        assert result.figures.total_discount_minor == expected

    async def test_five_apply_and_the_sixth_does_not(self, tx: Tx) -> None:
        codes = [f"C{number}" for number in range(6)]
        for code in codes:
            await add_code(tx, code, offer=amount_off(100))
        result = await validate(tx, asking(*codes), now=NOW)
        assert reasons_of(result) == [[], [], [], [], [], ["applied_limit"]]
        assert (result.valid, result.figures.total_discount_minor) == (True, 500)

    async def test_two_of_a_campaign_share_its_budget(self, tx: Tx) -> None:
        campaign = await open_campaign(tx, amount_off(600), budget_minor=1000)
        await add_code(tx, "A", campaign_id=campaign.id)
        await add_code(tx, "B", campaign_id=campaign.id)
        result = await validate(tx, asking("A", "B"), now=NOW)
        assert reasons_of(result) == [[], ["budget_exhausted"]]


class TestCustomers:
    """Rules about the buyer are checked on what is true now."""

    async def test_first_order_looks_at_purchases_before_this_one(self, tx: Tx) -> None:
        await add_code(tx, "CODE", offer=on_condition(amount_off(100), code="first_order"))
        await enter_customer(tx, "anna")
        draft = cart(5000, customer_id="anna", source_id="first", status=OrderStatus.PAID)
        first = await create_order(tx, draft, now=NOW)
        on_it = await validate(tx, asking("CODE", order=first.id), now=NOW)
        assert reasons_of(on_it) == [[]]
        beside_it = await validate(tx, asking("CODE", customer="anna"), now=NOW)
        assert reasons_of(beside_it) == [["not_first_order"]]
        earlier = await validate(tx, asking("CODE", customer="anna"), now=NOW - DAY)
        assert reasons_of(earlier) == [[]]

    async def test_segments_are_live(self, tx: Tx) -> None:
        definition = {"attribute": "metadata.vip", "operator": "is", "value": True}
        segment = await create_segment(tx, "VIP", definition, now=NOW)
        offer = on_condition(amount_off(100), code="in_segment", segment_id=segment.id)
        await add_code(tx, "CODE", offer=offer)
        await enter_customer(tx, "anna")
        before = await validate(tx, asking("CODE", customer="anna"), now=NOW)
        assert reasons_of(before) == [["not_in_segment"]]
        vip = CustomerDraft(source_id="bo", metadata={"vip": True})
        await redeem(tx, asking("CODE", customer=vip), now=NOW)
        after = await validate(tx, asking("CODE", customer="bo"), now=NOW)
        assert reasons_of(after) == [["uses_exhausted"]]

    async def test_a_cap_per_person_wants_to_know_the_person(self, tx: Tx) -> None:
        campaign = await open_campaign(tx, amount_off(100), per_customer_cap=1)
        await add_code(tx, "CODE", campaign_id=campaign.id)
        guest = await validate(tx, asking("CODE"), now=NOW)
        assert reasons_of(guest) == [["customer_required"]]
        newcomer = CustomerDraft(source_id="not entered yet")
        assert (await validate(tx, asking("CODE", customer=newcomer), now=NOW)).valid


async def test_scopes_speak_of_products_and_their_attributes(tx: Tx) -> None:
    tea = await upsert_product(
        tx,
        ProductDraft(source_id="tea", price_minor=3000, attributes={"kind": ["drink", "hot"]}),
        now=NOW,
    )
    await upsert_product(tx, ProductDraft(source_id="rice", price_minor=7000), now=NOW)
    by_id = percent_off(5000, target="items", scope={"product_ids": [tea.id]})
    by_kind = percent_off(5000, target="items", scope={"attributes": {"kind": ["hot"]}})
    await add_code(tx, "BY-ID", offer=by_id)
    await add_code(tx, "BY-KIND", offer=by_kind)
    order = OrderDraft(
        lines=(OrderLineDraft(product_id="rice"), OrderLineDraft(source_id="tea", quantity=2))
    )
    for code in ("BY-ID", "BY-KIND"):
        result = await validate(tx, asking(code, order=order), now=NOW)
        assert [line.items_discount_minor for line in result.figures.lines] == [0, 3000]


async def test_the_value_printed_on_the_coupon(tx: Tx) -> None:
    await add_code(tx, "CODE", offer={"effect": {"code": "printed_value", "max_minor": 500}})
    request = CheckoutRequest(
        redeemables=(Redeemable(id="CODE", face_value_minor=120),), order=cart(1000, 200)
    )
    result = await validate(tx, request, now=NOW)
    assert [line.items_discount_minor for line in result.figures.lines] == [100, 20]


async def test_nothing_is_written_or_locked(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await open_campaign(tx, amount_off(100), budget_minor=500, per_customer_cap=1)
        await add_code(tx, "CODE", campaign_id=campaign.id)
        await enter_customer(tx, "anna")
        await create_order(tx, cart(5000, source_id="o-1"), now=NOW)
    async with database.transaction(project.project_id) as tx:
        # PostgreSQL refuses writes and row locks in such a transaction.
        await tx.execute("set transaction read only")
        for order in (cart(700), cart(5000, source_id="o-1"), "o-1"):
            request = asking("CODE", order=order, customer=CustomerDraft(source_id="anna"))
            assert (await validate(tx, request, now=NOW)).valid
