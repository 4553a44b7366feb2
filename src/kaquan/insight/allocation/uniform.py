"""Uniform policies: the same arm, or the same lottery, for everybody, within a budget."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import msgspec
import numpy as np

from kaquan.insight.uplift import Flags, Floats

_ROUNDING = 1e-9
_TINY = 1e-12


class Uniform(msgspec.Struct, frozen=True, kw_only=True):
    """``shares`` of the arms, ``value`` and ``spend`` per customer, and what units of limits buy.

    ``rates`` are those of the budget, where there is one, and of the other limits in their order:
    zero unless a limit forces a lottery, then the value that another unit of it per customer would
    add.
    """

    shares: Floats
    value: float
    spend: float
    rates: tuple[float, ...]

    def influence(
        self, net: Floats, uses: Sequence[Floats], *, held_to: Sequence[Floats | float]
    ) -> Floats:
        """Return each row's contribution to the value, whose mean it is.

        ``net`` is rows × arms of doubly robust scores, ``uses`` the same of each limit's use, the
        budget's costs first, and ``held_to`` what the policy must keep to of each, per row when
        that is itself measured. A lottery's odds depend on measured costs; the second term carries
        that uncertainty (delta method).
        """
        found = net @ self.shares
        for rate, use, most in zip(self.rates, uses, held_to, strict=False):
            found = found - rate * (use @ self.shares - most)
        return found


def list_uniform(
    net: Floats,
    cost: Floats,
    *,
    budget: float | None,
    others: Sequence[tuple[Floats, float]] = (),
) -> list[Uniform]:
    """Return the uniform policies of which one is best whatever the arms bring.

    ``net`` and ``cost`` are means per arm, ``budget`` is per customer, ``others`` are the mean use
    of each arm, and the most, of further limits. These are the corners of the linear programme over
    the arms' shares: arms that all can have, and lotteries between as many more arms as limits are
    used up; best first. Empty when no arm is within the limits.
    """
    limits = [*([] if budget is None else [(cost, budget)]), *others]
    uses = np.array([use for use, _ in limits]).reshape(-1, len(net))
    most = np.array([amount for _, amount in limits])
    found = [
        Uniform(
            shares=shares, value=float(net @ shares), spend=float(cost @ shares), rates=tuple(rates)
        )
        for shares, rates in _corners(net, uses, most)
    ]
    return sorted(found, key=lambda policy: -policy.value)


def _corners(net: Floats, uses: Floats, most: Floats) -> Iterator[tuple[Floats, list[float]]]:
    """Yield the shares of each corner, and what another unit of each limit would add there."""
    arms, count = len(net), len(most)
    for size in range(1, min(count + 1, arms) + 1):
        for taken in combinations(range(arms), size):
            for tight in combinations(range(count), size - 1):
                system = np.vstack([np.ones(size), uses[np.ix_(tight, taken)]])
                if size > 1 and abs(np.linalg.det(system)) <= _TINY:
                    continue
                wanted = np.array([1.0, *most[list(tight)]])
                part = np.asarray(np.linalg.solve(system, wanted), dtype=np.float64)
                if (part <= 0).any() or not _fits(uses[:, taken] @ part, most):
                    continue
                shares, rates = np.zeros(arms), np.zeros(count)
                shares[list(taken)] = part
                rates[list(tight)] = np.linalg.solve(system.T, net[list(taken)])[1:]
                yield shares, rates.tolist()


def _fits(used: Floats, most: Floats) -> bool:
    within: Flags = used <= most * (1 + _ROUNDING) + _TINY
    return bool(within.all())
