"""Coupons redeemed without an order: used up and counted, with nothing to take off."""

from typing import Any, NamedTuple

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    enter_customer,
    on_condition,
    open_campaign,
    percent_off,
    read_balance,
    redeem_now,
    refuse_now,
)
from kaquan.checkout import CheckoutRequest, Redeemable, RollBack, roll_back, validate
from kaquan.customers import CustomerDraft, get_customer_summary, list_orders
from kaquan.engine import ReasonCode
from kaquan.ledger import AccountKind, check_ledger
from kaquan.runtime import Tx


def using(*codes: str, **fields: Any) -> CheckoutRequest:
    """A request for these codes and nothing else."""
    return CheckoutRequest(redeemables=tuple(Redeemable(id=code) for code in codes), **fields)


async def test_what_it_writes(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(2000), budget_minor=5000, per_customer_cap=3)
    voucher = await add_code(tx, "CODE", campaign_id=campaign.id, quantity=2)
    anna = CustomerDraft(source_id="anna")
    preview = await validate(tx, using("CODE", customer=anna), now=NOW)
    assert (preview.valid, preview.order, preview.figures.total_minor) == (True, None, 0)
    done = await redeem_now(tx, using("CODE", customer=anna))
    assert done.customer is not None
    assert done.order is None
    (kept,) = done.redemptions
    assert (kept.order_id, kept.order_amount_minor, kept.total_discount_minor) == (None, None, 0)
    assert (await list_orders(tx)).total == 0
    assert (await get_customer_summary(tx, done.customer.id)).order_count == 0
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 1
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 5000
    owner = f"{campaign.id}/{done.customer.id}"
    assert await read_balance(tx, owner, AccountKind.CUSTOMER_USES) == 2


class Limit(NamedTuple):
    name: str
    campaign: dict[str, Any]
    voucher: dict[str, Any]
    successes: int
    reason: ReasonCode


LIMITS = [
    Limit("uses", {}, {"quantity": 2}, 2, ReasonCode.USES_EXHAUSTED),
    Limit(
        "a cap per person",
        {"per_customer_cap": 2},
        {"quantity": None},
        2,
        ReasonCode.CUSTOMER_USES_EXHAUSTED,
    ),
    Limit(
        "a count per person",
        {"offer": on_condition(amount_off(100), code="per_customer_count", at_most=1)},
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
    request = using("CODE", customer="anna")
    done = [await redeem_now(tx, request) for _ in range(case.successes)]
    refused = await refuse_now(tx, request)
    assert refused.reason.code is case.reason
    undone = await roll_back(tx, done[0].redemptions[0].id, now=NOW)
    assert isinstance(undone, RollBack)
    assert undone.order is None
    assert await check_ledger(tx) == []
    await redeem_now(tx, request)
    await refuse_now(tx, request)


async def test_an_empty_budget_is_enough_for_nothing(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(1000), budget_minor=0)
    await add_code(tx, "CODE", campaign_id=campaign.id, quantity=None)
    await redeem_now(tx, using("CODE"))
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) in (None, 0)


async def test_two_of_a_campaign_share_what_a_person_may_use(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(100), per_customer_cap=1)
    for code in "AB":
        await add_code(tx, code, campaign_id=campaign.id)
    await enter_customer(tx, "anna")
    refused = await refuse_now(tx, using("A", "B", customer="anna"))
    assert refused.reason.code is ReasonCode.CUSTOMER_USES_EXHAUSTED
    assert [failure.voucher_code for failure in refused.failures] == ["B"]


async def test_a_stack(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(100))
    await add_code(tx, "B", offer=percent_off(100))
    done = await redeem_now(tx, using("A", "B"))
    assert done.parent is not None
    assert (done.parent.order_id, done.parent.total_discount_minor) == (None, 0)
    assert [r.voucher_code for r in done.redemptions] == ["A", "B"]


@pytest.mark.parametrize(
    ("offer", "reason", "params"),
    [
        pytest.param(
            on_condition(amount_off(100), code="minimum_spend", amount_minor=500),
            ReasonCode.MINIMUM_SPEND_NOT_MET,
            {"required_minor": 500, "spent_minor": 0, "missing_minor": 500},
            id="a minimum spend",
        ),
        pytest.param(
            on_condition(
                amount_off(100), code="has_items", scope={"product_ids": ["tea"]}, quantity=2
            ),
            ReasonCode.ITEMS_MISSING,
            {"required": 2, "present": 0, "missing": 2},
            id="goods",
        ),
        pytest.param(
            {"effect": {"code": "threshold_off", "tiers": [{"spend_minor": 900, "off_minor": 1}]}},
            ReasonCode.THRESHOLD_NOT_MET,
            {"required_minor": 900, "spent_minor": 0, "missing_minor": 900},
            id="a threshold",
        ),
    ],
)
async def test_rules_about_an_order_are_not_met(
    tx: Tx, offer: dict[str, Any], reason: ReasonCode, params: dict[str, int]
) -> None:
    await add_code(tx, "CODE", offer=offer)
    refused = await refuse_now(tx, using("CODE"))
    assert refused.reason.code is reason
    assert dict(refused.reason.params) == params
    assert refused.failures[0].order_id is None


async def test_unknown_and_switched_off_codes_are_refused_as_ever(tx: Tx) -> None:
    await add_code(tx, "OFF", offer=amount_off(100), active=False)
    for code, reason in (("?", ReasonCode.VOUCHER_NOT_FOUND), ("OFF", ReasonCode.INACTIVE)):
        assert (await refuse_now(tx, using(code))).reason.code is reason
