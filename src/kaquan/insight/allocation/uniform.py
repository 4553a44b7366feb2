"""Uniform policies: the same arm, or the same lottery, for everybody, within a budget."""

from itertools import product

import msgspec
import numpy as np

from kaquan.insight.uplift import Floats

_ROUNDING = 1e-9


class Uniform(msgspec.Struct, frozen=True, kw_only=True):
    """``shares`` of the arms, ``value`` and ``spend`` per customer, and what a unit of spend buys.

    ``rate`` is zero unless the budget forces a lottery between two arms: then it is the value that
    another unit of spend per customer would add.
    """

    shares: Floats
    value: float
    spend: float
    rate: float

    def influence(self, net: Floats, cost: Floats, *, spend: Floats | float) -> Floats:
        """Return each row's contribution to the value, whose mean it is.

        ``net`` and ``cost`` are rows × arms of doubly robust scores and ``spend`` what the policy
        must keep to, per row when that is itself measured. The lottery's odds depend on measured
        costs; the second term carries that uncertainty (delta method).
        """
        return net @ self.shares - self.rate * (cost @ self.shares - spend)


def list_uniform(net: Floats, cost: Floats, *, budget: float | None) -> list[Uniform]:
    """Return the uniform policies of which one is best whatever the arms bring.

    ``net`` and ``cost`` are means per arm, ``budget`` is per customer. These are the corners of
    the linear programme over the arms' shares: arms that all can have, and lotteries between one
    that they can and one that they cannot; best first. Empty when no arm is within the budget.
    """
    limit = np.inf if budget is None else budget * (1 + _ROUNDING) + 1e-12
    cheap, dear = np.flatnonzero(cost <= limit), np.flatnonzero(cost > limit)
    found = [
        Uniform(shares=_one(len(net), arm), value=float(net[arm]), spend=float(cost[arm]), rate=0.0)
        for arm in cheap.tolist()
    ]
    for low, high in product(cheap.tolist(), dear.tolist()):
        assert budget is not None
        step = float(cost[high] - cost[low])
        share = max(budget - float(cost[low]), 0.0) / step
        if share <= 0:
            continue
        shares = share * _one(len(net), high) + (1 - share) * _one(len(net), low)
        found.append(
            Uniform(
                shares=shares,
                value=float(net @ shares),
                spend=float(cost @ shares),
                rate=float(net[high] - net[low]) / step,
            )
        )
    return sorted(found, key=lambda policy: -policy.value)


def _one(arms: int, arm: int) -> Floats:
    shares = np.zeros(arms)
    shares[arm] = 1.0
    return shares
