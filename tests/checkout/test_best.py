"""The best combination of what a customer holds: which, how much, and why not the others."""

from typing import Any

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    enter_customer,
    on_condition,
    percent_off,
    redeem_now,
)
from kaquan.campaigns import publish_voucher
from kaquan.checkout import BestFound, CheckoutRequest, find_best
from kaquan.engine import StackingRules
from kaquan.ledger import count_ledger
from kaquan.runtime import InvalidInput, Tx


async def hold(tx: Tx, code: str, offer: dict[str, Any], **fields: Any) -> None:
    """A code that Anna holds."""
    await add_code(tx, code, offer=offer, **fields)
    await publish_voucher(tx, voucher_code=code, customer_id="anna", channel="test", now=NOW)


async def best_of(tx: Tx, *codes: str, **more: Any) -> BestFound:
    """The best for Anna on a cart of 100.00, these codes besides her own."""
    request = CheckoutRequest(
        redeemables=asking(*codes).redeemables, order=cart(6_000, 4_000), customer="anna"
    )
    return await find_best(tx, request, now=NOW, **more)


def chosen_by(best: BestFound) -> list[str]:
    """The codes in the order of application."""
    return [attempt.redeemable.id for attempt in best.validation.attempts]


def reasons_of(best: BestFound) -> dict[str, list[str]]:
    """Why each other code is left out."""
    return {key: [one.code.value for one in reasons] for key, reasons in best.left_out.items()}


async def test_the_set_that_takes_most_off_and_why_not_the_others(tx: Tx) -> None:
    await enter_customer(tx, "anna")
    await hold(tx, "TEN-PERCENT", percent_off(1_000))
    await hold(tx, "THREE", amount_off(300))
    await hold(tx, "TWO", amount_off(200))
    await hold(tx, "DEAR", on_condition(amount_off(900), code="minimum_spend", amount_minor=20_000))
    await hold(tx, "USED", amount_off(5_000), quantity=1)
    await redeem_now(tx, asking("USED", customer="anna"))
    before = await count_ledger(tx)
    best = await best_of(tx, "NOBODY", rules=StackingRules(max_applied=2))
    assert set(chosen_by(best)) == {"TEN-PERCENT", "THREE"}
    assert best.validation.valid
    # Ten percent first: 10.00 and 3.00; the other way round it is 3.00 and 9.70.
    assert best.validation.decision.total_discount_minor in {1_300, 1_270}
    assert (best.exact, best.considered) == (True, 6)
    assert reasons_of(best) == {
        "NOBODY": ["voucher_not_found"],
        "TWO": reasons_of(best)["TWO"],
        "DEAR": ["minimum_spend_not_met"],
        "USED": ["uses_exhausted"],
    }
    assert reasons_of(best)["TWO"][0] in {"applied_limit", "not_better"}
    assert await count_ledger(tx) == before


async def test_what_was_found_can_be_redeemed_for_the_same(tx: Tx) -> None:
    await enter_customer(tx, "anna")
    for number in range(1, 6):
        await hold(tx, f"CODE-{number}", amount_off(100 * number))
    best = await best_of(tx, rules=StackingRules(max_applied=3))
    codes = chosen_by(best)
    assert set(codes) == {"CODE-3", "CODE-4", "CODE-5"}
    done = await redeem_now(tx, asking(*codes, order=cart(6_000, 4_000), customer="anna"))
    assert sum(one.total_discount_minor for one in done.redemptions) == 1_200


async def test_above_twelve_it_says_that_it_may_not_be_the_best(tx: Tx) -> None:
    await enter_customer(tx, "anna")
    for number in range(14):
        await hold(tx, f"CODE-{number:02}", amount_off(100 + number))
    best = await best_of(tx)
    assert (best.exact, best.considered, len(chosen_by(best))) == (False, 14, 5)
    assert best.validation.decision.total_discount_minor == 113 + 112 + 111 + 110 + 109
    assert len(best.left_out) == 9


async def test_without_the_wallet_only_what_is_named_counts(tx: Tx) -> None:
    await enter_customer(tx, "anna")
    await hold(tx, "HELD", amount_off(500))
    await add_code(tx, "NAMED", offer=amount_off(100))
    best = await best_of(tx, "NAMED", from_wallet=False)
    assert (chosen_by(best), best.considered) == (["NAMED"], 1)
    assert set(chosen_by(await best_of(tx, "NAMED"))) == {"HELD", "NAMED"}


async def test_nothing_applies(tx: Tx) -> None:
    await enter_customer(tx, "anna")
    best = await best_of(tx)
    assert (chosen_by(best), best.exact, dict(best.left_out)) == ([], True, {})
    assert best.validation.figures.total_minor == 10_000


async def test_without_an_order_there_is_nothing_to_compare(tx: Tx) -> None:
    with pytest.raises(InvalidInput) as refused:
        await find_best(tx, CheckoutRequest(redeemables=()), now=NOW)
    assert refused.value.key == "missing_order"
