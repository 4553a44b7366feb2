"""Learners find effects that are there, and give the same figures twice."""

import msgspec
import numpy as np
import pytest

from kaquan.insight.uplift import (
    Band,
    Learner,
    Trial,
    auuc_score,
    bootstrap,
    cross_fit_uplift,
    deal_folds,
    fit_ridge,
    fit_trees,
    fit_uplift,
    learn_encoding,
    qini_score,
    randomised,
    uplift_at,
    uplift_by_bin,
)


def trial_of(rows: int, *, seed: int, persons: int | None = None) -> Trial:
    """Arm 1 adds 1 where the first feature is positive, arm 2 adds 1 to everybody."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 3))
    features[random.random(rows) < 0.1, 2] = np.nan
    arm = random.choice(3, size=rows, p=[0.5, 0.3, 0.2])
    effect = np.where(arm == 1, features[:, 0] > 0, arm == 2)
    return Trial(
        features=features,
        arm=arm,
        outcome=features[:, 1] + effect + random.normal(size=rows) * 0.5,
        propensity=randomised(arm, 3),
        customer=None if persons is None else random.integers(0, persons, rows),
    )


@pytest.mark.parametrize("learner", Learner)
def test_a_learner_finds_who_gains(learner: Learner) -> None:
    model = fit_uplift(learner, trial_of(4000, seed=1), seed=1)
    effects = model(np.array([[1.5, 0.0, 0.0], [-1.5, 0.0, 0.0]]))
    assert effects[:, 0].tolist() == [0.0, 0.0]
    assert effects[0, 1] > 0.6
    assert effects[1, 1] < 0.4
    assert effects[:, 2] == pytest.approx([1.0, 1.0], abs=0.35)


@pytest.mark.parametrize("learner", [Learner.X, Learner.R])
def test_the_same_seed_gives_the_same_figures(learner: Learner) -> None:
    trial = trial_of(600, seed=2)
    once, again = (cross_fit_uplift(learner, trial, folds=3, seed=7) for _ in range(2))
    assert once.tolist() == again.tolist()
    assert cross_fit_uplift(learner, trial, folds=3, seed=8).tolist() != once.tolist()


def test_folds_hold_the_arms_evenly_and_keep_a_person_together() -> None:
    trial = trial_of(1000, seed=3)
    fold = deal_folds(trial, 5, seed=1)
    counts = np.array([np.bincount(trial.arm[fold == number]) for number in range(5)])
    assert np.ptp(counts, axis=0).max() <= 1
    persons = trial_of(1000, seed=3, persons=150)
    assert persons.customer is not None
    fold = deal_folds(persons, 5, seed=1)
    pairs = set(zip(persons.customer.tolist(), fold.tolist(), strict=True))
    assert len(pairs) == len(set(persons.customer.tolist()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outcome": np.array([1.0, np.inf])}, "no finite number"),
        ({"arm": np.array([0, 2])}, "without a column"),
        ({"propensity": np.array([[1.0, 0.0], [1.0, 0.0]])}, "no chance"),
        ({"outcome": np.array([1.0])}, "must have 2 rows"),
    ],
)
def test_a_trial_that_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    trial = Trial(
        features=np.zeros((2, 1)),
        arm=np.array([0, 1]),
        outcome=np.zeros(2),
        propensity=np.full((2, 2), 0.5),
    )
    with pytest.raises(ValueError, match=message):
        msgspec.structs.replace(trial, **change)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("treated", "outcome"),
    [([1, 1, 1], [0.0, 1.0, 1.0]), ([0, 0, 0], [0.0, 1.0, 0.0]), ([1, 0, 1], [0.0, 0.0, 0.0])],
    ids=["no control", "nobody treated", "nothing to gain"],
)
def test_no_score_where_there_is_nothing_to_score(treated: list[int], outcome: list[float]) -> None:
    arrays = np.array(outcome), np.array([0.3, 0.2, 0.1]), np.array(treated)
    assert qini_score(*arrays) is None
    assert auuc_score(*arrays) is None
    scored = bootstrap(
        qini_score, outcome=arrays[0], uplift=arrays[1], treated=arrays[2], draws=5, seed=1
    )
    assert scored is None


def test_a_bootstrap_surrounds_its_score_and_bins_hold_everybody() -> None:
    random = np.random.default_rng(5)
    treated, uplift = random.integers(0, 2, 3000), random.random(3000)
    outcome = (random.random(3000) < 0.2 + 0.4 * uplift * treated).astype(np.float64)
    band = bootstrap(qini_score, outcome=outcome, uplift=uplift, treated=treated, draws=60, seed=1)
    assert isinstance(band, Band)
    assert 0 < band.low < band.value < band.high < 1
    bins = uplift_by_bin(outcome, uplift, treated)
    assert sum(one.treated + one.control for one in bins) == 3000
    best, worst = bins[0].uplift, bins[-1].uplift
    assert best is not None
    assert worst is not None
    assert best > worst + 0.2
    first = uplift_at(outcome, uplift, treated, share=0.1)
    assert first == pytest.approx(best)


def test_trees_are_a_constant_where_nothing_can_be_fitted() -> None:
    features = np.arange(10.0)[:, None]
    assert fit_trees(features, np.full(10, 3.0), seed=1).predict(features).tolist() == [3.0] * 10
    assert fit_trees(features[:0], np.empty(0), seed=1).predict(features[:2]).tolist() == [0.0] * 2
    few = fit_trees(features, np.arange(10.0), seed=1).predict(features[:1])
    assert few.tolist() == [4.5]


def test_ridge_recovers_a_line_through_missing_values_and_categories() -> None:
    random = np.random.default_rng(6)
    features = np.column_stack(
        [random.normal(size=500), random.integers(0, 3, 500).astype(np.float64)]
    )
    target = 2 * features[:, 0] + (features[:, 1] == 2)
    encoding = learn_encoding(features, (1,))
    model = fit_ridge(encoding.apply(features), target[:, None])[0]
    shown = np.array([[1.0, 2.0], [1.0, 0.0], [-1.0, 0.0]])
    assert model.predict(encoding.apply(shown)) == pytest.approx([3.0, 2.0, -2.0], abs=0.05)
    unknown = model.predict(encoding.apply(np.array([[np.nan, np.nan]])))
    assert np.isfinite(unknown).all()
