"""Strata, factors, several tests, losses and other policies, beside statsmodels and known truths."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf  # pyright: ignore[reportMissingTypeStubs]
import statsmodels.stats.multitest as multitest  # pyright: ignore[reportMissingTypeStubs]
from scipy import stats

from kaquan.experiments import Factor, Overrides, Variant, cross_factors
from kaquan.insight.experiment import (
    Comparison,
    Lack,
    Logged,
    Moments,
    NoComparison,
    NotStratified,
    Stratified,
    benjamini_hochberg,
    factor_effects,
    holm,
    parse_summary,
    post_stratify,
    read_experiment,
    stratify_summary,
    value_policies,
)
from kaquan.insight.statistics import Sample
from kaquan.runtime import InvalidInput

SMF: Any = smf
STATS: Any = stats
MULTITEST: Any = multitest


@pytest.mark.parametrize("ps", [[0.01, 0.04, 0.03, 0.005], [0.5], [0.2, 0.2, 0.9], []])
def test_several_p_values_as_statsmodels_adjusts_them(ps: list[float]) -> None:
    if ps:
        assert holm(ps) == pytest.approx(MULTITEST.multipletests(ps, method="holm")[1])
        assert benjamini_hochberg(ps) == pytest.approx(
            MULTITEST.multipletests(ps, method="fdr_bh")[1]
        )
    else:
        assert (holm(ps), benjamini_hochberg(ps)) == ([], [])


def _people(random: np.random.Generator, n: int) -> Any:
    """Spending that hangs on the stratum for the most part; the arm adds 2."""
    stratum = random.choice(["low", "middle", "high"], n, p=[0.5, 0.3, 0.2])
    arm = random.integers(0, 2, n)
    level = np.select([stratum == "low", stratum == "middle"], [5.0, 20.0], 60.0)
    return pd.DataFrame(
        {"arm": arm, "stratum": stratum, "y": level + 2 * arm + random.normal(0, 4, n)}
    )


def _strata(frame: Any, arm: int) -> dict[str, Sample]:
    mine: Any = frame[frame["arm"] == arm].groupby("stratum")["y"]
    return {name: Sample.of(float(y) for y in values) for name, values in mine}


def test_strata_as_a_saturated_regression_has_them() -> None:
    """OLS on arm × stratum with strata centred gives the same estimate; HC2 the same variance."""
    frame = _people(np.random.default_rng(4), 800)
    ours = post_stratify("b", _strata(frame, 1), _strata(frame, 0))
    assert isinstance(ours, Stratified)
    for name in ("low", "middle"):
        dummy: Any = frame["stratum"] == name
        frame[name] = dummy - dummy.mean()
    fit = SMF.ols("y ~ arm * (low + middle)", frame).fit(cov_type="HC2", use_t=False)
    assert ours.difference.value == pytest.approx(fit.params["arm"])
    assert ours.difference.standard_error == pytest.approx(fit.bse["arm"])
    assert ours.variance_removed > 0.9
    assert ours.strata == 3


def test_intervals_of_strata_hold_as_often_as_they_say() -> None:
    random = np.random.default_rng(11)
    held = 0
    for _ in range(120):
        frame = _people(random, 120)
        ours = post_stratify("b", _strata(frame, 1), _strata(frame, 0))
        assert isinstance(ours, Stratified)
        held += ours.difference.low <= 2 <= ours.difference.high
    assert STATS.binomtest(held, 120, 0.95).pvalue > 0.001


@pytest.mark.parametrize(
    ("treated", "control", "thin"),
    [
        ({"x": Sample(5, 9, 30), "y": Sample(1, 2, 4)}, {"x": Sample(5, 9, 30)}, "y"),
        ({}, {"x": Sample(5, 9, 30)}, "x"),
        ({"x": Sample(2, 2, 2)}, {"x": Sample(2, 4, 8)}, "x"),
        ({}, {}, ""),
    ],
    ids=["a single unit", "an empty arm", "no variance", "nobody"],
)
def test_thin_strata_are_named(
    treated: dict[str, Sample], control: dict[str, Sample], thin: str
) -> None:
    assert post_stratify("b", treated, control) == NotStratified(arm="b", thin_stratum=thin)


def _summary(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    whole = {"n": 20, "sum": 40, "sum_squares": 120}
    return {"arms": [{"name": "a", **whole, "strata": parts}, {"name": "b", **whole}]}


def test_a_summary_may_have_strata_that_add_up() -> None:
    half = {"n": 10, "sum": 20, "sum_squares": 60}
    given = _summary({"x": half, "y": half})
    assert stratify_summary(parse_summary(given)) == ()
    given["arms"][1]["strata"] = {"x": half, "y": half}
    (found,) = stratify_summary(parse_summary(given))
    assert isinstance(found, Stratified)
    assert found.difference.value == 0
    with pytest.raises(InvalidInput) as refused:
        parse_summary(_summary({"x": half}))
    assert refused.value.field == "arms[0].strata"


LEVELS = {"a": Overrides(), "b": Overrides(valid_days=3)}
WORDS = {"x": Overrides(), "y": Overrides(subject="y"), "z": Overrides(subject="z")}


def _cells(random: np.random.Generator) -> tuple[tuple[Variant, ...], Any]:
    arms = cross_factors((Factor(name="days", levels=LEVELS), Factor(name="words", levels=WORDS)))
    rows = [
        {
            **arm.levels,
            "arm": arm.name,
            "y": 10 + 3 * (arm.levels["days"] == "b") + 5 * (arm.name == "b × y") + noise,
        }
        for n, arm in zip((40, 60, 50, 45, 55, 70), arms, strict=True)
        for noise in random.normal(0, 2 + len(arm.name) % 3, n)
    ]
    return arms, pd.DataFrame(rows)


def test_effects_of_factors_as_a_saturated_regression_has_them() -> None:
    arms, frame = _cells(np.random.default_rng(6))
    groups: Any = frame.groupby("arm")["y"]
    moments = {
        name: Moments(n=len(y), mean=float(y.mean()), variance=float(y.var())) for name, y in groups
    }
    found = factor_effects(arms, moments)
    assert not isinstance(found, NoComparison)
    fit = SMF.ols("y ~ C(days) * C(words)", frame).fit(cov_type="HC2", use_t=False)
    wanted: dict[tuple[str, ...], str] = {
        ("b",): "C(days)[T.b] + (C(days)[T.b]:C(words)[T.y] + C(days)[T.b]:C(words)[T.z]) / 3",
        ("y",): "C(words)[T.y] + C(days)[T.b]:C(words)[T.y] / 2",
        ("z",): "C(words)[T.z] + C(days)[T.b]:C(words)[T.z] / 2",
        ("b", "y"): "C(days)[T.b]:C(words)[T.y]",
        ("b", "z"): "C(days)[T.b]:C(words)[T.z]",
    }
    assert [one.levels for one in found] == list(wanted)
    for one in found:
        theirs = fit.t_test(f"{wanted[one.levels]} = 0")
        assert one.difference.value == pytest.approx(float(theirs.effect[0]))
        assert one.difference.standard_error == pytest.approx(float(theirs.sd[0, 0]))
    rates = MULTITEST.multipletests([one.difference.p for one in found], method="fdr_bh")[1]
    assert [one.q for one in found] == pytest.approx(list(rates))


def test_a_cell_without_anybody_says_so() -> None:
    arms, _ = _cells(np.random.default_rng(6))
    moments = {arm.name: Moments(n=9, mean=1.0, variance=1.0) for arm in arms}
    moments["a × z"] = Moments(n=9, mean=1.0, variance=0.0)
    lacking = factor_effects(arms, moments)
    assert lacking == NoComparison(arm="a × z", lack=Lack.NO_VARIANCE, lacking_arm="a × z")
    del moments["a × z"]
    assert isinstance(factor_effects(arms, moments), NoComparison)


@pytest.mark.parametrize(("first", "second"), [(10.0, 10.4), (10.4, 10.0), (10.0, 13.0)])
def test_the_expected_loss_is_that_of_the_posterior(first: float, second: float) -> None:
    arms = [
        {"name": "a", "n": 400, "mean": first, "sd": 5},
        {"name": "b", "n": 500, "mean": second, "sd": 6},
    ]
    (one,) = read_experiment(parse_summary({"arms": arms})).comparisons
    assert isinstance(one, Comparison)
    posterior = STATS.norm(one.difference.value, one.difference.standard_error)
    loss = posterior.expect(_shortfall, lb=-20, ub=0)
    assert one.expected_loss == pytest.approx(float(loss), rel=1e-3, abs=1e-9)


def _shortfall(difference: float) -> float:
    return max(0.0, -difference)


def _bandit(random: np.random.Generator, n: int) -> Logged:
    """Chances moved between two halves and hang on the time before; arm 2 is worth 3 more."""
    before = random.gamma(2, 5, n)
    rich = before > 10
    likely = np.where(np.arange(n) < n / 2, 0.3, 0.6) + 0.2 * rich
    chances = np.stack([(1 - likely) / 2, (1 - likely) / 2, likely], axis=1)
    arm = (random.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    outcome = 2 * before + 3 * (arm == 2) + random.normal(0, 3, n)
    return Logged(
        arm=arm.tolist(),
        chance=chances[np.arange(n), arm].tolist(),
        outcome=outcome.tolist(),
        before=before.tolist(),
    )


POLICIES = {"first": [1.0, 0, 0], "last": [0, 0, 1.0], "even": [1 / 3] * 3}
TRUTH = {"first": 20.0, "last": 23.0, "even": 21.0}


def test_policies_are_valued_as_they_are_worth() -> None:
    random = np.random.default_rng(8)
    held = {(name, way): 0 for name in POLICIES for way in ("ips", "snips", "doubly_robust")}
    widths: dict[str, float] = {}
    for _ in range(200):
        for one in value_policies(_bandit(random, 600), POLICIES):
            for way in ("ips", "snips", "doubly_robust"):
                found = getattr(one, way)
                held[one.policy, way] += found.low <= TRUTH[one.policy] <= found.high
                widths[way] = widths.get(way, 0) + found.high - found.low
    assert all(STATS.binomtest(n, 200, 0.95).pvalue > 0.001 for n in held.values()), held
    assert widths["doubly_robust"] < widths["snips"] < widths["ips"]


def test_ips_and_snips_by_hand_and_too_few() -> None:
    logged = Logged(
        arm=[0, 1] * 40,
        chance=[0.8, 0.2] * 40,
        outcome=[1.0, 3.0] * 40,
        before=[0.0] * 80,
    )
    first, mixed = value_policies(logged, {"first": [1, 0], "mixed": [0.5, 0.5]})
    assert first.effective_n == pytest.approx(40)
    assert first.ips is not None
    assert first.snips is not None
    assert (first.ips.value, first.snips.value) == (pytest.approx(0.625), pytest.approx(1.0))
    assert mixed.snips is not None
    assert mixed.snips.value == pytest.approx((0.625 + 7.5) / 3.125)
    (few,) = value_policies(
        Logged(arm=[0] * 9, chance=[0.5] * 9, outcome=[1.0] * 9, before=[0.0] * 9), {"x": [1.0]}
    )
    assert (few.effective_n, few.ips, few.doubly_robust) == (9, None, None)
