"""Files of purchases, as people have them."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kaquan.insight.lifetime import Columns, read_transactions
from kaquan.runtime import InvalidInput

NAMED = Columns(customer="who", date="day", amount="paid")


@pytest.mark.parametrize(
    ("text", "columns", "dates"),
    [
        ("who,day,paid\na,2024-01-31,1.50\nb,2024-02-01,2\n", NAMED, "%Y-%m-%d"),
        ("who;day;paid\na;31.01.2024;1.50\nb;01.02.2024;2\n", NAMED, "%d.%m.%Y"),
        ("x\twho\tday\tpaid\n1\ta\t20240131\t1.5\n2\tb\t20240201\t2\n", NAMED, "%Y%m%d"),
        ("who,day,paid\na,1/31/2024,1.50\nb,2/1/2024,2\n", NAMED, "%m/%d/%Y"),
        ("who day paid\n a  20240131  1.5\n b  20240201 2\n", NAMED, "%Y%m%d"),
        (
            " a 20240131 1.5\n b 20240201 2\n",
            Columns(customer="1", date="2", amount="3"),
            "%Y%m%d",
        ),
        (
            "who,day,paid\na,2024-01-31 09:30:00,1.5\nb,2024-02-01 23:59:59,2\n",
            NAMED,
            "%Y-%m-%d %H:%M:%S",
        ),
        (
            "who,day,paid\na,2024-01-31T00:30:00.5,1.5\nb,2024-02-01T23:59:59,2\n",
            NAMED,
            "%Y-%m-%dT%H:%M:%S",
        ),
    ],
    ids=["comma", "semicolon", "tab", "american", "spaced", "no header", "with time", "fraction"],
)
def test_what_can_be_read(tmp_path: Path, text: str, columns: Columns, dates: str) -> None:
    path = tmp_path / "purchases.txt"
    path.write_text(text)
    file = read_transactions(path, columns)
    assert file.date_format == dates
    assert file.customers == ("a", "b")
    assert file.transactions.day.tolist() == [19753, 19754]
    assert file.transactions.amount.tolist() == [1.5, 2.0]
    assert file.notes == ()


@pytest.mark.parametrize(
    ("first", "second", "zones"),
    [
        ("2024-01-31T00:30:00+08:00", "2024-02-01T23:30:00-05:00", "+08:00, -05:00"),
        ("2024-01-31T00:30:00Z", "2024-02-01T23:30:00.123Z", "Z"),
        ("2024-01-31 00:30:00+00", "2024-02-01 23:30:00+00", "+00"),
    ],
)
def test_the_day_is_the_one_that_is_written(
    tmp_path: Path, first: str, second: str, zones: str
) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(f"who,day,paid\na,{first},1\nb,{second},2\n")
    file = read_transactions(path, NAMED)
    assert file.transactions.day.tolist() == [19753, 19754]
    assert file.notes == (f"a time zone ({zones}) was not converted: the day is the one written",)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "purchases.parquet"
    pq.write_table(  # pyright: ignore[reportUnknownMemberType]
        pa.table({"who": [7, 8], "day": ["2024-01-31", "2024-02-01"], "paid": [1.5, 2.0]}), path
    )
    assert read_transactions(path, NAMED).customers == ("7", "8")


def test_bad_rows_are_named_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(
        "who,day,paid\na,2024-01-31,1\n,2024-01-31,1\nb,soon,1\nb,2024-01-31,free\n"
        "b,2024-01-31,-4\nb,2024-01-31,nan\nb,2024-02-01,2\nb,2099-01-01,3\n"
    )
    file = read_transactions(path, NAMED, today=date(2024, 2, 1))
    assert file.transactions.amount.tolist() == [1.0, 2.0]
    assert [note.split(" were")[0] for note in file.notes] == [
        "1 row without a customer was left out (lines 3)",
        "1 row without a readable date was left out (lines 4)",
        "2 rows without a number as amount",
        "1 row with a negative amount (a return) was left out (lines 6)",
        "1 row with a day in the future was left out (lines 9)",
    ]


@pytest.mark.parametrize(
    ("text", "columns", "field", "says"),
    [
        ("who,day,paid\na,2024-01-31,1\n", Columns(customer="id", date="day", amount="paid"),
         "customer", "it has who, day, paid"),
        ("who,day,paid\na,soon,1\n", NAMED, "date", "No date can be read"),
        ("who,day,paid\na,01/02/2024,1\n", NAMED, "date", "say which with --date-format"),
        ("who,day,paid\na,2024-01-31,-1\n", NAMED, "transactions",
         "1 row with a negative amount"),
        ("who,day,paid\na,2024-01-31,$5\n", NAMED, "transactions",
         "1 row without a number as amount"),
        ("who,day,paid\n", NAMED, "transactions", "has no rows"),
        ("who,day,paid\na,2024-01-31,1\n", Columns(customer="who", date="day", amount="day"),
         "amount", "three different columns"),
        ("who day paid\na 20240131\n", NAMED, "transactions", "Line 2"),
    ],
    ids=[
        "no such column", "no date", "two readings", "returns only", "no numbers", "header only",
        "a column twice", "ragged",
    ],
)  # fmt: skip
def test_what_is_refused(
    tmp_path: Path, text: str, columns: Columns, field: str, says: str
) -> None:
    path = tmp_path / "purchases.csv"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=says) as refused:
        read_transactions(path, columns)
    assert refused.value.field == field
    with pytest.raises(InvalidInput, match="no file"):
        read_transactions(tmp_path / "missing.csv", columns)
