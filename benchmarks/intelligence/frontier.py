"""Value against spend on Hillstrom's customers, policy by policy, with bands.

Protocol: every policy is learnt without the fold it is measured on; values are means of doubly
robust scores whose outcome models have not seen the row either; bands are percentiles of a
bootstrap of customers; the certificate is the product's own.
"""

from pathlib import Path

import numpy as np

from benchmarks.intelligence import hillstrom
from benchmarks.intelligence.told import Row, report_progress
from kaquan.insight.allocation import CostOn, Learnt, Stakes, allocate, certify, learn, list_uniform
from kaquan.insight.uplift import Floats, Learner, Trial, cross_fit_uplift, fit_trees

SEED = 1
REPEATS = 3
DRAWS = 400
CASES = (
    # outcome, worth of one, cost of a message, share of the customers that the budget can reach
    ("visit", 1.0, 0.0, (1.0,)),
    ("visit", 1.0, 0.05, (0.2, 0.4, 0.6, 1.0)),
    ("spend", 1.0, 0.0, (1.0,)),
    ("spend", 1.0, 0.2, (0.2, 0.4, 0.6, 1.0)),
    ("spend", 0.3, 0.1, (1.0,)),
)


def run(data: Path, rounds: int | None) -> list[Row]:
    """Print a table for each outcome, worth and cost; ``rounds`` is how many cases of these."""
    file = hillstrom.find(data)
    if file is None:
        return []
    told: list[Row] = []
    cases = CASES[:rounds]
    done, total = 0, sum(len(shares) for *_, shares in cases)
    print(f"seed {SEED}; value per customer, net of cost, with 95 % bands of {DRAWS} bootstraps")
    for outcome, worth, cost, shares in cases:
        trial = hillstrom.load(file, outcome)
        stakes = Stakes(value=worth, cost=np.array([0.0, cost, cost]), cost_on=CostOn.SEND)
        rivals: dict[str, Floats] = {}
        print(f"\n{outcome} worth {worth:g}, message {cost:g}")
        print(f"{'reach':>6} {'policy':<22} {'value':>9} {'low':>9} {'high':>9} {'spend':>7}")
        for share in shares:
            budget = share * cost if share < 1 else None
            learnts = [
                learn(trial, stakes, seed=SEED + number, budget=budget) for number in range(REPEATS)
            ]
            rivals = rivals or _rivals(trial, learnts[0])
            rows = _print_share(trial, learnts, rivals=rivals, budget=budget, share=share)
            told += [{"outcome": outcome, "worth": worth, "cost": cost} | row for row in rows]
            done += 1
            report_progress("policies", done, total)
    return told


def _print_share(
    trial: Trial,
    learnts: list[Learnt],
    *,
    rivals: dict[str, Floats],
    budget: float | None,
    share: float,
) -> list[Row]:
    learnt = learnts[0]
    net, cost = learnt.net, learnt.stakes.cost
    rows = np.arange(len(net))
    best = list_uniform(net.mean(axis=0), cost, budget=budget)[0]
    lines: list[tuple[str, Floats, float]] = [
        ("none", net[:, 0], 0.0),
        ("random arm", net.mean(axis=1), float(cost.mean())),
        ("best uniform", net @ best.shares, best.spend),
    ]
    if budget is not None:
        lines.pop(1)
    total = None if budget is None else budget * len(net)
    for name, predicted in {**rivals, "ours (stacked)": learnt.predicted}.items():
        choice = allocate(predicted, cost, budget=total).choice
        lines.append((name, net[rows, choice], float(cost[choice].mean())))
    told: list[Row] = []
    for name, values, spend in lines:
        low, high = _band(values)
        mean = float(values.mean())
        told.append(
            {
                "reach": share,
                "policy": name,
                "value": mean,
                "low": low,
                "high": high,
                "spend": spend,
            }
        )
        print(
            f"{share:>6.0%} {name:<22} {values.mean():>9.5f} {low:>9.5f} {high:>9.5f} {spend:>7.4f}"
        )
    found = certify(learnts, trial, budget=budget)
    gap = found.difference
    figures = f"{gap.value:+.5f} ({gap.low:.5f} to {gap.high:.5f})" if gap else "no difference"
    print(f"{'':>6} certificate: {found.reason.value}, {figures}, rows needed {found.rows_needed}")
    told.append(
        {
            "reach": share,
            "policy": "certificate",
            "reason": found.reason.value,
            "value": gap.value if gap else None,
            "low": gap.low if gap else None,
            "high": gap.high if gap else None,
            "rows_needed": found.rows_needed,
        }
    )
    return told


def _rivals(trial: Trial, learnt: Learnt) -> dict[str, Floats]:
    """Net values by plain methods, each row's by models that have not seen it."""
    stakes = learnt.stakes
    found = {
        f"plain {learner.value.upper()}-learner": stakes.value
        * cross_fit_uplift(learner, trial, seed=SEED)
        - stakes.cost
        for learner in (Learner.T, Learner.X, Learner.R, Learner.DOUBLY_ROBUST)
    }
    likely = np.zeros(len(trial.arm))
    favourite = np.zeros(len(trial.arm), dtype=np.int64)
    for number in range(5):
        others, rows = learnt.fold != number, learnt.fold == number
        model = fit_trees(
            trial.features[others],
            trial.outcome[others],
            categorical=trial.categorical,
            seed=SEED,
        )
        likely[rows] = model.predict(trial.features[rows])
        favourite[rows] = learnt.net[others].mean(axis=0).argmax()
    # Who is likely to act anyway gets the arm that is best on average, without regard to uplift.
    response = np.zeros(learnt.net.shape)
    response[np.arange(len(likely)), favourite] = stakes.value * likely
    return {"response targeting": response, **found}


def _band(values: Floats) -> tuple[float, float]:
    random = np.random.default_rng(SEED)
    count = len(values)
    means = [values[random.integers(0, count, count)].mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
