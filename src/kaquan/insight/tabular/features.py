"""Columns of any kind as features: what is a number, a date, a category, and what is left out."""

import re
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from kaquan.insight.tabular.table import Column, Table
from kaquan.insight.tabular.texts import (
    Reader,
    date_readers,
    is_missing,
    read_decimal_comma,
    read_grouped,
    read_plain,
)
from kaquan.insight.uplift import Floats

MOST_LEVELS = 30
"""Levels of a category that are told apart; the others are one, and their frequency a number."""
_READABLE = 0.95
_ID_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|key|code|no|nr|number|index|row)$", re.IGNORECASE)
_PERSON = re.compile(
    r"(customer|client|user|household|member|person|shopper|buyer)s?[_\W]*(id|key|no|number)?",
    re.IGNORECASE,
)

Kind: TypeAlias = Literal["number", "date", "category"]


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """How a column becomes features; ``levels`` and ``counts`` are those kept of a category."""

    name: str
    kind: Kind
    reader: Reader | None = None
    levels: dict[str, int] = {}
    counts: dict[str, int] = {}


class FeaturePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is made of a table's columns, learnt from one table and applied to any."""

    features: list[Feature]
    left_out: dict[str, str]

    def encode(self, table: Table) -> tuple[Floats, tuple[int, ...], list[str]]:
        """Return features (NaN where missing or unknown), which are categories, whose they are."""
        columns: list[Floats] = []
        categorical: list[int] = []
        owners: list[str] = []
        for feature in self.features:
            made = _encode(feature, table.columns[feature.name])
            if feature.kind == "category":
                categorical.append(len(columns))
            columns += made
            owners += [feature.name] * len(made)
        matrix = np.column_stack(columns) if columns else np.empty((table.rows, 0))
        return matrix, tuple(categorical), owners

    def without(self, dropped: dict[str, str]) -> "FeaturePlan":
        """Leave out some columns, each for a reason."""
        return FeaturePlan(
            features=[feature for feature in self.features if feature.name not in dropped],
            left_out={**self.left_out, **dropped},
        )

    def unseen(self, table: Table) -> dict[str, float]:
        """Return, by column, the share of rows with a category that was never seen in learning."""
        found: dict[str, float] = {}
        for feature in self.features:
            if feature.kind != "category" or not table.rows:
                continue
            column = table.columns[feature.name]
            unknown = [
                not is_missing(level) and level not in feature.counts for level in column.levels
            ]
            found[feature.name] = float(np.array(unknown)[column.codes].mean())
        return found


def learn_features(table: Table, names: list[str]) -> FeaturePlan:
    """Decide what each of the named columns is, by its texts in ``table``."""
    features: list[Feature] = []
    left_out: dict[str, str] = {}
    for name in names:
        found = _learn(table.columns[name])
        if isinstance(found, str):
            left_out[name] = found
        else:
            features.append(found)
    return FeaturePlan(features=features, left_out=left_out)


def read_numbers(column: Column, readers: list[Reader]) -> tuple[Floats, float]:
    """Read a column by the first of the readers that reads most rows.

    Returns the numbers, NaN where missing or unreadable, and the share of rows with something in
    them that could be read (1 when none has).
    """
    present = np.array([not is_missing(level) for level in column.levels], dtype=np.bool_)
    total = int(column.counts[present].sum()) if len(present) else 0
    best, best_share = np.full(len(column.levels), np.nan), -1.0
    for reader in readers:
        values = np.array([_read(reader, level) for level in column.levels], dtype=np.float64)
        read = int(column.counts[~np.isnan(values)].sum()) if len(values) else 0
        share = read / total if total else 1.0
        if share > best_share:
            best, best_share = values, share
        if share == 1.0:
            break
    return best[column.codes] if len(column.codes) else np.empty(0), best_share


def find_person(table: Table) -> str | None:
    """Return the column that by its name numbers customers, when some of them have several rows."""
    for name, column in table.columns.items():
        if not _PERSON.fullmatch(name):
            continue
        texts = sum(not is_missing(level) for level in column.levels)
        if table.rows / 20 < texts < table.rows:
            return name
    return None


def is_identifier(column: Column) -> bool:
    """True when nearly every row has its own text, as numbers of customers and orders have."""
    present = [not is_missing(level) for level in column.levels]
    rows = int(column.counts[np.array(present, dtype=np.bool_)].sum()) if present else 0
    return rows > 20 and sum(present) > 0.95 * rows


def _learn(column: Column) -> Feature | str:
    present = [level for level in column.levels if not is_missing(level)]
    if not present:
        return "empty"
    if len(column.levels) == 1:
        return "the same in every row"
    values, share = read_numbers(column, [read_plain, read_grouped, read_decimal_comma])
    if share >= _READABLE:
        if _counts_rows(column, values):
            return "an identifier: every row has its own"
        reader = _reader_used(column, [read_plain, read_grouped, read_decimal_comma])
        return Feature(name=column.name, kind="number", reader=reader)
    readers = date_readers()
    _, share = read_numbers(column, readers)
    if share >= _READABLE:
        return Feature(name=column.name, kind="date", reader=_reader_used(column, readers))
    return _learn_category(column)


def _learn_category(column: Column) -> Feature | str:
    counts = {
        level: count
        for level, count in zip(column.levels, column.counts.tolist(), strict=True)
        if count and not is_missing(level)
    }
    rows = sum(counts.values())
    if rows > 20 and len(counts) > rows / 2:
        return "an identifier or free text: hardly a value occurs twice"
    common = sorted(counts, key=lambda level: (-counts[level], level))[:MOST_LEVELS]
    return Feature(
        name=column.name,
        kind="category",
        levels={level: number for number, level in enumerate(common)},
        counts=counts,
    )


def _counts_rows(column: Column, values: Floats) -> bool:
    """Whether whole numbers, no two alike, are named or numbered like identifiers."""
    present = values[~np.isnan(values)]
    if len(present) <= 20 or not is_identifier(column) or (present != np.round(present)).any():
        return False
    dense = bool(np.ptp(present) < 2 * len(present))
    running = bool((np.diff(present) > 0).all() or (np.diff(present) < 0).all())
    return dense or running or _ID_NAME.search(column.name) is not None


def _reader_used(column: Column, readers: list[Reader]) -> Reader:
    return max(readers, key=lambda reader: read_numbers(column, [reader])[1])


def _read(reader: Reader, level: str) -> float:
    value = None if is_missing(level) else reader(level)
    return np.nan if value is None else value


def _encode(feature: Feature, column: Column) -> list[Floats]:
    if feature.reader is not None:
        values, _ = read_numbers(column, [feature.reader])
        if feature.kind == "number":
            return [values]
        # 1970 began on a Thursday; a weekday tells what a running day number cannot.
        return [values, np.floor(values + 3) % 7]
    other = len(feature.levels)
    codes = [_code(feature, level, other) for level in column.levels]
    made = [np.array(codes, dtype=np.float64)[column.codes]] if codes else [np.empty(0)]
    if len(feature.counts) > MOST_LEVELS:
        common = [
            np.nan if is_missing(level) else np.log1p(feature.counts.get(level, 0))
            for level in column.levels
        ]
        made.append(np.array(common, dtype=np.float64)[column.codes] if common else np.empty(0))
    return made


def _code(feature: Feature, level: str, other: int) -> float:
    if is_missing(level) or level not in feature.counts:
        return np.nan
    return float(feature.levels.get(level, other))
