"""An experiment read from its summary: differences, their intervals, and whether to trust them."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import TypeAlias

import msgspec
from scipy.special import gammaincc, ndtr, stdtrit

from kaquan.insight.experiment.intervals import LEVEL, Interval, holm, student_interval
from kaquan.insight.experiment.moments import Moments, arm_moments, cuped_moments
from kaquan.insight.experiment.summary import ArmSummary, ExperimentSummary

SAMPLE_RATIO_ALARM = 0.001
FEWEST_UNITS = 10
"""Units of an arm below which nothing is said of how far chance reaches."""
FEWEST_FOR_NORMAL = 30
"""Units of an arm below which a note says what its interval takes for granted."""
_DEFAULT_PLAN = 10_000


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """An arm against the control.

    ``always_low`` and ``always_high`` bound the difference at every moment at once, however often
    one looks. ``p_adjusted`` is Holm's over all arms. ``probability_better`` is the posterior
    probability of a positive difference under a flat prior, ``expected_loss`` what choosing the arm
    is expected to cost where the control is better after all. ``relative`` is None where the
    control's mean is not clearly away from zero. ``q`` is the false discovery rate among the metrics
    beside the experiment's own.
    """

    arm: str
    difference: Interval
    relative: Interval | None
    always_low: float
    always_high: float
    p_adjusted: float
    probability_better: float
    expected_loss: float
    detectable: float
    q: float | None = None

    @property
    def certain(self) -> bool:
        """Whether chance does not explain it: Holm's p-value and the bounds that hold however often
        one looks agree.
        """
        return self.p_adjusted < 1 - LEVEL and (self.always_low > 0 or self.always_high < 0)


class Lack(StrEnum):
    """Why nothing can be said."""

    EMPTY = "empty"
    SINGLE = "single"
    NO_DENOMINATOR = "no_denominator"
    NO_VARIANCE = "no_variance"
    EXPLAINED = "explained"
    FEW = "few"


class NoComparison(msgspec.Struct, frozen=True, kw_only=True):
    """An arm of which nothing can be said, what is lacking, and in which arm that is."""

    arm: str
    lack: Lack
    lacking_arm: str


Compared: TypeAlias = Comparison | NoComparison


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The whole experiment. ``sample_ratio_p`` is None when the planned shares are not known.

    ``variance_removed`` is the share that the pre-period explained, None without one.
    """

    control: str
    means: dict[str, float | None]
    comparisons: tuple[Compared, ...]
    sample_ratio_p: float | None
    variance_removed: float | None
    notes: tuple[str, ...]

    @property
    def distrusted(self) -> bool:
        """Whether the arms' sizes do not fit their shares, so that no difference can be trusted."""
        return self.sample_ratio_p is not None and self.sample_ratio_p < SAMPLE_RATIO_ALARM


def read_experiment(summary: ExperimentSummary) -> Reading:
    """Compare every arm with the control."""
    notes: list[str] = []
    ratio_p = sample_ratio_p(summary)
    if ratio_p is not None and ratio_p < SAMPLE_RATIO_ALARM:
        notes.append(
            f"the arms' sizes do not fit the planned shares (p = {ratio_p:.2g}): something decides"
            " who is counted, and no difference here can be trusted until it is found"
        )
    notes += _say_thin(summary)
    usable, moments, removed = _moments(summary)
    comparisons = [_compare(arm, summary, usable, moments) for arm in summary.arms[1:]]
    return Reading(
        control=summary.control.name,
        means={
            arm.name: usable[arm.name].mean if arm.name in usable else None for arm in summary.arms
        },
        comparisons=_adjust(comparisons),
        sample_ratio_p=ratio_p,
        variance_removed=removed,
        notes=tuple(notes),
    )


def _say_thin(summary: ExperimentSummary) -> list[str]:
    """Say what an interval takes for granted, and which figures were given but not used."""
    thin = [
        f"{arm.name} ({arm.sample.n})"
        for arm in summary.arms
        if FEWEST_UNITS <= arm.sample.n < FEWEST_FOR_NORMAL
    ]
    said: list[str] = []
    if thin:
        said.append(
            f"few units in {', '.join(thin)}: the interval takes their mean to be about normal,"
            " which single large values would spoil"
        )
    without = [arm.name for arm in summary.arms if arm.before is None]
    if summary.kind != "ratio" and 0 < len(without) < len(summary.arms):
        said.append(f"the pre-period is not used: {', '.join(without)} has none")
    if summary.ignored:
        said.append(f"not understood and not used: {', '.join(summary.ignored)}")
    return said


def sample_ratio_p(summary: ExperimentSummary) -> float | None:
    """Return Pearson's chi-square p-value of the arms' sizes against their planned shares."""
    sizes = list(summary.assigned) or [arm.sample.n for arm in summary.arms]
    if summary.shares is None or sum(sizes) == 0:
        return None
    expected = [share * sum(sizes) for share in summary.shares]
    statistic = sum((n - e) ** 2 / e for n, e in zip(sizes, expected, strict=True))
    return float(gammaincc((len(sizes) - 1) / 2, statistic / 2))


def always_valid_half_width(
    standard_error: float, n: int, *, planned_n: int, level: float = LEVEL
) -> float:
    """Return the half width of the asymptotic confidence sequence at ``n`` units.

    Theorem 2.2 and equation 10 of Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024),
    Time-uniform central limit theory and asymptotic confidence sequences, Annals of Statistics
    52(6): narrowest at ``planned_n``, which must not be chosen by the data.
    """
    alpha = 1 - level
    rho_sq = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned_n
    scaled = n * rho_sq
    return standard_error * math.sqrt(
        2 * (scaled + 1) / scaled * math.log(math.sqrt(scaled + 1) / alpha)
    )


def _moments(
    summary: ExperimentSummary,
) -> tuple[dict[str, Moments], dict[str, Moments], float | None]:
    """The plain estimates, those to compare, and the share of variance that CUPED removed."""
    usable = [arm for arm in summary.arms if _lack(arm, summary) is None]
    plain = {arm.name: arm_moments(arm, summary.kind) for arm in usable}
    if summary.kind != "ratio" and len(usable) == len(summary.arms):
        adjusted = cuped_moments(usable)
        if adjusted is not None:
            names = [arm.name for arm in usable]
            return plain, dict(zip(names, adjusted[0], strict=True)), adjusted[1]
    return plain, plain, None


def _lack(arm: ArmSummary, summary: ExperimentSummary) -> Lack | None:
    if arm.sample.n == 0:
        return Lack.EMPTY
    if arm.sample.n < 2:
        return Lack.SINGLE
    if summary.kind == "ratio" and arm.denominator and arm.denominator.sample.total == 0:
        return Lack.NO_DENOMINATOR
    if arm_moments(arm, summary.kind).variance <= 0:
        return Lack.NO_VARIANCE
    return None


def _compare(
    arm: ArmSummary,
    summary: ExperimentSummary,
    plain: dict[str, Moments],
    moments: dict[str, Moments],
) -> Compared:
    for one in (arm, summary.control):
        lack = _lack(one, summary)
        if lack is None and moments[one.name].variance <= 0:
            lack = Lack.EXPLAINED
        if lack is not None:
            return NoComparison(arm=arm.name, lack=lack, lacking_arm=one.name)
    for one in (arm, summary.control):
        if one.sample.n < FEWEST_UNITS:
            return NoComparison(arm=arm.name, lack=Lack.FEW, lacking_arm=one.name)
    treated, control = moments[arm.name], moments[summary.control.name]
    freedom = _welch_freedom(treated, control)
    difference = treated.mean - control.mean
    error = math.sqrt(treated.mean_variance + control.mean_variance)
    bounds = None
    if summary.kind == "proportion" and treated is plain[arm.name]:
        bounds = _newcombe(arm, summary.control)
    interval = student_interval(difference, error, freedom, bounds)
    half = always_valid_half_width(
        error, treated.n + control.n, planned_n=summary.planned_n or _DEFAULT_PLAN
    )
    return Comparison(
        arm=arm.name,
        difference=interval,
        relative=_relative(treated, control, freedom),
        always_low=difference - half,
        always_high=difference + half,
        p_adjusted=interval.p,
        probability_better=float(ndtr(difference / error)),
        expected_loss=_expected_loss(difference, error),
        # 80 % power: z(0.975) + z(0.8).
        detectable=(1.959964 + 0.841621) * error,
    )


def _expected_loss(difference: float, error: float) -> float:
    """E max(0, −δ) for the posterior δ ~ N(difference, error²) of a flat prior.

    Stucchio (2015), Bayesian A/B Testing at VWO, section 5; the integral is that of the unit normal
    loss (Raiffa, Schlaifer 1961, Applied Statistical Decision Theory, section 5.4).
    """
    z = difference / error
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return error * density - difference * float(ndtr(-z))


def _welch_freedom(first: Moments, second: Moments) -> float:
    a, b = first.mean_variance, second.mean_variance
    return (a + b) ** 2 / (a * a / (first.n - 1) + b * b / (second.n - 1))


def _relative(treated: Moments, control: Moments, freedom: float) -> Interval | None:
    """The ratio of means less one, by the delta method; None where Fieller's set is unbounded."""
    base = control.mean
    if base * base <= float(stdtrit(freedom, (1 + LEVEL) / 2)) ** 2 * control.mean_variance:
        return None
    ratio = treated.mean / base
    error = math.sqrt(treated.mean_variance + ratio * ratio * control.mean_variance) / abs(base)
    return student_interval(ratio - 1, error, freedom)


def _newcombe(arm: ArmSummary, control: ArmSummary) -> tuple[float, float]:
    """Newcombe (1998), Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, method 10: from Wilson's score intervals.
    """
    (p, low, high), (q, floor, ceiling) = _wilson(arm), _wilson(control)
    return (
        p - q - math.hypot(p - low, ceiling - q),
        p - q + math.hypot(high - p, q - floor),
    )


def _wilson(arm: ArmSummary) -> tuple[float, float, float]:
    z, n, p = 1.959964, arm.sample.n, arm.sample.mean
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, centre - half, centre + half


def _adjust(comparisons: Sequence[Compared]) -> tuple[Compared, ...]:
    tested = [one for one in comparisons if isinstance(one, Comparison)]
    adjusted = dict(
        zip([one.arm for one in tested], holm([one.difference.p for one in tested]), strict=True)
    )
    return tuple(
        msgspec.structs.replace(one, p_adjusted=adjusted[one.arm])
        if isinstance(one, Comparison)
        else one
        for one in comparisons
    )
