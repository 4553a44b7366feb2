"""Certificates watched after deployment."""

import numpy as np
import pytest

from kaquan.insight.allocation import (
    BURN_IN,
    Standing,
    differences_observed,
    explore,
    watch_certificate,
)


@pytest.mark.parametrize(
    ("mean", "standing"),
    [(0.3, Standing.CONFIRMED), (-0.3, Standing.WITHDRAWN), (0.0, Standing.STANDS)],
)
def test_what_becomes_of_a_certificate(mean: float, standing: Standing) -> None:
    values = np.random.default_rng(1).normal(mean, 1.0, 4000)
    assert watch_certificate(values).standing is standing


def test_a_change_for_the_worse_shows_though_the_past_was_good() -> None:
    random = np.random.default_rng(2)
    values = np.concatenate([random.normal(0.2, 1, 1500), random.normal(-0.3, 1, 3500)])
    found = watch_certificate(values)
    assert found.standing is Standing.WITHDRAWN
    assert found.withdrawn_at is not None
    assert found.since is not None
    assert found.withdrawn_at > 1500
    assert found.since > 0
    before = watch_certificate(values[: found.withdrawn_at - 1])
    assert before.standing is not Standing.WITHDRAWN


def test_nothing_is_said_too_early_or_without_spread() -> None:
    early = watch_certificate(np.full(BURN_IN - 1, -5.0))
    assert (early.standing, early.value, early.low) == (Standing.STANDS, None, None)
    flat = watch_certificate(np.full(1000, -5.0))
    assert (flat.standing, flat.high) == (Standing.STANDS, np.inf)


def test_a_true_certificate_is_hardly_ever_withdrawn_however_often_one_looks() -> None:
    random = np.random.default_rng(3)
    draws = (random.exponential(1.0, 3000) - 1.0 for _ in range(200))
    withdrawn = sum(watch_certificate(values).standing is Standing.WITHDRAWN for values in draws)
    # Ten or more of 200 have a chance below three in a hundred at the promised one in forty.
    assert withdrawn <= 9


def test_logged_chances_give_back_the_difference_of_two_policies() -> None:
    random = np.random.default_rng(4)
    rows = 40_000
    choice = random.integers(0, 2, rows)
    sent = explore(choice, arms=2, floor=0.1, seed=1)
    outcome = np.where(sent.arm == choice, 1.0, 0.0) + random.normal(size=rows)
    gave = np.where(np.arange(2) == sent.arm[:, None], sent.propensity, 0.0)
    personal = (np.arange(2) == choice[:, None]).astype(np.float64)
    values = differences_observed(
        outcome,
        gave=gave,
        personal=personal,
        uniform=np.tile([1.0, 0.0], (rows, 1)),
        expected=np.full((rows, 2), 0.4),
    )
    assert values.mean() == pytest.approx(0.5, abs=0.04)
