"""Uplift of an experiment: the moved are found, and too little is refused."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from kaquan.experiments import (
    HOLDOUT,
    Experiment,
    ExperimentKind,
    ExperimentStatus,
    Metric,
    Variant,
)
from kaquan.insight.models import LackCode, ModelKind, Refused, Trained
from kaquan.insight.models.trial_model import Tried, train_uplift
from kaquan.insight.plans.store import FEATURES, Observed
from kaquan.insight.uplift import TreePlan

AT = datetime(2026, 1, 1, tzinfo=UTC)
LIGHT = TreePlan(rounds=15, leaves=4, learning_rate=0.2)
EXPERIMENT = Experiment(
    id="exp_1",
    name="Five",
    kind=ExperimentKind.CAMPAIGN,
    campaign_id="camp_1",
    status=ExperimentStatus.STOPPED,
    arms=(Variant(name="five", weight_bps=5000), Variant(name="ten", weight_bps=5000)),
    layer=None,
    from_bps=0,
    to_bps=10_000,
    metric=Metric.BUYERS,
    horizon_days=30,
    planned_n=None,
    adaptive=False,
    created_at=AT,
    started_at=AT,
    stopped_at=AT + timedelta(days=30),
)


def tried(
    people: int, *, arms: tuple[str, ...] = (HOLDOUT, "five"), moved: float = 2000.0
) -> Tried:
    """Half of the customers bought lately; the voucher moves only the others."""
    random = np.random.default_rng(4)
    observed: list[Observed] = []
    past: dict[str, tuple[float | None, ...]] = {}
    for number in range(people):
        name, lately = f"c{number}", number % 2 == 0
        arm = arms[int(random.integers(len(arms)))]
        gain = moved if arm != HOLDOUT and not lately else 0.0
        margin = float(random.normal(3000, 800)) + gain if moved else 0.0
        observed.append(Observed(name, arm, 1 / len(arms), AT, margin, 0.0))
        told = dict.fromkeys(FEATURES, 1.0) | {"days_since_last": 2.0 if lately else 60.0}
        past[name] = tuple(told.values())
    return Tried(
        experiment=EXPERIMENT, observed=observed, past=past, arm=None, control=None, in_margin=True
    )


def test_the_moved_are_found_and_measured_by_tenths() -> None:
    found = train_uplift(tried(1200), seed=1, plan=LIGHT)
    assert isinstance(found, Trained)
    card = found.card
    assert (card.kind, card.arm, card.control) == (ModelKind.UPLIFT, "five", HOLDOUT)
    assert card.bins[0].observed > 1500 > 500 > card.bins[-1].observed
    assert card.gain is not None
    assert card.gain.low is not None
    assert card.gain.low > 0
    low, high = card.measures["uplift_all"].low, card.measures["uplift_all"].high
    assert low is not None
    assert high is not None
    assert low < 1000 < high
    assert sum(one.rows for one in card.bins) == card.test_rows == 1200


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (tried(0), LackCode.NOT_OVER),
        (tried(60), LackCode.CONTROL),
        (tried(600, arms=("five", "ten")), LackCode.CONTROL),
        (tried(600, arms=(HOLDOUT,)), LackCode.ARM),
        (tried(600, moved=0.0), LackCode.SAME_OUTCOMES),
    ],
    ids=["nobody", "too few", "no control", "no arm", "all the same"],
)
def test_too_little_is_refused(given: Tried, code: LackCode) -> None:
    found = train_uplift(given, seed=1, plan=LIGHT)
    assert isinstance(found, Refused)
    assert found.lacks[0].code is code
