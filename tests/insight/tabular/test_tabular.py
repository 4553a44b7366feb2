"""Files of any shape, and what their columns are."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from kaquan.insight.tabular import (
    Table,
    find_person,
    learn_features,
    make_column,
    read_csv,
    read_decimal_comma,
    read_grouped,
    read_numbers,
    read_plain,
)
from kaquan.runtime import InvalidInput

READERS = [read_plain, read_grouped, read_decimal_comma]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("comma", b"a,b\n1,x y\n2,\n"),
        ("semicolon, byte order mark", b"\xef\xbb\xbfa;b\r\n1;x y\r\n2;\r\n"),
        ("tab", b"a\tb\n1\tx y\n2\t\n"),
        ("quoted", b'"a","b"\n"1","x y"\n"2",""\n'),
        ("blank lines", b"\n\na,b\n1,x y\n\n2,\n"),
        ("gzip", gzip.compress(b"a,b\n1,x y\n2,\n")),
        ("utf-16", "a,b\n1,x y\n2,\n".encode("utf-16")),
        ("no last newline", b"a , b\n1, x y\n2,"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_is_read(tmp_path: Path, name: str, data: bytes) -> None:
    file = tmp_path / f"{name}.csv"
    file.write_bytes(data)
    table = read_csv(file)
    assert {title: column.texts() for title, column in table.columns.items()} == {
        "a": ["1", "2"],
        "b": ["x y", ""],
    }


def test_chinese_of_an_old_spreadsheet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_bytes("门店,金额\n北京,5\n".encode("gb18030"))
    assert read_csv(file).columns["门店"].texts() == ["北京"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"a,a\n1,2\n", "more than one column named a"),
        (b"a,b\n1\n", "cannot be read"),
        (b"\x1f\x8bxx", "damaged gzip"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(data)
    with pytest.raises(InvalidInput, match=message):
        read_csv(file)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    file = tmp_path / "head.csv"
    file.write_bytes(b"a,b\n")
    assert (read_csv(file).rows, list(read_csv(file).columns)) == (0, ["a", "b"])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", " 2.5e1", "-3", "NA"], [1.0, 25.0, -3.0, np.nan]),
        (["1,234.50", "¥12", "12%", "-"], [1234.5, 12.0, 12.0, np.nan]),
        (["12,5", "3", "nan", "-0,25"], [12.5, 3.0, np.nan, -0.25]),
    ],
)
def test_numbers_are_read(texts: list[str], expected: list[float]) -> None:
    values, share = read_numbers(make_column("n", texts), READERS)
    assert share == 1.0
    assert values == pytest.approx(expected, nan_ok=True)


def table(**columns: list[str]) -> Table:
    made = {name: make_column(name, texts) for name, texts in columns.items()}
    return Table(name="t.csv", rows=len(next(iter(columns.values()))), columns=made)


@pytest.mark.parametrize(
    ("name", "texts", "kind"),
    [
        ("spend", [f"{number * 1.37:.2f}" for number in range(60)], "number"),
        ("visits", [str(number % 7) for number in range(60)], "number"),
        ("mostly", ["?"] * 2 + [str(number % 9) for number in range(58)], "number"),
        ("day", [f"2024-02-{1 + number % 28:02d}" for number in range(60)], "date"),
        ("slashes", [f"{1 + number % 28:02d}/02/2024" for number in range(60)], "date"),
        ("city", ["Rome", "Oslo", ""] * 20, "category"),
        ("flag", ["yes", "no"] * 30, "category"),
        ("order_id", [str(number * 977 % 7919) for number in range(60)], "an identifier"),
        ("n", [str(number) for number in range(60)], "an identifier"),
        ("email", [f"a{number}@example.com" for number in range(60)], "an identifier"),
        ("blank", [""] * 60, "empty"),
        ("same", ["x"] * 60, "the same"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_column_is(name: str, texts: list[str], kind: str) -> None:
    plan = learn_features(table(**{name: texts}), [name])
    found = plan.features[0].kind if plan.features else plan.left_out[name]
    assert found.startswith(kind)


def test_other_rows_are_encoded_alike_and_the_unknown_is_missing() -> None:
    plan = learn_features(
        table(
            city=["Rome", "Oslo", "Rome", ""] * 10,
            day=["2024-02-05", "2024-02-06"] * 20,
            amount=["1", "2", "3", "x"] * 9 + ["4"] * 4,
        ),
        ["city", "day"],
    )
    features, categorical, owners = plan.encode(
        table(city=["Oslo", "Paris", ""], day=["2024-02-05", "?", "2024-02-12"])
    )
    assert (categorical, owners) == ((0,), ["city", "day", "day"])
    assert features[:, 0] == pytest.approx([1.0, np.nan, np.nan], nan_ok=True)
    assert features[0, 2] == features[2, 2] == 0.0
    assert features[2, 1] - features[0, 1] == 7
    assert plan.unseen(table(city=["Oslo", "Paris"], day=["", ""])) == {"city": 0.5}


def test_of_many_levels_the_common_ones_are_told_apart() -> None:
    texts = [f"t{number}" for number in range(50) for _ in range(4)] + ["t0"] * 50
    plan = learn_features(table(town=texts), ["town"])
    features, categorical, owners = plan.encode(table(town=["t0", "t49", "t1000"]))
    assert (categorical, owners) == ((0,), ["town", "town"])
    assert features[:, 0] == pytest.approx([0.0, 30.0, np.nan], nan_ok=True)
    assert features[0, 1] > features[1, 1] > features[2, 1] == 0


@pytest.mark.parametrize(
    ("name", "each", "found"),
    [("customer_id", 3, True), ("Client", 2, True), ("customer_id", 1, False), ("city", 3, False)],
)
def test_customers_with_several_rows_are_noticed(name: str, each: int, found: bool) -> None:
    texts = [str(number // each) for number in range(60)]
    assert (find_person(table(**{name: texts})) == name) is found
