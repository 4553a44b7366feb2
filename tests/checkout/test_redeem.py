"""Redeeming: what is written, all of it together, and what a refusal leaves alone."""

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
    read_balance,
    redeem_now,
    refuse_now,
)
from kaquan.campaigns import CampaignChange, disable_voucher, update_campaign
from kaquan.checkout import (
    Redemption,
    get_redemption,
    list_children,
    list_redemptions,
    roll_back,
    validate,
)
from kaquan.customers import (
    CustomerDraft,
    LocationDraft,
    create_order,
    get_customer_summary,
    get_order,
    list_customers,
    list_orders,
    upsert_location,
)
from kaquan.engine import Application, ReasonCode, StackingRules
from kaquan.ledger import AccountKind
from kaquan.runtime import Tx

USES, USED, BUDGET, CAP = (
    AccountKind.USES,
    AccountKind.USED,
    AccountKind.BUDGET,
    AccountKind.CUSTOMER_USES,
)


async def test_everything_that_one_redemption_writes(tx: Tx) -> None:
    location = await upsert_location(tx, LocationDraft(source_id="till-1", name="Till 1"), now=NOW)
    campaign = await open_campaign(tx, percent_off(2000), budget_minor=5000, per_customer_cap=3)
    voucher = await add_code(tx, "CODE", campaign_id=campaign.id, quantity=2)
    request = asking(
        "CODE",
        order=cart(6000, 4001, source_id="o-1", metadata={"table": 7}),
        customer=CustomerDraft(source_id="anna", name="Anna"),
        location_id="till-1",
        channel="till",
        tracking_id="t-1",
        metadata={"clerk": "Bo"},
    )
    done = await redeem_now(tx, request, by_user_id="user_1")
    assert done.parent is None
    assert done.customer is not None
    assert done.order is not None
    (kept,) = (await list_redemptions(tx)).items
    assert (kept,) == done.redemptions
    assert kept == Redemption(
        id=kept.id,
        kind=kept.kind.REDEMPTION,
        result=kept.result.SUCCESS,
        voucher_id=voucher.id,
        voucher_code="CODE",
        campaign_id=campaign.id,
        customer_id=done.customer.id,
        order_id=done.order.id,
        location_id=location.id,
        channel="till",
        tracking_id="t-1",
        discount_minor=2000,
        order_amount_minor=10_001,
        allocation=(1200, 800),
        items_allocation=(0, 0),
        trace=kept.trace,
        metadata={"clerk": "Bo"},
        by_user_id="user_1",
        created_at=NOW,
    )
    assert kept.trace is not None
    assert [c["status"] for c in kept.trace["candidates"]] == ["applied"]
    order = await get_order(tx, "o-1")
    assert order == done.order
    assert (order.status, order.amount_minor, order.discount_minor) == ("PAID", 10_001, 2000)
    assert (order.customer_id, order.location_id) == (done.customer.id, location.id)
    assert order.metadata == {"table": 7}
    summary = await get_customer_summary(tx, done.customer.id)
    assert (summary.order_count, summary.spend_minor) == (1, 8001)
    assert await read_balance(tx, voucher.id, USES) == 1
    assert await read_balance(tx, campaign.id, BUDGET) == 3000
    assert await read_balance(tx, f"{campaign.id}/{done.customer.id}", CAP) == 2


class Limit(NamedTuple):
    name: str
    campaign: dict[str, Any]
    voucher: dict[str, Any]
    successes: int
    reason: ReasonCode


LIMITS = [
    Limit("uses", {}, {"quantity": 2}, 2, ReasonCode.USES_EXHAUSTED),
    Limit(
        "budget to the cent",
        {"budget_minor": 2000},
        {"quantity": None},
        2,
        ReasonCode.BUDGET_EXHAUSTED,
    ),
    Limit(
        "a budget one cent short",
        {"budget_minor": 1999},
        {"quantity": None},
        1,
        ReasonCode.BUDGET_EXHAUSTED,
    ),
    Limit("no budget", {"budget_minor": 0}, {}, 0, ReasonCode.BUDGET_EXHAUSTED),
    Limit(
        "a cap per person",
        {"per_customer_cap": 2},
        {"quantity": None},
        2,
        ReasonCode.CUSTOMER_USES_EXHAUSTED,
    ),
    Limit(
        "a count per person",
        {"offer": on_condition(amount_off(1000), code="per_customer_count", at_most=1)},
        {"quantity": None},
        1,
        ReasonCode.CUSTOMER_COUNT_REACHED,
    ),
]


@pytest.mark.parametrize("case", LIMITS, ids=lambda case: case.name)
async def test_limits_hold_and_open_again_on_return(tx: Tx, case: Limit) -> None:
    fields = {"offer": amount_off(1000), **case.campaign}
    campaign = await open_campaign(tx, fields.pop("offer"), **fields)
    await add_code(tx, "CODE", campaign_id=campaign.id, **case.voucher)
    await enter_customer(tx, "anna")
    request = asking("CODE", customer="anna")
    done = [await redeem_now(tx, request) for _ in range(case.successes)]
    refused = await refuse_now(tx, request)
    assert refused.reason.code is case.reason
    (failure,) = refused.failures
    assert (await get_redemption(tx, failure.id)).failure_code == case.reason.value
    if done:
        await roll_back(tx, done[0].redemptions[0].id, now=NOW)
        await redeem_now(tx, request)
        await refuse_now(tx, request)


async def test_uses_without_a_limit_are_counted(tx: Tx) -> None:
    voucher = await add_code(tx, "CODE", offer=amount_off(100), quantity=None)
    for expected in (1, 2, 3):
        await redeem_now(tx, asking("CODE"))
        assert await read_balance(tx, voucher.id, USED) == expected
    assert await read_balance(tx, voucher.id, USES) is None


class TestCapPerPerson:
    """The account follows the cap, and what was used before there was one counts."""

    @pytest.mark.parametrize(
        ("before", "uses", "after", "left"),
        [
            pytest.param(2, 1, 4, 3, id="raised"),
            pytest.param(4, 1, 2, 1, id="lowered"),
            pytest.param(4, 3, 2, 0, id="lowered below what was used"),
            pytest.param(2, 2, None, 3, id="lifted"),
            pytest.param(None, 2, 3, 1, id="set later"),
        ],
    )
    async def test_changed_caps(
        self, tx: Tx, before: int | None, uses: int, after: int | None, left: int
    ) -> None:
        campaign = await open_campaign(tx, amount_off(100), per_customer_cap=before)
        await add_code(tx, "CODE", campaign_id=campaign.id, quantity=None)
        await enter_customer(tx, "anna")
        request = asking("CODE", customer="anna")
        for _ in range(uses):
            await redeem_now(tx, request)
        await update_campaign(tx, campaign.id, CampaignChange(per_customer_cap=after), now=NOW)
        for _ in range(left):
            assert (await validate(tx, request, now=NOW)).valid
            await redeem_now(tx, request)
        if after is not None:
            assert not (await validate(tx, request, now=NOW)).valid
            refused = await refuse_now(tx, request)
            assert refused.reason.code is ReasonCode.CUSTOMER_USES_EXHAUSTED

    async def test_every_person_has_their_own(self, tx: Tx) -> None:
        campaign = await open_campaign(tx, amount_off(100), per_customer_cap=1)
        await add_code(tx, "CODE", campaign_id=campaign.id, quantity=None)
        for name in ("anna", "bo"):
            request = asking("CODE", customer=CustomerDraft(source_id=name))
            await redeem_now(tx, request)
            await refuse_now(tx, request)


class TestSeveral:
    """Several redeemables: one parent, a child each, all or nothing."""

    async def test_a_stack(self, tx: Tx) -> None:
        campaign = await open_campaign(tx, amount_off(1000), budget_minor=9000)
        await add_code(tx, "A", campaign_id=campaign.id)
        await add_code(tx, "B", offer=percent_off(1000))
        await add_code(tx, "C", offer=amount_off(100, target="items"))
        done = await redeem_now(tx, asking("A", "B", "C", order=cart(6000, 4000)))
        assert done.parent is not None
        assert [r.voucher_code for r in done.redemptions] == ["A", "B", "C"]
        own = [(r.discount_minor, r.items_discount_minor) for r in done.redemptions]
        assert own == [(1000, 0), (900, 0), (0, 200)]
        assert all(sum(r.allocation) == r.total_discount_minor for r in done.redemptions)
        parent = await get_redemption(tx, done.parent.id)
        assert parent == done.parent
        assert (parent.discount_minor, parent.items_discount_minor) == (1900, 200)
        assert sum(parent.allocation) == 2100
        assert (parent.voucher_id, parent.campaign_id) == (None, None)
        assert parent.trace is not None
        assert len(parent.trace["candidates"]) == 3
        assert await list_children(tx, parent.id) == list(done.redemptions)
        assert done.order is not None
        assert (done.order.discount_minor, done.order.items_discount_minor) == (1900, 200)
        assert [line.discount_minor for line in done.order.lines] == [100, 100]

    async def test_all_or_nothing(self, tx: Tx) -> None:
        first = await add_code(tx, "A", offer=amount_off(1000))
        await add_code(tx, "B", offer=amount_off(1000), active=False)
        await add_code(tx, "C", offer=amount_off(1000))
        refused = await refuse_now(tx, asking("A", "B", "C"))
        assert [f.voucher_code for f in refused.failures] == ["B"]
        assert refused.reason.code is ReasonCode.INACTIVE
        assert await read_balance(tx, first.id, USES) == 1
        assert (await list_orders(tx)).total == 0

    async def test_what_can_be_applied(self, tx: Tx) -> None:
        await add_code(tx, "A", offer=amount_off(1000))
        await add_code(tx, "B", offer=amount_off(1000), active=False)
        rules = StackingRules(application=Application.PARTIAL)
        done = await redeem_now(tx, asking("B", "?", "A"), rules=rules)
        assert [r.voucher_code for r in done.redemptions] == ["A"]
        assert done.parent is not None


class TestRefusals:
    """A refusal keeps the attempt with its trace and changes nothing else."""

    async def test_the_attempt_is_kept(self, tx: Tx) -> None:
        offer = on_condition(amount_off(100), code="minimum_spend", amount_minor=12_350)
        voucher = await add_code(tx, "CODE", offer=offer)
        refused = await refuse_now(tx, asking("CODE", channel="till"))
        (kept,) = (await list_redemptions(tx)).items
        assert (kept,) == refused.failures
        assert (kept.result, kept.voucher_id, kept.channel) == ("FAILURE", voucher.id, "till")
        assert (kept.failure_code, kept.failure_message) == (
            "minimum_spend_not_met",
            "¥23.50 more to go",
        )
        assert (kept.discount_minor, kept.order_id) == (0, None)
        assert kept.trace is not None
        (checked,) = [c for c in kept.trace["candidates"][0]["checks"] if not c["passed"]]
        assert checked["inputs"] == {"required_minor": 12_350, "spent_minor": 10_000}
        assert (await list_orders(tx)).total == 0

    async def test_guessing_leaves_no_rows(self, tx: Tx) -> None:
        refused = await refuse_now(tx, asking("GUESS"))
        assert refused.reason.code is ReasonCode.VOUCHER_NOT_FOUND
        assert refused.failures == ()
        assert (await list_redemptions(tx)).total == 0

    async def test_a_stored_order_stays_as_it_is(self, tx: Tx) -> None:
        voucher = await add_code(tx, "CODE", offer=amount_off(100))
        await disable_voucher(tx, voucher.id, now=NOW)
        order = await create_order(tx, cart(5000, source_id="o-1"), now=NOW)
        refused = await refuse_now(tx, asking("CODE", order=cart(7000, source_id="o-1")))
        assert refused.failures[0].order_id == order.id
        assert await get_order(tx, "o-1") == order


async def test_a_refusal_still_remembers_who_came(tx: Tx) -> None:
    await add_code(tx, "CODE", offer=amount_off(100), active=False)
    refused = await refuse_now(tx, asking("CODE", customer=CustomerDraft(source_id="anna")))
    (anna,) = (await list_customers(tx)).items
    assert refused.failures[0].customer_id == anna.id
