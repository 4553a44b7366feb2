"""Files for policy evaluation, as tables."""

from collections.abc import Mapping, Sequence

import numpy as np

from kaquan.insight.policy import PolicyRequest
from kaquan.insight.tabular import Table, make_column

Columns = Mapping[str, Sequence[object]]


def table_of(columns: Columns, *, name: str = "train.csv") -> Table:
    """A table with the texts of these values."""
    made = {
        title: make_column(title, [str(v) for v in values]) for title, values in columns.items()
    }
    rows = len(next(iter(columns.values())))
    return Table(name=name, rows=rows, columns=made)


def simulated(rows: int, *, differ: float, seed: int) -> dict[str, list[object]]:
    """Arms none, a and b at random; a helps where x is above zero, b elsewhere, by ``differ``."""
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    arm = random.choice(["none", "a", "b"], size=rows)
    gain = np.where(arm == "a", x > 0, np.where(arm == "b", x <= 0, 0.0)) * differ
    return {
        "customer_no": list(range(1000, 1000 + rows)),
        "x": [f"{value:.3f}" if known else "" for value, known in zip(x, random.random(rows) < 0.95, strict=True)],
        "colour": random.choice(["red", "blue", ""], size=rows).tolist(),
        "joined": [f"2024-{month:02d}-15" for month in random.integers(1, 13, rows).tolist()],
        "same": ["k"] * rows,
        "arm": arm.tolist(),
        "bought": (random.random(rows) < 0.1 + gain).astype(np.int64).tolist(),
    }  # fmt: skip


def only(columns: Columns, *names: str) -> dict[str, list[object]]:
    """Some of the columns."""
    return {name: list(columns[name]) for name in names}


def request_of(**changes: object) -> PolicyRequest:
    """A request that fits `simulated`, with changes."""
    given: dict[str, object] = {
        "arm": "arm",
        "control": "none",
        "outcome": "bought",
        "value": 1.0,
        "costs": {"a": 0.01, "b": 0.01},
        "repeats": 1,
    }
    return PolicyRequest(**(given | changes))  # pyright: ignore[reportArgumentType]
