"""False certificates where there is nothing to find: the arms permuted over the customers."""

from pathlib import Path

import numpy as np

from benchmarks.intelligence import hillstrom
from benchmarks.intelligence.told import Row, report_progress
from kaquan.insight.allocation import LearningPlan, Stakes, certify, learn
from kaquan.insight.uplift import TreePlan, Trial, randomised

SEED = 20260101
PERMUTATIONS = 500
ROWS = 4_000
LIGHT = LearningPlan(
    outcome=TreePlan(rounds=30, leaves=6, learning_rate=0.1),
    effect=TreePlan(rounds=30, leaves=4, learning_rate=0.1, shrinkage=30.0),
)
"""Fewer trees than the product's plan, so that 500 whole selections take minutes."""
CASES = (
    # outcome, what the budget can reach, share of the permutations
    ("visit", None, 1.0),
    ("visit", 0.4, 0.3),
    ("spend", None, 0.3),
)


def run(data: Path, rounds: int | None) -> list[Row]:
    """Print how often a certificate was given, and how often the interval left zero out."""
    file = hillstrom.find(data)
    if file is None:
        return []
    told: list[Row] = []
    rounds = rounds or PERMUTATIONS
    print(f"seed {SEED}; arms permuted over {ROWS:,} customers drawn anew each time")
    print(
        f"{'outcome':<8} {'reach':>6} {'rounds':>7} {'certified':>10} {'rate':>7}"
        f" {'mean difference':>16}"
    )
    for outcome, reach, part in CASES:
        trial = hillstrom.load(file, outcome)
        count = max(int(rounds * part), 1)
        certified, gaps = 0, list[float]()
        for number in range(count):
            permuted = _permute(trial, SEED + number)
            # A budget needs something to be spent: a message costs one, and is worth it back.
            cost = np.zeros(3) if reach is None else np.array([0.0, 1e-9, 1e-9])
            stakes = Stakes(value=1.0, cost=cost)
            budget = None if reach is None else reach * 1e-9
            learnt = learn(permuted, stakes, seed=number, budget=budget, plan=LIGHT)
            found = certify([learnt], permuted, budget=budget)
            certified += found.certified
            if found.difference is not None:
                gaps.append(found.difference.value)
            report_progress(f"permutations of {outcome}", number + 1, count)
        mean = float(np.mean(gaps)) if gaps else 0.0
        text = "all" if reach is None else f"{reach:.0%}"
        print(
            f"{outcome:<8} {text:>6} {count:>7} {certified:>10} {certified / count:>7.2%}"
            f" {mean:>16.6f}",
            flush=True,
        )
        told.append(
            {
                "outcome": outcome,
                "reach": reach,
                "rounds": count,
                "certified": certified,
                "rate": certified / count,
                "mean_difference": mean,
                "seed": SEED,
            }
        )
    return told


def _permute(trial: Trial, seed: int) -> Trial:
    random = np.random.default_rng(seed)
    some = trial.take(random.permutation(len(trial.arm))[:ROWS])
    arm = random.permutation(some.arm)
    return Trial(
        features=some.features,
        categorical=some.categorical,
        arm=arm,
        outcome=some.outcome,
        propensity=randomised(arm, some.arms),
    )
