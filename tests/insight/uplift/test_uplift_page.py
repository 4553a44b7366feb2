"""Runs the table of docs/algorithms/uplift.md."""

import numpy as np
import pytest

from insight.pages import Row, number, numbers, rows_of
from kaquan.insight.uplift import auuc_score, qini_score, uplift_at

ORDERS = rows_of("uplift.md", "uplift")


def test_the_page_has_its_table() -> None:
    assert len(ORDERS) == 3


@pytest.mark.parametrize("row", ORDERS, ids=lambda row: row["treated"])
def test_an_order_of_the_page(row: Row) -> None:
    uplift, outcome = np.array(numbers(row["uplift"])), np.array(numbers(row["outcome"]))
    treated = np.array(numbers(row["treated"])).astype(np.int64)
    found = (
        qini_score(outcome, uplift, treated),
        auuc_score(outcome, uplift, treated),
        uplift_at(outcome, uplift, treated, share=0.5),
    )
    expected = [number(row[name]) for name in ("Qini", "AUUC", "uplift at half")]
    assert found == pytest.approx(expected, abs=6e-6)
