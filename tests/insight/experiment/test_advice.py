"""What to do after an experiment: each course, and the number of customers that would settle it."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from kaquan.experiments import Experiment, ExperimentKind, ExperimentStatus, Metric, Variant
from kaquan.insight import (
    Advice,
    ArmSize,
    Comparison,
    Course,
    ExperimentResults,
    Sample,
    advise,
    say_advice,
)
from kaquan.insight.experiment import ArmSummary, ExperimentSummary, read_experiment

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("control", "five", "eight")


def results(
    means: tuple[float, ...],
    *,
    n: int = 1_000,
    deviation: float = 100.0,
    shares: tuple[float, ...] | None = None,
    next_at: datetime | None = None,
) -> ExperimentResults:
    """Arms of ``n`` customers each, with these means and this standard deviation."""
    names = NAMES[: len(means)]
    arms = tuple(
        ArmSummary(name=name, sample=Sample(n, mean * n, (n - 1) * deviation**2 + n * mean**2))
        for name, mean in zip(names, means, strict=True)
    )
    reading = read_experiment(
        ExperimentSummary(arms=arms, kind="mean", shares=shares, planned_n=n * len(means))
    )
    experiment = Experiment(
        id="expt_1",
        name="Coupons",
        kind=ExperimentKind.CAMPAIGN,
        campaign_id="camp_1",
        status=ExperimentStatus.RUNNING,
        arms=tuple(Variant(name=name, weight_bps=5_000) for name in names),
        layer=None,
        from_bps=0,
        to_bps=10_000,
        metric=Metric.MARGIN,
        horizon_days=14,
        planned_n=None,
        adaptive=False,
        created_at=NOW,
        started_at=NOW,
        stopped_at=None,
    )
    sizes = tuple(
        ArmSize(arm=name, assigned=n, counted=n, least=0.5, most=0.5, next_at=next_at)
        for name in names
    )
    return ExperimentResults(
        experiment=experiment,
        control="control",
        sizes=sizes,
        readings={Metric.MARGIN: reading},
        looks=(),
        effects=(),
        stratified=(),
        policies=(),
        weighed=False,
        margin_rate_bps=3_000,
        margin_assumed=False,
        next_at=next_at,
        generated_at=NOW,
    )


class Case(NamedTuple):
    results: ExperimentResults
    course: Course
    arm: str
    also: tuple[str, ...]
    why: str


@pytest.mark.parametrize(
    "case",
    [
        Case(results((50, 80)), Course.ROLL_OUT, "five", (), "certainly better"),
        Case(results((50, 80, 90)), Course.ROLL_OUT, "eight", ("five",), "both are"),
        Case(results((50, 80, 49)), Course.ROLL_OUT, "five", (), "one of two is"),
        Case(results((50, 20)), Course.STOP, "five", (), "certainly worse"),
        Case(results((50, 20, 52)), Course.GO_ON, "eight", (), "one worse, one unknown"),
        Case(results((50, 55)), Course.GO_ON, "five", (), "looks better, may be chance"),
        Case(results((50, 45)), Course.NOTHING_TO_GAIN, "five", (), "does not even look better"),
        Case(results((50, 80), n=99), Course.TOO_FEW, "control", (), "too few whatever it looks"),
        Case(results((50, 80), deviation=0), Course.TOO_FEW, "control", (), "all alike"),
        Case(results((50, 80), next_at=NOW), Course.WAIT, "", (), "more to come"),
        Case(results((50, 80), shares=(0.9, 0.1)), Course.DISTRUST, "", (), "sizes that cannot be"),
    ],
    ids=lambda case: case.why,
)
def test_course(case: Case) -> None:
    advice = advise(case.results)
    assert (advice.course, advice.arm, advice.also) == (case.course, case.arm, case.also)


def test_the_number_needed_makes_the_same_difference_certain_four_times_in_five() -> None:
    advice = advise(results((50, 55)))
    assert advice.needed is not None
    assert advice.needed > advice.counted == 2_000
    # With that many, a difference 0.84 standard errors below the one seen is just certain.
    n = advice.needed // 2
    error = 100 * (2 / n) ** 0.5
    seen = [results((50, 55 - 0.8416 * error + step), n=n) for step in (-0.05, 0.05)]
    found = [one.reading.comparisons[0] for one in seen]
    assert [isinstance(one, Comparison) and one.certain for one in found] == [False, True]


def test_a_difference_too_small_to_be_worth_it_names_no_number() -> None:
    advice = advise(results((50, 50.01)))
    assert advice.needed is None
    assert "more than 100 times" in say_advice(advice, "en")
    assert "100 倍" in say_advice(advice, "zh")


@pytest.mark.parametrize("course", list(Course))
def test_every_course_is_said_in_both_languages(course: Course) -> None:
    advice = Advice(
        course=course,
        arm="five",
        counted=1_200,
        needed=4_300,
        from_day="2026-03-09",
        control="none",
    )
    english, chinese = say_advice(advice, "en"), say_advice(advice, "zh")
    assert english.endswith(".")
    assert chinese.endswith("。")
    assert "{" not in english + chinese
    if course is Course.GO_ON:
        assert "4,300" in english
        assert "4,300" in chinese
