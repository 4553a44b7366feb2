"""How many customers an experiment needs, from what the project's own customers do."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from scipy.special import ndtri

from kaquan.experiments import Metric
from kaquan.insight.experiment.moments import arm_moments, cuped_moments
from kaquan.insight.experiment.outcome_store import find_margin_rate
from kaquan.insight.experiment.results import DEFAULT_MARGIN_RATE_BPS, metric_kind
from kaquan.insight.experiment.size_store import Baseline, get_baseline
from kaquan.insight.experiment.summary import ArmSummary
from kaquan.runtime import InvalidInput, Tx

FEWEST_CUSTOMERS = 50
"""With fewer customers a variance says nothing of an experiment to come."""
_LEVEL = 0.95
_REACH_OF_ZERO = 1.959964


class SizeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is planned: the arms' shares, the control first, and the change that matters.

    ``detect`` is a share of the control's mean, such as 0.05; ``segment_id`` None is everybody.
    """

    metric: Metric = Metric.REVENUE
    horizon_days: int = 14
    shares: tuple[float, ...] = (0.5, 0.5)
    detect: float = 0.05
    power: float = 0.8
    segment_id: str | None = None
    campaign_id: str | None = None


class SizePlan(msgspec.Struct, frozen=True, kw_only=True):
    """How many customers are needed in all, and what the audience of today would show.

    ``mean`` and ``deviation`` are the metric's among ``customers``; ``explained`` is the share of
    its variance that the time before explains. ``detectable`` is the change, as a share of the
    mean, that the audience of now would show. ``days`` None: not foreseeable, as too few arrive.
    """

    customers: int
    mean: float
    deviation: float
    explained: float
    needed: int
    per_arm: tuple[int, ...]
    detectable: float
    audience: int
    arrivals_a_day: float
    days: int | None


class CannotPlan(msgspec.Struct, frozen=True):
    """Why nothing can be planned: too few customers, nothing happened that varies, or a mean that is
    not clearly away from zero.
    """

    reason: str
    customers: int


async def plan_size(tx: Tx, request: SizeRequest, *, now: datetime) -> SizePlan | CannotPlan:
    """Size an experiment from the last ``horizon_days`` of the audience.

    Raises InvalidInput for shares, a change or a power that make no sense.
    """
    _check(request)
    rate = await find_margin_rate(tx, request.campaign_id)
    baseline = await get_baseline(
        tx,
        request.metric,
        segment_id=request.segment_id,
        campaign_id=request.campaign_id,
        margin_rate_bps=DEFAULT_MARGIN_RATE_BPS if rate is None else rate,
        horizon=timedelta(days=request.horizon_days),
        now=now,
    )
    if baseline.arm.sample.n < FEWEST_CUSTOMERS:
        return CannotPlan("too_few_customers", baseline.arm.sample.n)
    mean, variance, explained = _spread(baseline.arm, request.metric)
    if variance <= 0 or mean == 0:
        return CannotPlan("nothing_varies", baseline.arm.sample.n)
    if mean * mean <= _REACH_OF_ZERO**2 * variance / (1 - explained) / baseline.arm.sample.n:
        # A share of a mean that may as well be zero, or below it, is no change that could be sized.
        return CannotPlan("mean_near_zero", baseline.arm.sample.n)
    return _size(request, baseline, mean=mean, variance=variance, explained=explained)


def needed_customers(
    variance: float, difference: float, *, shares: Sequence[float], power: float = 0.8
) -> int:
    """Return how many customers in all show a ``difference`` between the control and any arm.

    Two-sided at 5 % shared out over the arms (Bonferroni), with ``power`` for the smallest arm:
    N = (z₁ + z₂)² · variance · (1/share of control + 1/share of arm) / difference².
    """
    reach = _reach(len(shares) - 1, power)
    thin = 1 / shares[0] + 1 / min(shares[1:])
    return int(-(-(reach * reach * variance * thin / difference**2) // 1))


def detectable_difference(
    variance: float, customers: int, *, shares: Sequence[float], power: float = 0.8
) -> float:
    """Return the difference that this many customers show, the inverse of `needed_customers`."""
    thin = 1 / shares[0] + 1 / min(shares[1:])
    return _reach(len(shares) - 1, power) * (variance * thin / customers) ** 0.5


def _reach(comparisons: int, power: float) -> float:
    return float(ndtri(1 - (1 - _LEVEL) / 2 / comparisons) + ndtri(power))


def _spread(arm: ArmSummary, metric: Metric) -> tuple[float, float, float]:
    """Mean, variance of a customer's part in it after CUPED, and the share that took off."""
    if metric is Metric.ORDER_VALUE and arm.denominator and not arm.denominator.sample.total:
        return 0.0, 0.0, 0.0
    plain = arm_moments(arm, metric_kind(metric))
    adjusted = None if metric is Metric.ORDER_VALUE else cuped_moments([arm])
    if adjusted is None:
        return plain.mean, plain.variance, 0.0
    (one,), removed = adjusted
    return plain.mean, one.variance, removed


def _size(
    request: SizeRequest, baseline: Baseline, *, mean: float, variance: float, explained: float
) -> SizePlan:
    total = sum(request.shares)
    shares = [share / total for share in request.shares]
    needed = needed_customers(
        variance, request.detect * abs(mean), shares=shares, power=request.power
    )
    missing = max(needed - baseline.audience, 0)
    # Whoever is there is sent to at once; for the rest one has to wait until they have come.
    wait = 0 if not missing else None
    if missing and baseline.arrivals_a_day > 0:
        wait = int(-(-missing // baseline.arrivals_a_day))
    possible = max(baseline.audience, 1)
    return SizePlan(
        customers=baseline.arm.sample.n,
        mean=mean,
        deviation=(variance / max(1 - explained, 1e-12)) ** 0.5,
        explained=explained,
        needed=needed,
        per_arm=tuple(int(-(-needed * share // 1)) for share in shares),
        detectable=detectable_difference(variance, possible, shares=shares, power=request.power)
        / abs(mean),
        audience=baseline.audience,
        arrivals_a_day=baseline.arrivals_a_day,
        days=None if wait is None else wait + request.horizon_days,
    )


def _check(request: SizeRequest) -> None:
    if not 2 <= len(request.shares) <= 16 or not all(0 < share <= 1e6 for share in request.shares):
        raise InvalidInput("Name a positive share for each of 2 to 16 arms.", field="shares")
    if not 0.0001 <= request.detect <= 10:
        raise InvalidInput("The change is a share from 0.0001 to 10.", field="detect")
    if not 0.5 <= request.power <= 0.99:
        raise InvalidInput("The power is from 0.5 to 0.99.", field="power")
    if not 1 <= request.horizon_days <= 365:
        raise InvalidInput("The days are 1 to 365.", field="horizon_days")
