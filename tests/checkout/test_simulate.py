"""Offers that are not running, tried on carts: drafts, disabled, not begun."""

from datetime import timedelta
from typing import Any

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    open_campaign,
    percent_off,
    redeem_now,
)
from kaquan.campaigns import Campaign, find_voucher
from kaquan.checkout import (
    CheckoutRequest,
    Coupon,
    SimulatedOffer,
    Validation,
    simulate,
    simulate_campaign,
)
from kaquan.engine import Application
from kaquan.ledger import count_ledger
from kaquan.runtime import Tx

DAY = timedelta(days=1)


async def try_on(tx: Tx, offers: dict[str, SimulatedOffer], *codes: str, **more: Any) -> Validation:
    """Simulate on a cart of 100.00."""
    request = CheckoutRequest(redeemables=asking(*codes).redeemables, order=asking("x").order)
    more.setdefault("now", NOW)
    return await simulate(tx, request, offers, **more)


def reasons_of(validation: Validation) -> dict[str, list[str]]:
    """The reason codes of each offer; an empty list means that it applies."""
    return {a.redeemable.id: [r.code.value for r in a.reasons] for a in validation.attempts}


def simulated(campaign: Campaign, *, whenever: bool = False) -> dict[str, SimulatedOffer]:
    """The campaign under the key X."""
    return {"X": simulate_campaign(campaign, "X", is_draft=False, whenever=whenever, now=NOW)}


async def test_a_campaign_that_is_off_is_taken_as_switched_on(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(1_000), active=False)
    tried = await try_on(tx, simulated(campaign))
    assert (tried.valid, tried.figures.total_discount_minor) == (True, 1_000)


async def test_a_campaign_that_has_not_begun_at_the_time_and_whenever(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(1_000), starts_at=NOW + DAY)
    assert reasons_of(await try_on(tx, simulated(campaign))) == {"X": ["not_started"]}
    assert (await try_on(tx, simulated(campaign), now=NOW + DAY)).valid
    assert (await try_on(tx, simulated(campaign, whenever=True))).valid


async def test_a_draft_has_its_budget_whole_and_a_campaign_what_is_left(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(300), budget_minor=500)
    await add_code(tx, "CODE", campaign_id=campaign.id)
    await redeem_now(tx, asking("CODE"))
    assert reasons_of(await try_on(tx, simulated(campaign))) == {"X": ["budget_exhausted"]}
    draft = simulate_campaign(campaign, "X", is_draft=True, whenever=False, now=NOW)
    assert (await try_on(tx, {"X": draft})).figures.total_discount_minor == 300


async def test_offers_and_codes_go_together_and_nothing_is_written(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(300))
    await add_code(tx, "CODE", offer=amount_off(100))
    voucher = await add_code(tx, "OFF", offer=amount_off(50), active=False)
    offers = simulated(campaign) | {"OFF": SimulatedOffer(coupon=Coupon(voucher, None))}
    before = await count_ledger(tx)
    tried = await try_on(tx, offers, "CODE", "NOBODY")
    assert reasons_of(tried) == {"X": [], "OFF": [], "CODE": [], "NOBODY": ["voucher_not_found"]}
    assert tried.figures.total_discount_minor == 450
    strictly = await try_on(tx, offers, "CODE", "NOBODY", application=Application.ALL)
    assert not strictly.valid
    assert await count_ledger(tx) == before
    assert await find_voucher(tx, "X") is None
