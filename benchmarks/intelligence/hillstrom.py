"""The e-mail experiment of Hillstrom (2008) as trials: 64,000 customers, three random arms."""

from pathlib import Path

import numpy as np

from kaquan.insight.tabular import learn_features, read_csv, read_numbers, read_plain
from kaquan.insight.uplift import Trial, randomised

ARMS = ("No E-Mail", "Womens E-Mail", "Mens E-Mail")
OUTCOMES = ("visit", "conversion", "spend")


def find(data: Path) -> Path | None:
    """Return the file, or say that it is not there."""
    file = data / "hillstrom" / "hillstrom.csv.gz"
    if file.exists():
        return file
    print(f"Skipped: there is no {file}.")
    return None


def load(file: Path, outcome: str) -> Trial:
    """Return the trial with one of `OUTCOMES`."""
    table = read_csv(file)
    plan = learn_features(
        table, [name for name in table.columns if name not in ("segment", *OUTCOMES)]
    )
    features, categorical, _ = plan.encode(table)
    segment = table.columns["segment"]
    arm = np.array([ARMS.index(level) for level in segment.levels])[segment.codes]
    values, _ = read_numbers(table.columns[outcome], [read_plain])
    return Trial(
        features=features,
        categorical=categorical,
        arm=arm,
        outcome=values,
        propensity=randomised(arm, len(ARMS)),
    )
