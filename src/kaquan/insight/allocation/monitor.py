"""Whether a certificate still holds, looked at as often as anybody likes."""

from enum import StrEnum

import msgspec
import numpy as np

from kaquan.insight.uplift import Floats

BURN_IN = 200
"""Observations before a bound is given: the bounds are asymptotic."""
_LEVEL = 0.95
_TUNED_TO = 5_000


class Standing(StrEnum):
    """What became of a certificate."""

    STANDS = "stands"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """The state after the last observation, and since which observation it was withdrawn.

    The bounds are of the mean difference since the start; None before there are enough. ``since``
    is the start of the stretch that led to the withdrawal.
    """

    standing: Standing
    observed: int
    value: float | None = None
    low: float | None = None
    high: float | None = None
    withdrawn_at: int | None = None
    since: int | None = None


def differences_observed(
    outcome: Floats, *, gave: Floats, personal: Floats, uniform: Floats, expected: Floats
) -> Floats:
    """Return doubly robust differences, personalised less uniform, from logged decisions.

    ``gave`` is rows × arms of the logged chances where the arm was given and zero elsewhere;
    ``personal`` and ``uniform`` the chances of the arms under either policy, ``expected`` the
    outcome predicted for each arm before it was known, all rows × arms.
    """
    weight = np.divide(1.0, gave, out=np.zeros_like(gave), where=gave > 0)
    scores = expected + weight * (outcome[:, None] - expected)
    return ((personal - uniform) * scores).sum(axis=1)


def watch_certificate(differences: Floats, *, stretches: int = 8) -> Watch:
    """Judge a certificate on what was observed since, in the order of time.

    ``differences`` are those of `differences_observed`. Withdrawn at the first moment an
    anytime-valid upper bound of the mean difference is below zero, since the start or since one
    of ``stretches`` later starts (a change for the worse shows there first); the starts share out
    the chance of error, so a certificate that holds all the time is withdrawn in at most one of
    forty cases, however often one looks. Confirmed when the lower bound since the start is above
    zero. Asymptotic confidence sequences: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas,
    "Time-uniform central limit theory and asymptotic confidence sequences", Annals of Statistics
    52 (2024), theorem 2.2.
    """
    count = len(differences)
    if count < BURN_IN:
        return Watch(standing=Standing.STANDS, observed=count)
    alpha = (1 - _LEVEL) / 2
    low, high = bounds_over_time(differences, alpha=alpha)
    stops = [(0, bounds_over_time(differences, alpha=alpha / 2)[1])]
    for number, start in enumerate(_starts(count, stretches), 1):
        # 6/π² · 1/k² sums to one over all k: later starts may come without end.
        share = alpha / 2 * 6 / (np.pi * number) ** 2
        stops.append((start, bounds_over_time(differences[start:], alpha=share)[1]))
    crossings = [
        (start + int(np.argmax(upper < 0)), start) for start, upper in stops if (upper < 0).any()
    ]
    first = min(crossings, default=None)
    confirmed = bool(low[-1] > 0)
    standing = (
        Standing.WITHDRAWN
        if first is not None
        else Standing.CONFIRMED
        if confirmed
        else Standing.STANDS
    )
    return Watch(
        standing=standing,
        observed=count,
        value=float(differences.mean()),
        low=float(low[-1]),
        high=float(high[-1]),
        withdrawn_at=None if first is None else first[0] + 1,
        since=None if first is None else first[1],
    )


def bounds_over_time(values: Floats, *, alpha: float) -> tuple[Floats, Floats]:
    """Return lower and upper bounds of the running mean after each value.

    Each side fails at any time with chance at most ``alpha``, as numbers grow; infinite for the
    first `BURN_IN` values. Narrowest around 5,000 observations.
    """
    count = np.arange(1, len(values) + 1, dtype=np.float64)
    mean = np.cumsum(values) / count
    variance = np.clip(np.cumsum(values**2) / count - mean**2, 0.0, None)
    tuning = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / _TUNED_TO
    grown = count * tuning + 1
    radius = np.sqrt(variance * 2 * grown / (count**2 * tuning) * np.log(np.sqrt(grown) / alpha))
    radius[: min(BURN_IN, len(radius))] = np.inf
    # No spread is no knowledge: the variance of equal values says nothing of the next one.
    radius[variance <= 0] = np.inf
    return mean - radius, mean + radius


def _starts(count: int, stretches: int) -> list[int]:
    """Starts after 200, 400, 800 … observations: known beforehand, whatever is observed."""
    starts = (BURN_IN * 2**power for power in range(stretches))
    return [start for start in starts if start < count]
