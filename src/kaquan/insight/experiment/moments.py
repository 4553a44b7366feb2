"""The estimate of an arm under each kind of metric: a mean, its variance, degrees of freedom."""

from collections.abc import Sequence

import msgspec

from kaquan.insight.experiment.summary import ArmSummary, MetricKind, Weighed


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """An arm's estimate, the variance of one unit's part in it, and the number of units."""

    n: int
    mean: float
    variance: float

    @property
    def mean_variance(self) -> float:
        """The squared standard error of the estimate."""
        return self.variance / self.n


def arm_moments(arm: ArmSummary, kind: MetricKind) -> Moments:
    """Return the plain estimate of an arm of two units at least.

    A ratio of sums by the delta method: Deng, Knoblich, Lu (2018), Applying the Delta Method in
    Metric Analytics, KDD, section 3.1. Where chances of the arm differed, the mean over everybody
    by inverse propensities that sum to one (Hájek 1971), with its linearised variance: deviations
    of different arms never meet in one unit, so the arms' variances add.
    """
    sample = arm.sample
    if arm.weighed is not None:
        return _weighed_moments(sample.n, arm.weighed)
    if kind != "ratio" or arm.denominator is None:
        return Moments(n=sample.n, mean=sample.mean, variance=sample.variance)
    below = arm.denominator.sample
    ratio = sample.total / below.total
    spread = (
        sample.variance
        - 2 * ratio * arm.denominator.covariance(sample)
        + ratio * ratio * below.variance
    )
    return Moments(n=sample.n, mean=ratio, variance=max(spread, 0.0) / below.mean**2)


def _weighed_moments(n: int, sums: Weighed) -> Moments:
    mean = sums.wy / sums.w
    spread = sums.w_sq_y_sq - 2 * mean * sums.w_sq_y + mean * mean * sums.w_sq
    return Moments(n=n, mean=mean, variance=max(spread, 0.0) / sums.w**2 * n * n / (n - 1))


def cuped_moments(arms: Sequence[ArmSummary]) -> tuple[tuple[Moments, ...], float] | None:
    """Return the arms' estimates adjusted by the pre-period, and the share of variance taken off.

    One coefficient for all arms, from the covariances within them; None when an arm has no
    pre-period or it does not vary. Deng, Xu, Kohavi, Walker (2013), Improving the Sensitivity of
    Online Controlled Experiments by Utilizing Pre-Experiment Data, WSDM.
    """
    pairs = [(arm.sample, arm.before) for arm in arms if arm.before is not None]
    if len(pairs) < len(arms):
        return None
    freedom = [(sample.n - 1, sample, before) for sample, before in pairs]
    spread = sum(n * before.sample.variance for n, _, before in freedom)
    if spread <= 0:
        return None
    theta = sum(n * before.covariance(sample) for n, sample, before in freedom) / spread
    everyone = sum(sample.n for sample, _ in pairs)
    level = sum(before.sample.total for _, before in pairs) / everyone
    adjusted = tuple(
        Moments(
            n=sample.n,
            mean=sample.mean - theta * (before.sample.mean - level),
            variance=max(
                sample.variance
                - 2 * theta * before.covariance(sample)
                + theta * theta * before.sample.variance,
                0.0,
            ),
        )
        for sample, before in pairs
    )
    plain = sum(n * sample.variance for n, sample, _ in freedom)
    left = sum((one.n - 1) * one.variance for one in adjusted)
    return adjusted, 1 - left / plain if plain > 0 else 0.0
