"""Experiments: how arms are read, drawn and kept, layers, and what may run at once."""

from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from conftest import NOW
from insight.rows import add_campaign, add_customers
from kaquan.experiments import (
    HOLDOUT,
    Arm,
    Assignment,
    Experiment,
    ExperimentConflict,
    ExperimentDraft,
    ExperimentKind,
    ExperimentStatus,
    Factor,
    Overrides,
    Placement,
    Variant,
    assign_variant,
    create_experiment,
    cross_factors,
    is_in_layer,
    list_experiments,
    place_customers,
    place_in_global_holdout,
    start_experiment,
    stop_experiment,
)
from kaquan.runtime import Duplicate, InvalidInput, Tx

ARMS = (Variant(name="a", weight_bps=5000), Variant(name="b", weight_bps=5000))


async def draft(tx: Tx, name: str = "Words", **fields: Any) -> Experiment:
    campaign = fields.pop("campaign_id", None) or await add_campaign(tx, name)
    given: dict[str, Any] = {"arms": ARMS} | fields
    return await create_experiment(
        tx, ExperimentDraft(name=name, campaign_id=campaign, **given), now=NOW
    )


async def test_shares_are_kept_and_the_same_customer_gets_the_same_arm(tx: Tx) -> None:
    weights = {"a": 5000, "b": 3000, "c": 2000}
    experiment = await draft(
        tx, arms=tuple(Variant(name=name, weight_bps=bps) for name, bps in weights.items())
    )
    drawn = [assign_variant(experiment, f"cust_{i}") for i in range(20_000)]
    counts = Counter(one.arm for one in drawn if one is not None)
    for name, bps in weights.items():
        # Four standard errors of a share of 20,000.
        assert abs(counts[name] / 20_000 - bps / 10_000) < 4 * (0.25 / 20_000) ** 0.5
    assert {one.propensity for one in drawn if one and one.arm == "c"} == {0.2}
    assert drawn[:50] == [assign_variant(experiment, f"cust_{i}") for i in range(50)]


async def test_layers_exclude_within_and_cross_between(tx: Tx) -> None:
    first = await draft(tx, "first", layer="home", to_bps=4000)
    second = await draft(tx, "second", layer="home", from_bps=4000)
    other = await draft(tx, "other", layer="till", to_bps=5000)
    people = [f"cust_{i}" for i in range(8000)]
    places = [[is_in_layer(one, person) for person in people] for one in (first, second, other)]
    assert [a + b for a, b, _ in zip(*places, strict=True)] == [1] * len(people)
    both = sum(a and c for a, _, c in zip(*places, strict=True)) / len(people)
    assert abs(both - 0.4 * 0.5) < 0.02


async def test_a_placement_is_written_once_and_multiplies_probabilities(tx: Tx) -> None:
    await add_customers(tx, "x", "y", at=NOW)
    experiment = await start_experiment(tx, (await draft(tx)).id, now=NOW)
    kept_out, treated = Assignment(Arm.HOLDOUT, 0.1), Assignment(Arm.TREATMENT, 0.9)
    placed = await place_customers(tx, experiment, {"x": kept_out, "y": treated}, now=NOW)
    assert placed["x"] == Placement(HOLDOUT, 0.1)
    assert placed["y"].propensity == pytest.approx(0.45)
    moved = replace(experiment, weights_bps=[1, 9999])
    again = await place_customers(tx, moved, {"y": Assignment(Arm.TREATMENT, 0.5)}, now=NOW)
    assert again == {"y": placed["y"]}


async def test_factors_are_crossed_with_equal_shares() -> None:
    arms = cross_factors(
        (
            Factor(
                name="face",
                levels={
                    "low": Overrides(offer={"effect": {"code": "amount_off", "amount_minor": 1}}),
                    "high": Overrides(),
                },
            ),
            Factor(
                name="words",
                levels={"x": Overrides(subject="x"), "y": Overrides(), "z": Overrides()},
            ),
        )
    )
    assert [arm.name for arm in arms][:2] == ["low × x", "low × y"]
    assert [arm.weight_bps for arm in arms] == [1667, 1667, 1667, 1667, 1666, 1666]
    assert arms[0].levels == {"face": "low", "words": "x"}
    assert arms[0].overrides.subject == "x"
    assert arms[0].overrides.offer is not None


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": " x"}),
        ("campaign_id", {"campaign_id": None}),
        ("arms", {"arms": ()}),
        ("arms", {"arms": ARMS[:1]}),
        ("arms", {"arms": (ARMS[0], ARMS[0])}),
        ("arms", {"arms": (ARMS[0], replace(ARMS[1], weight_bps=4999))}),
        ("arms[1].weight_bps", {"arms": (ARMS[0], replace(ARMS[1], weight_bps=0))}),
        ("arms[0].name", {"arms": (replace(ARMS[0], name=HOLDOUT), ARMS[1])}),
        (
            "arms[0].overrides.nothing",
            {"arms": (replace(ARMS[0], overrides=Overrides(nothing=True, valid_days=3)), ARMS[1])},
        ),
        (
            "arms[0].overrides.valid_days",
            {"arms": (replace(ARMS[0], overrides=Overrides(valid_days=0)), ARMS[1])},
        ),
        ("layer", {"to_bps": 5000}),
        ("to_bps", {"layer": "x", "from_bps": 5000, "to_bps": 5000}),
        ("horizon_days", {"horizon_days": 0}),
        ("planned_n", {"planned_n": 0}),
        ("holdout_bps", {"kind": ExperimentKind.GLOBAL_HOLDOUT, "campaign_id": None, "arms": ()}),
        ("campaign_id", {"kind": ExperimentKind.GLOBAL_HOLDOUT, "holdout_bps": 500}),
        (
            "factors[0].levels",
            {"arms": (), "factors": (Factor(name="f", levels={"one": Overrides()}),)},
        ),
        (
            "factors",
            {
                "arms": (),
                "factors": tuple(
                    Factor(name=name, levels={"p": Overrides(valid_days=1), "q": Overrides()})
                    for name in "fg"
                ),
            },
        ),
    ],
)
async def test_refuses(tx: Tx, field: str, given: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        "name": "Words",
        "campaign_id": await add_campaign(tx),
        "arms": ARMS,
    } | given
    with pytest.raises(InvalidInput) as refused:
        await create_experiment(tx, ExperimentDraft(**fields), now=NOW)
    assert refused.value.field == field


async def test_only_one_runs_on_a_campaign_and_a_place_in_a_layer(tx: Tx) -> None:
    campaign = await add_campaign(tx)
    one = await draft(tx, "one", campaign_id=campaign, layer="home", to_bps=6000)
    two = await draft(tx, "two", campaign_id=campaign)
    three = await draft(tx, "three", layer="home", from_bps=5000)
    four = await draft(tx, "four", layer="home", from_bps=6000)
    assert (await start_experiment(tx, one.id, now=NOW)).status is ExperimentStatus.RUNNING
    for refused in (one, two, three):
        with pytest.raises(ExperimentConflict):
            await start_experiment(tx, refused.id, now=NOW)
    await start_experiment(tx, four.id, now=NOW)
    with pytest.raises(ExperimentConflict):
        await stop_experiment(tx, two.id, now=NOW)
    await stop_experiment(tx, one.id, now=NOW)
    await start_experiment(tx, two.id, now=NOW)
    with pytest.raises(Duplicate):
        await draft(tx, "two", campaign_id=campaign)
    running = await list_experiments(tx, status=ExperimentStatus.RUNNING, order="name", limit=1)
    assert (running.total, [found.name for found in running.items]) == (2, ["four"])
    assert running.next_cursor == "2"


async def test_the_global_holdout_is_kept_out_and_logged(tx: Tx) -> None:
    names = [f"c{number:03}" for number in range(300)]
    await add_customers(tx, *names, at=NOW)
    made = await create_experiment(
        tx,
        ExperimentDraft(name="All", kind=ExperimentKind.GLOBAL_HOLDOUT, holdout_bps=2000),
        now=NOW,
    )
    experiment = await start_experiment(tx, made.name, now=NOW)
    kept_out = await place_in_global_holdout(tx, experiment, names, now=NOW)
    assert 30 < len(kept_out) < 90
    assert await place_in_global_holdout(tx, experiment, names[:150], now=NOW) == {
        name for name in names[:150] if name in kept_out
    }
