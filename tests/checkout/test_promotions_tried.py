"""Promotions where no code is named: qualifications list them, the best combination takes them."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    cart,
    enter_customer,
    on_condition,
    open_campaign,
    percent_off,
)
from kaquan.campaigns import (
    CampaignKind,
    PromotionTier,
    StackDraft,
    TierDraft,
    create_stack,
    create_tier,
    disable_campaign,
    publish_voucher,
)
from kaquan.checkout import (
    AttemptFilter,
    CheckoutRequest,
    Qualification,
    QualificationRequest,
    QualificationSorting,
    Scenario,
    find_best,
    list_kept_attempts,
    qualify,
    rerun_attempt,
)
from kaquan.checkout.kept import OfferReferences
from kaquan.checkout.store.attempts import insert_attempts, upsert_offers
from kaquan.checkout.tried import write_rows
from kaquan.runtime import Tx

DAY = timedelta(days=1)
DEAR = on_condition(amount_off(900), code="minimum_spend", amount_minor=20_000)
TEA = {"scope": {"sku_ids": ["sku_0"]}}


async def promote(tx: Tx, name: str, *tiers: TierDraft, **fields: Any) -> list[PromotionTier]:
    """A promotion with these tiers."""
    campaign = await open_campaign(tx, {}, name=name, kind=CampaignKind.PROMOTION, **fields)
    return [await create_tier(tx, campaign.id, tier, now=NOW) for tier in tiers]


def tier(name: str, offer: dict[str, Any], **fields: Any) -> TierDraft:
    """A tier of that name."""
    return TierDraft(name=name, offer=offer, banner=f"{name}!", **fields)


async def stock(tx: Tx) -> None:
    """A running promotion with a stack, and others that are not running."""
    five, ten, dear, *_ = await promote(
        tx,
        "Running",
        tier("Five", amount_off(500)),
        tier("Ten", percent_off(1_000)),
        tier("Dear", DEAR),
        tier("Off", amount_off(700), active=False),
        tier("Later", amount_off(700), starts_at=NOW + DAY),
        tier("Tea", amount_off(100, target="items", **TEA)),
    )
    both = StackDraft(name="Both", tier_ids=(five.id, ten.id))
    await create_stack(tx, five.campaign_id, both, now=NOW)
    never = StackDraft(name="Never", tier_ids=(five.id, dear.id))
    await create_stack(tx, five.campaign_id, never, now=NOW)
    (closed,) = await promote(tx, "Closed", tier("Closed", amount_off(500)))
    await disable_campaign(tx, closed.campaign_id, now=NOW)
    alone = StackDraft(name="Of closed", tier_ids=(closed.id,))
    await create_stack(tx, closed.campaign_id, alone, now=NOW)
    await promote(tx, "Over", tier("Over", amount_off(500)), expires_at=NOW)
    await add_code(tx, "PUBLIC", offer=amount_off(50), quantity=None)


class Case(NamedTuple):
    name: str
    scenario: Scenario
    found: dict[str, int]
    """What qualifies, with what it takes off a cart of 100.00."""


SINGLE = {"Five": 500, "Ten": 1_000, "Tea": 100, "PUBLIC": 50}
CASES = [
    Case("all", Scenario.ALL, SINGLE | {"Both": 500 + 950}),
    Case("stacks", Scenario.PROMOTION_STACKS, {"Both": 500 + 950}),
    Case("audience", Scenario.AUDIENCE_ONLY, SINGLE | {"Dear": 900}),
    Case("products", Scenario.PRODUCTS_DISCOUNT, {"Tea": 100}),
    Case("wallet", Scenario.CUSTOMER_WALLET, {}),
]


async def ask(tx: Tx, scenario: Scenario, **more: Any) -> Qualification:
    """Qualify on a cart of 100.00."""
    about = CheckoutRequest(redeemables=(), order=cart(10_000))
    asked: dict[str, Any] = {"limit": 50} | more
    return await qualify(tx, QualificationRequest(about=about, scenario=scenario, **asked), now=NOW)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_what_is_running_qualifies(tx: Tx, case: Case) -> None:
    await stock(tx)
    found = await ask(tx, case.scenario)
    taken = {one.option.name or one.option.key: one.discount_minor for one in found.found}
    assert taken == case.found
    assert (found.more, found.next_place) == (False, None)


async def test_deals_are_sorted_with_stacks_as_a_whole(tx: Tx) -> None:
    await stock(tx)
    found = await ask(tx, Scenario.ALL, sorting=QualificationSorting.BEST_DEAL, limit=2)
    assert [one.option.name for one in found.found] == ["Both", "Ten"]
    assert found.more


async def test_what_was_tried_is_kept_and_decided_again_alike(tx: Tx) -> None:
    await stock(tx)
    found = await ask(tx, Scenario.ALL)
    offers: dict[str, dict[str, Any]] = {}
    rows = [row for tried in found.tried for row in write_rows(tried, OfferReferences(), offers)]
    await upsert_offers(tx, offers, seen_on=NOW.date())
    await insert_attempts(tx, rows)
    kept = (await list_kept_attempts(tx, AttemptFilter(), limit=100)).page.items
    # Four single ones apply and Dear does not; of the two stacks each tier has its own entry.
    assert len(kept) == 5 + 2 * 2
    assert {one.object for one in kept} == {"voucher", "promotion_tier"}
    for one in kept:
        assert (await rerun_attempt(tx, one.id)).differences == ()


async def test_the_best_combination_takes_what_needs_no_code(tx: Tx) -> None:
    await stock(tx)
    await enter_customer(tx, "anna")
    await add_code(tx, "HELD", offer=amount_off(300))
    await publish_voucher(tx, voucher_code="HELD", customer_id="anna", channel="test", now=NOW)
    request = CheckoutRequest(redeemables=(), order=cart(10_000), customer="anna")
    best = await find_best(tx, request, now=NOW)
    # The code's 3.00 and then 5.00 come first, ten percent of the other 92.00, 1.00 off the tea.
    assert best.validation.decision.total_discount_minor == 300 + 500 + 920 + 100
    objects = [one.redeemable.object for one in best.validation.attempts]
    assert sorted(objects) == ["promotion_tier"] * 3 + ["voucher"]
    (dear,) = best.left_out
    assert [reason.code.value for reason in best.left_out[dear]] == ["minimum_spend_not_met"]
    assert best.coupons[dear].voucher.tier
    own = await find_best(tx, request, now=NOW, automatic=False)
    assert own.validation.decision.total_discount_minor == 300
