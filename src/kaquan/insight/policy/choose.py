"""Arms for the rows of the test file."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import numpy as np

from kaquan.insight.allocation import Certificate, CostOn, Learnt, Stakes, UniformValue, allocate
from kaquan.insight.policy.model import PolicyRequest
from kaquan.insight.policy.prepare import Prepared, find_open
from kaquan.insight.tabular import Table
from kaquan.insight.uplift import Flags, Floats, Ints

_ROWS_AT_ONCE = 20_000
_WORKERS = 2


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Arms for the test rows: what is written, and what the personalised policy would give."""

    written: Ints
    personal: Ints
    shadow_price: float
    expected: Floats
    spend: float
    net: Floats
    cost: Floats
    allowed: Flags | None


def choose_arms(
    test: Table,
    request: PolicyRequest,
    *,
    prepared: Prepared,
    learnts: list[Learnt],
    certificate: Certificate,
) -> Choice:
    """Choose by the best uniform policy, and by the personalised one; write what is certified."""
    features, _, _ = prepared.plan.encode(test)
    features = features[:, : learnts[0].models.width]
    net, cost, expected = _predict(learnts, features)
    plain, plain_cost = net, cost
    allowed = find_open(test, request, prepared.arms)
    if allowed is not None:
        net, cost = (np.where(allowed, figures, figures[:, :1]) for figures in (net, cost))
    uniform = _spread(certificate.best, cost, request=request, stakes=prepared.stakes)
    if all(all(one.steady) for one in learnts):
        personal, price = uniform, 0.0
    else:
        found = allocate(net, cost, budget=request.budget)
        personal, price = found.choice, found.shadow_price
    written = personal if certificate.certified else uniform
    if allowed is not None:
        written = np.where(allowed[np.arange(test.rows), written], written, 0)
    return Choice(
        written=written,
        personal=personal,
        shadow_price=price,
        expected=expected,
        spend=float(cost[np.arange(test.rows), written].sum()),
        net=plain,
        cost=plain_cost,
        allowed=allowed,
    )


def _predict(learnts: list[Learnt], features: Floats) -> tuple[Floats, Floats, Floats]:
    """Net values, costs and outcomes for new rows, averaged over all models."""
    parts = [
        features[start : start + _ROWS_AT_ONCE] for start in range(0, len(features), _ROWS_AT_ONCE)
    ]
    with ThreadPoolExecutor(_WORKERS) as pool:
        found = list(pool.map(partial(_average, learnts), parts))
    net, cost, expected = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return net, cost, expected


def _average(learnts: list[Learnt], features: Floats) -> tuple[Floats, Floats, Floats]:
    found = [one.models.predict(features) for one in learnts]
    net, cost, expected = (np.mean(figures, axis=0) for figures in zip(*found, strict=True))
    return net, cost, expected


def _spread(best: UniformValue, cost: Floats, *, request: PolicyRequest, stakes: Stakes) -> Ints:
    """Give everybody the uniform policy's arm, or draw who gets the dearer of two."""
    rows = len(cost)
    order = np.argsort(best.shares, kind="stable")
    chosen = np.full(rows, int(order[-1]), dtype=np.int64)
    if best.shares[order[-1]] == 1.0:
        return chosen
    if request.limits:
        # A lottery of several arms; who carries it out deals with the limits themselves.
        drawn = np.random.default_rng(request.seed).permutation(rows)
        ends = np.floor(np.cumsum(best.shares) * rows + 1e-9)
        chosen[drawn] = np.searchsorted(ends, np.arange(rows), side="right").clip(
            max=len(best.shares) - 1
        )
        return chosen
    low, high = sorted(np.flatnonzero(best.shares).tolist(), key=lambda arm: stakes.cost[arm])
    drawn = np.random.default_rng(request.seed).permutation(rows)
    count = int(np.floor(best.shares[high] * rows + 1e-9))
    if stakes.cost_on is not CostOn.SEND:
        # Costs are expected ones here; the draw stops where their sum would pass the budget.
        assert request.budget is not None
        more = (cost[:, high] - cost[:, low])[drawn]
        left = request.budget - float(cost[:, low].sum())
        count = min(count, int(np.searchsorted(np.cumsum(more), left, side="right")))
    chosen[:] = low
    chosen[drawn[:count]] = high
    return chosen
