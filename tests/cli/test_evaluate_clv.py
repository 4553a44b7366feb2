"""What ``kaquan evaluate clv`` says of input that it cannot use, or not all of."""

from datetime import date
from pathlib import Path

import pytest

from kaquan.cli.clv_forecast import forecast_file
from kaquan.insight.lifetime import Columns
from kaquan.runtime import InvalidInput

COLUMNS = Columns(customer="who", date="day", amount="paid")
TODAY = date(2026, 3, 1)


def _forecast(folder: Path, rows: list[str], *, until: str, out: str = "pred.csv") -> bool:
    path = folder / "purchases.csv"
    path.write_text("\n".join(["who,day,paid", *rows]) + "\n")
    return forecast_file(
        path,
        COLUMNS,
        train_until=date.fromisoformat(until),
        weeks=4,
        out=folder / out,
        seed=1,
        today=TODAY,
        as_json=False,
    )


def _people(count: int, *days: str) -> list[str]:
    return [f"c{one},{day},{one + 1}" for one in range(count) for day in days]


@pytest.mark.parametrize(
    ("rows", "until", "out", "field", "says"),
    [
        (_people(3, "2025-02-01"), "2025-01-31", "p.csv", "train-until", "first is of 2025-02-01"),
        (_people(3, "2025-02-01"), "2026-03-02", "p.csv", "train-until", "is in the future"),
        (_people(2, "2027-01-01"), "2026-01-31", "p.csv", "transactions", "2 rows with a day in the f"),
        (_people(3, "2025-02-01"), "2025-03-01", "no/p.csv", "out", "cannot be written"),
        (_people(3, "2025-02-01"), "2025-03-01", ".", "out", "cannot be written"),
    ],
    ids=["before the first", "after today", "all in the future", "no such folder", "a folder"],
)  # fmt: skip
def test_what_is_refused(
    tmp_path: Path, *, rows: list[str], until: str, out: str, field: str, says: str
) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        _forecast(tmp_path, rows, until=until, out=out)
    assert refused.value.field == field
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("rows", "until", "says"),
    [
        (_people(1, "2025-01-01", "2025-01-09"), "2025-02-01", "1 customer bought until then"),
        (_people(12, "2025-01-01", "2025-01-09"), "2025-02-01", "12 customers bought until then"),
        (_people(80, "2025-01-01"), "2025-01-01", "0 of 80 customers bought on more than one day"),
        (
            [*_people(12, "2025-01-01"), "c1,2025-01-02,-5", "c2,2027-01-02,5"],
            "2025-01-02",
            "note: 1 row with a negative amount (a return) was left out (lines 14)",
        ),
        (
            _people(12, "2025-01-01T10:00:00+08:00"),
            "2025-02-01",
            "note: the last purchase is of 2025-01-01: the 31 days after it count as days without",
        ),
    ],
    ids=["one customer", "twelve customers", "all on one day", "some rows unusable", "silence"],
)
def test_too_little_says_why_and_writes_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    rows: list[str],
    until: str,
    says: str,
) -> None:
    assert not _forecast(tmp_path, rows, until=until)
    assert says in capsys.readouterr().out
    assert not (tmp_path / "pred.csv").exists()
