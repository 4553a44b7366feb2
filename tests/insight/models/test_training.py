"""What is learnt beats counting where there is something to learn, and nothing is said where not."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from insight.models.shops import END, START, UNTIL, Tables, cut, make_shop, opened, table
from kaquan.insight.models import (
    LackCode,
    ModelKind,
    Refused,
    Trained,
    VerdictCode,
    judge_version,
    to_day,
    train_lifetime,
    train_propensity,
)
from kaquan.insight.models.classify import Boosting, varying
from kaquan.insight.models.drift import stability_index, watch_propensity
from kaquan.insight.models.judge import decode_artifact
from kaquan.insight.models.measures import (
    auc,
    calibration_error,
    log_loss,
    reliability,
    spread_of,
    wilson,
)
from kaquan.insight.models.model import DriftState
from kaquan.insight.models.propensity import Propensity, score_customers

SKLEARN: Any = metrics
LIGHT = Boosting(rounds=40, learning_rate=0.1)
KINDS = (ModelKind.NEXT_PURCHASE, ModelKind.REDEMPTION)


@pytest.fixture(scope="module")
def shop() -> Tables:
    return make_shop()


@pytest.fixture(scope="module")
def trained(shop: Tables) -> dict[ModelKind, Trained]:
    """Both models of chances, of the whole time."""
    found: dict[ModelKind, Trained] = {}
    with opened(shop) as facts:
        for kind in KINDS:
            one = train_propensity(kind, facts, until=END, days=30, seed=3, plan=LIGHT)
            assert isinstance(one, Trained)
            found[kind] = one
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_models_beat_counting_and_are_calibrated(
    trained: dict[ModelKind, Trained], kind: ModelKind
) -> None:
    card = trained[kind].card
    assert card.measures["auc"].value > card.baseline["auc"].value
    assert card.gain is not None
    assert card.gain.low is not None
    assert card.gain.low > 0
    assert card.measures["calibration_error"].value < 0.08
    low, high = card.measures["auc"].low, card.measures["auc"].high
    assert low is not None
    assert high is not None
    assert low < card.measures["auc"].value < high
    assert sum(one.rows for one in card.bins) == card.test_rows


def test_the_same_seed_gives_the_same_model(
    shop: Tables, trained: dict[ModelKind, Trained]
) -> None:
    with opened(shop) as facts:
        again = train_propensity(
            ModelKind.REDEMPTION, facts, until=END, days=30, seed=3, plan=LIGHT
        )
    assert again == trained[ModelKind.REDEMPTION]


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_known_is_scored(
    shop: Tables, trained: dict[ModelKind, Trained], kind: ModelKind
) -> None:
    """One more customer never bought, one was erased; of coupons the first can be said something."""
    people = shop["customer"].to_pylist()
    people[0]["erased"] = True
    more = shop | {"customer": table("customer", [*people, people[1] | {"id": "never"}])}
    model = decode_artifact(kind, trained[kind].artifact)
    assert isinstance(model, Propensity)
    with opened(more) as facts:
        parts = list(score_customers(kind, model, facts, as_of=END))
    told = {name for part in parts for name in part.customers}
    assert ("c0000" in told, "c0001" in told) == (False, True)
    assert ("never" in told) is (kind is ModelKind.REDEMPTION)
    assert all(((one >= 0) & (one <= 1)).all() for part in parts for one in part.values.values())


def test_nothing_of_the_holdout_is_learnt(shop: Tables, trained: dict[ModelKind, Trained]) -> None:
    """What half of the customers did since the holdout began is undone: only its figures move."""
    one = trained[ModelKind.NEXT_PURCHASE]
    orders = shop["orders"]
    told = [
        row | {"paid": row["at"] < one.card.holdout_from or int(row["customer_id"][1:]) % 2 == 0}
        for row in orders.to_pylist()
    ]
    with opened(shop | {"orders": table("orders", told)}) as facts:
        again = train_propensity(
            ModelKind.NEXT_PURCHASE, facts, until=END, days=30, seed=3, plan=LIGHT
        )
    assert isinstance(again, Trained)
    assert again.artifact == one.artifact
    assert again.card.measures["log_loss"] != one.card.measures["log_loss"]


def _few(customers: int, **changes: Any) -> Tables:
    return make_shop(customers, **changes)


@pytest.mark.parametrize(
    ("case", "kind", "tables", "days", "lacks"),
    [
        ("12 customers", KINDS[0], lambda: _few(12), 300, [(LackCode.CUSTOMERS, 12, 100)]),
        ("12 customers' coupons", KINDS[1], lambda: _few(12), 300, [(LackCode.CUSTOMERS, 12, 100)]),
        (
            "no redemptions",
            KINDS[1],
            lambda: _few(120, redeems=False),
            300,
            [(LackCode.REDEMPTIONS, 0, 30)],
        ),
        (
            "no coupons",
            KINDS[1],
            lambda: {**_few(12), "publication": None},
            300,
            [(LackCode.PUBLICATIONS, 0, 1)],
        ),
        ("too short", KINDS[0], lambda: _few(120), 60, [(LackCode.TIME, 59, 90)]),
        (
            "everybody buys always",
            KINDS[0],
            lambda: _few(120, alike=True),
            300,
            [(LackCode.ONE_CLASS, 0, 30), (LackCode.HOLDOUT, 0, 10)],
        ),
        ("no orders", KINDS[0], dict, 300, [(LackCode.CUSTOMERS, 0, 1)]),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_what_cannot_be_learnt_is_refused_with_what_is_lacking(
    case: str, kind: ModelKind, tables: Any, days: int, *, lacks: list[Any]
) -> None:
    until = START + timedelta(days=days)
    with opened(cut(tables(), until) if case == "too short" else tables()) as facts:
        found = train_propensity(kind, facts, until=to_day(until), days=30, seed=3, plan=LIGHT)
    assert isinstance(found, Refused)
    assert [(one.code, one.have, one.need) for one in found.lacks] == lacks


@pytest.mark.parametrize(
    ("customers", "days", "code"),
    [(0, 300, LackCode.CUSTOMERS), (12, 300, LackCode.CUSTOMERS), (120, 30, LackCode.TIME)],
)
def test_a_lifetime_is_not_told_of_too_little(customers: int, days: int, code: LackCode) -> None:
    until = START + timedelta(days=days)
    with opened(cut(make_shop(customers), until) if customers else {}) as facts:
        found = train_lifetime(facts, until=to_day(until), seed=3)
    assert isinstance(found, Refused)
    assert found.lacks[0].code is code


def test_constant_features_tell_nobody_apart() -> None:
    rows, label = np.ones((50, 3)), np.arange(50) % 2
    assert len(varying(rows)) == 0
    rows[:, 1] = np.where(label == 1, np.nan, 1.0)
    assert varying(rows).tolist() == [1]


def test_a_worse_version_does_not_take_over(
    shop: Tables, trained: dict[ModelKind, Trained]
) -> None:
    good = trained[ModelKind.REDEMPTION]
    with opened(shop) as facts:
        weak = train_propensity(
            ModelKind.REDEMPTION, facts, until=END, days=30, seed=3, plan=Boosting(rounds=1)
        )
        assert isinstance(weak, Trained)
        verdicts = [
            judge_version(good, None, facts),
            judge_version(good, weak.artifact, facts),
            judge_version(weak, good.artifact, facts),
        ]
    codes = [one.code for one in verdicts]
    assert codes[:2] == [VerdictCode.FIRST, VerdictCode.BETTER]
    assert codes[2] in (VerdictCode.WORSE_THAN_ACTIVE, VerdictCode.WORSE_THAN_BASELINE)
    assert [one.activates for one in verdicts] == [True, True, False]


def test_drift_is_seen_when_people_stop_redeeming(
    shop: Tables, trained: dict[ModelKind, Trained]
) -> None:
    one = trained[ModelKind.REDEMPTION]
    model = decode_artifact(ModelKind.REDEMPTION, one.artifact)
    assert isinstance(model, Propensity)
    quiet = shop | {"redemption": cut(shop, START + timedelta(days=200))["redemption"]}
    states: list[DriftState] = []
    for tables in (shop, quiet):
        with opened(tables) as facts:
            found = watch_propensity(
                ModelKind.REDEMPTION, model, one.card, facts, until=END, now=UNTIL
            )
        states.append(found.outcome_state)
    assert states == [DriftState.STABLE, DriftState.SHIFTED]


@pytest.mark.parametrize(
    ("moved", "rows", "state"),
    [
        (0.0, 2000, DriftState.STABLE),
        (0.4, 2000, DriftState.WATCH),
        (1.0, 2000, DriftState.SHIFTED),
        (0.0, 60, DriftState.STABLE),
        (1.0, 20, DriftState.UNKNOWN),
    ],
)
def test_the_index_is_small_by_chance_and_large_after_a_move(
    moved: float, rows: int, state: DriftState
) -> None:
    random = np.random.default_rng(5)
    reference = spread_of("x", random.normal(size=3000))
    shift = stability_index(reference, random.normal(size=rows) + moved)
    assert shift.state is state


def test_measures_agree_with_an_independent_library() -> None:
    random = np.random.default_rng(1)
    chance = np.round(random.random(500), 2)
    label = (random.random(500) < chance).astype(np.float64)
    weight = random.integers(0, 4, 500).astype(np.float64)
    assert auc(label, chance, weight) == pytest.approx(
        SKLEARN.roc_auc_score(label, chance, sample_weight=weight)
    )
    kept = np.clip(chance, 1e-6, 1 - 1e-6)
    assert log_loss(label, chance, weight) == pytest.approx(
        SKLEARN.log_loss(label, kept, sample_weight=weight)
    )
    assert np.isnan(auc(np.ones(3), chance[:3], np.ones(3)))


def test_calibration_is_measured_by_bins() -> None:
    chance = np.repeat([0.1, 0.9], 50)
    # The lower half is right, the upper one promises .9 where .7 came, in every bin of ten.
    label = np.r_[np.tile([1.0] + [0.0] * 9, 5), np.tile([1.0] * 7 + [0.0] * 3, 5)]
    assert calibration_error(label, chance) == pytest.approx(0.1)
    assert sum(one.rows for one in reliability(label, chance)) == 100
    low, high = wilson(0, 10)
    assert (low, round(high, 4)) == (0.0, 0.2775)
