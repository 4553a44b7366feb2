"""Promotions that keep a share of customers back: refused with a reason, and logged."""

from typing import Any

from checkout.shop import NOW, amount_off, asking, cart, enter_customer, open_campaign
from kaquan.campaigns import CampaignKind, TierDraft, VoucherDraft, add_voucher, create_tier
from kaquan.checkout import (
    AttemptGatherer,
    CheckoutRequest,
    QualificationRequest,
    Redeemable,
    Refused,
    qualify,
    redeem,
    rerun_attempt,
    tried_validation,
    validate,
)
from kaquan.checkout.attempts import list_kept_attempts
from kaquan.checkout.store.attempts import AttemptFilter
from kaquan.engine import Rejected
from kaquan.experiments import Arm, assign_arm, list_exposures
from kaquan.runtime import Database, Project, Tx

HALF: dict[str, Any] = {"open_to_holdout": False, "holdout_bps": 5000}


async def promote(tx: Tx, **fields: Any) -> tuple[str, str]:
    """A promotion of one tier; the campaign's id and the tier's."""
    campaign = await open_campaign(tx, {}, name="Sale", kind=CampaignKind.PROMOTION, **fields)
    tier = await create_tier(
        tx, campaign.id, TierDraft(name="Five", offer=amount_off(500), banner="!"), now=NOW
    )
    return campaign.id, tier.id


async def two_arms(tx: Tx, campaign_id: str) -> dict[Arm, str]:
    """A customer of each arm."""
    found: dict[Arm, str] = {}
    for number in range(60):
        customer = await enter_customer(tx, f"c-{number}")
        arm = assign_arm(campaign_id, customer.id, holdout_bps=5000).arm
        found.setdefault(arm, customer.id)
    return found


def of(customer: str | None, tier_id: str) -> CheckoutRequest:
    tier = Redeemable(id=tier_id, object="promotion_tier")
    return CheckoutRequest(redeemables=(tier,), order=cart(10_000), customer=customer)


async def test_a_tier_is_kept_back_and_a_redemption_logs_it(tx: Tx) -> None:
    campaign_id, tier_id = await promote(tx, **HALF)
    people = await two_arms(tx, campaign_id)
    assert await list_exposures(tx, campaign_id, limit=9) == []
    kept_back = await redeem(tx, of(people[Arm.HOLDOUT], tier_id), now=NOW)
    assert isinstance(kept_back, Refused)
    (attempt,) = kept_back.validation.attempts
    assert isinstance(attempt.result, Rejected)
    assert [str(one.code) for one in attempt.result.reasons] == ["customer_in_holdout"]
    given = await redeem(tx, of(people[Arm.TREATMENT], tier_id), now=NOW)
    assert not isinstance(given, Refused)
    logged = {one.customer_id: one.arm for one in await list_exposures(tx, campaign_id, limit=9)}
    assert logged == {customer: arm for arm, customer in people.items()}
    # Nobody knows which arm a guest would be in.
    assert not isinstance(await redeem(tx, of(None, tier_id), now=NOW), Refused)


async def test_what_is_open_is_for_all(tx: Tx) -> None:
    campaign_id, tier_id = await promote(tx, open_to_holdout=True, holdout_bps=10_000)
    customer = await enter_customer(tx, "anna")
    assert (await validate(tx, of(customer.id, tier_id), now=NOW)).valid
    assert await list_exposures(tx, campaign_id, limit=9) == []


async def test_qualifying_offers_neither_the_tier_nor_the_coupon(
    database: Database, project: Project
) -> None:
    """What was tried is logged when the process writes it down, and is decided again alike."""
    gatherer = AttemptGatherer(database)
    async with database.transaction(project.project_id) as tx:
        promotion, _ = await promote(tx, **HALF | {"holdout_bps": 10_000})
        coupons = await open_campaign(tx, amount_off(100), name="C", **HALF | {"holdout_bps": 1})
        customer = await enter_customer(tx, "anna")
        about = CheckoutRequest(redeemables=(), order=cart(10_000), customer=customer.id)
        found = await qualify(tx, QualificationRequest(about=about), now=NOW)
    assert [one.option.key for one in found.found] == [coupons.id]
    for tried in found.tried:
        gatherer.keep(project.project_id, tried)
    await gatherer.flush()
    async with database.transaction(project.project_id) as tx:
        arms = [
            [one.arm for one in await list_exposures(tx, campaign, limit=9)]
            for campaign in (promotion, coupons.id)
        ]
        assert arms == [[Arm.HOLDOUT], [Arm.TREATMENT]]
        kept = await list_kept_attempts(tx, AttemptFilter())
        assert [(await rerun_attempt(tx, one.id)).differences for one in kept.page.items] == [
            (),
            (),
        ]


async def test_a_validation_logs_it_too(database: Database, project: Project) -> None:
    gatherer = AttemptGatherer(database)
    async with database.transaction(project.project_id) as tx:
        campaign_id, tier_id = await promote(tx, **HALF | {"holdout_bps": 10_000})
        customer = await enter_customer(tx, "anna")
        request = of(customer.id, tier_id)
        validation = await validate(tx, request, now=NOW)
        assert not validation.valid
    gatherer.keep(project.project_id, tried_validation(request, validation, at=NOW))
    await gatherer.flush()
    async with database.transaction(project.project_id) as tx:
        assert len(await list_exposures(tx, campaign_id, limit=9)) == 1


async def test_a_code_in_hand_is_not_kept_back(tx: Tx) -> None:
    """Who holds a coupon was given it; the holdout is about giving."""
    campaign = await open_campaign(tx, amount_off(100), **HALF | {"holdout_bps": 10_000})
    await add_voucher(tx, VoucherDraft(code="CODE", campaign_id=campaign.id), now=NOW)
    customer = await enter_customer(tx, "anna")
    assert (await validate(tx, asking("CODE", customer=customer.id), now=NOW)).valid
