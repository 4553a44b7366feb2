"""Runs the tables of docs/algorithms/lift.md."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kaquan.insight import Estimate, Sample, relative_lift, welch_difference

PAGE = Path(__file__).parents[2] / "docs" / "algorithms" / "lift.md"

Row = dict[str, str]


def rows_of(first_column: str) -> Iterator[Row]:
    """The rows of the table that begins with this column."""
    titles: list[str] | None = None
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == first_column:
            titles = cells
        elif titles is not None and not line.startswith("|"):
            return
        elif titles is not None and not line.startswith("|---"):
            yield dict(zip(titles, cells, strict=True))


DIFFERENCES = list(rows_of("treatment"))
RATIOS = list(rows_of("mean T"))


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def values(text: str) -> Sample:
    return Sample.of([int(value) for value in text.split()])


def described(row: Row, arm: str) -> Sample:
    mean, sd, n = (number(row[f"{name} {arm}"]) for name in ("mean", "sd", "n"))
    return Sample(int(n), n * mean, (n - 1) * sd * sd + n * mean * mean)


def check(found: object, row: Row, *, value: str) -> None:
    assert isinstance(found, Estimate)
    figures = (found.value, found.standard_error, found.low, found.high, found.p)
    expected = [number(row[name]) for name in (value, "error", "low", "high", "p")]
    assert figures == pytest.approx(expected, abs=6e-6)


def test_the_page_has_its_tables() -> None:
    assert (len(DIFFERENCES), len(RATIOS)) == (3, 1)


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row["treatment"])
def test_a_difference_of_the_page(row: Row) -> None:
    found = welch_difference(values(row["treatment"]), values(row["holdout"]))
    check(found, row, value="difference")
    assert isinstance(found, Estimate)
    assert found.degrees_of_freedom == pytest.approx(number(row["degrees"]), abs=6e-6)


@pytest.mark.parametrize("row", RATIOS, ids=lambda row: row["mean T"])
def test_a_ratio_of_the_page(row: Row) -> None:
    check(relative_lift(described(row, "T"), described(row, "H")), row, value="lift")
