"""Whoever is held out gets nothing on asking either, and is in the log beside those who do."""

from typing import Any

import pytest

from campaigns.samples import make_campaign, make_customers
from conftest import NOW
from kaquan.campaigns import (
    Campaign,
    CampaignChange,
    CampaignKind,
    Claim,
    ClaimRule,
    HeldOut,
    VoucherDraft,
    add_voucher,
    claim_vouchers,
    publish_voucher,
    set_claim_rule,
    update_campaign,
)
from kaquan.experiments import (
    Arm,
    Assignment,
    ExperimentDraft,
    ExperimentKind,
    assign_arm,
    create_experiment,
    find_exposure,
    list_exposures,
    list_placements,
    record_exposures,
    start_experiment,
)
from kaquan.runtime import Tx


def keeps(holdout_bps: int = 5000, **more: Any) -> dict[str, Any]:
    """Fields of a campaign that keeps a share back."""
    return {"open_to_holdout": False, "holdout_bps": holdout_bps} | more


async def ask(tx: Tx, campaign: Campaign, customers: list[str], **more: Any) -> list[str]:
    """Claim in one batch; the keys of refusals, and what was given as ''."""
    claims = [
        Claim(campaign=campaign.id, customer_id=one, channel="API", at=NOW, **more)
        for one in customers
    ]
    return [getattr(one, "key", "") for one in await claim_vouchers(tx, claims)]


async def test_claims_go_by_the_arm_and_log_it(tx: Tx) -> None:
    campaign = await make_campaign(tx, **keeps())
    customers = await make_customers(tx, 40)
    drawn = {one: assign_arm(campaign.id, one, holdout_bps=5000) for one in customers}
    wanted = ["" if drawn[one].arm is Arm.TREATMENT else "customer_in_holdout" for one in customers]
    assert 0 < wanted.count("") < 40
    assert await ask(tx, campaign, customers) == wanted
    logged = await list_exposures(tx, campaign.id, limit=99)
    assert {one.customer_id: one.assignment for one in logged} == drawn
    assert await ask(tx, campaign, customers) == wanted
    assert await list_exposures(tx, campaign.id, limit=99) == logged


@pytest.mark.parametrize(
    ("logged", "fields", "more", "answer"),
    [
        (Arm.TREATMENT, keeps(10_000), {}, ""),
        (Arm.HOLDOUT, keeps(1), {}, "customer_in_holdout"),
        (Arm.HOLDOUT, keeps(1), {"paid": True}, ""),
        (Arm.HOLDOUT, keeps(open_to_holdout=True), {}, ""),
        (Arm.HOLDOUT, keeps(0), {}, ""),
    ],
    ids=["the log stands", "held out", "paid for", "open", "no holdout"],
)
async def test_what_binds(
    tx: Tx, logged: Arm, fields: dict[str, Any], more: dict[str, Any], answer: str
) -> None:
    campaign = await make_campaign(tx, **fields)
    (customer,) = await make_customers(tx, 1)
    await record_exposures(tx, campaign.id, [(customer, Assignment(logged, 0.5))], now=NOW)
    assert await ask(tx, campaign, [customer], **more) == [answer]


async def test_who_is_refused_by_the_rule_is_not_met(tx: Tx) -> None:
    campaign = await make_campaign(tx, **keeps(10_000))
    customers = await make_customers(tx, 1)
    await set_claim_rule(tx, campaign.id, ClaimRule(closes_at=NOW), now=NOW)
    assert await ask(tx, campaign, customers) == ["claim_closed"]
    assert await list_exposures(tx, campaign.id, limit=9) == []


async def test_the_global_holdout_binds_and_is_not_the_campaigns(tx: Tx) -> None:
    draft = ExperimentDraft(name="All", kind=ExperimentKind.GLOBAL_HOLDOUT, holdout_bps=5000)
    everywhere = await create_experiment(tx, draft, now=NOW)
    await start_experiment(tx, everywhere.id, now=NOW)
    campaign = await make_campaign(tx, **keeps(0))
    customers = await make_customers(tx, 30)
    answers = await ask(tx, campaign, customers)
    placed = await list_placements(tx, everywhere.id, customers)
    out = [placed[one].arm == "holdout" for one in customers]
    assert 0 < sum(out) < 30
    assert answers == ["customer_in_holdout" if one else "" for one in out]
    assert await list_exposures(tx, campaign.id, limit=99) == []
    assert await ask(tx, campaign, customers) == answers


async def test_a_named_code_is_kept_back_and_given_once_the_campaign_is_open(tx: Tx) -> None:
    campaign = await make_campaign(tx, **keeps(10_000))
    await add_voucher(tx, VoucherDraft(code="CODE", campaign_id=campaign.id), now=NOW)
    (customer,) = await make_customers(tx, 1)

    async def give() -> str:
        given = await publish_voucher(
            tx, voucher_code="CODE", customer_id=customer, channel="API", now=NOW
        )
        return given.code

    with pytest.raises(HeldOut):
        await give()
    met = await find_exposure(tx, campaign.id, customer)
    assert met is not None
    assert met.assignment == Assignment(Arm.HOLDOUT, 1.0)
    await update_campaign(tx, campaign.id, CampaignChange(open_to_holdout=True), now=NOW)
    assert await give() == "CODE"


async def test_joining_a_programme_is_no_experiment(tx: Tx) -> None:
    campaign = await make_campaign(
        tx,
        offer={"effect": {"code": "points_payment", "points": 100, "worth_minor": 50}},
        kind=CampaignKind.LOYALTY_PROGRAM,
        open_to_holdout=False,
        holdout_bps=10_000,
    )
    assert await ask(tx, campaign, await make_customers(tx, 1)) == [""]
