"""Qini and uplift at 30 % of the learners, on ten halvings of Hillstrom's data."""

from pathlib import Path

import numpy as np

from benchmarks.intelligence import hillstrom
from benchmarks.intelligence.told import Row, report_progress
from kaquan.insight.uplift import (
    Floats,
    Learner,
    Trial,
    auuc_score,
    fit_uplift,
    qini_score,
    randomised,
    uplift_at,
)

SEEDS = range(10)


def run(data: Path, rounds: int | None) -> list[Row]:
    """Print means and standard deviations over the splits, women's e-mail against none, visit."""
    seeds = SEEDS[:rounds]
    file = hillstrom.find(data)
    if file is None:
        return []
    told: list[Row] = []
    trial = hillstrom.load(file, "visit")
    pair = trial.take(trial.arm < 2)
    pair = Trial(
        features=pair.features,
        categorical=pair.categorical,
        arm=pair.arm,
        outcome=pair.outcome,
        propensity=randomised(pair.arm, 2),
    )
    print(
        f"seeds {seeds.start} to {seeds.stop - 1}; published T-learner: Qini .0533 ± .0076, .0692"
    )
    print(f"{'learner':<9} {'Qini':>16} {'AUUC':>16} {'uplift at 30 %':>16}")
    for number, learner in enumerate(Learner, 1):
        scores = np.array([_score(pair, learner, seed) for seed in seeds])
        texts = [
            f"{mean:.4f} ± {spread:.4f}"
            for mean, spread in zip(
                scores.mean(axis=0), scores.std(axis=0, ddof=min(1, len(seeds) - 1)), strict=True
            )
        ]
        print(f"{learner.value:<9} " + " ".join(f"{text:>16}" for text in texts))
        qini, auuc, uplift = scores.mean(axis=0).tolist()
        told.append(
            {
                "learner": learner.value,
                "qini": qini,
                "qini_sd": float(scores[:, 0].std(ddof=1)) if len(seeds) > 1 else None,
                "auuc": auuc,
                "uplift_at_30": uplift,
                "splits": len(seeds),
            }
        )
        report_progress("learners", number, len(Learner))
    return told


def _score(pair: Trial, learner: Learner, seed: int) -> Floats:
    order = np.random.default_rng(seed).permutation(len(pair.arm))
    half = len(order) // 2
    uplift = fit_uplift(learner, pair.take(order[:half]), seed=seed)
    test = pair.take(order[half:])
    predicted = uplift(test.features)[:, 1]
    scores = (
        qini_score(test.outcome, predicted, test.arm),
        auuc_score(test.outcome, predicted, test.arm),
        uplift_at(test.outcome, predicted, test.arm),
    )
    return np.array([np.nan if score is None else score for score in scores])
