"""Experiments: published figures, an independent library, many looks at nothing, and refusals."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tea_tasting as tt
from numpy.typing import NDArray

from kaquan.insight.experiment import (
    Comparison,
    Lack,
    NoComparison,
    Reading,
    always_valid_half_width,
    parse_summary,
    read_experiment,
    tell_verdict,
)
from kaquan.runtime import InvalidInput

Floats = NDArray[np.float64]


def _read(**summary: Any) -> Reading:
    return read_experiment(parse_summary(summary))


def _only(reading: Reading) -> Comparison:
    (compared,) = reading.comparisons
    assert isinstance(compared, Comparison)
    return compared


def _arm(name: str, values: Floats, before: Floats | None = None) -> dict[str, Any]:
    arm = {"name": name, "n": len(values), "sum": values.sum(), "sum_squares": values @ values}
    if before is not None:
        arm["pre"] = {
            "sum": before.sum(),
            "sum_squares": before @ before,
            "sum_products": before @ values,
        }
    return arm


def test_the_published_relative_difference() -> None:
    # The relative Welch test by the delta method, worked out elsewhere.
    compared = _only(
        _read(
            control="a",
            arms=[
                {"name": "a", "n": 3407, "mean": 0.41, "sd": 3.9},
                {"name": "b", "n": 3461, "mean": 0.70, "sd": 6.2},
            ],
        )
    )
    relative = compared.relative
    assert relative is not None
    got = [relative.value, relative.standard_error, relative.low, relative.high, relative.p]
    assert got == pytest.approx([0.70732, 0.37879, -0.03526, 1.44989, 0.06191], abs=2e-4)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_independent_library_agrees(seed: int) -> None:
    random = np.random.default_rng(seed)
    before = random.gamma(2, 10, 600)
    after = before * 0.7 + random.gamma(1, 8, 600)
    treated = random.random(600) < 0.4
    after = after + 2 * treated
    data = {
        "variant": treated.astype(int).tolist(),
        "spend": after.tolist(),
        "before": before.tolist(),
    }
    experiment = tt.Experiment(
        plain=tt.Mean("spend"), adjusted=tt.Mean("spend", covariate="before")
    )
    theirs = experiment.analyze(pa.table(data))  # pyright: ignore[reportUnknownMemberType]
    arms = [(after[~treated], before[~treated]), (after[treated], before[treated])]
    ours = {
        "plain": _read(arms=[_arm("c", arms[0][0]), _arm("t", arms[1][0])], control="c"),
        "adjusted": _read(arms=[_arm("c", *arms[0]), _arm("t", *arms[1])], control="c"),
    }
    for name, reading in ours.items():
        expected: Any = theirs[name]
        got = _only(reading).difference
        # Their coefficient is from all units together, ours from within the arms.
        near = 1e-9 if name == "plain" else 0.03 * got.standard_error
        assert (got.value, got.low, got.high) == pytest.approx(
            (expected.effect_size, expected.effect_size_ci_lower, expected.effect_size_ci_upper),
            abs=near,
        )
        assert got.p == pytest.approx(expected.pvalue, rel=0.06, abs=1e-9)
    removed = ours["adjusted"].variance_removed
    assert removed is not None
    assert 0.3 < removed < 0.95


def test_a_ratio_metric_counts_the_units_not_the_denominators() -> None:
    random = np.random.default_rng(5)

    def arm(name: str, shift: float) -> tuple[dict[str, Any], float]:
        orders = random.poisson(3, 500) + 1.0
        spend = orders * random.gamma(4, 5 + shift, 500)
        given = _arm(name, spend)
        given["denominator"] = {
            "sum": orders.sum(),
            "sum_squares": orders @ orders,
            "sum_products": orders @ spend,
        }
        # The jackknife knows nothing of the delta method.
        leave_out = (spend.sum() - spend) / (orders.sum() - orders)
        return given, float(499 * leave_out.var())

    (control, first), (treated, second) = arm("c", 0), arm("t", 0.3)
    compared = _only(_read(kind="ratio", arms=[control, treated], control="c"))
    assert compared.difference.standard_error == pytest.approx((first + second) ** 0.5, rel=0.02)


# Newcombe (1998), table II, method 10, rows a, b, d and h.
@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_proportions_by_newcombe(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    arms = [
        {"name": name, "n": n, "sum": k, "sum_squares": k}
        for name, (k, n) in (("c", second), ("t", first))
    ]
    reading = _read(kind="proportion", arms=arms, control="c")
    if 0 in (second[0], first[0] - first[1]):
        # All alike: the summary tells nothing of chance, whatever the formula says.
        assert isinstance(reading.comparisons[0], NoComparison)
        return
    gap = _only(reading).difference
    assert (gap.low, gap.high) == pytest.approx((low, high), abs=1e-4)


def test_looking_fifty_times_at_nothing_raises_few_false_alarms() -> None:
    random = np.random.default_rng(20)
    runs, alarms, naive = 400, 0, 0
    looks = np.linspace(100, 5000, 50).astype(int)
    for _ in range(runs):
        sums = np.cumsum(random.exponential(10, (2, 5000)), axis=1)
        values = np.diff(sums, axis=1, prepend=0)
        squares = np.cumsum(values**2, axis=1)
        n = looks
        means = sums[:, n - 1] / n
        variances = (squares[:, n - 1] - n * means**2) / (n - 1)
        error = np.sqrt((variances / n).sum(axis=0))
        gap = np.abs(means[1] - means[0])
        half = [
            always_valid_half_width(float(e), int(2 * k), planned_n=5000)
            for e, k in zip(error, n, strict=True)
        ]
        alarms += bool((gap > half).any())
        naive += bool((gap > 1.96 * error).any())
    assert alarms / runs <= 0.05
    # The usual interval, looked at as often, would not have done.
    assert naive / runs > 0.15


def test_many_arms_are_paid_for() -> None:
    arms = [{"name": "c", "n": 1000, "mean": 10, "sd": 5}]
    arms += [{"name": f"t{i}", "n": 1000, "mean": 10.4 + i / 10, "sd": 5} for i in range(3)]
    compared = list(_read(arms=arms, control="c").comparisons)
    assert all(isinstance(one, Comparison) for one in compared)
    plain = [one.difference.p for one in compared if isinstance(one, Comparison)]
    adjusted = [one.p_adjusted for one in compared if isinstance(one, Comparison)]
    assert adjusted == pytest.approx([plain[0], 2 * plain[1], 3 * plain[2]])


def test_sizes_that_do_not_fit_the_plan() -> None:
    arms = [{"name": n, "n": k, "mean": 1, "sd": 1} for n, k in (("c", 5000), ("t", 5400))]
    shares = {"c": 1, "t": 1}
    reading = _read(arms=arms, control="c", expected_shares=shares)
    assert reading.sample_ratio_p == pytest.approx(8.8e-5, rel=0.02)
    assert "can be trusted" in reading.notes[0]
    arms[1] |= {"n": 5400, "mean": 9}
    lopsided = _read(arms=arms, control="c", expected_shares=shares)
    assert lopsided.distrusted
    # However large the difference, the sentence does not tell it.
    assert "do not fit" in tell_verdict(lopsided, lopsided.comparisons[0], "en")
    assert "无法下结论" in tell_verdict(lopsided, lopsided.comparisons[0], "zh")
    arms[1]["n"] = 5050
    fitting = _read(arms=arms, control="c", expected_shares=shares)
    assert (fitting.notes, fitting.distrusted) == ((), False)


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"contol": "t"}, "not understood and not used: contol"),
        (
            {"arms": {"c": {"n": 40, "mean": 1, "sd": 1}, "t": {"n": 12, "mean": 1, "sd": 1}}},
            "few units in t (12)",
        ),
        (
            {
                "arms": {
                    "c": {"n": 40, "mean": 1, "sd": 1},
                    "t": {
                        "n": 40,
                        "mean": 1,
                        "sd": 1,
                        "pre": {"sum": 40, "sum_squares": 79, "sum_products": 50},
                    },
                }
            },
            "the pre-period is not used: c has none",
        ),
    ],
    ids=["unknown key", "few units", "pre-period of one arm"],
)
def test_what_a_figure_takes_for_granted_is_noted(changes: dict[str, Any], note: str) -> None:
    arms = {name: {"n": 400, "mean": 1, "sd": 1} for name in ("c", "t")}
    (said,) = _read(**({"arms": arms, "control": "c"} | changes)).notes
    assert note in said


@pytest.mark.parametrize(
    ("control", "treated", "lack", "where"),
    [
        ({"n": 0, "sum": 0, "sum_squares": 0}, {"n": 5, "mean": 1, "sd": 1}, Lack.EMPTY, "c"),
        ({"n": 5, "mean": 1, "sd": 1}, {"n": 1, "sum": 4, "sum_squares": 16}, Lack.SINGLE, "t"),
        ({"n": 5, "mean": 1, "sd": 1}, {"n": 9, "mean": 0, "sd": 0}, Lack.NO_VARIANCE, "t"),
        # Twelve customers: whatever they did, chance cannot be judged.
        ({"n": 6, "mean": 1, "sd": 1}, {"n": 6, "mean": 90, "sd": 1}, Lack.FEW, "t"),
        ({"n": 6, "mean": 1, "sd": 1}, {"n": 60, "mean": 90, "sd": 1}, Lack.FEW, "c"),
    ],
    ids=["empty", "single", "alike", "twelve", "few in the control"],
)
def test_nothing_can_be_said(
    control: dict[str, Any], treated: dict[str, Any], lack: Lack, where: str
) -> None:
    reading = _read(arms={"c": control, "t": treated}, control="c")
    said = reading.comparisons[0]
    assert isinstance(said, NoComparison)
    assert (said.lack, said.lacking_arm) == (lack, where)
    assert where in tell_verdict(reading, said, "en")
    assert "无法下结论" in tell_verdict(reading, said, "zh")


GOOD = {"n": 5, "sum": 5, "sum_squares": 9}


@pytest.mark.parametrize(
    ("summary", "field"),
    [
        ([], "summary"),
        ({"arms": [{"name": "a", **GOOD}]}, "arms"),
        ({"arms": [{"name": "a", **GOOD}] * 2}, "arms"),
        ({"arms": {"a": GOOD, "b": {"n": 2.5, "sum": 1, "sum_squares": 1}}}, "arms[1].n"),
        ({"arms": {"a": GOOD, "b": {"n": -1, "sum": 1, "sum_squares": 1}}}, "arms[1].n"),
        ({"arms": {"a": GOOD, "b": {"n": 5, "sum": 50, "sum_squares": 9}}}, "arms[1].sum_squares"),
        ({"arms": {"a": GOOD, "b": {"n": 5, "sum": "5", "sum_squares": 9}}}, "arms[1].sum"),
        ({"arms": {"a": GOOD, "b": {"n": 0, "sum": 5, "sum_squares": 9}}}, "arms[1].sum"),
        ({"arms": {"a": GOOD, "b": GOOD}, "control": "x"}, "control"),
        ({"arms": {"a": GOOD, "b": GOOD}, "kind": "median"}, "kind"),
        ({"arms": {"a": GOOD, "b": GOOD}, "kind": "ratio"}, "arms[0].denominator"),
        ({"arms": {"a": GOOD, "b": GOOD}, "kind": "proportion"}, "arms[0].sum_squares"),
        ({"arms": {"a": GOOD, "b": GOOD}, "expected_shares": {"a": 1}}, "expected_shares.b"),
        ({"arms": {"a": GOOD, "b": GOOD}, "planned_n": 0}, "planned_n"),
        (
            {
                "arms": {
                    "a": GOOD,
                    "b": {**GOOD, "pre": {"sum": 5, "sum_squares": 9, "sum_products": 90}},
                }
            },
            "arms[1].pre.sum_products",
        ),
    ],
)
def test_what_is_refused(summary: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_summary(summary)
    assert refused.value.field == field


def test_verdicts_say_what_the_interval_says() -> None:
    arms = {"c": {"n": 900, "mean": 10.0, "sd": 4}, "t": {"n": 900, "mean": 11.0, "sd": 4}}
    reading = _read(arms=arms, control="c")
    assert tell_verdict(reading, reading.comparisons[0], "en").startswith("t is above c by 1 (95 %")
    assert tell_verdict(reading, reading.comparisons[0], "zh").startswith("t 比 c 高 1(95 %")
    arms["t"]["mean"] = 10.1
    unclear = _read(arms=arms, control="c")
    assert "may be chance" in tell_verdict(unclear, unclear.comparisons[0], "en")
    assert "可能只是偶然" in tell_verdict(unclear, unclear.comparisons[0], "zh")
