"""The worked examples of docs/algorithms/drift.md."""

import numpy as np
import pytest

from insight.pages import Row, number, rows_of
from kaquan.insight.models import DriftState, Spread
from kaquan.insight.models.drift import stability_index

STATES = {
    "stable": DriftState.STABLE,
    "moving": DriftState.WATCH,
    "moved away": DriftState.SHIFTED,
    "not enough data": DriftState.UNKNOWN,
}
ROWS = rows_of("drift.md", "lower bin now")


@pytest.mark.parametrize("row", ROWS, ids=[str(place) for place in range(len(ROWS))])
def test_the_index_is_as_the_page_says(row: Row) -> None:
    count = int(row["n"])
    low = round(number(row["lower bin now"].removesuffix(" %")) / 100 * count)
    values = np.r_[np.zeros(low), np.ones(count - low)]
    then = Spread(name="x", edges=(0.5,), shares=(0.5, 0.5, 0.0), rows=count)
    shift = stability_index(then, values)
    assert round(shift.index, 4) == number(row["index"])
    assert round(shift.by_chance, 4) == number(row["limit"])
    assert shift.state is STATES[row["state"]]


def test_the_page_has_its_table() -> None:
    assert len(ROWS) == 6
