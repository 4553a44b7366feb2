"""How well predicted uplift orders customers: Qini and uplift curves, their areas, deciles.

The definitions are those of scikit-uplift (`sklift.metrics`): curves over the customers in
descending order of predicted uplift, areas between the curve and the random line as a share of
those of a perfect order. All take one treatment against one control: ``treated`` is 0 or 1.
"""

from collections.abc import Callable

import msgspec
import numpy as np

from kaquan.insight.uplift.trial import Floats, Ints

_LEVEL = 0.95


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Customers targeted so far and what that brought; the first point is (0, 0)."""

    targeted: Floats
    gain: Floats

    @property
    def area(self) -> float:
        """The area under the curve by trapezoids."""
        return float(np.trapezoid(self.gain, self.targeted))


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with its 95 % interval from a bootstrap of customers."""

    value: float
    low: float
    high: float


class Bin(msgspec.Struct, frozen=True, kw_only=True):
    """A tenth of the customers by predicted uplift, the highest first."""

    number: int
    treated: int
    control: int
    treated_rate: float | None
    control_rate: float | None
    uplift: float | None
    standard_error: float | None


def qini_curve(outcome: Floats, uplift: Floats, treated: Ints) -> Curve:
    """Extra outcome among the treated, the control scaled to their number.

    Radcliffe, "Using control groups to target on predicted lift", Direct Marketing Analytics
    Journal (2007).
    """
    count, count_t, sum_t, count_c, sum_c = _running(outcome, uplift, treated)
    ratio = np.divide(count_t, count_c, out=np.zeros_like(count_t), where=count_c != 0)
    return Curve(targeted=count, gain=sum_t - sum_c * ratio)


def uplift_curve(outcome: Floats, uplift: Floats, treated: Ints) -> Curve:
    """Difference of mean outcomes so far, times the customers so far.

    Devriendt, Van Belle, Guns & Verbeke, "Learning to rank for uplift modeling", IEEE TKDE (2020).
    """
    count, count_t, sum_t, count_c, sum_c = _running(outcome, uplift, treated)
    mean_t = np.divide(sum_t, count_t, out=np.zeros_like(sum_t), where=count_t != 0)
    mean_c = np.divide(sum_c, count_c, out=np.zeros_like(sum_c), where=count_c != 0)
    return Curve(targeted=count, gain=(mean_t - mean_c) * count)


def qini_score(outcome: Floats, uplift: Floats, treated: Ints) -> float | None:
    """Area between Qini curve and random line, over that of a perfect order; outcomes are 0 or 1.

    None where there is no such ratio: an arm is empty, or even a perfect order gains nothing.
    """
    ideal = outcome * treated - outcome * (1 - treated)
    return _normalised(
        qini_curve(outcome, uplift, treated), qini_curve(outcome, ideal, treated), treated
    )


def auuc_score(outcome: Floats, uplift: Floats, treated: Ints) -> float | None:
    """Area between uplift curve and random line, over that of a perfect order, as `qini_score`."""
    control_responders = int(np.sum((outcome == 1) & (treated == 0)))
    treated_others = int(np.sum((outcome == 0) & (treated == 1)))
    summand = outcome if control_responders > treated_others else treated
    ideal = 2.0 * (outcome == treated) + summand
    return _normalised(
        uplift_curve(outcome, uplift, treated), uplift_curve(outcome, ideal, treated), treated
    )


def uplift_at(
    outcome: Floats, uplift: Floats, treated: Ints, *, share: float = 0.3
) -> float | None:
    """Difference of mean outcomes among the ``share`` of all with the highest uplift.

    None when one of the arms is missing among them.
    """
    first = _descending(uplift)[: int(len(uplift) * share)]
    chosen, arms = outcome[first], treated[first]
    if not (arms == 1).any() or not (arms == 0).any():
        return None
    return float(chosen[arms == 1].mean() - chosen[arms == 0].mean())


def uplift_by_bin(outcome: Floats, uplift: Floats, treated: Ints, *, bins: int = 10) -> list[Bin]:
    """Split customers into ``bins`` of descending predicted uplift and measure each.

    A rate is None where nobody of the arm is in the bin, the standard error where fewer than two.
    """
    found: list[Bin] = []
    for number, rows in enumerate(np.array_split(_descending(uplift), bins), 1):
        samples = [outcome[rows][treated[rows] == arm] for arm in (1, 0)]
        means = [float(sample.mean()) if len(sample) else None for sample in samples]
        mean_t, mean_c = means
        found.append(
            Bin(
                number=number,
                treated=len(samples[0]),
                control=len(samples[1]),
                treated_rate=mean_t,
                control_rate=mean_c,
                uplift=None if mean_t is None or mean_c is None else mean_t - mean_c,
                standard_error=_standard_error(samples),
            )
        )
    return found


def bootstrap(
    score: Callable[[Floats, Floats, Ints], float | None],
    *,
    outcome: Floats,
    uplift: Floats,
    treated: Ints,
    draws: int = 200,
    seed: int,
) -> Band | None:
    """Return a score with its interval: percentiles over customers drawn again with replacement.

    None where the score itself is. Efron, "Bootstrap methods", Annals of Statistics 7 (1979).
    """
    value = score(outcome, uplift, treated)
    if value is None:
        return None
    random = np.random.default_rng(seed)
    drawn: list[float] = []
    for _ in range(draws):
        rows = random.integers(0, len(outcome), len(outcome))
        again = score(outcome[rows], uplift[rows], treated[rows])
        if again is not None:
            drawn.append(again)
    low, high = (
        np.quantile(drawn, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)) if drawn else (value, value)
    )
    return Band(value=value, low=float(low), high=float(high))


def _standard_error(samples: list[Floats]) -> float | None:
    if min(len(sample) for sample in samples) < 2:
        return None
    return float(np.sqrt(sum(sample.var(ddof=1) / len(sample) for sample in samples)))


def _normalised(actual: Curve, perfect: Curve, treated: Ints) -> float | None:
    if not (treated == 1).any() or not (treated == 0).any():
        return None
    random_area = float(perfect.targeted[-1] * perfect.gain[-1]) / 2
    ideal = perfect.area - random_area
    return (actual.area - random_area) / ideal if ideal > 0 else None


def _descending(uplift: Floats) -> Ints:
    """Row numbers, the highest uplift first; among equals the last row first, as sklift does."""
    return np.argsort(uplift, kind="stable")[::-1]


def _running(
    outcome: Floats, uplift: Floats, treated: Ints
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Counts and sums of both arms wherever the predicted uplift changes, from (0, …) on."""
    order = _descending(uplift)
    arm, result = treated[order].astype(np.float64), outcome[order]
    ends = np.r_[np.flatnonzero(np.diff(uplift[order])), len(order) - 1]
    count_t = np.cumsum(arm)[ends]
    sum_t, sum_c = np.cumsum(result * arm)[ends], np.cumsum(result * (1 - arm))[ends]
    count = (ends + 1).astype(np.float64)
    columns = (count, count_t, sum_t, count - count_t, sum_c)
    start = np.zeros(1)
    running = [np.concatenate([start, column]) for column in columns]
    return running[0], running[1], running[2], running[3], running[4]
