"""Sending the arms of an experiment: each gets its own variant, and the log says who did."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from kaquan.campaigns import get_voucher
from kaquan.experiments import (
    HOLDOUT,
    ExperimentDraft,
    ExperimentKind,
    Overrides,
    Variant,
    find_exposure,
    list_placements,
    start_experiment,
)
from kaquan.outreach import define_experiment, get_message, list_messages
from kaquan.runtime import Database, InvalidInput, Project, Tx
from outreach.shop import NOW, SPRING, open_shop, send

FIVE_OFF = {"effect": {"code": "amount_off", "amount_minor": 500}}
ARMS = (
    Variant(name="plain", weight_bps=2500),
    Variant(
        name="small",
        weight_bps=2500,
        overrides=Overrides(offer=FIVE_OFF, subject="Only {{ coupon.value }}", valid_days=3),
    ),
    Variant(name="late", weight_bps=2000, overrides=Overrides(send_after_hours=5)),
    Variant(name="quiet", weight_bps=1500, overrides=Overrides(channel="wallet")),
    Variant(name="none", weight_bps=1500, overrides=Overrides(nothing=True)),
)


async def test_each_arm_gets_its_own_variant(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await open_shop(
            tx,
            [f"p{number}@example.com" for number in range(120)],
            campaign=replace(SPRING, holdout_bps=1000),
        )
        made = await define_experiment(
            tx, ExperimentDraft(name="Five", campaign_id=shop.campaign.name, arms=ARMS), now=NOW
        )
        experiment = await start_experiment(tx, made.id, now=NOW)
        kept = await define_experiment(
            tx,
            ExperimentDraft(name="All", kind=ExperimentKind.GLOBAL_HOLDOUT, holdout_bps=1000),
            now=NOW,
        )
        await start_experiment(tx, kept.id, now=NOW)
    distribution = await send(database, project.project_id, shop, chunk=50)
    async with database.transaction(project.project_id) as tx:
        ids = [customer.id for customer in shop.customers]
        placed = await list_placements(tx, experiment.id, ids)
        everybody = await list_placements(tx, kept.id, ids)
        page = await list_messages(tx, distribution_id=distribution.id, limit=200)
        letters = {m.customer_id: await get_message(tx, m.id) for m in page.items}
        out = {one for one, place in everybody.items() if place.arm == HOLDOUT}
        assert set(placed) == set(ids) - out
        assert 0 < len(out) < 30
        for customer_id in out:
            assert await find_exposure(tx, shop.campaign.id, customer_id) is None
        seen: set[str] = set()
        for customer_id, place in placed.items():
            seen.add(place.arm)
            letter = letters.get(customer_id)
            assert (letter is not None) == (place.arm in ("plain", "small", "late"))
            if letter is None or letter.voucher_id is None:
                continue
            voucher = await get_voucher(tx, letter.voucher_id)
            assert ("¥5 off" in letter.html) == (place.arm == "small")
            assert (voucher.offer is not None) == (place.arm == "small")
            late = timedelta(hours=5 if place.arm == "late" else 0)
            assert letter.due_at == NOW + late
            if place.arm == "small":
                assert letter.subject == "Only ¥5 off"
                assert voucher.expires_at == NOW + timedelta(days=3)
                assert place.propensity == pytest.approx(0.25 * 0.9)
    assert seen == {arm.name for arm in ARMS} | {HOLDOUT}
    without = {c for c, one in placed.items() if one.arm in (HOLDOUT, "none")} | out
    assert (distribution.held_out, distribution.published) == (len(without), 120 - len(without))
    # The quiet arm was never to be written to.
    assert distribution.unreachable == 0


@pytest.mark.parametrize(
    ("field", "overrides"),
    [
        (
            "arms[1].overrides.offer.effect.amount_minor",
            {"offer": {"effect": {"code": "amount_off", "amount_minor": -1}}},
        ),
        ("arms[1].overrides.offer", {"offer": {"effect": {"code": "stored_value"}}}),
        ("arms[1].overrides.subject", {"subject": "{{ nobody.knows }}"}),
        ("arms[1].overrides.mjml", {"mjml": "<mjml></mjml>"}),
    ],
)
async def test_refuses_what_cannot_be_sent(tx: Tx, field: str, overrides: dict[str, Any]) -> None:
    shop = await open_shop(tx, [])
    arms = (
        Variant(name="a", weight_bps=5000),
        Variant(name="b", weight_bps=5000, overrides=Overrides(**overrides)),
    )
    with pytest.raises(InvalidInput) as refused:
        await define_experiment(
            tx, ExperimentDraft(name="Bad", campaign_id=shop.campaign.id, arms=arms), now=NOW
        )
    assert refused.value.field == field
