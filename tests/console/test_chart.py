"""A chart's table, its CSV, and what the browser draws from."""

import csv
import io
from urllib.parse import unquote

from kaquan.console import Chart, ChartKind, Language, Series, Unit

LIFT = Chart(
    name="lift",
    kind=ChartKind.WHISKER,
    title="Lift",
    text="The first earns.",
    categories=("满200减30", "=cmd()"),
    category_label="Campaign",
    unit=Unit.MONEY,
    currency="CNY",
    series=(Series(name="Margin", values=(284.0, None), low=(75.0, None), high=(493.0, None)),),
)


def test_table_writes_the_interval_beside_the_estimate() -> None:
    assert LIFT.headings() == ["Margin", "Margin ≥", "Margin ≤"]
    assert LIFT.table(Language.EN) == [
        ("满200减30", ["¥2.84", "¥0.75", "¥4.93"]),
        ("=cmd()", ["–", "–", "–"]),
    ]


def test_csv_has_plain_figures_and_no_formulas() -> None:
    head, _, body = LIFT.csv_link().partition(",")
    assert head == "data:text/csv;charset=utf-8"
    rows = list(csv.reader(io.StringIO(unquote(body).removeprefix("\ufeff"))))
    assert rows == [
        ["Campaign", "Margin", "Margin ≥", "Margin ≤"],
        ["满200减30", "2.84", "0.75", "4.93"],
        ["'=cmd()", "", "", ""],
    ]


def test_spec_is_in_major_units() -> None:
    spec = LIFT.spec(Language.ZH)
    assert spec["sign"] == "¥"
    assert spec["series"] == [
        {"name": "Margin", "values": [2.84, None], "low": [0.75, None], "high": [4.93, None]}
    ]


def test_counts_and_shares_stay_as_they_are() -> None:
    def written(unit: Unit, value: float) -> str:
        chart = Chart(
            name="one",
            kind=ChartKind.BAR,
            title="",
            text="",
            categories=("a",),
            category_label="",
            unit=unit,
            series=(Series(name="s", values=(value,)),),
        )
        return chart.table(Language.EN)[0][1][0]

    assert [written(Unit.COUNT, 1204), written(Unit.SHARE, 0.186)] == ["1,204", "18.6%"]
