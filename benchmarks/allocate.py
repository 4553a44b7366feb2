"""How fast a million customers get one of six face values within a budget, against one bare pass.

The product's own path: the multiple-choice knapsack with its duality gap. The baseline: choosing
each customer's best value without any budget (`numpy.argmax` over the same matrix), the least that
reading the matrix can cost. Prints one line of JSON; ``gap`` is the worst over the budgets.
"""

import json
import sys
import time

import numpy as np

from kaquan.insight.allocation import allocate

CUSTOMERS = 1_000_000
FACE_VALUES = np.array([0.0, 1.0, 2.0, 5.0, 10.0, 20.0])
BUDGETS = (10_000.0, 200_000.0, 500_000.0)
SEED = 20260101


def main() -> None:
    """Allocate at three budgets and print the slowest."""
    random = np.random.default_rng(SEED)
    half, most = random.uniform(2, 20, CUSTOMERS), random.gamma(1, 8, CUSTOMERS)
    reach = FACE_VALUES / (FACE_VALUES + half[:, None])
    value = most[:, None] * reach + random.normal(0, 0.01, (CUSTOMERS, len(FACE_VALUES)))
    cost = (random.beta(1, 9, CUSTOMERS)[:, None] + 0.02 * reach) * FACE_VALUES
    seconds: list[float] = []
    gaps: list[float] = []
    for budget in BUDGETS:
        started = time.perf_counter()
        found = allocate(value, cost, budget=budget)
        seconds.append(time.perf_counter() - started)
        gaps.append(found.gap)
        assert found.cost <= budget
    started = time.perf_counter()
    np.argmax(value, axis=1)
    baseline = time.perf_counter() - started
    result = {
        "name": "allocate",
        "value": round(max(seconds), 3),
        "baseline": round(baseline, 3),
        "ratio": round(max(seconds) / baseline, 2),
        "unit": "s",
        "customers": CUSTOMERS,
        "face_values": len(FACE_VALUES),
        "gap": max(gaps),
        "seed": SEED,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
