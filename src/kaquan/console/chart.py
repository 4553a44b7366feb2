"""A chart as data: what is drawn, its table, its CSV, and the sentence for those who do not see it."""

from __future__ import annotations

import csv
import io
from enum import StrEnum
from urllib.parse import quote

import msgspec

from kaquan.console import formats
from kaquan.console.language import Language
from kaquan.runtime import format_money, minor_digits


class ChartKind(StrEnum):
    """The pictures that the pages use. WHISKER draws estimates with their intervals."""

    BAR = "bar"
    LINE = "line"
    FUNNEL = "funnel"
    WHISKER = "whisker"


class Unit(StrEnum):
    """What a chart's figures are: counts, the project's minor units, or shares of 1."""

    COUNT = "count"
    MONEY = "money"
    SHARE = "share"


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One row of figures, one for each category; None where there is none.

    `low` and `high` are the ends of an interval around each figure, both or neither given.
    """

    name: str
    values: tuple[float | None, ...]
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a chart block shows. `text` says in words what the picture says."""

    name: str
    kind: ChartKind
    title: str
    text: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    category_label: str
    unit: Unit = Unit.COUNT
    currency: str = "CNY"

    def table(self, language: Language) -> list[tuple[str, list[str]]]:
        """The figures as written, one row a category."""
        return [
            (
                category,
                [self._written(one[index], language) for _, one in self._columns()],
            )
            for index, category in enumerate(self.categories)
        ]

    def headings(self) -> list[str]:
        """Names of the table's columns after the category."""
        return [name for name, _ in self._columns()]

    def csv_link(self) -> str:
        """A `data:` address with the plain figures as CSV (RFC 4180), with a mark for Excel."""
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow([self.category_label, *self.headings()])
        for index, category in enumerate(self.categories):
            figures = [self._plain(one[index]) for _, one in self._columns()]
            rows.writerow([formats.inert(category), *figures])
        return "data:text/csv;charset=utf-8," + quote("\ufeff" + text.getvalue())

    def figures(self) -> list[tuple[str, tuple[float | None, ...]]]:
        """The plain figures, one row a category; money in major units."""
        return [
            (
                category,
                tuple(
                    float(text) if (text := self._plain(one[index])) else None
                    for _, one in self._columns()
                ),
            )
            for index, category in enumerate(self.categories)
        ]

    def spec(self, language: Language) -> dict[str, object]:
        """What the island in the browser draws from; money in major units."""
        scale = 10**-self._digits
        return {
            "kind": self.kind.value,
            "unit": self.unit.value,
            "currency": self.currency,
            "digits": self._digits,
            "sign": formats.currency_sign(self.currency, language=language)
            if self.unit is Unit.MONEY
            else "",
            "language": language,
            "categories": self.categories,
            "series": [
                {
                    "name": one.name,
                    "values": [_scaled(value, scale) for value in one.values],
                    "low": [_scaled(value, scale) for value in one.low],
                    "high": [_scaled(value, scale) for value in one.high],
                }
                for one in self.series
            ],
        }

    @property
    def _digits(self) -> int:
        return minor_digits(self.currency) if self.unit is Unit.MONEY else 0

    def _columns(self) -> list[tuple[str, tuple[float | None, ...]]]:
        columns: list[tuple[str, tuple[float | None, ...]]] = []
        for one in self.series:
            columns.append((one.name, one.values))
            if one.low:
                columns += [(f"{one.name} ≥", one.low), (f"{one.name} ≤", one.high)]
        return columns

    def _written(self, value: float | None, language: Language) -> str:
        if value is None:
            return "–"
        if self.unit is Unit.MONEY:
            return format_money(round(value), currency=self.currency, language=language)
        return formats.percent(value) if self.unit is Unit.SHARE else formats.number(value)

    def _plain(self, value: float | None) -> str:
        if value is None:
            return ""
        return f"{value * 10**-self._digits:.{self._digits}f}" if self._digits else f"{value:g}"


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale
